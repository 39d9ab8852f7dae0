//! Operations with cleanups and finalizers, and what has become of them.

use super::pick::pick;
use super::{Runner, Stop};
use crate::drops::Register;
use crate::model::{Cleaned, Id, Waiting};
use crate::random::Random;
use crate::shape::{Any, AnyRoot, Shape, content};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use tricolor::Cleanup;

/// A finalizer has run.
#[derive(Debug)]
struct Finalized {
    id: Id,
    /// What was wrong with its object.
    found: Result<(), String>,
    /// The object, brought back.
    root: Option<AnyRoot>,
}

/// An object that any thread may finalize, and what was wrong with it.
type Looked = (Id, Result<(), String>);

/// What has ended. See the module's text.
#[derive(Debug, Default)]
pub(super) struct Ends {
    cleaned: Arc<Register>,
    cleanups: Vec<(u64, Cleanup)>,
    finalized: Rc<RefCell<Vec<Finalized>>>,
    /// Those that any thread runs.
    shared: Arc<Mutex<Vec<Looked>>>,
}

impl Ends {
    /// Cleanups that ran.
    pub(super) fn cleaned(&self) -> u64 {
        self.cleaned.total()
    }
}

impl Runner {
    /// Has something done when an object is dead, or takes such an order back.
    pub(super) fn cleanup(&mut self, random: &mut Random) -> Result<(), Stop> {
        if random.below(4) == 0 && !self.ends.cleanups.is_empty() {
            return Ok(self.stop(random)?);
        }
        let name = content(self.next, 0);
        self.next += 1;
        let cleaned = Arc::clone(&self.ends.cleaned);
        let made = self.enter::<_, Stop>(|mu, model, roots| {
            let Some((id, at)) = pick(mu, model, roots, random)? else { return Ok(None) };
            // Tiny objects share a slot, and die together.
            if model.object(id).shape == Shape::Tiny {
                return Ok(None);
            }
            let cleanup = at.cleanup(mu, move || cleaned.sign(name));
            model.cleanups.push(Cleaned { name, of: id, stopped: false });
            Ok::<_, Stop>(Some((name, cleanup)))
        })?;
        self.ends.cleanups.extend(made);
        Ok(())
    }

    /// Stops a cleanup: one of an object that is alive can be stopped, once.
    fn stop(&mut self, random: &mut Random) -> Result<(), String> {
        self.enter(|_, _, _| Ok::<_, String>(()))?;
        let at = random.index(self.ends.cleanups.len());
        let (name, cleanup) = &self.ends.cleanups[at];
        let (name, stopped) = (*name, cleanup.stop());
        let reachable = self.model.reachable();
        let Some(cleaned) = self.model.cleanups.iter_mut().find(|cleaned| cleaned.name == name) else {
            // Its object was found dead.
            return if stopped {
                Err(format!("the cleanup {name:#x} was stopped, which has run"))
            } else {
                Ok(())
            };
        };
        if stopped && cleaned.stopped {
            return Err(format!("the cleanup {name:#x} was stopped twice"));
        }
        if !stopped && !cleaned.stopped && reachable.contains(&cleaned.of) {
            return Err(format!(
                "the cleanup {name:#x} was not stopped, of {:#x}, which is alive",
                cleaned.of
            ));
        }
        cleaned.stopped |= stopped;
        Ok(())
    }

    /// How often each cleanup has run, in the model's order.
    pub(super) fn cleaned(&self) -> Vec<u32> {
        self.model.cleanups.iter().map(|cleaned| self.ends.cleaned.times(cleaned.name)).collect()
    }

