//! Comparisons: everything that can be reached, and what was counted, with what the model says.

use super::pick::same;
use super::watches::look_through;
use super::{MOST_SETTLING, Runner, graph};
use crate::model::{Edge, Id, Model};
use crate::shape::{Any, Eye, Held, Seen, Shape};
use std::collections::BTreeMap;
use std::sync::Arc;
use tricolor::Mu;

impl Runner {
    /// Compares everything the roots lead to with the model.
    pub(super) fn look(&mut self) -> Result<(), String> {
        let register = Arc::clone(&self.register);
        let (looked, noted, found, gone) = self.enter(|mu, model, roots| {
            let mut seen: BTreeMap<Id, Any<'_>> = BTreeMap::new();
            let mut list = Vec::new();
            for (id, root) in model.roots.iter().zip(roots.iter()) {
                let at = root.get(mu);
                same(model, *id, at).map_err(|what| format!("a root: {what}"))?;
                if seen.insert(*id, at).is_none() {
                    list.push((*id, at));
                }
            }
            let noted = loop {
                while let Some((id, at)) = list.pop() {
                    each_place(model, (id, at), |next, found| {
                        if seen.insert(next, found).is_none() {
                            list.push((next, found));
                        }
                    })?;
                }
                // Their keys are all in the hands by now, or are in the next turn.
                let values = each_note(mu, model, &seen)?;
                let noted = values.len() as u64;
                for (value, found) in values {
                    if seen.insert(value, found).is_none() {
                        list.push((value, found));
                    }
                }
                if list.is_empty() {
                    break noted;
                }
            };
            let reachable = model.reachable();
            let mut counts = (0, 0);
            for (&id, &at) in seen.iter().filter(|(_, at)| at.shape() == Some(Shape::Watch)) {
                for eye in [Eye::Hub, Eye::Stone] {
                    match look_through(mu, model, &register, (id, at), eye, &reachable)? {
                        Seen::Nowhere => {}
                        Seen::Object(_) => counts.0 += 1,
                        Seen::Gone => counts.1 += 1,
                    }
                }
            }
            Ok::<_, String>((seen.len() as u64, noted, counts.0, counts.1))
        })?;
        self.stats.looks += looked;
        self.stats.noted += noted;
        self.stats.found += found;
        self.stats.gone += gone;
        Ok(())
    }

    /// What must hold after a full collection.
    pub(super) fn after_collection(&mut self) -> Result<(), String> {
        let due = self.model.due();
        self.notice_ends()?;
        if let Some(late) = due.into_iter().find(|id| self.is_late(*id)) {
            return Err(format!("{late:#x} is dead but for its finalizer, which has not run"));
        }
        let went = self.pools.take_went();
        self.enter(|_, _, _| Ok::<_, String>(()))?;
        for stone in went {
            self.model.drop_stone(stone);
        }
        let droppable = self.model.droppable();
        self.model.bury();
        self.kept += droppable - self.model.droppable();
        if self.alone {
            // Before anything is looked at: what was freed by mistake must not be read.
            let (slots, found) = (self.model.slots() as u64, self.heap.figures().memory.heap_objects);
            let most = slots + (self.kept + self.model.slots_maybe()) as u64;
            if !(slots..=most).contains(&found) {
                return Err(format!("{found} slots are allocated, not {slots} and at most {most}"));
            }
        }
        self.look()?;
        self.check_ran()?;
        if self.alone {
            self.check_dead()?;
        }
        Ok(())
    }

    /// Nothing of the living has run, neither a drop nor a cleanup; cleanups of the dead have, once. After a full collection.
    fn check_ran(&mut self) -> Result<(), String> {
        // What ran is read first. Another thread's collections let pools age: what they had let go of by then, the model hears of
        // next. So whoever is alive after that was alive when it was read.
        let stones = self.model.stones();
        let dropped: Vec<_> = stones.filter(|(_, stone)| self.register.times(*stone) != 0).collect();
        let cleaned = self.cleaned();
        self.enter(|_, _, _| Ok::<_, String>(()))?;
        let alive = self.model.alive();
        if let Some((_, stone)) = dropped.iter().find(|(of, _)| alive.contains(of)) {
            return Err(format!("the drop of {stone:#x} ran, which is alive"));
        }
        self.check_cleanups(&cleaned, &alive)
    }

    /// Whether an object should have been finalized, when all that was due has run.
    fn is_late(&self, id: Id) -> bool {
        self.model.finalizer(id).is_some_and(|waiting| self.alone || !waiting.shared)
    }

