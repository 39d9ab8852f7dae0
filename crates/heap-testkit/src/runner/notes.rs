//! Operations with weak maps, intern tables, and references that are exchanged.

use super::pick::{one_of, pick_for, same};
use super::{Runner, Stop, add};
use crate::model::{Edge, Id, Model, Object, Sight};
use crate::random::Random;
use crate::shape::{Any, Exchange, Held, Place, Shape};
use std::collections::BTreeMap;
use std::sync::Arc;
use tricolor::Mu;

/// Names that programs use: few, so that they meet.
const NAMES: usize = 12;
/// Entries of a chain, in which the value of one is the key of the next.
const LINKS: u64 = 3;
/// The lot by which one is taken out.
const TAKEN_OUT: u64 = 4;

impl Runner {
    /// Asks a weak map, or tells it something.
    pub(super) fn note(&mut self, random: &mut Random) -> Result<(), Stop> {
        let (new, newer) = (self.next, self.next + 1);
        self.next += 1 + LINKS;
        let register = Arc::clone(&self.register);
        self.enter::<_, Stop>(|mu, model, roots| {
            let Some((id, map)) = one_of(Shape::is_notes, mu, model, roots, random) else { return Ok(()) };
            if random.below(12) == 0 {
                if random.below(2) == 0 {
                    map.forget_all(mu);
                    model.object_mut(id).notes.clear();
                    settle_table(model, (id, map), Shrunk::No);
                } else {
                    map.shrink(mu);
                    settle_table(model, (id, map), Shrunk::Maybe);
                }
                return Ok(());
            }
            // A key that nothing keeps, or one that something does.
            let no_edges = || (&[][..], BTreeMap::new());
            let key = match pick_for(Place::Hub, mu, model, roots, random)? {
                Some(key) if random.below(5) > 0 => key,
                Some(_) | None => (new, add(mu, model, &register, new, (Shape::Hub, 0), no_edges())?),
            };
            let known = model.object(id).notes.get(&key.0).copied();
            let right = |found: Option<Any<'_>>| match (found, known) {
                (None, None) => Ok(()),
                (Some(found), Some(value)) => same(model, value, found),
                (found, known) => Err(format!("{id:#x} knows {found:?} of {:#x}, not {known:x?}", key.0)),
            };
            match random.below(8) {
                0 => right(map.remove_note(mu, key.1))?,
                1 => {
                    let found = map.note(mu, key.1);
                    right(found)?;
                    if let (Some(value), Some(found)) = (known, found) {
                        roots.push(found.root(mu));
                        model.roots.push(value);
                    }
                    return Ok(());
                }
                2 if model.object(id).shape == Shape::Notes => {
                    let mut links = vec![key];
                    for name in newer..newer + LINKS {
                        links.push((name, add(mu, model, &register, name, (Shape::Hub, 0), no_edges())?));
                    }
                    // The last first: whoever goes through them in this order finds one at a time.
                    for link in links.windows(2).rev() {
                        tell(mu, model, (id, map), link[0], link[1])?;
                    }
                    return Ok(());
                }
                lot => {
                    let value = if model.object(id).shape == Shape::StoneNotes {
                        (newer, add(mu, model, &register, newer, (Shape::Stone, 0), no_edges())?)
                    } else {
                        match pick_for(Place::Hub, mu, model, roots, random)? {
                            Some(value) if random.below(3) == 0 => value,
                            // One that leads back to its key, or to another.
                            Some(_) | None => {
                                let to = pick_for(Place::Hub, mu, model, roots, random)?;
                                let to = to.filter(|_| random.below(2) == 0).unwrap_or(key);
                                let edges = BTreeMap::from([(0, Edge::To(to.0))]);
                                let first = [Held::Object(to.1)];
                                (newer, add(mu, model, &register, newer, (Shape::Hub, 0), (&first, edges))?)
                            }
                        }
                    };
                    if lot > 3 {
                        return tell(mu, model, (id, map), key, value);
                    }
                    let found = map.note_or(mu, key.1, value.1);
                    settle_table(model, (id, map), Shrunk::No);
                    let stays = known.unwrap_or(value.0);
                    same(model, stays, found?)?;
                    model.object_mut(id).notes.insert(key.0, stays);
                    return Ok(());
                }
            }
            model.object_mut(id).notes.remove(&key.0);
            settle_table(model, (id, map), Shrunk::No);
            Ok(())
        })
    }

    /// Asks an intern table for a name.
    pub(super) fn name(&mut self, random: &mut Random) -> Result<(), Stop> {
        let new = self.next;
        self.next += 1;
        self.enter::<_, Stop>(|mu, model, roots| {
            let is_table = |shape| shape == Shape::Names;
            let Some((id, table)) = one_of(is_table, mu, model, roots, random) else { return Ok(()) };
            let number = random.index(NAMES);
            let known = model.object(id).names.get(&number).copied();
            let lot = random.below(12);
            let (found, made) = match lot {
                0 => {
                    table.shrink(mu);
                    settle_table(model, (id, table), Shrunk::Maybe);
                    return Ok(());
                }
                1 => {
                    table.forget_all(mu);
                    model.object_mut(id).names.clear();
                    settle_table(model, (id, table), Shrunk::No);
                    return Ok(());
                }
                2..4 => (table.find_name(mu, number), false),
                TAKEN_OUT => (table.remove_name(mu, number), false),
                _ => match table.intern(mu, number) {
                    Ok((name, made)) => (Some(name), made),
                    Err(error) => {
                        table.shrink(mu);
                        settle_table(model, (id, table), Shrunk::Maybe);
                        return Err(error.into());
                    }
                },
            };
            let reachable = model.reachable();
            if let Some(name) = known {
                let is_found = found.is_some() && !made;
                model.looked(Sight { through: name, to: name }, is_found, &reachable)?;
            }
            match (found, known) {
                (Some(found), Some(name)) if !made => {
                    same(model, name, found)?;
                    found.check(name, number)?;
                    if lot == TAKEN_OUT {
                        model.object_mut(id).names.remove(&number);
                    }
                    if random.below(2) == 0 {
                        roots.push(found.root(mu));
                        model.roots.push(name);
                    }
                }
                (Some(found), _) if made => {
                    model.add(new, Object::new(Shape::Name, number, found.addr()));
                    found.check(new, number)?;
                    model.object_mut(id).names.insert(number, new);
                    if random.below(2) == 0 {
                        roots.push(found.root(mu));
                        model.roots.push(new);
                    }
                }
                (None, _) => _ = model.object_mut(id).names.remove(&number),
                (found, known) => {
                    return Err(Stop::Wrong(format!("{id:#x} has {found:?} for {number}, not {known:x?}")));
                }
            }
            settle_table(model, (id, table), Shrunk::No);
            Ok(())
        })
    }

    /// Exchanges the reference of an object that threads could share.
    pub(super) fn exchange(&mut self, random: &mut Random) -> Result<(), Stop> {
        self.enter::<_, Stop>(|mu, model, roots| {
            let is_atomic = |shape| shape == Shape::Atomic;
            let Some((id, at)) = one_of(is_atomic, mu, model, roots, random) else { return Ok(()) };
            for _ in 0..1 + random.below(4) {
                let how = Exchange::ALL[random.index(Exchange::ALL.len())];
                let to = pick_for(Place::Hub, mu, model, roots, random)?.filter(|_| random.below(4) > 0);
                let before = model.object(id).edges.get(&0).copied();
                let value = to.map_or(Held::Nothing, |(_, hub)| Held::Object(hub));
                match (at.exchange(mu, how, value)?, before) {
                    (Held::Nothing, None) => {}
                    (Held::Object(found), Some(Edge::To(next))) => same(model, next, found)?,
                    (found, before) => {
                        return Err(Stop::Wrong(format!("{id:#x} held {found:?}, not {before:?}")));
                    }
                }
                model.hold(id, 0, how.leaves(before, to.map(|(to, _)| Edge::To(to))));
            }
            Ok(())
        })
    }
}

