//! A record of a source's own shape: the values on the paths of its map become a row, all others are passed over.

use crate::json::{Cursor, Scalar, Sure, Unsure};
use crate::map::{Child, Field, Kind, Map, Node};
use crate::record::{stamp_of, value_of, Reader, Row};
use crate::schema::Models;
use crate::table::Table;

/// Milliseconds between which a time in a unit is surely read as what it says.
const EARLIEST: f64 = 946_684_800_000.0;
const LATEST: f64 = 99_999_999_999_998.0;

impl Reader {
    /// Read a record by its map.
    pub fn mapped(
        &mut self,
        cursor: &mut Cursor,
        map: &Map,
        models: &Models,
        table: &mut Table,
        row: &mut Row,
    ) -> Sure<()> {
        table.orders.resize_with(map.places + 1, Vec::new);
        self.node(cursor, &map.root, map.places, models, table, row)?;
        if row.named {
            return Ok(());
        }
        let name = map.nameless.as_ref().ok_or(Unsure)?;
        row.named = true;
        self.is_of(name, models, row)
    }

    /// Go through an object or array; null is as good as none.
    fn node(
        &mut self,
        cursor: &mut Cursor,
        node: &Node,
        order: usize,
        models: &Models,
        table: &mut Table,
        row: &mut Row,
    ) -> Sure<()> {
        if cursor.peek() == b'n' {
            return cursor.scalar().map(|_| ());
        }
        row.features |= node.whole;
        let mut at = 0;
        if !node.positions.is_empty() {
            return cursor.array(|cursor| {
                let found = match node.positions.get(at) {
                    Some(position) if *position == at => Some(at),
                    _ => node.positions.iter().position(|position| *position == at),
                };
                at += 1;
                match found {
                    Some(found) => self.child(cursor, &node.children[found], models, table, row),
                    None => cursor.skip(),
                }
            });
        }
        table.orders[order].resize(node.children.len(), 0);
        cursor.object(|cursor| {
            let guess = table.orders[order].get(at).copied().unwrap_or_default();
            let found = match node.names.plain(guess) {
                Some(name) if cursor.expects(name) => Some(guess),
                _ => node.names.find(cursor.key()?),
            };
            let Some(found) = found else { return cursor.skip() };
            if let Some(learned) = table.orders[order].get_mut(at) {
                *learned = found;
            }
            at += 1;
            let child = &node.children[found];
            table.once(child.number)?;
            self.child(cursor, child, models, table, row)
        })
    }

    /// The name of the model in a record that is not of the one it was read as; none where it is not surely there.
    pub fn name<'a>(&self, cursor: &mut Cursor<'a>, node: &Node) -> Option<&'a str> {
        let mut name = None;
        let mut look = |cursor: &mut Cursor<'a>, child: Option<&Child>| match child.map(|child| (child.named, &child.kind)) {
            Some((true, Kind::Inner(node))) if cursor.peek() != b'n' => {
                name = self.name(cursor, node);
                Ok(())
            }
            Some((true, Kind::Value(_))) if cursor.peek() == b'"' => {
                name = Some(cursor.string()?.raw);
                Ok(())
            }
            _ => cursor.skip(),
        };
        let mut at = 0;
        let found = if node.positions.is_empty() {
            cursor.object(|cursor| {
                let found = node.names.find(cursor.key()?);
                look(cursor, found.map(|found| &node.children[found]))
            })
        } else {
            cursor.array(|cursor| {
                let found = node.positions.iter().position(|position| *position == at);
                at += 1;
                look(cursor, found.map(|found| &node.children[found]))
            })
        };
        found.ok().and(name)
    }

    #[inline]
    fn child(
        &mut self,
        cursor: &mut Cursor,
        child: &Child,
        models: &Models,
        table: &mut Table,
        row: &mut Row,
    ) -> Sure<()> {
        let model = &models[row.model];
        match &child.kind {
            Kind::Inner(node) => self.node(cursor, node, child.number, models, table, row),
            Kind::Value(fields) => match fields.as_slice() {
                [Field::Prediction] => self.prediction(cursor, model, table, row),
                [Field::Feature(feature)] => {
                    row.features |= cursor.peek() != b'n';
                    self.value(cursor, model, table, &model.uses[*feature])
                }
                fields => {
                    let scalar = cursor.scalar()?;
                    for field in fields {
                        self.taken(&scalar, *field, models, table, row)?;
                    }
                    Ok(())
                }
            },
        }
    }

    /// Take the value of a field.
    fn taken(
        &mut self,
        scalar: &Scalar,
        field: Field,
        models: &Models,
        table: &mut Table,
        row: &mut Row,
    ) -> Sure<()> {
        let model = &models[row.model];
        match field {
            Field::Model => {
                let text = match scalar {
                    Scalar::Null => return Ok(()),
                    Scalar::Text(text) if !text.escaped => text.raw,
                    _ => return Err(Unsure),
                };
                row.named = true;
                return self.is_of(text, models, row);
            }
            Field::Time => row.stamp = stamp_of(scalar)?,
            Field::Epoch(unit) => row.stamp = epoch(scalar, unit)?,
            Field::Rfc3339 if matches!(scalar, Scalar::Number(_)) => return Err(Unsure),
            Field::Rfc3339 => row.stamp = stamp_of(scalar)?,
            Field::Version => return self.version(scalar, row),
            Field::Error => row.failed = self.failure(scalar)?,
            Field::Latency(unit) => {
                row.latency = value_of(scalar)? * unit;
                if row.latency.is_infinite() {
                    return Err(Unsure);
                }
            }
            Field::Prediction => return self.predicted(scalar, model, table, row),
            Field::Id => return self.id(scalar, table, row),
            Field::Feature(feature) => {
                row.features |= !matches!(scalar, Scalar::Null);
                return self.used(scalar, model, table, &model.uses[feature]);
            }
            Field::Context(key) => return self.used(scalar, model, table, &model.context_uses[key]),
        }
        Ok(())
    }

    /// Hold on to a record of this model; one of another is to be read anew.
    fn is_of(&self, name: &str, models: &Models, row: &mut Row) -> Sure<()> {
        if models[row.model].name == name {
            return Ok(());
        }
        row.other = models.find(name);
        Err(Unsure)
    }
}

/// The event time (ms) of a number of units; none where it is null.
fn epoch(scalar: &Scalar, unit: f64) -> Sure<Option<i64>> {
    match scalar {
        Scalar::Null => Ok(None),
        Scalar::Number(number) => {
            let millis = number.value * unit;
            if !(EARLIEST..=LATEST).contains(&millis) {
                return Err(Unsure);
            }
            Ok(Some(millis.round_ties_even() as i64))
        }
        _ => Err(Unsure),
    }
}
