//! Objects come to be: which shape, how long, and what their first places lead to.

use super::pick::pick_for;
use super::{Runner, Stop};
use crate::drops::Register;
use crate::model::{Edge, Id, Model, Object};
use crate::random::Random;
use crate::shape::{Any, Held, Place, Shape, content};
use std::collections::BTreeMap;
use std::sync::Arc;
use tricolor::Mu;

/// How often each shape is allocated.
const SHAPES: [(Shape, u32); 29] = [
    (Shape::Tiny, 8),
    (Shape::Words, 8),
    (Shape::Text, 4),
    (Shape::Bytes, 3),
    (Shape::Chain, 10),
    (Shape::Hub, 24),
    (Shape::Node1, 6),
    (Shape::Node2, 6),
    (Shape::Node3, 5),
    (Shape::Node5, 4),
    (Shape::Node7, 4),
    (Shape::Node12, 4),
    (Shape::Node70, 3),
    (Shape::Refs, 6),
    (Shape::Pairs, 4),
    (Shape::Anys, 5),
    (Shape::Vector, 6),
    (Shape::AnyVector, 4),
    (Shape::Map, 6),
    (Shape::AnyMap, 5),
    (Shape::Atomic, 6),
    (Shape::Notes, 7),
    (Shape::StoneNotes, 4),
    (Shape::Names, 4),
    (Shape::Name, 2),
    (Shape::Watch, 7),
    (Shape::Stone, 5),
    (Shape::Stones, 2),
    (Shape::Hand, 5),
];

fn shape_of(random: &mut Random) -> Shape {
    let sum: u32 = SHAPES.iter().map(|(_, weight)| weight).sum();
    let mut left = random.word() % sum;
    for (shape, weight) in SHAPES {
        if left < weight {
            return shape;
        }
        left -= weight;
    }
    Shape::Tiny
}

/// Mostly short; one in 16 fills size classes, one in 64 is a large object, one in 1024 one scanned in pieces.
fn len_of(shape: Shape, random: &mut Random) -> usize {
    let lot = random.below(1024);
    let span = match (shape, lot) {
        (Shape::Hand | Shape::Stones, _) => (0, 7),
        (Shape::Name, _) => (0, 12),
        (Shape::Map | Shape::AnyMap, 0..=15) => (1200, 2000),
        (Shape::Map | Shape::AnyMap, 17..) => (4, 40),
        (Shape::Refs, 0) => (17_000, 40_000),
        (Shape::Words | Shape::Refs | Shape::Pairs | Shape::Vector, 1..=15) => (4100, 6000),
        (Shape::Anys | Shape::AnyVector, 1..=15) => (2050, 2500),
        (_, 16..=80) => (20, 500),
        _ => (0, 12),
    };
    span.0 + random.index(span.1 - span.0)
}

impl Runner {
    /// Allocates an object, and makes a root for it if it is to be kept.
    pub(super) fn alloc(&mut self, random: &mut Random, keep: bool) -> Result<(), Stop> {
        let id = self.next;
        self.next += 1;
        self.stats.objects += 1;
        let register = Arc::clone(&self.register);
        self.enter(|mu, model, roots| {
            let shape = shape_of(random);
            let mut len = len_of(shape, random);
            let mut first = Vec::new();
            let mut edges = BTreeMap::new();
            if let Some(place) = shape.place() {
                let most = shape.places(len).min(if place == Place::Fixed { len } else { 4 });
                for _ in 0..most {
                    match pick_for(place, mu, model, roots, random)? {
                        Some((to, object)) if place == Place::Fixed || random.below(3) > 0 => {
                            edges.insert(first.len(), Edge::To(to));
                            first.push(Held::Object(object));
                        }
                        Some(_) | None if place == Place::Fixed => {}
                        Some(_) | None => first.push(Held::Nothing),
                    }
                }
                if place == Place::Fixed {
                    len = edges.len();
                }
            }
            let object = add(mu, model, &register, id, (shape, len), (&first, edges))?;
            if keep {
                roots.push(object.root(mu));
                model.roots.push(id);
            }
            Ok(())
        })
    }
}

/// Makes an object, and enters it: its shape, what it is allocated with, and what its first places hold, here and in the model.
pub(super) fn add<'gc>(
    mu: &Mu<'gc>,
    model: &mut Model,
    register: &Arc<Register>,
    id: Id,
    (shape, len): (Shape, usize),
    (first, edges): (&[Held<'gc>], BTreeMap<usize, Edge>),
) -> Result<Any<'gc>, Stop> {
    let object = shape.alloc(mu, id, len, first, register).inspect_err(|_| {
        // Of a slice none was made.
        if shape != Shape::Stones && shape.stones(len) > 0 {
            model.drop_stone(content(id, 0));
        }
    })?;
    object.check(id, len)?;
    let (addr, slots_beside) = (object.addr(), object.slots_beside());
    model.add(id, Object { slots_beside, edges, ..Object::new(shape, len, addr) });
    Ok(object)
}
