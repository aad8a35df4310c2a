//! Values into the counts of their bins and the sums of their moments: what `windows.predictions.fold` keeps.

/// Cells that the range of a column is cut into, to begin the search for a bin at.
const CELLS: usize = 1_024;

/// Values of a column below which the edges are searched at once: the cells would have to be fetched first.
const FEW: usize = 128;

/// Steps from there after which the edges are searched instead.
const STEPS: usize = 4;

const LIMIT: f64 = 256.0;
const FIRST: f64 = 16_777_216.0;
const SECOND: f64 = 65_536.0;
const TOP: f64 = 281_474_976_710_656.0;
const FARTHEST: f64 = 1_099_511_627_776.0;

/// Added to a number below 2^51 it leaves no bits for a fraction.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// Sums of a column: see `windows.sketches.moments`.
pub const PARTS: usize = 6;

/// A numeric column.
pub struct Column {
    edges: Vec<f64>,
    cells: Vec<u16>,
    per_unit: f64,
    start: usize,
    center: f64,
    unit: f64,
}

impl Column {
    /// A column whose slots begin at `start`.
    pub fn new(edges: Vec<f64>, start: usize, center: f64, unit: f64) -> Self {
        let (low, high) = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(0.0));
        let cells = (0..CELLS)
            .map(|cell| {
                let begin = low + 2.0 * (cell as f64 / CELLS as f64 * (high / 2.0 - low / 2.0));
                edges.partition_point(|edge| *edge <= begin).min(usize::from(u16::MAX)) as u16
            })
            .collect();
        Column { per_unit: CELLS as f64 / (high - low), edges, cells, start, center, unit }
    }

    /// How many edges are at or below a finite value.
    #[inline]
    fn bin(&self, value: f64) -> usize {
        // a cast goes to the nearest integer there is, and to 0 from NaN
        let cell = ((value - self.edges[0]) * self.per_unit) as usize;
        let begin = usize::from(self.cells[cell.min(CELLS - 1)]);
        let mut bin = begin;
        while bin < self.edges.len() && self.edges[bin] <= value {
            bin += 1;
            if bin - begin > STEPS {
                return self.edges.partition_point(|edge| *edge <= value);
            }
        }
        while bin > 0 && self.edges[bin - 1] > value {
            bin -= 1;
            if begin - bin.min(begin) > STEPS {
                return self.edges.partition_point(|edge| *edge <= value);
            }
        }
        bin
    }

    /// The slot of a value: its bin, or one of those behind them for none and for what is not finite.
    #[inline]
    fn slot(&self, value: f64, few: bool) -> usize {
        if value.is_finite() {
            let bin = if few { self.edges.partition_point(|edge| *edge <= value) } else { self.bin(value) };
            return self.start + bin;
        }
        self.start + self.edges.len() + if value.is_nan() { 1 } else { 2 }
    }

    /// What a value adds to each sum.
    #[inline]
    fn terms(&self, value: f64) -> [i64; PARTS] {
        if !value.is_finite() {
            return [0; PARTS];
        }
        let deviation = (value - self.center) / self.unit;
        if deviation.abs() <= LIMIT {
            return [rounded(deviation * FIRST), rounded(deviation * deviation * SECOND), 0, 0, 0, 0];
        }
        far(deviation)
    }
}

/// What a value beyond LIMIT adds to each sum.
#[cold]
fn far(deviation: f64) -> [i64; PARTS] {
    if deviation.is_nan() || deviation.abs() > FARTHEST {
        return [0, 0, 0, 0, 0, 1];
    }
    let multiple = (deviation / LIMIT).round_ties_even();
    let mut square = deviation * deviation;
    let top = (square / TOP).floor();
    square -= top * TOP;
    let middle = (square / SECOND).floor();
    let rest = deviation - multiple * LIMIT;
    let second = rounded((square - middle * SECOND) * SECOND);
    [rounded(rest * FIRST), second, multiple as i64, middle as i64, top as i64, 0]
}

