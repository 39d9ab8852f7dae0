//! Frames: values that live as long as a block, with references that are nowhere else, and drops at its end.

use super::pick::pick;
use super::{Runner, Stop, add};
use crate::drops::{Register, Stone};
use crate::model::{Id, Model};
use crate::random::{Random, scrambled};
use crate::shape::{Any, AnyRoot, Shape, content};
use std::collections::BTreeMap;
use std::sync::Arc;
use tricolor::{Frame, GcCell, Local, Mu};

/// A value in a frame.
struct Place<'gc> {
    id: Id,
    /// What proves that it is what was put there.
    check: u64,
    object: GcCell<Any<'gc>>,
}

/// What is in a frame's hands.
struct Hands<'a, 'gc> {
    mu: &'a Mu<'gc>,
    model: &'a mut Model,
    roots: &'a mut Vec<AnyRoot>,
    register: &'a Arc<Register>,
    /// The next object's name.
    next: Id,
    locals: u64,
}

impl Runner {
    /// Opens a frame, and frames in it.
    pub(super) fn frame(&mut self, random: &mut Random) -> Result<(), Stop> {
        let (next, register) = (self.next, Arc::clone(&self.register));
        let outcome = self.enter::<_, Stop>(|mu, model, roots| {
            let mut hands = Hands { mu, model, roots, register: &register, next, locals: 0 };
            let outcome = mu.frame(|frame| hands.fill(frame, 0, random));
            Ok((hands.next, hands.locals, outcome))
        })?;
        let (next, locals, outcome) = outcome;
        self.next = next;
        self.stats.locals += locals;
        outcome
    }
}

impl<'gc> Hands<'_, 'gc> {
    /// Fills a frame a few times; what was in it is gone each time, and its drops have run.
    fn fill(&mut self, frame: &mut Frame<'_>, depth: u32, random: &mut Random) -> Result<(), Stop> {
        for _ in 0..1 + random.below(3) {
            let mut stones = Vec::new();
            let outcome = self.use_once(frame, &mut stones, depth, random);
            for name in &stones {
                self.register.check_times(*name, 0)?;
            }
            frame.reset();
            if frame.used() != 0 {
                return Err(Stop::Wrong(format!("{} bytes of a frame are used after a reset", frame.used())));
            }
            for name in stones {
                self.register.check_times(name, 1)?;
                self.model.drop_stone(name);
            }
            outcome?;
        }
        Ok(())
    }

    fn use_once(
        &mut self,
        frame: &Frame<'_>,
        stones: &mut Vec<u64>,
        depth: u32,
        random: &mut Random,
    ) -> Result<(), Stop> {
        let mut places: Vec<(Id, Local<'_, Place<'gc>>)> = Vec::new();
        let mut rows: Vec<(u64, Local<'_, [u64]>)> = Vec::new();
        for _ in 0..1 + random.below(8) {
            let id = self.next;
            self.next += 1;
            match random.below(8) {
                0 => {
                    let name = content(id, 0);
                    // One that is refused is dropped at once.
                    match frame.try_alloc_drop(Stone::new(name, self.register)) {
                        Ok(stone) => {
                            stones.push(name);
                            same(stone.name(), name, "a stone in a frame")?;
                        }
                        Err(error) => {
                            self.register.check_times(name, 1)?;
                            self.model.drop_stone(name);
                            return Err(error.into());
                        }
                    }
                }
                1 => {
                    let most = if random.below(8) == 0 { 20_000 } else { 40 };
                    let len = random.index(most);
                    rows.push((id, frame.try_alloc_slice(len, |index| content(id, index))?));
                }
                2 if depth < 3 => frame.frame(|inner| self.fill(inner, depth + 1, random))?,
                3 if !places.is_empty() => {
                    // What was in the place is in the hands only, and gone from there.
                    let at = random.index(places.len());
                    let (new, object) = self.object(random)?;
                    places[at].1.object.set(self.mu, object);
                    places[at].0 = new;
                }
                _ => {
                    let (new, object) = self.object(random)?;
                    let place = Place { id, check: scrambled(id), object: GcCell::new(object) };
                    places.push((new, frame.try_alloc(place)?));
                    self.locals += 1;
                }
            }
        }
        for (id, row) in rows {
            for (index, word) in row.iter().enumerate() {
                same(*word, content(id, index), "a word in a frame")?;
            }
        }
        for (id, place) in places {
            same(place.check, scrambled(place.id), "a place in a frame")?;
            let object = place.object.get();
            super::pick::same(self.model, id, object)?;
            object.check(id, self.model.object(id).len)?;
            if random.below(4) == 0 {
                self.roots.push(object.root(self.mu));
                self.model.roots.push(id);
            }
        }
        Ok(())
    }

    /// An object that there is, or one that nothing else leads to.
    fn object(&mut self, random: &mut Random) -> Result<(Id, Any<'gc>), Stop> {
        let id = self.next;
        self.next += 1;
        if random.below(2) == 0
            && let Some(found) = pick(self.mu, self.model, self.roots, random)?
        {
            return Ok(found);
        }
        let shape = if random.below(3) == 0 { Shape::Words } else { Shape::Hub };
        // Long ones let the collector go on.
        let len = if shape == Shape::Words && random.below(4) == 0 { 5000 } else { 2 };
        let object = add(self.mu, self.model, self.register, id, (shape, len), (&[], BTreeMap::new()))?;
        Ok((id, object))
    }
}

fn same(found: u64, wanted: u64, what: &str) -> Result<(), Stop> {
    if found == wanted {
        return Ok(());
    }
    Err(Stop::Wrong(format!("{what} is {found:#x}, not {wanted:#x}")))
}
