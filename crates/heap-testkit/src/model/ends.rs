//! What is to be done when objects are dead, or would be: cleanups, and finalizers with their order.

use super::{Id, Model};
use std::collections::HashSet;

/// A finalizer that has not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Whether any thread may run it.
    pub shared: bool,
    /// Whether it makes a root of its object.
    pub revives: bool,
}

/// A cleanup.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleaned {
    /// What it signs with.
    pub name: u64,
    /// Its object.
    pub of: Id,
    /// Whether it was stopped.
    pub stopped: bool,
}

impl Model {
    /// Sets an object's finalizer, or takes it back; returns the one it had.
    pub fn set_finalizer(&mut self, id: Id, finalizer: Option<Waiting>) -> Option<Waiting> {
        match finalizer {
            Some(waiting) => self.waiting.insert(id, waiting),
            None => self.waiting.remove(&id),
        }
    }

    /// The finalizer that an object waits for.
    #[must_use]
    pub fn finalizer(&self, id: Id) -> Option<Waiting> {
        self.waiting.get(&id).copied()
    }

    /// The mutator that would have run them goes.
    pub fn forget_finalizers(&mut self) {
        self.waiting.retain(|_, waiting| waiting.shared);
    }

    /// Objects with a finalizer that a collection finds dead now.
    #[must_use]
    pub fn due(&self) -> Vec<Id> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let marked = self.marked();
        self.waiting.keys().filter(|id| !marked.contains(id)).copied().collect()
    }

    /// Whether roots alone say who is alive: nothing is in a pool, and no finalizer keeps anything.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let reachable = self.reachable();
        self.pooled.is_empty()
            && self.unsure.is_empty()
            && self.waiting.keys().all(|id| reachable.contains(id))
    }

    /// A finalizer has run. `now` is above the names of all weak places; `before` are objects whose finalizers were noticed with this
    /// one. Says whether it makes a root of its object.
    ///
    /// # Errors
    /// If it should not have run.
    pub fn finalized(&mut self, id: Id, now: u64, before: &HashSet<Id>) -> Result<bool, String> {
        let Some(waiting) = self.finalizer(id) else {
            return Err(format!("{id:#x} was finalized, which has no finalizer, or twice"));
        };
        let mates = self.slot_of(id);
        // Those of a chunk are due together, and one may bring the other back.
        // What is in a pool may have left it since the model was told.
        let reached = self.reached_from(self.roots.iter().copied());
        let by = if reached.contains(&id) { "roots" } else { "what is to be finalized before" };
        if !mates.iter().any(|mate| before.contains(mate)) && self.marked_from(reached).contains(&id) {
            return Err(format!("{id:#x} was finalized, which {by} lead to"));
        }
        self.waiting.remove(&id);
        self.doubt(id);
        for mate in &mates {
            self.gone.insert(*mate, now);
        }
        for object in self.objects.values_mut() {
            object.notes.retain(|key, _| !mates.contains(key));
            object.names.retain(|_, name| !mates.contains(name));
        }
        Ok(waiting.revives)
    }
}
