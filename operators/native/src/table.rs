//! Rows of one model as they are read, and the columns they become.

use std::mem::{replace, take};

use rustc_hash::FxHashMap;

use crate::json::{Scalar, Sure, Unsure};
use crate::schema::Model;

/// Rows turned into columns together: their part of each column is one cache line.
const BLOCK: usize = 16;

/// A value that is kept as it was decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// None.
    Null,
    /// A bool.
    Truth(bool),
    /// An int.
    Whole(i64),
    /// A float.
    Float(f64),
    /// A str: bytes [start, stop) of the table's texts.
    Text(usize, usize),
    /// A list: [start, stop) of the table's items.
    List(usize, usize),
}

/// Columns of one model.
pub struct Columns {
    /// Where each row stands in the batch: its message's number, then its own within the message.
    pub places: Vec<i64>,
    /// Event times, ms.
    pub stamps: Vec<i64>,
    /// Times that the rows prove to have come, ms.
    pub proven: Vec<i64>,
    /// Numeric columns, column by column.
    pub numeric: Vec<f64>,
    /// Categorical columns, column by column.
    pub categorical: Vec<i64>,
    /// Segments, column by column.
    pub segments: Vec<i64>,
    /// Latencies, ms.
    pub latency: Vec<f64>,
    /// Which rows failed.
    pub failed: Vec<bool>,
    /// Names of versions.
    pub versions: Vec<String>,
    /// The number of each row's version.
    pub version: Vec<i64>,
    /// Ids of a model that is joined with feedback.
    pub ids: Vec<Kept>,
    /// Predictions of a model that is joined with feedback.
    pub predictions: Vec<Kept>,
    /// Text of both.
    pub texts: String,
    /// Elements of lists.
    pub items: Vec<Kept>,
    /// Scores of the classes that are estimated from, row by row.
    pub probabilities: Vec<f64>,
    /// Which rows list scores, where any are estimated from.
    pub listed: Vec<bool>,
}

/// Rows of one model, read so far.
#[derive(Default)]
pub struct Table {
    /// Where each row stands in the batch: its message's number, then its own within the message.
    pub places: Vec<i64>,
    /// Event times, ms.
    pub stamps: Vec<i64>,
    /// Times that the rows prove to have come, ms.
    pub proven: Vec<i64>,
    /// Numeric columns, row by row.
    pub numeric: Vec<f64>,
    /// Categorical columns, row by row.
    pub categorical: Vec<i64>,
    /// Segments, row by row.
    pub segments: Vec<i64>,
    /// Latencies, ms.
    pub latency: Vec<f64>,
    /// Which rows failed.
    pub failed: Vec<bool>,
    /// Names of versions.
    pub versions: Vec<String>,
    /// The number of each row's version.
    pub version: Vec<i64>,
    /// Ids of a model that is joined with feedback.
    pub ids: Vec<Kept>,
    /// Predictions of a model that is joined with feedback.
    pub predictions: Vec<Kept>,
    /// Text of both.
    pub texts: String,
    /// Elements of lists.
    pub items: Vec<Kept>,
    /// Scores of the classes that are estimated from, row by row.
    pub probabilities: Vec<f64>,
    /// Which rows list scores, where any are estimated from.
    pub listed: Vec<bool>,
    known: FxHashMap<String, i64>,
    /// Names of features in the order of the last record.
    pub order: Vec<usize>,
    /// The same of each object of a map.
    pub orders: Vec<Vec<usize>>,
    /// For each feature, then each key of the context, or each place of a map: the last attempt at a record that had it.
    seen: Vec<u64>,
    attempt: u64,
}

/// How long a table was.
#[derive(Clone, Copy)]
pub struct Mark {
    rows: usize,
    numeric: usize,
    categorical: usize,
    segments: usize,
    texts: usize,
    items: usize,
    probabilities: usize,
}

impl Table {
    /// Take the columns; what was learned of the order of fields, and memory, stay.
    pub fn finish(&mut self, model: &Model) -> Columns {
        let count = self.places.len();
        let columns = Columns {
            numeric: transposed(&self.numeric, model.numeric, count),
            categorical: transposed(&self.categorical, model.codes.len(), count),
            segments: transposed(&self.segments, model.segment_codes.len(), count),
            places: taken(&mut self.places),
            stamps: taken(&mut self.stamps),
            proven: taken(&mut self.proven),
            latency: taken(&mut self.latency),
            failed: taken(&mut self.failed),
            versions: taken(&mut self.versions),
            version: taken(&mut self.version),
            ids: taken(&mut self.ids),
            predictions: taken(&mut self.predictions),
            texts: take(&mut self.texts),
            items: taken(&mut self.items),
            probabilities: taken(&mut self.probabilities),
            listed: taken(&mut self.listed),
        };
        self.numeric.clear();
        self.categorical.clear();
        self.segments.clear();
        self.known.clear();
        columns
    }

