//! `prediction`: a value, scores of classes, or a ranking.

use crate::json::{Cursor, Scalar, Sure, Unsure};
use crate::record::{value_of, Reader, Row, LONGEST_ID};
use crate::schema::{Lists, Model};
use crate::table::{Kept, Table};

/// Integers up to it are floats, all of them: the items of a ranking.
const FARTHEST_ITEM: f64 = 9_007_199_254_740_992.0;

impl Reader {
    /// Read a prediction.
    pub fn prediction(&mut self, cursor: &mut Cursor, model: &Model, table: &mut Table, row: &mut Row) -> Sure<()> {
        if model.prediction.skipped {
            return cursor.skip();
        }
        if cursor.peek() == b'[' {
            return match &model.prediction.lists {
                Some(lists) if lists.scores => self.class_scores(cursor, lists, model, table, row),
                Some(_) => self.ranking(cursor, model, table, row),
                None => Err(Unsure),
            };
        }
        let scalar = cursor.scalar()?;
        self.predicted(&scalar, model, table, row)
    }

    /// Take the prediction that a value is.
    pub fn predicted(&mut self, scalar: &Scalar, model: &Model, table: &mut Table, row: &mut Row) -> Sure<()> {
        let how = &model.prediction;
        if how.skipped {
            return Ok(());
        }
        let odd = match scalar {
            Scalar::Null => false,
            Scalar::Text(_) => !how.text || !how.single,
            _ => !how.single,
        };
        if odd {
            return Err(Unsure);
        }
        if how.numeric {
            let at = table.numeric.len() - 1;
            table.numeric[at] = value_of(scalar)?;
        }
        if how.categorical {
            let at = table.categorical.len() - 1;
            table.categorical[at] = model.codes[model.codes.len() - 1].of(scalar, &mut self.room)?;
        }
        if model.joined {
            row.prediction = table.keep(scalar, how.whole, &mut self.room)?;
        }
        Ok(())
    }

    fn class_scores(
        &mut self,
        cursor: &mut Cursor,
        lists: &Lists,
        model: &Model,
        table: &mut Table,
        row: &mut Row,
    ) -> Sure<()> {
        let scores = &mut self.scores;
        scores.clear();
        cursor.array(|cursor| {
            if scores.len() == lists.most || !matches!(cursor.peek(), b'-' | b'0'..=b'9') {
                return Err(Unsure);
            }
            scores.push(cursor.float()?);
            Ok(())
        })?;
        if scores.len() < lists.least {
            return Err(Unsure);
        }
        let best = best_of(scores);
        if model.prediction.numeric {
            let at = table.numeric.len() - 1;
            table.numeric[at] = scores[if scores.len() > 1 { lists.pair } else { 0 }];
        }
        if model.prediction.categorical {
            let at = table.categorical.len() - 1;
            table.categorical[at] = model.class_code(lists, best, scores.len());
        }
        if model.estimated > 0 {
            let start = table.probabilities.len() - model.estimated;
            for (into, place) in table.probabilities[start..].iter_mut().zip(&lists.classes) {
                *into = place.and_then(|place| scores.get(place)).copied().unwrap_or(f64::NAN);
            }
            if let Some(last) = table.listed.last_mut() {
                *last = true;
            }
        }
        if model.joined && lists.chosen {
            let start = table.texts.len();
            table.texts.push_str(&lists.names[best]);
            row.prediction = Kept::Text(start, table.texts.len());
        } else if model.joined {
            let start = table.items.len();
            table.items.extend(scores.iter().map(|score| Kept::Float(*score)));
            row.prediction = Kept::List(start, table.items.len());
        }
        Ok(())
    }

    fn ranking(&mut self, cursor: &mut Cursor, model: &Model, table: &mut Table, row: &mut Row) -> Sure<()> {
        let start = table.items.len();
        cursor.array(|cursor| {
            let scalar = cursor.scalar()?;
            let fits = match &scalar {
                Scalar::Text(text) => text.raw.len() <= LONGEST_ID,
                Scalar::Number(number) => number.whole.is_some() || number.value.abs() <= FARTHEST_ITEM,
                _ => false,
            };
            if !fits {
                return Err(Unsure);
            }
            let item = table.keep(&scalar, true, &mut self.room)?;
            table.items.push(item);
            Ok(())
        })?;
        if model.joined {
            row.prediction = Kept::List(start, table.items.len());
        }
        Ok(())
    }
}

/// The place of the highest score, the first of several.
fn best_of(scores: &[f64]) -> usize {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = place;
        }
    }
    best
}