/// The nearest integer to a number below 2^51, halves to the even one.
#[inline]
fn rounded(value: f64) -> i64 {
    (value + WHOLE).to_bits() as i64 - WHOLE.to_bits() as i64
}

/// Where counts and sums stand in a vector.
pub struct Layout {
    /// Numeric columns.
    pub numeric: Vec<Column>,
    /// Where the slots of each categorical column begin.
    pub categorical: Vec<usize>,
    /// The slot that counts rows.
    pub rows: usize,
    /// Where the sums begin.
    pub moments: usize,
    /// The length of a vector.
    pub size: usize,
}

impl Layout {
    /// The vectors of groups of rows, one behind the other.
    ///
    /// Columns are one behind the other too; `group_of` says which group each of their rows is in. A vector has `size`
    /// slots, at least those of this layout.
    pub fn vectors(
        &self,
        numeric: &[f64],
        categorical: &[i64],
        group_of: &[i64],
        groups: usize,
        size: usize,
    ) -> Vec<i64> {
        let mut found = vec![0; groups * size];
        let count = group_of.len();
        for group in group_of {
            found[*group as usize * size + self.rows] += 1;
        }
        if count == 0 {
            return found;
        }
        for (row, (column, values)) in self.numeric.iter().zip(numeric.chunks_exact(count)).enumerate() {
            let place = self.moments + row;
            if groups == 1 {
                self.one(column, values, place, &mut found);
            } else {
                self.several(column, values, (group_of, size), place, &mut found);
            }
        }
        for (start, values) in self.categorical.iter().zip(categorical.chunks_exact(count)) {
            for (value, group) in values.iter().zip(group_of) {
                found[*group as usize * size + start + *value as usize] += 1;
            }
        }
        found
    }

    fn one(&self, column: &Column, values: &[f64], place: usize, into: &mut [i64]) {
        let (mut sums, few) = ([0; PARTS], values.len() < FEW);
        for value in values {
            into[column.slot(*value, few)] += 1;
            add(&mut sums, column.terms(*value));
        }
        for (part, sum) in sums.iter().enumerate() {
            into[place + part * self.numeric.len()] = *sum;
        }
    }

    fn several(
        &self,
        column: &Column,
        values: &[f64],
        (group_of, size): (&[i64], usize),
        place: usize,
        into: &mut [i64],
    ) {
        let few = values.len() < FEW;
        for (value, group) in values.iter().zip(group_of) {
            let base = *group as usize * size;
            into[base + column.slot(*value, few)] += 1;
            for (part, term) in column.terms(*value).iter().enumerate() {
                into[base + place + part * self.numeric.len()] += term;
            }
        }
    }
}

#[inline]
fn add(sums: &mut [i64; PARTS], terms: [i64; PARTS]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_is_found_wherever_the_edges_are() {
        let long: Vec<f64> = (0..2_000).map(|at| f64::from(at) * 1e-9).chain([1e12]).collect();
        for edges in [vec![0.0, 1.0], vec![-1e308, 0.0, 1e308], vec![0.0, 5e-324, 1.0, 10.0], long] {
            let column = Column::new(edges.clone(), 0, 0.0, 1.0);
            for edge in &edges {
                for value in [*edge, edge.next_down(), edge.next_up(), edge / 3.0, -edge, f64::MAX, f64::MIN] {
                    assert_eq!(column.bin(value), edges.iter().filter(|edge| **edge <= value).count(), "{value}");
                }
            }
        }
    }

    #[test]
    fn halves_are_rounded_to_the_even_one() {
        for value in [0.5, 1.5, -0.5, -2.5, 0.49999999999999994, 4_294_967_295.5, -4_294_967_296.5, 3.7] {
            assert_eq!(rounded(value), value.round_ties_even() as i64, "{value}");
        }
    }
}
