//! The hot path of driftgauge in native code: predictions as JSON become columns.
//!
//! A row is accepted only where it is surely right. Everything else is handed back by its message's number, and the
//! reader in Python decides about it, and says why: no reason is ever given here.

mod fold;
mod json;
mod map;
mod mapped;
mod prediction;
mod record;
mod schema;
mod table;
mod times;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use fold::{Column, Layout};
use json::Cursor;
use record::{Moment, Not, Reader};
use schema::{Model, Models};
use table::{Columns, Kept, Mark, Table};

/// What Python and this module agree on; it changes with every change of what is exchanged.
const INTERFACE: u32 = 3;

/// Places: the number of a message, then that of a record within it.
const WITHIN: u32 = 20;

/// Records of a message and bytes of a record beyond which the reader in Python is asked.
const MOST_RECORDS: usize = 50_000;

/// Rows of one model.
#[pyclass(frozen, get_all)]
struct Rows {
    /// Number of the model.
    model: usize,
    /// int64[n], message number << 20 | number within it, ascending.
    places: Py<PyArray1<i64>>,
    /// int64[n], event time, ms.
    stamps: Py<PyArray1<i64>>,
    /// int64[n], the time each proves to have come, ms.
    proven: Py<PyArray1<i64>>,
    /// Names of versions, as they came up.
    versions: Vec<String>,
    /// int64[n], index into them.
    version: Py<PyArray1<i64>>,
    /// float64[F, n].
    numeric: Py<PyArray2<f64>>,
    /// int64[C, n].
    categorical: Py<PyArray2<i64>>,
    /// int64[S, n].
    segments: Py<PyArray2<i64>>,
    /// float64[n].
    latency: Py<PyArray1<f64>>,
    /// bool[n], or None when no row failed.
    failed: Option<Py<PyArray1<bool>>>,
    /// n ids of a model that is joined with feedback.
    ids: Option<Py<PyList>>,
    /// n predictions of a model that is joined with feedback.
    predictions: Option<Py<PyList>>,
    /// float64[n, K], scores of the classes that are estimated from; None where no row lists any.
    probabilities: Option<Py<PyArray2<f64>>>,
    /// bool[n], the rows that list scores; None where there are no probabilities.
    listed: Option<Py<PyArray1<bool>>>,
}

/// What is kept between batches: memory, and the order of fields.
#[derive(Default)]
struct State {
    tables: Vec<Table>,
    reader: Reader,
    guess: usize,
    /// The table of each record of the message at hand, and how long that was before it.
    added: Vec<(usize, Mark)>,
}

/// Reads batches of predictions.
#[pyclass(frozen)]
struct Decoder {
    models: Models,
    max_ahead: i64,
    largest: usize,
    state: Mutex<State>,
}

#[pymethods]
impl Decoder {
    /// Args: models, how far ahead (ms) a timestamp may be, and how many bytes a record may have.
    #[new]
    fn new(models: Vec<Model>, max_ahead: i64, largest: usize) -> Self {
        Decoder { models: Models::new(models), max_ahead, largest, state: Mutex::default() }
    }

    /// Read a batch: the rows that are surely right, by model, and the numbers of the messages that are handed back.
    ///
    /// None where reading broke down: the whole batch is handed back.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        values: &Bound<'py, PyTuple>,
        written: Option<Vec<i64>>,
        received: i64,
    ) -> PyResult<Option<(Vec<Rows>, Bound<'py, PyArray1<i64>>)>> {
        let mut messages: Vec<Option<&[u8]>> = Vec::with_capacity(values.len());
        for value in values.iter_borrowed() {
            messages.push(value.extract().ok());
        }
        if written.as_ref().is_some_and(|times| times.len() != messages.len()) {
            return Ok(None);
        }
        let written = written.as_deref();
        let done = py.detach(|| catch_unwind(AssertUnwindSafe(|| self.read(&messages, written, received))));
        let Ok(Some((tables, back))) = done else { return Ok(None) };
        let mut found = Vec::new();
        for (number, table) in tables {
            found.push(rows(py, number, table, &self.models[number])?);
        }
        Ok(Some((found, back.into_pyarray(py))))
    }
}

/// Columns by model, and the numbers of the messages that are handed back.
type Found = (Vec<(usize, Columns)>, Vec<i64>);

