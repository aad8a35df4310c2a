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
mod whole;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use numpy::{Element, IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use fold::{Column, Layout};
use json::Cursor;
use record::{Moment, Not, Reader};
use schema::{Model, Models};
use table::{Columns, Kept, Mark, Table};
use whole::{Latency, Whole};

/// What Python and this module agree on; it changes with every change of what is exchanged.
const INTERFACE: u32 = 4;

/// Places: the number of a message, then that of a record within it.
const WITHIN: u32 = 20;

/// Records of a message and bytes of a record beyond which the reader in Python is asked.
const MOST_RECORDS: usize = 50_000;

/// Rows of one model: columns, of which Python is given those that it asks for.
#[pyclass(frozen)]
struct Rows {
    model: usize,
    columns: Columns,
    /// Values of each kind that a row has.
    widths: Widths,
}

#[pymethods]
impl Rows {
    /// Number of the model.
    #[getter]
    fn model(&self) -> usize {
        self.model
    }

    /// How many rows there are.
    #[getter]
    fn count(&self) -> usize {
        self.columns.places.len()
    }

    /// Names of versions, as they came up.
    #[getter]
    fn versions(&self) -> Vec<&str> {
        self.columns.versions.iter().map(String::as_str).collect()
    }

    /// int64[n], index into them.
    #[getter]
    fn version<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_slice(py, &self.columns.version)
    }

    /// float64[F, n].
    #[getter]
    fn numeric<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.shaped(py, &self.columns.numeric, self.widths.numeric)
    }

    /// int64[C, n].
    #[getter]
    fn categorical<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        self.shaped(py, &self.columns.categorical, self.widths.categorical)
    }

    /// int64[S, n].
    #[getter]
    fn segments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        self.shaped(py, &self.columns.segments, self.widths.segments)
    }

    /// float64[n].
    #[getter]
    fn latency<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.columns.latency)
    }

    /// bool[n], or None when no row failed.
    #[getter]
    fn failed<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<bool>>> {
        self.columns.failed.contains(&true).then(|| PyArray1::from_slice(py, &self.columns.failed))
    }

    /// n ids of a model that is joined with feedback.
    #[getter]
    fn ids(&self, py: Python<'_>) -> PyResult<Option<Py<PyList>>> {
        self.widths.joined.then(|| list(py, &self.columns.ids, &self.columns)).transpose()
    }

    /// n predictions of a model that is joined with feedback.
    #[getter]
    fn predictions(&self, py: Python<'_>) -> PyResult<Option<Py<PyList>>> {
        self.widths.joined.then(|| list(py, &self.columns.predictions, &self.columns)).transpose()
    }

    /// float64[n, K], scores of the classes that are estimated from; None where no row lists any.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<f64>>>> {
        let found = PyArray1::from_slice(py, &self.columns.probabilities);
        self.lists().then(|| found.reshape([self.count(), self.widths.estimated])).transpose()
    }

    /// bool[n], the rows that list scores; None where there are no probabilities.
    #[getter]
    fn listed<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<bool>>> {
        self.lists().then(|| PyArray1::from_slice(py, &self.columns.listed))
    }
}

impl Rows {
    fn lists(&self) -> bool {
        self.columns.listed.contains(&true)
    }

    fn shaped<'py, T: Element>(&self, py: Python<'py>, values: &[T], rows: usize) -> PyResult<Bound<'py, PyArray2<T>>> {
        PyArray1::from_slice(py, values).reshape([rows, self.count()])
    }
}

/// How many values of each kind the rows of a model have.
#[derive(Clone, Copy)]
struct Widths {
    numeric: usize,
    categorical: usize,
    segments: usize,
    estimated: usize,
    joined: bool,
}

impl Widths {
    fn of(model: &Model) -> Self {
        Widths {
            numeric: model.numeric,
            categorical: model.codes.len(),
            segments: model.segment_codes.len(),
            estimated: model.estimated,
            joined: model.joined,
        }
    }
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

