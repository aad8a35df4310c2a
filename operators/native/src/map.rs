//! Where the fields of a record are found, when its shape is a source's own: what `operators.intake.native_maps` gives.

use pyo3::prelude::*;

use crate::schema::Names;

/// A key of an object, or a position in an array.
#[derive(FromPyObject, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key.
    Key(String),
    /// A position.
    Position(usize),
}

/// What is read at a place.
#[derive(Clone, Copy)]
pub enum Field {
    /// The model's name.
    Model,
    /// A time as the contract has it.
    Time,
    /// A time in units of so many milliseconds.
    Epoch(f64),
    /// A time that is text.
    Rfc3339,
    /// The version.
    Version,
    /// Whether it failed.
    Error,
    /// The latency, in units of so many milliseconds.
    Latency(f64),
    /// The prediction.
    Prediction,
    /// Its id.
    Id,
    /// A feature, by number.
    Feature(usize),
    /// A key of the context, by number.
    Context(usize),
}

/// What Python tells of a place: its path, the name of the field, and a number that goes with it.
type ToldPlace = (Vec<Step>, String, f64);

/// What Python tells of a map.
#[derive(FromPyObject)]
pub struct ToldMap {
    places: Vec<ToldPlace>,
    whole: Option<Vec<Step>>,
    nameless: Option<String>,
    version: String,
    segments: Vec<(usize, i64)>,
}

/// An object or array on the way to values.
pub struct Node {
    /// Keys, where it is an object.
    pub names: Names,
    /// Positions, where it is an array.
    pub positions: Vec<usize>,
    /// What is there, in their order.
    pub children: Vec<Child>,
    /// Whether it is the object that holds features and nothing else: where it is, there are some.
    pub whole: bool,
}

/// What is below a node.
pub struct Child {
    /// Its number.
    pub number: usize,
    /// What it is.
    pub kind: Kind,
    /// Whether the name of the model is there, or below.
    pub named: bool,
}

/// What a child is.
pub enum Kind {
    /// An object or array.
    Inner(Node),
    /// A value.
    Value(Vec<Field>),
}

/// A map.
pub struct Map {
    /// The record.
    pub root: Node,
    /// How many places there are below it.
    pub places: usize,
    /// The model of records that name none.
    pub nameless: Option<String>,
    /// The version of records that have none.
    pub version: String,
    /// Segment keys that are constant, and their index.
    pub segments: Vec<(usize, i64)>,
}

/// Nodes as they are collected.
#[derive(Default)]
struct Tree {
    fields: Vec<Field>,
    children: Vec<(Step, Tree)>,
}

impl Map {
    /// Compile what Python tells.
    pub fn new(told: ToldMap) -> Self {
        let mut tree = Tree::default();
        for (steps, name, number) in &told.places {
            if let Some(field) = field_of(name, *number) {
                tree.at(steps).fields.push(field);
            }
        }
        let mut places = 0;
        let root = tree.node(&mut places, told.whole.as_deref());
        Map { root, places, nameless: told.nameless, version: told.version, segments: told.segments }
    }
}

impl Tree {
    fn at(&mut self, steps: &[Step]) -> &mut Tree {
        let Some((first, rest)) = steps.split_first() else { return self };
        let known = self.children.iter().position(|(step, _)| step == first);
        let place = known.unwrap_or_else(|| {
            self.children.push((first.clone(), Tree::default()));
            self.children.len() - 1
        });
        self.children[place].1.at(rest)
    }

    /// The node; `whole` is the way from here to the object that holds the features, if it is below.
    fn node(self, count: &mut usize, whole: Option<&[Step]>) -> Node {
        let is_whole = whole.is_some_and(<[Step]>::is_empty);
        let (mut names, mut positions, mut children) = (Vec::new(), Vec::new(), Vec::new());
        for (step, tree) in self.children {
            let number = *count;
            *count += 1;
            let below = whole.and_then(<[Step]>::split_first).filter(|(first, _)| **first == step).map(|(_, rest)| rest);
            let kind = if tree.children.is_empty() {
                Kind::Value(tree.fields)
            } else {
                Kind::Inner(tree.node(count, below))
            };
            let named = match &kind {
                Kind::Inner(node) => node.children.iter().any(|child| child.named),
                Kind::Value(fields) => fields.iter().any(|field| matches!(field, Field::Model)),
            };
            children.push(Child { number, kind, named });
            match step {
                Step::Key(name) => names.push(name),
                Step::Position(position) => positions.push(position),
            }
        }
        Node { names: Names::new(names), positions, children, whole: is_whole }
    }
}

fn field_of(name: &str, number: f64) -> Option<Field> {
    Some(match name {
        "model" => Field::Model,
        "timestamp" => Field::Time,
        "epoch" => Field::Epoch(number),
        "rfc3339" => Field::Rfc3339,
        "version" => Field::Version,
        "error" => Field::Error,
        "latency_ms" => Field::Latency(number),
        "prediction" => Field::Prediction,
        "prediction_id" => Field::Id,
        "feature" => Field::Feature(number as usize),
        "context" => Field::Context(number as usize),
        _ => return None,
    })
}