impl Decoder {
    fn read(&self, messages: &[Option<&[u8]>], written: Option<&[i64]>, received: i64) -> Option<Found> {
        let mut state = std::mem::take(&mut *self.state.lock().ok()?);
        state.tables.resize_with(self.models.len(), Table::default);
        let mut back = Vec::new();
        for (number, message) in messages.iter().enumerate() {
            let written = written.map_or(i64::MAX, |times| times[number]);
            let moment = Moment { written, received, max_ahead: self.max_ahead };
            if !message.is_some_and(|bytes| self.message(&mut state, bytes, number, moment)) {
                back.push(number as i64);
            }
        }
        let mut found = Vec::new();
        for (number, table) in state.tables.iter_mut().enumerate() {
            if !table.places.is_empty() {
                found.push((number, table.finish(&self.models[number])));
            }
        }
        if let Ok(mut kept) = self.state.lock() {
            *kept = state;
        }
        Some((found, back))
    }

    /// Add the records of a message, all of them or none; whether they are added.
    fn message(&self, state: &mut State, bytes: &[u8], number: usize, moment: Moment) -> bool {
        state.added.clear();
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let place = (number as i64) << WITHIN;
        match bytes.first() {
            Some(b'{') => {
                (text.len() <= self.largest && self.record(state, text, place, moment, true).is_some())
                    || (bytes.contains(&b'\n')
                        && self.all(state, |decoder, state| decoder.lines(state, text, place, moment)))
            }
            Some(b'[') => self.all(state, |decoder, state| decoder.elements(state, text, place, moment)),
            _ => false,
        }
    }

    /// Add what some step adds, or nothing where it is not sure.
    fn all(&self, state: &mut State, step: impl FnOnce(&Self, &mut State) -> bool) -> bool {
        state.added.clear();
        let added = step(self, state);
        if !added {
            for (model, mark) in state.added.iter().rev() {
                state.tables[*model].undo(*mark);
            }
        }
        added
    }

    /// Add the records of a message with one a line.
    fn lines(&self, state: &mut State, text: &str, place: i64, moment: Moment) -> bool {
        let mut count = 0;
        for (breaks, line) in text.split('\n').enumerate() {
            if breaks > MOST_RECORDS {
                return false;
            }
            if line.trim_matches(|c: char| c.is_ascii_whitespace()).is_empty() {
                continue;
            }
            let fits = line.starts_with('{') && line.len() <= self.largest;
            if !fits || self.record(state, line, place + count as i64, moment, true).is_none() {
                return false;
            }
            count += 1;
        }
        true
    }

    /// Add the records of a message that is an array of them.
    fn elements(&self, state: &mut State, text: &str, place: i64, moment: Moment) -> bool {
        let mut at = 1;
        let mut count = 0;
        loop {
            let rest = &text[at..];
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            at += rest.len() - trimmed.len();
            if count == MOST_RECORDS || !trimmed.starts_with('{') {
                return false;
            }
            let Some(read) = self.record(state, trimmed, place + count as i64, moment, false) else { return false };
            if read > self.largest {
                return false;
            }
            count += 1;
            let mut cursor = Cursor::new(&trimmed[read..]);
            match cursor.more(b']') {
                Ok(true) => at += read + cursor.at(),
                Ok(false) => return cursor.ends(),
                Err(_) => return false,
            }
        }
    }

    /// The model that a record names, where another one's map did not fit it.
    fn other(&self, state: &State, text: &str, guess: usize) -> Option<usize> {
        let map = self.models[guess].map.as_ref().filter(|_| self.models.len() > 1)?;
        let name = state.reader.name(&mut Cursor::new(text), &map.root).or(map.nameless.as_deref())?;
        self.models.find(name).filter(|found| *found != guess)
    }

    /// Add the record at the beginning of a text, with nothing behind it where it is `alone`: how many bytes it has.
    fn record(&self, state: &mut State, text: &str, place: i64, moment: Moment, alone: bool) -> Option<usize> {
        let mut guess = state.guess;
        for _ in 0..2 {
            let mut cursor = Cursor::new(text);
            match state.reader.read(&mut cursor, &self.models, &mut state.tables, guess, (place, moment, alone)) {
                Ok((model, mark)) => {
                    state.guess = model;
                    state.added.push((model, mark));
                    return Some(cursor.at());
                }
                Err(Not::Model(other)) => guess = other,
                Err(Not::Sure) => guess = self.other(state, text, guess)?,
            }
        }
        None
    }
}

