//! Operations that change the number or the order of what vectors and maps hold.

use super::pick::{one_of, pick_for};
use super::{Runner, Stop};
use crate::change::Change;
use crate::model::{Edge, Id};
use crate::random::Random;
use crate::shape::{Held, Shape};
use crate::turn::Turn;
use std::collections::HashMap;

impl Runner {
    /// Changes the elements of a vector a few times.
    pub(super) fn change(&mut self, random: &mut Random) -> Result<(), Stop> {
        self.enter(|mu, model, roots| {
            let Some((id, at)) = one_of(Shape::is_vector, mu, model, roots, random) else { return Ok(()) };
            let Some(kind) = model.object(id).shape.place() else { return Ok(()) };
            for _ in 0..1 + random.below(6) {
                let (held, edge) = match pick_for(kind, mu, model, roots, random)? {
                    Some((to, object)) if random.below(4) > 0 => (Held::Object(object), Some(Edge::To(to))),
                    Some(_) | None => (Held::Nothing, None),
                };
                let change = change_of(model.object(id).len, random);
                at.change(mu, change.map(|()| held))?;
                // What the heap sorts by: addresses, and numbers as they are.
                let keys: HashMap<Id, u64> = model
                    .object(id)
                    .edges
                    .values()
                    .chain(&edge)
                    .filter_map(|edge| match edge {
                        Edge::To(to) => Some((*to, model.object(*to).addr as u64)),
                        Edge::Hidden(..) | Edge::Number(_) => None,
                    })
                    .collect();
                let key = |edge: Option<Edge>| match edge {
                    None => 0,
                    Some(Edge::To(to)) => keys[&to],
                    Some(Edge::Hidden(_, number) | Edge::Number(number)) => number,
                };
                model.change(id, |places| change.map(|()| edge).apply(places, key), at.slots_beside());
            }
            Ok(())
        })
    }

    /// Changes the entries of a map a few times.
    pub(super) fn turn(&mut self, random: &mut Random) -> Result<(), Stop> {
        self.enter(|mu, model, roots| {
            let Some((id, at)) = one_of(Shape::is_map, mu, model, roots, random) else { return Ok(()) };
            let Some(kind) = model.object(id).shape.place() else { return Ok(()) };
            for _ in 0..1 + random.below(6) {
                // A map holds no nothing.
                let Some((to, object)) = pick_for(kind, mu, model, roots, random)? else { return Ok(()) };
                let turn = turn_of(model.object(id).len, random);
                at.turn(mu, turn.map(|()| Held::Object(object)))?;
                model.turn(id, |edges| turn.map(|()| Edge::To(to)).apply(edges), at.slots_beside());
            }
            Ok(())
        })
    }
}

/// A change to a vector of that many elements.
fn change_of(len: usize, random: &mut Random) -> Change<()> {
    let index = |random: &mut Random| random.index(len.max(1));
    match random.below(24) {
        0 | 1 => Change::Push(()),
        2 => Change::Extend((), random.index(9)),
        3 => Change::Pop,
        4 => Change::Insert(random.index(len + 1), ()),
        5 if len > 0 => Change::Remove(index(random)),
        6 if len > 0 => Change::SwapRemove(index(random)),
        7 if len > 0 => Change::Swap(index(random), index(random)),
        8 => Change::Truncate(random.index(len + 1)),
        9 if len > 0 => {
            let from = index(random);
            Change::CopyWithin(from, random.index(from + 1))
        }
        10 => Change::Reverse,
        11 => Change::Rotate(random.index(len + 1)),
        12 => Change::Reserve(random.index(20)),
        13 => {
            let from = random.index(len + 1);
            Change::Drain(from, from + random.index(len - from + 1))
        }
        14 => Change::Retain(1 + random.index(5)),
        15 => Change::Resize(random.index(len + 9), ()),
        16 => Change::Sort,
        17 => Change::Dedup,
        18 => Change::Fill(()),
        19 => {
            let from = random.index(len + 1);
            Change::Write(from, random.index(len - from + 1), ())
        }
        20 => Change::RotateRight(random.index(len + 1)),
        21 => Change::ExtendEach((), random.index(9)),
        22 => Change::ThereAndBack,
        _ => Change::Shrink,
    }
}

/// A change to a map of that many keys.
fn turn_of(keys: usize, random: &mut Random) -> Turn<()> {
    if keys == 0 {
        return Turn::Shrink;
    }
    let key = random.index(keys);
    let some = random.index(keys - key + 1);
    match random.below(20) {
        0..4 => Turn::Insert(key, ()),
        4 | 5 => Turn::Extend(key, some, ()),
        6 | 7 => Turn::OrInsert(key, ()),
        8 | 9 => Turn::Toggle(key, ()),
        10 => Turn::Update(key, ()),
        11 => Turn::UpdateAll(()),
        12..15 => Turn::Remove(key),
        15 => Turn::Retain(key, some),
        16 => Turn::Drain,
        17 => Turn::Clear,
        18 => Turn::Reserve(random.index(30)),
        _ => Turn::Shrink,
    }
}
