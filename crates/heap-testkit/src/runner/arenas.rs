//! Operations with arenas: objects of one chunk, which live and die together.

use super::pick::pick;
use super::{Runner, Stop};
use crate::drops::Stone;
use crate::model::{Edge, Id, Model, Object};
use crate::random::Random;
use crate::shape::{Any, Hub, Shape, content};
use std::sync::Arc;
use tricolor::{AllocError, Arena, Gc, Leaf, Mu, Trace};

impl Runner {
    /// Packs objects into chunks, and makes roots for some.
    pub(super) fn pack(&mut self, random: &mut Random) -> Result<(), Stop> {
        let most = if random.below(16) == 0 { 400 } else { 8 };
        let count = 1 + random.index(most);
        let most = if random.below(4) == 0 { 600 } else { 8 };
        let room = 1 + random.index(most);
        let first = self.next;
        self.next += count as u64;
        let register = Arc::clone(&self.register);
        let is_of_stones = random.below(4) == 0;
        self.enter::<_, Stop>(|mu, model, roots| {
            if is_of_stones {
                let mut arena = Packer::<Leaf<Stone>>::new(mu, room)?;
                for id in first..first + count as u64 {
                    let name = content(id, 0);
                    let stone = Leaf::new(Stone::new(name, &register));
                    let stone = match arena.pack(mu, model, (id, Shape::Stone), stone) {
                        Ok(stone) => Any::Stone(stone),
                        Err(error) => {
                            model.drop_stone(name);
                            return Err(error.into());
                        }
                    };
                    stone.check(id, 0)?;
                    if random.below(6) == 0 {
                        roots.push(stone.root(mu));
                        model.roots.push(id);
                    }
                }
                return Ok(());
            }
            let mut arena = Packer::<Hub<'_>>::new(mu, room)?;
            let mut last = None;
            for id in first..first + count as u64 {
                // To the one before, to something else, or nowhere.
                let to: Option<(Id, Any<'_>)> = match random.below(4) {
                    0 => last,
                    1 | 2 => pick(mu, model, roots, random)?,
                    _ => None,
                };
                let hub = Hub::new(id, to.map(|(_, object)| object));
                let hub = Any::Hub(arena.pack(mu, model, (id, Shape::Hub), hub)?);
                model.hold(id, 0, to.map(|(to, _)| Edge::To(to)));
                hub.check(id, 0)?;
                if random.below(6) == 0 {
                    roots.push(hub.root(mu));
                    model.roots.push(id);
                }
                last = Some((id, hub));
            }
            Ok(())
        })?;
        self.stats.packed += count as u64;
        Ok(())
    }
}

/// An arena, and the chunk that it fills.
struct Packer<'gc, T> {
    arena: Arena<'gc, T>,
    chunk: Option<Id>,
}

impl<'gc, T: Trace + 'gc> Packer<'gc, T> {
    fn new(mu: &Mu<'gc>, room: usize) -> Result<Self, AllocError> {
        Ok(Self { arena: Arena::try_new(mu, room)?, chunk: None })
    }

    /// Packs an object, and enters it into the model.
    fn pack(
        &mut self,
        mu: &Mu<'gc>,
        model: &mut Model,
        (id, shape): (Id, Shape),
        value: T,
    ) -> Result<Gc<'gc, T>, AllocError> {
        let is_full = self.arena.left() == 0;
        let object = self.arena.try_alloc(mu, value)?;
        if is_full || self.chunk.is_none() {
            self.chunk = Some(id);
        }
        model.add(id, Object { chunk: self.chunk, ..Object::new(shape, 0, Gc::addr(object)) });
        Ok(object)
    }
}