    /// Those of the dead had run, once, when it was asked how often they had; those of the living had not. After a full collection.
    pub(super) fn check_cleanups(&mut self, times: &[u32], alive: &HashSet<Id>) -> Result<(), String> {
        let cleanups = core::mem::take(&mut self.model.cleanups);
        for (cleaned, &times) in cleanups.iter().zip(times) {
            let is_right = if cleaned.stopped || alive.contains(&cleaned.of) {
                times == 0
            } else if self.alone && !self.model.has(cleaned.of) {
                times == 1
            } else {
                times <= 1
            };
            if !is_right {
                return Err(format!("{cleaned:x?} has run {times} times"));
            }
        }
        let model = &mut self.model;
        model.cleanups = cleanups.into_iter().filter(|cleaned| model.has(cleaned.of)).collect();
        Ok(())
    }

    /// Sets the finalizer of an object, or takes it back.
    pub(super) fn finalize(&mut self, random: &mut Random) -> Result<(), Stop> {
        let (own, shared) = (Rc::clone(&self.ends.finalized), Arc::clone(&self.ends.shared));
        self.enter::<_, Stop>(|mu, model, roots| {
            let Some((id, at)) = pick(mu, model, roots, random)? else { return Ok(()) };
            let (shape, len) = (model.object(id).shape, model.object(id).len);
            if shape == Shape::Tiny {
                return Ok(());
            }
            let had = model.finalizer(id);
            if random.below(6) == 0 && had.is_none_or(|had| !had.shared) {
                let cleared = at.clear_finalizer(mu);
                model.set_finalizer(id, None);
                return told(id, cleared, had.is_some());
            }
            let addr = at.addr();
            let look = move |object: Any<'_>| {
                if object.addr() != addr {
                    return Err(format!("its address is {:#x}, not {addr:#x}", object.addr()));
                }
                // What a vector's length is by now the model knows.
                if shape.is_vector() { Ok(()) } else { object.check(id, len) }
            };
            if let Any::Words(words) = at
                && had.is_none_or(|had| had.shared)
            {
                let f = move |_: &tricolor::Mu<'_>, words: tricolor::Gc<'_, tricolor::GcSlice<u64>>| {
                    let found = look(Any::Words(words));
                    shared.lock().unwrap_or_else(PoisonError::into_inner).push((id, found));
                };
                let replaced = mu.set_shared_finalizer(words, f);
                model.set_finalizer(id, Some(Waiting { shared: true, revives: false }));
                return told(id, replaced, had.is_some());
            }
            let revives = random.below(2) == 0;
            let replaced = at.set_finalizer(mu, move |mu, object| {
                let root = revives.then(|| object.root(mu));
                own.borrow_mut().push(Finalized { id, found: look(object), root });
            });
            model.set_finalizer(id, Some(Waiting { shared: false, revives }));
            told(id, replaced, had.is_some())
        })
    }

    /// Tells the model what was finalized since it was told last.
    pub(super) fn notice_ends(&mut self) -> Result<(), String> {
        let mut done = core::mem::take(&mut *self.ends.finalized.borrow_mut());
        let shared = core::mem::take(&mut *self.ends.shared.lock().unwrap_or_else(PoisonError::into_inner));
        done.extend(shared.into_iter().map(|(id, found)| Finalized { id, found, root: None }));
        let mut before = HashSet::new();
        for Finalized { id, found, root } in done {
            found.map_err(|what| format!("{id:#x} was finalized: {what}"))?;
            self.next += 1;
            let revives = self.model.finalized(id, self.next, &before)?;
            if revives != root.is_some() {
                return Err(format!("{id:#x} was finalized by an old finalizer"));
            }
            if let Some(root) = root {
                self.roots.push(root);
                self.model.roots.push(id);
            }
            before.insert(id);
            self.stats.finalized += 1;
        }
        Ok(())
    }
}

/// Whether an object had a finalizer is what the heap says.
fn told(id: Id, found: bool, wanted: bool) -> Result<(), Stop> {
    if found == wanted {
        return Ok(());
    }
    Err(Stop::Wrong(format!("{id:#x} had a finalizer: {wanted}, and the heap says {found}")))
}
