//! How the records of one model are read: what `operators.intake.native` gives of it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyString, PyTuple};
use rustc_hash::FxHashMap;

use crate::json::Scalar;
use crate::map::{Map, ToldMap};

/// No float has it as its bits: stands for "no such category".
const NO_NUMBER: u64 = u64::MAX;

/// Slot of each category, as Python's look-up by equality finds it.
pub struct Codes {
    texts: FxHashMap<Box<str>, i64>,
    numbers: FxHashMap<u64, i64>,
    /// The slot of null.
    pub missing: i64,
    unknown: i64,
}

impl Codes {
    /// The slot of text.
    #[inline]
    pub fn of_text(&self, text: &str) -> i64 {
        self.texts.get(text).copied().unwrap_or(self.unknown)
    }

    /// The slot of a number: 5 is 5.0, true is 1.
    #[inline]
    pub fn of_number(&self, value: f64) -> i64 {
        self.numbers.get(&key_of(value)).copied().unwrap_or(self.unknown)
    }

    /// The slot of a value; `room` holds text that has escapes.
    #[inline]
    pub fn of(&self, value: &Scalar, room: &mut String) -> crate::json::Sure<i64> {
        Ok(match value {
            Scalar::Null => self.missing,
            Scalar::Truth(truth) => self.of_number(f64::from(u8::from(*truth))),
            // a 64-bit integer that is no float equals no category that is one
            Scalar::Number(number) => match number.whole {
                Some(whole) if whole.unsigned_abs() > 1 << 53 => return Err(crate::json::Unsure),
                _ => self.of_number(number.value),
            },
            Scalar::Text(text) => self.of_text(text.plain(room)?),
        })
    }
}

/// 0.0 and -0.0 are equal.
fn key_of(value: f64) -> u64 {
    if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

impl<'py> FromPyObject<'_, 'py> for Codes {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let table = given.cast::<PyDict>()?;
        let unknown = given.getattr("unknown")?.extract()?;
        let mut codes = Codes { texts: FxHashMap::default(), numbers: FxHashMap::default(), missing: unknown, unknown };
        for (name, slot) in table.iter() {
            let slot = slot.extract()?;
            if name.is_none() {
                codes.missing = slot;
            } else if let Ok(text) = name.cast::<PyString>() {
                codes.texts.insert(text.to_str()?.into(), slot);
            } else if !name.is_instance_of::<PyTuple>() {
                codes.numbers.insert(number_key(&name)?, slot);
            }
        }
        Ok(codes)
    }
}

/// The bits of the float that equals a number, if there is one.
fn number_key(number: &Bound<'_, PyAny>) -> PyResult<u64> {
    if !number.is_instance_of::<PyFloat>() && !number.is_instance_of::<PyInt>() {
        return Ok(NO_NUMBER);
    }
    let Ok(value) = number.extract::<f64>() else { return Ok(NO_NUMBER) }; // larger than any float
    Ok(if number.eq(value)? { key_of(value) } else { NO_NUMBER })
}

/// Where the value of a segment key is found.
#[derive(FromPyObject)]
pub struct Segment {
    feature: bool,
    position: usize,
    codes: Codes,
}

/// What lists are, as predictions.
#[derive(FromPyObject)]
pub struct Lists {
    /// Elements they have at least.
    pub least: usize,
    /// Elements they have at most.
    pub most: usize,
    /// Scores of classes; else items.
    pub scores: bool,
    /// Place of the score that counts, of two.
    pub pair: usize,
    /// Classes in the order of the scores; none for "0", "1", ...
    pub names: Vec<String>,
    /// Place of the score of each class that is estimated from, if it has one.
    pub classes: Vec<Option<usize>>,
    /// The class with the highest score is the prediction, in place of the list.
    pub chosen: bool,
}

/// What `prediction` may be.
#[derive(FromPyObject)]
pub struct Prediction {
    /// Its bytes are of no interest.
    pub skipped: bool,
    /// It may be text.
    pub text: bool,
    /// Integers stay integers.
    pub whole: bool,
    /// It is the last numeric column.
    pub numeric: bool,
    /// It is the last categorical column.
    pub categorical: bool,
    /// It may be a value that is no list.
    pub single: bool,
    /// It may be such a list.
    pub lists: Option<Lists>,
}

/// What Python tells of a model.
#[derive(FromPyObject)]
struct Told {
    name: String,
    features: Vec<(String, bool)>,
    context: Vec<String>,
    codes: Vec<Codes>,
    segments: Vec<Segment>,
    prediction: Prediction,
    joined: bool,
    map: Option<ToldMap>,
}

/// Names of fields, found by the order that the record before had them in.
pub struct Names {
    names: Vec<Option<Box<str>>>,
    index: FxHashMap<Box<str>, usize>,
}

impl Names {
    /// Names in their order.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<Box<str>> = names.into_iter().map(String::into_boxed_str).collect();
        let index = names.iter().cloned().enumerate().map(|(at, name)| (name, at)).collect();
        let odd = |name: &str| name.bytes().any(|byte| matches!(byte, b'"' | b'\\') || byte < 0x20);
        Names { names: names.into_iter().map(|name| (!odd(&name)).then_some(name)).collect(), index }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The number of a name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// A name by its number, if it stands in JSON as it is.
    #[inline]
    pub fn plain(&self, number: usize) -> Option<&str> {
        self.names.get(number)?.as_deref()
    }
}