/// The columns of a model as arrays.
fn rows(py: Python<'_>, number: usize, columns: Columns, model: &Model) -> PyResult<Rows> {
    let count = columns.places.len();
    let shaped = |values: Vec<i64>, rows: usize| values.into_pyarray(py).reshape([rows, count]).map(Bound::unbind);
    let failed = columns.failed.contains(&true);
    let (ids, predictions) = (&columns.ids, &columns.predictions);
    let kept = |values: &[Kept]| model.joined.then(|| list(py, values, &columns)).transpose();
    let listed = columns.listed.contains(&true);
    Ok(Rows {
        model: number,
        ids: kept(ids)?,
        predictions: kept(predictions)?,
        probabilities: listed
            .then(|| columns.probabilities.into_pyarray(py).reshape([count, model.estimated]).map(Bound::unbind))
            .transpose()?,
        listed: listed.then(|| columns.listed.into_pyarray(py).unbind()),
        places: columns.places.into_pyarray(py).unbind(),
        stamps: columns.stamps.into_pyarray(py).unbind(),
        proven: columns.proven.into_pyarray(py).unbind(),
        versions: columns.versions,
        version: columns.version.into_pyarray(py).unbind(),
        numeric: columns.numeric.into_pyarray(py).reshape([model.numeric, count])?.unbind(),
        categorical: shaped(columns.categorical, model.codes.len())?,
        segments: shaped(columns.segments, model.segment_codes.len())?,
        latency: columns.latency.into_pyarray(py).unbind(),
        failed: failed.then(|| columns.failed.into_pyarray(py).unbind()),
    })
}

/// Values as Python's own.
fn list(py: Python<'_>, values: &[Kept], columns: &Columns) -> PyResult<Py<PyList>> {
    let found = PyList::empty(py);
    for value in values {
        match value {
            Kept::Null => found.append(py.None())?,
            Kept::Truth(truth) => found.append(*truth)?,
            Kept::Whole(whole) => found.append(*whole)?,
            Kept::Float(float) => found.append(*float)?,
            Kept::Text(start, stop) => found.append(&columns.texts[*start..*stop])?,
            Kept::List(start, stop) => found.append(list(py, &columns.items[*start..*stop], columns)?)?,
        }
    }
    Ok(found.unbind())
}

/// Folds columns of one model into vectors.
#[pyclass(frozen)]
struct Folder {
    layout: Layout,
}

#[pymethods]
impl Folder {
    /// Args: of each numeric column its edges, where its slots begin, its center and its unit; where those of each
    /// categorical column begin; the slot that counts rows; where the sums of moments begin; the length of a vector.
    #[new]
    fn new(
        numeric: Vec<(Vec<f64>, usize, f64, f64)>,
        categorical: Vec<usize>,
        rows: usize,
        moments: usize,
        size: usize,
    ) -> Self {
        let columns = numeric.into_iter();
        let numeric = columns.map(|(edges, start, center, unit)| Column::new(edges, start, center, unit)).collect();
        Folder { layout: Layout { numeric, categorical, rows, moments, size } }
    }

    /// The vectors of groups of rows: int64[groups, size]; None where the arrays do not fit together.
    fn fold<'py>(
        &self,
        py: Python<'py>,
        numeric: PyReadonlyArray2<'py, f64>,
        categorical: PyReadonlyArray2<'py, i64>,
        group_of: PyReadonlyArray1<'py, i64>,
        groups: usize,
    ) -> PyResult<Option<Bound<'py, PyArray2<i64>>>> {
        let (numeric, categorical, group_of) = (numeric.as_slice()?, categorical.as_slice()?, group_of.as_slice()?);
        let fits = numeric.len() == self.layout.numeric.len() * group_of.len()
            && categorical.len() == self.layout.categorical.len() * group_of.len();
        if !fits {
            return Ok(None);
        }
        let fold = || self.layout.vectors(numeric, categorical, group_of, groups);
        match py.detach(|| catch_unwind(AssertUnwindSafe(fold))) {
            Ok(found) => Ok(Some(found.into_pyarray(py).reshape([groups, self.layout.size])?)),
            Err(_) => Ok(None),
        }
    }
}

/// The module.
#[pymodule]
fn driftgauge_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("INTERFACE", INTERFACE)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Rows>()?;
    module.add_class::<Folder>()?;
    module.add_class::<Decoder>()
}