/// Tells a weak map something of a key, of which it must have known what the model says.
fn tell<'gc>(
    mu: &Mu<'gc>,
    model: &mut Model,
    (id, map): (Id, Any<'gc>),
    key: (Id, Any<'gc>),
    value: (Id, Any<'gc>),
) -> Result<(), Stop> {
    let known = model.object(id).notes.get(&key.0).copied();
    let outcome = map.set_note(mu, key.1, value.1);
    // Also if it was refused: entries that are over may have been taken out.
    settle_table(model, (id, map), Shrunk::No);
    match (outcome?, known) {
        (None, None) => {}
        (Some(found), Some(value)) => same(model, value, found)?,
        (found, known) => {
            return Err(Stop::Wrong(format!("{id:#x} knew {found:?} of {:#x}, not {known:x?}", key.0)));
        }
    }
    model.object_mut(id).notes.insert(key.0, value.0);
    Ok(())
}

/// Whether a table may have given all its memory back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shrunk {
    No,
    Maybe,
}

/// The model knows how many slots a weak map or an intern table has: one for each entry, also those that are over, and two for the
/// table, which it has from its first entry until it is shrunk while it has none.
fn settle_table(model: &mut Model, (id, at): (Id, Any<'_>), shrunk: Shrunk) {
    let entries = at.known().unwrap_or(0);
    let object = model.object_mut(id);
    object.has_table = entries > 0 || (object.has_table && shrunk == Shrunk::No);
    object.slots_beside = entries + 2 * usize::from(object.has_table);
}