/// What a feature or a key of the context is used for.
pub struct Use {
    /// Its row among the numeric columns.
    pub numeric: Option<usize>,
    /// Its row among the categorical columns.
    pub categorical: Option<usize>,
    /// Segment keys that have its value.
    pub segments: Vec<usize>,
}

/// How the records of one model are read.
pub struct Model {
    /// Its name.
    pub name: String,
    /// Names of features.
    pub features: Names,
    /// What each is used for.
    pub uses: Vec<Use>,
    /// Keys of the context that are used.
    pub context: Names,
    /// What each is used for.
    pub context_uses: Vec<Use>,
    /// Slots of categories, the prediction's last.
    pub codes: Vec<Codes>,
    /// Indices of segments.
    pub segment_codes: Vec<Codes>,
    /// What the prediction may be.
    pub prediction: Prediction,
    /// Whether ids and predictions are kept for feedback.
    pub joined: bool,
    /// Numeric columns.
    pub numeric: usize,
    /// Indices of segments where a record says nothing.
    pub segment_blank: Vec<i64>,
    /// Slots of the prediction's first classes, in the order of their scores.
    pub class_codes: Vec<i64>,
    /// Classes that are estimated from.
    pub estimated: usize,
    /// Places that a record may have once.
    pub places: usize,
    /// Where fields are found; none for the contract's own shape.
    pub map: Option<Map>,
}

/// All models, and each by its name.
pub struct Models {
    all: Vec<Model>,
    index: FxHashMap<Box<str>, usize>,
    /// Whether ids of any are kept.
    pub joined: bool,
}

impl Models {
    /// Models in their order; of two of one name the first is found.
    pub fn new(all: Vec<Model>) -> Self {
        let mut index = FxHashMap::default();
        for (number, model) in all.iter().enumerate() {
            index.entry(model.name.as_str().into()).or_insert(number);
        }
        Models { joined: all.iter().any(|model| model.joined), all, index }
    }

    /// The number of the model of a name.
    #[inline]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }
}

impl std::ops::Deref for Models {
    type Target = [Model];

    fn deref(&self) -> &[Model] {
        &self.all
    }
}

/// Classes without names whose slots are looked up beforehand.
const NUMBERED: usize = 64;

impl<'py> FromPyObject<'_, 'py> for Model {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Model::new(given.extract::<Told>()?))
    }
}

impl Model {
    fn new(told: Told) -> Self {
        let (mut numeric, mut categorical) = (0, 0);
        let mut uses: Vec<Use> = Vec::new();
        for (_, is_number) in &told.features {
            let next = if *is_number { &mut numeric } else { &mut categorical };
            let row = Some(*next);
            *next += 1;
            let (numeric, categorical) = if *is_number { (row, None) } else { (None, row) };
            uses.push(Use { numeric, categorical, segments: Vec::new() });
        }
        let mut context_uses: Vec<Use> =
            told.context.iter().map(|_| Use { numeric: None, categorical: None, segments: Vec::new() }).collect();
        for (row, segment) in told.segments.iter().enumerate() {
            let into = if segment.feature { &mut uses } else { &mut context_uses };
            into[segment.position].segments.push(row);
        }
        let map = told.map.map(Map::new);
        let segment_codes: Vec<Codes> = told.segments.into_iter().map(|segment| segment.codes).collect();
        let mut segment_blank: Vec<i64> = segment_codes.iter().map(|codes| codes.missing).collect();
        if let Some(map) = &map {
            for (row, index) in &map.segments {
                segment_blank[*row] = *index;
            }
        }
        let places = map.as_ref().map_or(told.features.len() + told.context.len(), |map| map.places);
        Model {
            name: told.name,
            features: Names::new(told.features.into_iter().map(|(name, _)| name)),
            uses,
            context: Names::new(told.context),
            context_uses,
            class_codes: class_codes(&told.prediction, told.codes.last()),
            estimated: told.prediction.lists.as_ref().map_or(0, |lists| lists.classes.len()),
            codes: told.codes,
            segment_codes,
            segment_blank,
            numeric: numeric + usize::from(told.prediction.numeric),
            prediction: told.prediction,
            joined: told.joined,
            places,
            map,
        }
    }

    /// The slot of a class by its place among so many scores.
    pub fn class_code(&self, lists: &Lists, place: usize, scores: usize) -> i64 {
        let Some(codes) = self.codes.last() else { return 0 };
        if scores == 0 {
            return codes.missing;
        }
        if !lists.names.is_empty() && lists.names.len() != scores {
            return codes.of_text(&format!("one of {scores} scores"));
        }
        self.class_codes.get(place).copied().unwrap_or_else(|| codes.of_text(&place.to_string()))
    }
}

fn class_codes(prediction: &Prediction, codes: Option<&Codes>) -> Vec<i64> {
    match (&prediction.lists, codes) {
        (Some(lists), Some(codes)) if prediction.categorical && lists.names.is_empty() => {
            (0..NUMBERED).map(|place| codes.of_text(&place.to_string())).collect()
        }
        (Some(lists), Some(codes)) if prediction.categorical => {
            lists.names.iter().map(|name| codes.of_text(name)).collect()
        }
        _ => Vec::new(),
    }
}
