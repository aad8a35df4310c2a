//! Rows of one model into the vector of each pane, version and segment: what `windows.predictions.fold` does of columns.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::fold::Layout;
use crate::table::Columns;

/// Where latencies are counted.
pub struct Latency {
    start: usize,
    edges: Vec<f64>,
    per_slot: f64,
}

impl Latency {
    /// Slots from `start` on, with the upper end of each, that in it; behind the last is one more, and behind that the
    /// one of none.
    pub fn new(start: usize, edges: Vec<f64>) -> Self {
        let per_slot = if edges.len() > 1 { 1.0 / (edges[1] / edges[0]).ln() } else { 1.0 };
        Latency { start, edges, per_slot }
    }

    /// The slot of a latency: the logarithm is near it, the ends have the last word.
    fn slot(&self, value: f64) -> usize {
        if value.is_nan() {
            return self.start + self.edges.len() + 1;
        }
        let near = ((value / self.edges[0]).ln() * self.per_slot).ceil();
        let mut slot = (near as usize).min(self.edges.len()); // from NaN and below it is 0
        while slot < self.edges.len() && self.edges[slot] < value {
            slot += 1;
        }
        while slot > 0 && self.edges[slot - 1] >= value {
            slot -= 1;
        }
        self.start + slot
    }
}

/// The vector of all rows, and which segments have one of their own.
pub struct Whole {
    /// Where latencies are counted.
    pub latency: Latency,
    /// The slot that counts failures.
    pub errors: usize,
    /// Its length.
    pub size: usize,
    /// The names of the segments of each key.
    pub segments: Vec<Vec<String>>,
    /// The name of all rows.
    pub name: String,
}

/// A vector, and of what.
pub struct Group {
    /// The pane.
    pub pane: i64,
    /// The number of the version.
    pub version: usize,
    /// The numbers of the key and of its value; none of all rows.
    pub segment: Option<(usize, usize)>,
    /// The counts.
    pub vector: Vec<i64>,
}

/// Rows that are folded.
struct Picked<'a> {
    numeric: Cow<'a, [f64]>,
    categorical: Cow<'a, [i64]>,
    segments: Cow<'a, [i64]>,
    latency: Cow<'a, [f64]>,
    /// The pane of each, and the place of its version in the order of names.
    of: Vec<(i64, usize)>,
}

impl Whole {
    /// Fold the rows that are not late.
    pub fn fold(&self, layout: &Layout, columns: &Columns, panes: &[i64], late: Option<&[bool]>) -> Vec<Group> {
        let mut by_name: Vec<usize> = (0..columns.versions.len()).collect();
        by_name.sort_by(|one, other| columns.versions[*one].cmp(&columns.versions[*other]));
        let mut place = vec![0; by_name.len()];
        for (rank, version) in by_name.iter().enumerate() {
            place[*version] = rank;
        }
        let of = |row: usize| (panes[row], place[columns.version[row] as usize]);
        let in_time = |row: usize| late.is_none_or(|late| !late[row]);
        let failed = (0..panes.len()).filter(|row| columns.failed[*row] && in_time(*row)).map(of);
        let mut found = self.failures(failed.collect(), &by_name);
        let kept: Vec<usize> = (0..panes.len()).filter(|row| !columns.failed[*row] && in_time(*row)).collect();
        if !kept.is_empty() {
            let picked = picked(columns, &kept, of);
            self.served(layout, &picked, &by_name, &mut found);
        }
        found
    }

    fn failures(&self, failed: Vec<(i64, usize)>, by_name: &[usize]) -> Vec<Group> {
        let (names, group_of) = grouped(&failed);
        let mut found: Vec<Group> = names
            .iter()
            .map(|(pane, rank)| Group {
                pane: *pane,
                version: by_name[*rank],
                segment: None,
                vector: vec![0; self.size],
            })
            .collect();
        for group in group_of {
            found[group as usize].vector[self.errors] += 1;
        }
        found
    }