    /// Read a batch: the rows that are surely right, by model; of all of them, int64[3, n], where each stands (message
    /// number << 20 | number within it), its event time and the time that it proves to have come, ms; and the numbers
    /// of the messages that are handed back.
    ///
    /// None where reading broke down: the whole batch is handed back.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        values: &Bound<'py, PyTuple>,
        written: Option<Vec<i64>>,
        received: i64,
    ) -> PyResult<Option<Read<'py>>> {
        let mut messages: Vec<Option<&[u8]>> = Vec::with_capacity(values.len());
        for value in values.iter_borrowed() {
            messages.push(value.extract().ok());
        }
        if written.as_ref().is_some_and(|times| times.len() != messages.len()) {
            return Ok(None);
        }
        let written = written.as_deref();
        let done = py.detach(|| catch_unwind(AssertUnwindSafe(|| self.read(&messages, written, received))));
        let Ok(Some((tables, back))) = done else {
            return Ok(None);
        };
        let mut heads: Vec<i64> = Vec::with_capacity(3 * values.len());
        tables.iter().for_each(|(_, columns)| heads.extend(&columns.places));
        tables.iter().for_each(|(_, columns)| heads.extend(&columns.stamps));
        tables.iter().for_each(|(_, columns)| heads.extend(&columns.proven));
        let count = heads.len() / 3;
        let heads = heads.into_pyarray(py).reshape([3, count])?;
        let found = tables
            .into_iter()
            .map(|(model, columns)| Rows { model, columns, widths: Widths::of(&self.models[model]) })
            .collect();
        Ok(Some((found, heads, back.into_pyarray(py))))
    }
}

/// What a batch is read to.
type Read<'py> = (Vec<Rows>, Bound<'py, PyArray2<i64>>, Bound<'py, PyArray1<i64>>);

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
        let Ok(text) = std::str::from_utf8(bytes) else {
            return false;
        };
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
            let Some(read) = self.record(state, trimmed, place + count as i64, moment, false) else {
                return false;
            };
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
    whole: Option<Whole>,
}

#[pymethods]
impl Folder {
    /// Args: of each numeric column its edges, where its slots begin, its center and its unit; where those of each
    /// categorical column begin; the slot that counts rows; where the sums of moments begin; the length of a vector;
    /// and, where rows may be folded as they are, where latencies begin in the vector of all rows, its slot of failures
    /// and its length, the upper ends of the slots of latencies, and each segment key with the names of its segments.
    #[new]
    #[pyo3(signature = (numeric, categorical, rows, moments, size, whole=None))]
    fn new(
        numeric: Vec<(Vec<f64>, usize, f64, f64)>,
        categorical: Vec<usize>,
        rows: usize,
        moments: usize,
        size: usize,
        whole: Option<ToldWhole>,
    ) -> Self {
        let columns = numeric.into_iter();
        let numeric = columns.map(|(edges, start, center, unit)| Column::new(edges, start, center, unit)).collect();
        let whole = whole.map(|(latency, errors, size, edges, segments, name)| Whole {
            latency: Latency::new(latency, edges),
            errors,
            size,
            segments,
            name,
        });
        Folder { layout: Layout { numeric, categorical, rows, moments, size }, whole }
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
        let fold = || self.layout.vectors(numeric, categorical, group_of, groups, self.layout.size);
        match py.detach(|| catch_unwind(AssertUnwindSafe(fold))) {
            Ok(found) => Ok(Some(found.into_pyarray(py).reshape([groups, self.layout.size])?)),
            Err(_) => Ok(None),
        }
    }

    /// The vector of each (pane, version, segment) of the rows that are not late, as the fold in Python orders them.
    ///
    /// None where they do not fit together, or where more than `most` versions occur.
    fn fold_rows<'py>(
        &self,
        py: Python<'py>,
        rows: &Rows,
        panes: PyReadonlyArray1<'py, i64>,
        late: Option<PyReadonlyArray1<'py, bool>>,
        most: usize,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let panes = panes.as_slice()?;
        let late = late.as_ref().map(|late| late.as_slice()).transpose()?;
        let count = rows.columns.places.len();
        let Some(whole) = &self.whole else {
            return Ok(None);
        };
        let fits = panes.len() == count
            && late.is_none_or(|late| late.len() == count)
            && rows.widths.numeric == self.layout.numeric.len()
            && rows.widths.categorical == self.layout.categorical.len()
            && rows.widths.segments == whole.segments.len()
            && rows.columns.versions.len() <= most;
        if !fits {
            return Ok(None);
        }
        let fold = || whole.fold(&self.layout, &rows.columns, panes, late);
        let Ok(groups) = py.detach(|| catch_unwind(AssertUnwindSafe(fold))) else {
            return Ok(None);
        };
        let found = PyDict::new(py);
        for group in groups {
            let segment = group.segment.map_or(whole.name.as_str(), |(key, value)| &whole.segments[key][value]);
            let version = &rows.columns.versions[group.version];
            found.set_item((group.pane, version, segment), group.vector.into_pyarray(py))?;
        }
        Ok(Some(found))
    }
}

/// What is told of the vector of all rows; see `Folder::new`.
type ToldWhole = (usize, usize, usize, Vec<f64>, Vec<Vec<String>>, String);

/// The module.
#[pymodule]
fn driftgauge_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("INTERFACE", INTERFACE)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Rows>()?;
    module.add_class::<Folder>()?;
    module.add_class::<Decoder>()
}
