//! Who is alive: what roots reach, what weak maps keep for keys that are alive, and what finalizers keep for their objects.

use super::{Id, Model};
use crate::shape::content;
use std::collections::HashSet;

impl Model {
    /// What roots and pools reach. A weak map that is reached leads to the values of keys that are.
    #[must_use]
    pub fn reachable(&self) -> HashSet<Id> {
        self.reached_from(self.roots.iter().chain(&self.pooled).copied())
    }

    /// What some objects reach.
    #[must_use]
    pub fn reached_from(&self, from: impl IntoIterator<Item = Id>) -> HashSet<Id> {
        let mut seen = HashSet::new();
        self.close(&mut seen, from.into_iter().collect(), &[]);
        seen
    }

    /// What a collection leaves: what is reachable, and what the fields of objects with a finalizer reach that are not. Such an object is finalized
    /// if it is not among them.
    #[must_use]
    pub fn marked(&self) -> HashSet<Id> {
        self.marked_from(self.reachable())
    }

    /// The same, where something else is reachable.
    pub(super) fn marked_from(&self, mut seen: HashSet<Id>) -> HashSet<Id> {
        let unmarked = self.unmarked(&seen);
        let fields = unmarked.iter().flat_map(|id| self.fields(*id)).collect();
        self.close(&mut seen, fields, &unmarked);
        seen
    }

    /// Objects with a finalizer that are not among others, with those of their chunks.
    fn unmarked(&self, seen: &HashSet<Id>) -> Vec<Id> {
        let waiting = self.waiting.keys().filter(|id| !seen.contains(id));
        waiting.flat_map(|id| self.slot_of(*id)).collect()
    }

    /// The objects that are in the slot of one.
    #[must_use]
    pub fn slot_of(&self, id: Id) -> Vec<Id> {
        match self.objects.get(&id).and_then(|object| object.chunk) {
            Some(chunk) => self.chunks[&chunk].clone(),
            None => vec![id],
        }
    }

    /// What an object keeps.
    fn fields(&self, id: Id) -> impl Iterator<Item = Id> {
        self.objects[&id].edges.values().filter_map(|edge| edge.keeps())
    }

    /// Adds to `seen` what a list of objects reaches, itself included. Weak maps in `also` count as if they were reached.
    fn close(&self, seen: &mut HashSet<Id>, mut list: Vec<Id>, also: &[Id]) {
        list.retain(|id| seen.insert(*id));
        loop {
            while let Some(id) = list.pop() {
                let mates = self.objects[&id].chunk.map_or(&[][..], |chunk| &self.chunks[&chunk]);
                for next in self.fields(id).chain(mates.iter().copied()) {
                    if seen.insert(next) {
                        list.push(next);
                    }
                }
            }
            let maps = self
                .objects
                .iter()
                .filter(|(id, object)| !object.notes.is_empty() && (seen.contains(id) || also.contains(id)));
            let entries = maps.flat_map(|(_, object)| &object.notes);
            let values: Vec<Id> =
                entries.filter(|(key, _)| seen.contains(key)).map(|(_, value)| *value).collect();
            list.extend(values.into_iter().filter(|value| seen.insert(*value)));
            if list.is_empty() {
                return;
            }
        }
    }

    /// A collection has ended: removes what it has left dead, and notes its stones. What was finalized or has left a pool since the one
    /// before may be dead or not, with what that reaches; the next collection knows.
    pub fn bury(&mut self) {
        let alive = self.marked();
        let mut left = alive.clone();
        let unsure = core::mem::take(&mut self.unsure);
        // One whose finalizer another thread is about to run is not known to be finalized.
        let unsure = unsure.into_iter().chain(self.waiting.keys().copied());
        self.close(&mut left, unsure.collect(), &[]);
        let stones = &mut self.dead_stones;
        self.objects.retain(|id, object| {
            let lives = left.contains(id);
            if !lives {
                stones.extend((0..object.shape.stones(object.len)).map(|index| content(*id, index)));
            }
            lives
        });
        for object in self.objects.values_mut() {
            object.notes.retain(|key, _| left.contains(key));
            object.names.retain(|_, name| left.contains(name));
        }
        self.chunks.retain(|_, mates| mates.iter().all(|id| left.contains(id)));
        self.maybe = left.difference(&alive).copied().collect();
    }

    /// An object may have become garbage in the middle of a cycle that was not asked for.
    pub fn doubt(&mut self, id: Id) {
        self.unsure.push(id);
    }

    /// What is alive for certain, after a collection, if the model knows what pools have let go of.
    #[must_use]
    pub fn alive(&self) -> HashSet<Id> {
        let mut alive = self.marked();
        alive.retain(|id| !self.maybe.contains(id));
        alive
    }
}