    fn served(&self, layout: &Layout, rows: &Picked, by_name: &[usize], found: &mut Vec<Group>) {
        let (names, group_of) = grouped(&rows.of);
        let mut vectors = layout.vectors(&rows.numeric, &rows.categorical, &group_of, names.len(), self.size);
        for (value, group) in rows.latency.iter().zip(&group_of) {
            vectors[*group as usize * self.size + self.latency.slot(*value)] += 1;
        }
        for ((pane, rank), vector) in names.iter().zip(apart(vectors, names.len(), self.size)) {
            let version = by_name[*rank];
            let known = found.iter_mut().find(|group| (group.pane, group.version) == (*pane, version));
            match known {
                Some(group) => group.vector.iter_mut().zip(vector).for_each(|(count, more)| *count += more),
                None => found.push(Group { pane: *pane, version, segment: None, vector }),
            }
        }
        for (key, values) in self.segments.iter().enumerate() {
            if values.len() == 1 {
                continue; // without a known value all rows are one segment: that is the whole, once more
            }
            let of_key = &rows.segments[key * group_of.len()..(key + 1) * group_of.len()];
            let of: Vec<(i64, usize)> =
                group_of.iter().zip(of_key).map(|(group, value)| (*group, *value as usize)).collect();
            let (present, compact) = grouped(&of);
            let vectors = layout.vectors(&rows.numeric, &rows.categorical, &compact, present.len(), layout.size);
            for ((group, value), vector) in present.iter().zip(apart(vectors, present.len(), layout.size)) {
                let (pane, rank) = names[*group as usize];
                assert!(*value < values.len(), "a segment that there is not");
                found.push(Group { pane, version: by_name[rank], segment: Some((key, *value)), vector });
            }
        }
    }
}

/// The rows at `kept`, which are mostly all.
fn picked<'a>(columns: &'a Columns, kept: &[usize], of: impl Fn(usize) -> (i64, usize)) -> Picked<'a> {
    let count = columns.places.len();
    Picked {
        numeric: at(&columns.numeric, count, kept),
        categorical: at(&columns.categorical, count, kept),
        segments: at(&columns.segments, count, kept),
        latency: at(&columns.latency, count, kept),
        of: kept.iter().map(|row| of(*row)).collect(),
    }
}

/// Columns of `count` rows at some of them.
fn at<'a, T: Copy>(values: &'a [T], count: usize, kept: &[usize]) -> Cow<'a, [T]> {
    if kept.len() == count {
        return Cow::Borrowed(values);
    }
    values.chunks_exact(count).flat_map(|column| kept.iter().map(|row| column[*row])).collect()
}

/// The pairs that occur, ascending, and the number of each row's.
fn grouped(of: &[(i64, usize)]) -> (Vec<(i64, usize)>, Vec<i64>) {
    if of.windows(2).all(|pair| pair[0] == pair[1]) {
        return (of.first().copied().into_iter().collect(), vec![0; of.len()]);
    }
    let mut numbers: FxHashMap<(i64, usize), i64> = of.iter().map(|pair| (*pair, 0)).collect();
    let mut names: Vec<(i64, usize)> = numbers.keys().copied().collect();
    names.sort_unstable();
    for (number, name) in names.iter().enumerate() {
        numbers.insert(*name, number as i64);
    }
    let group_of = of.iter().map(|pair| numbers[pair]).collect();
    (names, group_of)
}

/// Vectors that stand one behind the other, each by itself.
fn apart(vectors: Vec<i64>, groups: usize, size: usize) -> Vec<Vec<i64>> {
    if groups == 1 {
        return vec![vectors];
    }
    vectors.chunks_exact(size).map(<[i64]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_by_their_pairs_in_order() {
        let (names, group_of) = grouped(&[(2, 0), (1, 1), (2, 0), (1, 0)]);
        assert_eq!(names, [(1, 0), (1, 1), (2, 0)]);
        assert_eq!(group_of, [2, 1, 2, 0]);
        assert_eq!(grouped(&[]), (vec![], vec![]));
    }

    #[test]
    fn a_latency_is_in_the_slot_that_its_end_closes() {
        let latency = Latency::new(10, vec![1.0, 2.0, 4.0]);
        let found: Vec<usize> =
            [-1.0, 1.0, 1.5, 2.0, 4.0, 4.1, f64::INFINITY, f64::NAN].iter().map(|value| latency.slot(*value)).collect();
        assert_eq!(found, [10, 10, 11, 11, 12, 13, 13, 14]);
    }
}
