//! One record: an object that becomes a row of its model's table, or is left to the reader in Python.

use crate::json::{Cursor, Scalar, Sure, Unsure};
use crate::schema::{Model, Models, Use};
use crate::table::{Kept, Mark, Table};
use crate::times;

/// Names of versions that are longer are somebody else's.
const LONGEST_VERSION: usize = 128;

/// Ids that are longer are somebody else's.
pub const LONGEST_ID: usize = 512;

/// White space behind a record.
const MOST_BEHIND: usize = 64;

/// What `error` is as text where nothing failed.
const NO_FAILURE: [&str; 5] = ["", "0", "false", "False", "FALSE"];

/// Why a record is no row yet.
pub enum Not {
    /// It is left to the reader in Python.
    Sure,
    /// It is of this model, not of the one it was read as.
    Model(usize),
}

/// When a message was written and read, and how far ahead of that a record may be; ms.
#[derive(Clone, Copy)]
pub struct Moment {
    /// When it was written; the largest number where nobody knows.
    pub written: i64,
    /// When it was read.
    pub received: i64,
    /// How far ahead of both a record may be.
    pub max_ahead: i64,
}

/// Fields that have been read, as bits.
#[derive(Default)]
struct Fields(u16);

impl Fields {
    fn once(&mut self, field: u16) -> Sure<()> {
        let bit = 1 << field;
        if self.0 & bit != 0 {
            return Err(Unsure);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// A record that is being read.
pub struct Row {
    /// The model it is read as.
    pub model: usize,
    /// Whether it names its model.
    pub named: bool,
    /// Where its table stood before it.
    pub begun: Option<Mark>,
    /// The model that it is of instead.
    pub other: Option<usize>,
    /// Its event time, ms.
    pub stamp: Option<i64>,
    /// Its latency, ms.
    pub latency: f64,
    /// Whether it failed.
    pub failed: bool,
    /// Whether it has features.
    pub features: bool,
    /// Its version.
    pub version: Option<String>,
    /// Its id, where that is kept.
    pub id: Kept,
    /// Its prediction, where that is kept.
    pub prediction: Kept,
}

/// Reads records; remembers the version of the last one, and room for text with escapes.
#[derive(Default)]
pub struct Reader {
    /// Text without its escapes.
    pub room: String,
    /// Scores of a list.
    pub scores: Vec<f64>,
    last_version: String,
}

impl Reader {
    /// Read a record as one of model `guess`; it is a row at `place` then, of the model that is given, and where its
    /// table stood before it.
    ///
    /// Where it stands `alone` nothing may follow it. Where it is not read no trace of it is left.
    pub fn read(
        &mut self,
        cursor: &mut Cursor,
        models: &Models,
        tables: &mut [Table],
        guess: usize,
        place: (i64, Moment, bool),
    ) -> Result<(usize, Mark), Not> {
        let mut row = Row {
            model: guess,
            named: false,
            begun: None,
            other: None,
            stamp: None,
            latency: f64::NAN,
            failed: false,
            features: false,
            version: None,
            id: Kept::Null,
            prediction: Kept::Null,
        };
        let found = self.whole(cursor, models, tables, &mut row, place);
        let model = row.model;
        if let Some(other) = row.other {
            undo(tables, &row);
            return Err(Not::Model(other));
        }
        match (found, row.begun) {
            (Ok(()), Some(mark)) => Ok((model, mark)),
            _ => {
                undo(tables, &row);
                Err(Not::Sure)
            }
        }
    }

    fn whole(
        &mut self,
        cursor: &mut Cursor,
        models: &Models,
        tables: &mut [Table],
        row: &mut Row,
        (place, moment, alone): (i64, Moment, bool),
    ) -> Sure<()> {
        match &models[row.model].map {
            Some(map) => {
                begin(models, tables, row);
                let table = &mut tables[row.model];
                self.mapped(cursor, map, models, table, row)?;
            }
            None => {
                let mut fields = Fields::default();
                cursor.object(|cursor| self.field(cursor, models, tables, row, &mut fields))?;
            }
        }
        if alone && (cursor.broke() || cursor.left() > MOST_BEHIND || !cursor.ends()) {
            return Err(Unsure);
        }
        if !row.named || !(row.features || row.failed) {
            return Err(Unsure);
        }
        let stamp = row.stamp.unwrap_or(moment.written);
        let known = moment.written.min(moment.received);
        if (row.stamp.is_none() && !times::possible(moment.written)) || stamp > known.saturating_add(moment.max_ahead) {
            return Err(Unsure);
        }
        begin(models, tables, row);
        let table = &mut tables[row.model];
        let blank = models[row.model].map.as_ref().map_or("0", |map| &map.version);
        let version = table.version_of(row.version.as_deref().unwrap_or(blank));
        if let Some(name) = row.version.take() {
            self.last_version = name;
        }
        table.version.push(version);
        table.places.push(place);
        table.stamps.push(stamp);
        table.proven.push(stamp.min(moment.written));
        table.latency.push(row.latency);
        table.failed.push(row.failed);
        if models[row.model].joined {
            table.ids.push(std::mem::replace(&mut row.id, Kept::Null));
            table.predictions.push(std::mem::replace(&mut row.prediction, Kept::Null));
        }
        Ok(())
    }

    #[inline]
    fn field(
        &mut self,
        cursor: &mut Cursor,
        models: &Models,
        tables: &mut [Table],
        row: &mut Row,
        fields: &mut Fields,
    ) -> Sure<()> {
        let key = cursor.key()?;
        match key {
            "model" => {
                fields.once(0)?;
                return self.model(cursor, models, row);
            }
            "timestamp" => {
                fields.once(1)?;
                row.stamp = stamp_of(&cursor.scalar()?)?;
                return Ok(());
            }
            "version" => {
                fields.once(2)?;
                let scalar = cursor.scalar()?;
                return self.version(&scalar, row);
            }
            "error" => {
                fields.once(3)?;
                row.failed = self.failure(&cursor.scalar()?)?;
                return Ok(());
            }
            "latency_ms" => {
                fields.once(4)?;
                row.latency = number(cursor)?;
                return Ok(());
            }
            _ => {}
        }
        let model = &models[row.model];
        let own = match key {
            "prediction" | "features" | "context" => true,
            "prediction_id" => model.joined,
            _ => false,
        };
        if !own {
            // in the records of another model it may be a known field
            if key == "prediction_id" && models.joined {
                begin(models, tables, row);
            }
            return cursor.skip();
        }
        begin(models, tables, row);
        let table = &mut tables[row.model];
        match key {
            "prediction" => {
                fields.once(5)?;
                self.prediction(cursor, model, table, row)
            }
            "features" => {
                fields.once(6)?;
                if cursor.peek() == b'n' {
                    return cursor.scalar().map(|_| ());
                }
                row.features = true;
                self.features(cursor, model, table)
            }
            "context" => {
                fields.once(7)?;
                if cursor.peek() == b'n' {
                    return cursor.scalar().map(|_| ());
                }
                self.context(cursor, model, table)
            }
            _ => {
                fields.once(8)?;
                let scalar = cursor.scalar()?;
                self.id(&scalar, table, row)
            }
        }
    }

    fn model(&mut self, cursor: &mut Cursor, models: &Models, row: &mut Row) -> Sure<()> {
        let text = cursor.string()?;
        let name = text.plain(&mut self.room)?;
        row.named = true;
        if models[row.model].name == name {
            return Ok(());
        }
        let found = models.find(name).ok_or(Unsure)?;
        if row.begun.is_some() {
            row.other = Some(found);
            return Err(Unsure);
        }
        row.model = found;
        Ok(())
    }

    /// Whether a value of `error` says that something failed.
    pub fn failure(&mut self, scalar: &Scalar) -> Sure<bool> {
        Ok(match scalar {
            Scalar::Null => false,
            Scalar::Truth(truth) => *truth,
            Scalar::Number(number) => number.value != 0.0,
            Scalar::Text(text) => !NO_FAILURE.contains(&text.plain(&mut self.room)?),
        })
    }

    /// Take the version that a value is.
    pub fn version(&mut self, scalar: &Scalar, row: &mut Row) -> Sure<()> {
        let name = match scalar {
            Scalar::Null => return Ok(()),
            Scalar::Number(number) if number.whole.is_some() => number.raw,
            Scalar::Text(text) => text.plain(&mut self.room)?,
            _ => return Err(Unsure),
        };
        if name.len() > LONGEST_VERSION {
            return Err(Unsure);
        }
        let mut kept = std::mem::take(&mut self.last_version); // its memory serves again
        kept.clear();
        kept.push_str(name);
        row.version = Some(kept);
        Ok(())
    }

    /// Take the id that a value is.
    pub fn id(&mut self, scalar: &Scalar, table: &mut Table, row: &mut Row) -> Sure<()> {
        match scalar {
            Scalar::Text(text) if text.raw.len() > LONGEST_ID => return Err(Unsure),
            Scalar::Number(number) if number.whole.is_none() => return Err(Unsure),
            Scalar::Truth(_) => return Err(Unsure),
            _ => {}
        }
        row.id = table.keep(scalar, true, &mut self.room)?;
        Ok(())
    }

    #[inline]
    fn features(&mut self, cursor: &mut Cursor, model: &Model, table: &mut Table) -> Sure<()> {
        let mut at = 0;
        cursor.object(|cursor| {
            let guess = table.order.get(at).copied().unwrap_or_default();
            let found = match model.features.plain(guess) {
                Some(name) if cursor.expects(name) => Some(guess),
                _ => model.features.find(cursor.key()?),
            };
            if let (Some(found), Some(learned)) = (found, table.order.get_mut(at)) {
                *learned = found;
            }
            at += 1;
            let Some(found) = found else { return cursor.skip() };
            table.once(found)?;
            self.value(cursor, model, table, &model.uses[found])
        })
    }

    fn context(&mut self, cursor: &mut Cursor, model: &Model, table: &mut Table) -> Sure<()> {
        cursor.object(|cursor| {
            let Some(found) = model.context.find(cursor.key()?) else { return cursor.skip() };
            table.once(model.features.len() + found)?;
            self.value(cursor, model, table, &model.context_uses[found])
        })
    }

    /// Read a value to where it is used.
    #[inline]
    pub fn value(&mut self, cursor: &mut Cursor, model: &Model, table: &mut Table, used: &Use) -> Sure<()> {
        if let (Some(column), b'-' | b'0'..=b'9', true) = (used.numeric, cursor.peek(), used.segments.is_empty()) {
            let at = table.numeric.len() - model.numeric + column;
            table.numeric[at] = cursor.float()?;
            return Ok(());
        }
        let scalar = cursor.scalar()?;
        self.used(&scalar, model, table, used)
    }

    /// Put a value where it is used.
    pub fn used(&mut self, scalar: &Scalar, model: &Model, table: &mut Table, used: &Use) -> Sure<()> {
        if let Some(column) = used.numeric {
            let at = table.numeric.len() - model.numeric + column;
            table.numeric[at] = value_of(scalar)?;
        }
        if let Some(column) = used.categorical {
            let at = table.categorical.len() - model.codes.len() + column;
            table.categorical[at] = model.codes[column].of(scalar, &mut self.room)?;
        }
        for segment in &used.segments {
            let at = table.segments.len() - model.segment_codes.len() + segment;
            table.segments[at] = model.segment_codes[*segment].of(scalar, &mut self.room)?;
        }
        Ok(())
    }
}

/// From here on a row is of its model.
#[inline]
fn begin(models: &Models, tables: &mut [Table], row: &mut Row) {
    if row.begun.is_none() {
        let table = &mut tables[row.model];
        row.begun = Some(table.mark());
        table.begin(&models[row.model]);
    }
}

fn undo(tables: &mut [Table], row: &Row) {
    if let Some(mark) = row.begun {
        tables[row.model].undo(mark);
    }
}

/// The event time (ms) that a value is; none where it is null.
pub fn stamp_of(scalar: &Scalar) -> Sure<Option<i64>> {
    match scalar {
        Scalar::Null => Ok(None),
        Scalar::Number(number) => Ok(Some(times::of_number(*number)?)),
        Scalar::Text(text) if !text.escaped => Ok(Some(times::of_text(text.raw)?)),
        _ => Err(Unsure),
    }
}

#[inline]
fn number(cursor: &mut Cursor) -> Sure<f64> {
    if matches!(cursor.peek(), b'-' | b'0'..=b'9') {
        return cursor.float();
    }
    let scalar = cursor.scalar()?;
    value_of(&scalar)
}

/// The number that a value is; null is none, true is 1.
#[inline]
pub fn value_of(scalar: &Scalar) -> Sure<f64> {
    match scalar {
        Scalar::Null => Ok(f64::NAN),
        Scalar::Truth(truth) => Ok(f64::from(u8::from(*truth))),
        Scalar::Number(number) => Ok(number.value),
        Scalar::Text(_) => Err(Unsure),
    }
}