    /// How long it is now.
    pub fn mark(&self) -> Mark {
        Mark {
            rows: self.places.len(),
            numeric: self.numeric.len(),
            categorical: self.categorical.len(),
            segments: self.segments.len(),
            texts: self.texts.len(),
            items: self.items.len(),
            probabilities: self.probabilities.len(),
        }
    }

    /// Forget what came after a mark.
    pub fn undo(&mut self, mark: Mark) {
        self.places.truncate(mark.rows);
        self.stamps.truncate(mark.rows);
        self.proven.truncate(mark.rows);
        self.latency.truncate(mark.rows);
        self.failed.truncate(mark.rows);
        self.version.truncate(mark.rows);
        self.ids.truncate(mark.rows);
        self.predictions.truncate(mark.rows);
        self.numeric.truncate(mark.numeric);
        self.categorical.truncate(mark.categorical);
        self.segments.truncate(mark.segments);
        self.texts.truncate(mark.texts);
        self.items.truncate(mark.items);
        self.probabilities.truncate(mark.probabilities);
        self.listed.truncate(mark.rows);
    }

    /// Begin a row in which every value is missing.
    pub fn begin(&mut self, model: &Model) {
        self.numeric.resize(self.numeric.len() + model.numeric, f64::NAN);
        self.categorical.extend(model.codes.iter().map(|codes| codes.missing));
        self.segments.extend_from_slice(&model.segment_blank);
        if model.estimated > 0 {
            self.probabilities.resize(self.probabilities.len() + model.estimated, f64::NAN);
            self.listed.push(false);
        }
        self.seen.resize(model.places, 0);
        self.order.resize(model.features.len(), 0);
        self.attempt += 1;
    }

    /// Note that the row has a field, once.
    #[inline]
    pub fn once(&mut self, field: usize) -> Sure<()> {
        let seen = &mut self.seen[field];
        if *seen == self.attempt {
            return Err(Unsure);
        }
        *seen = self.attempt;
        Ok(())
    }

    /// The number of a version.
    pub fn version_of(&mut self, name: &str) -> i64 {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let number = self.versions.len() as i64;
        self.versions.push(name.to_owned());
        self.known.insert(name.to_owned(), number);
        number
    }

    /// Keep a value as it is.
    pub fn keep(&mut self, value: &Scalar, whole: bool, room: &mut String) -> Sure<Kept> {
        Ok(match value {
            Scalar::Null => Kept::Null,
            Scalar::Truth(truth) => Kept::Truth(*truth),
            Scalar::Number(number) => match number.whole {
                Some(found) if whole => Kept::Whole(found),
                _ => Kept::Float(number.value),
            },
            Scalar::Text(text) => {
                let start = self.texts.len();
                self.texts.push_str(text.plain(room)?);
                Kept::Text(start, self.texts.len())
            }
        })
    }
}

/// Values, with room for as many left: the next batch is much like this one.
fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = values.len();
    replace(values, Vec::with_capacity(room))
}

/// The columns of `count` rows of `width` values each.
pub fn transposed<T: Copy + Default>(rows: &[T], width: usize, count: usize) -> Vec<T> {
    let mut columns = vec![T::default(); rows.len()];
    if width == 0 {
        return columns;
    }
    for (block, some) in rows.chunks(width * BLOCK).enumerate() {
        let first = block * BLOCK;
        let last = (first + BLOCK).min(count);
        for column in 0..width {
            let into = &mut columns[column * count + first..column * count + last];
            for (value, row) in into.iter_mut().zip(some.chunks_exact(width)) {
                *value = row[column];
            }
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_what_rows_held() {
        for (width, count) in [(1, 1), (3, 5), (100, 33), (2, 16), (7, 17), (0, 4)] {
            let rows: Vec<i64> = (0..(width * count) as i64).collect();
            let columns = transposed(&rows, width, count);
            for row in 0..count {
                for column in 0..width {
                    assert_eq!(columns[column * count + row], rows[row * width + column]);
                }
            }
        }
    }
}