    /// All drops of the dead ran, once.
    fn check_dead(&self) -> Result<(), String> {
        let dead = self.model.dead_stones();
        let total = self.register.total();
        let most = dead.len() + self.pools.waiting_stones() + self.model.stones_maybe();
        for stone in dead {
            let times = self.register.times(*stone);
            if times != 1 {
                return Err(format!("the drop of {stone:#x}, which is dead, ran {times} times"));
            }
        }
        if !(dead.len() as u64..=most as u64).contains(&total) {
            return Err(format!("{total} drops ran, {} are dead, and at most {most}", dead.len()));
        }
        Ok(())
    }

    /// A full collection, and what must hold after it.
    pub(super) fn collect(&mut self) -> Result<(), String> {
        self.mutator().collect();
        self.after_collection()
    }

    /// Collections after which nothing waits for a finalizer, and who is dead is known.
    pub(super) fn collect_until_sure(&mut self) -> Result<(), String> {
        for _ in 0..MOST_SETTLING {
            self.collect()?;
            if self.model.due().is_empty() && self.model.slots_maybe() == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Collections after which nothing dead is left.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        self.collect_until_sure()?;
        // What was found dead last had a slot for its drop until now.
        self.mutator().collect();
        self.kept = 0;
        self.after_collection()?;
        if self.alone {
            let figures = self.heap.figures();
            figures.memory.check()?;
            if figures.roots != self.roots.len() {
                return Err(format!("{} roots, not {}", figures.roots, self.roots.len()));
            }
        }
        Ok(())
    }

    /// The heap verifies, and a snapshot of it is the model.
    pub(super) fn verify(&self) -> Result<(), String> {
        let snapshot = self.heap.snapshot().map_err(|error| error.to_string())?;
        graph::compare(&self.model, &snapshot, self.alone).map_err(|what| format!("a snapshot: {what}"))?;
        match self.heap.verify().as_slice() {
            [] => Ok(()),
            found => {
                let first: Vec<_> = found.iter().take(5).map(ToString::to_string).collect();
                Err(format!("{} violations, the first are {}", found.len(), first.join("; ")))
            }
        }
    }
}

/// Compares an object and its places with the model, and calls `next` with what these lead to.
fn each_place<'gc>(
    model: &Model,
    (id, at): (Id, Any<'gc>),
    mut next: impl FnMut(Id, Any<'gc>),
) -> Result<(), String> {
    let object = model.object(id);
    at.check(id, object.len).map_err(|what| format!("{id:#x}, {:?}: {what}", object.shape))?;
    if at.entries().is_some_and(|entries| entries != object.edges.len()) {
        return Err(format!("{:?} entries of {id:#x}, {object:?}", at.entries()));
    }
    for place in 0..object.shape.places(object.len) {
        let wanted = object.edges.get(&place).copied();
        match (at.held(place), wanted) {
            (Held::Nothing, None) => {}
            (Held::Number(found), Some(Edge::Number(number) | Edge::Hidden(_, number)))
                if found == number => {}
            (Held::Object(found), Some(Edge::To(to))) => {
                same(model, to, found)?;
                next(to, found);
            }
            (found, wanted) => {
                return Err(format!("place {place} of {id:#x} holds {}, not {wanted:?}", said(found)));
            }
        }
    }
    Ok(())
}

/// Compares what weak maps that were seen know of hubs that were seen with the model, and returns it.
fn each_note<'gc>(
    mu: &Mu<'gc>,
    model: &Model,
    seen: &BTreeMap<Id, Any<'gc>>,
) -> Result<Vec<(Id, Any<'gc>)>, String> {
    let mut values = Vec::new();
    for (&id, &map) in seen.iter().filter(|(_, at)| at.shape().is_some_and(Shape::is_notes)) {
        for (&key, &at) in seen.iter().filter(|(_, at)| at.shape() == Some(Shape::Hub)) {
            match (map.note(mu, at), model.object(id).notes.get(&key)) {
                (None, None) => {}
                (Some(found), Some(&value)) => {
                    same(model, value, found)?;
                    found.check(value, model.object(value).len)?;
                    values.push((value, found));
                }
                (found, wanted) => {
                    return Err(format!("{id:#x} knows {found:?} of {key:#x}, not {wanted:x?}"));
                }
            }
        }
    }
    Ok(values)
}

fn said(held: Held<'_>) -> String {
    match held {
        Held::Nothing => "nothing".into(),
        Held::Number(number) => format!("the number {number:#x}"),
        Held::Object(object) => format!("a {:?} at {:#x}", object.shape(), object.addr()),
    }
}
