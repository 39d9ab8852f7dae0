//! Finalizers: what a program wants done with an object that nothing leads to any more, while it is there still.
//!
//! A cleanup gets nothing; a finalizer gets the object, and may keep it. So the object, and all it leads to, must be whole when
//! it runs, and a cycle does two things for it:
//!
//! ```text
//!   all roots are taken, and what they lead to was marked
//!     look into     what the fields of an unmarked object with a finalizer lead to is marked, the object itself is not
//!   decided, weak places cleared, round weak
//!     revive        an object that is unmarked still is marked, and a root, and its finalizer is due
//! ```
//!
//! **Order.** What is reachable from an object with a finalizer is marked, so of two of which one leads to the other only the
//! first is due; when it was, and is dead again without a finalizer, the other's turn comes. An object that leads back to itself,
//! or a cycle of objects with finalizers, is marked by its own fields and stays.
//!
//! **When.** An object that is unmarked in the end was in nobody's hands since its last mutator's roots were taken: so nobody has
//! changed a field of it since, and what the fields led to when they were looked into is what they lead to now. Before the last
//! mutator has answered round *roots* that is not so: it may make an object, and let go of it.
//!
//! A finalizer runs where cleanups run, but inside, with a mutator: that of the thread that has set it, or any if the object may
//! be shared by threads. Each mutator has a list of its own, so that nobody else's have to be asked or cleared when it goes.
//!
//! `docs/design/cleanups.md` has the argument, `models/spin/finalizer.pml` the model.

use crate::figures::FinalizerFigures;
use crate::roots::{RootIndex, Roots};
use crate::shade::{is_marked, shade};
use crate::watch::{LONG, Ticket, Watch};
use core::any::Any;
use core::fmt;
use foldhash::fast::RandomState;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::stress::WATCHED_AT_ONCE;
use heap_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Mutex, point};
use heap_core::units::Bytes;
use heap_core::verify::{Violation, Word, each_word};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is to be done with the object at an address, by a mutator that is inside.
///
/// One in a mutator's list is called and dropped on that mutator's thread, whatever it holds: a mutator stays on its thread, it
/// takes what is due, and when it goes it takes everything. The collector moves it from one list to another, and no further.
pub(crate) struct Call(Box<ToDo>);

/// Called with the mutator and the object.
type ToDo = dyn FnOnce(&dyn Any, usize);

// SAFETY: it was `Send` when it was made, or is in its thread's list, whose other users only move it (`Call::of_thread`).
unsafe impl Send for Call {}

impl Call {
    /// For the list of all threads.
    pub(crate) fn shared(f: impl FnOnce(&dyn Any, usize) + Send + 'static) -> Self {
        Self(Box::new(f))
    }

    /// For the list of one thread.
    ///
    /// # Safety
    /// 1. It is given to [`AllFinalizers::set`] on this thread, with the list of a mutator of this thread.
    pub(crate) unsafe fn of_thread(f: impl FnOnce(&dyn Any, usize) + 'static) -> Self {
        Self(Box::new(f))
    }

    /// Calls it. The mutator is inside.
    pub(crate) fn call(self, mutator: &dyn Any, object: usize) {
        (self.0)(mutator, object);
    }
}

/// A finalizer that is due.
pub(crate) struct Due {
    /// Keeps the object.
    pub(crate) root: RootIndex,
    pub(crate) call: Call,
}

/// One list of finalizers: a mutator's, or the heap's.
#[derive(Default)]
pub(crate) struct Finalizers {
    list: Mutex<List>,
    /// How many are due. Written under the lock; read without, as a hint, at each safepoint.
    due_count: AtomicUsize,
}

#[derive(Default)]
struct List {
    waiting: Watch<Call>,
    /// The entries by their objects.
    of: HashMap<usize, Ticket, RandomState>,
    due: Vec<Due>,
    /// The heap knows of the list.
    is_known: bool,
}

impl Finalizers {
    /// Whether any is due.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.due_count.load(Relaxed) != 0
    }

    /// Takes those that are due, on the list's thread. Whoever takes them must run them all.
    #[must_use = "they are not to be had again"]
    pub(crate) fn take_due(&self) -> Vec<Due> {
        let mut list = self.list.lock();
        self.due_count.store(0, Relaxed);
        core::mem::take(&mut list.due)
    }

    /// Takes an object's finalizer back, if it has one that is not due. On the list's thread.
    #[must_use = "it may run code of the program's when it is dropped"]
    fn clear(&self, object: usize) -> Option<Call> {
        self.list.lock().take(object)
    }

    /// Calls `f` with the objects that have one, a piece at a time.
    fn each(&self, mut f: impl FnMut(Ticket, usize)) {
        let mut from = Some(0);
        while let Some(at) = from {
            from = self.list.lock().waiting.piece(at, WATCHED_AT_ONCE, &mut f);
            point("finalizers: between two pieces");
        }
    }
}

impl List {
    fn take(&mut self, object: usize) -> Option<Call> {
        let ticket = self.of.remove(&object)?;
        let (_, call) = self.waiting.take(ticket)?;
        if self.of.is_empty() && self.of.capacity() >= LONG {
            self.of = HashMap::default();
        }
        Some(call)
    }

    fn bytes(&self) -> usize {
        // An entry of the map has a byte of control beside it.
        self.waiting.bytes() + self.of.capacity() * (size_of::<(usize, Ticket)>() + 1)
    }
}

impl fmt::Debug for Finalizers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finalizers").field("due", &self.due_count).finish_non_exhaustive()
    }
}

/// The finalizers of a heap. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct AllFinalizers {
    /// Those that any mutator may run.
    shared: Arc<Finalizers>,
    /// Lists that have or had an entry, the shared one among them. Added to by mutators; gone through by the collector.
    known: Mutex<Vec<Arc<Finalizers>>>,
    queued: AtomicU64,
    run: AtomicU64,
    cleared: AtomicU64,
    forgotten: AtomicU64,
}

impl AllFinalizers {
    /// The list of those that any mutator may run.
    #[inline]
    pub(crate) fn shared(&self) -> &Arc<Finalizers> {
        &self.shared
    }

    /// `call` is to be done with an object by `list`'s mutator, or by any. On the list's thread. Returns what it replaces.
    #[must_use = "it may run code of the program's when it is dropped"]
    pub(crate) fn set(&self, list: &Arc<Finalizers>, object: usize, call: Call) -> Option<Call> {
        let (old, is_known) = {
            let mut list = list.list.lock();
            let old = list.take(object);
            let ticket = list.waiting.add(object, call);
            list.of.insert(object, ticket);
            (old, core::mem::replace(&mut list.is_known, true))
        };
        if !is_known {
            self.known.lock().push(Arc::clone(list));
        }
        old
    }

    /// Takes an object's finalizer back, on the list's thread. Says whether it had one that is not due.
    pub(crate) fn clear(&self, list: &Finalizers, object: usize) -> bool {
        let call = list.clear(object);
        self.cleared.fetch_add(u64::from(call.is_some()), Relaxed);
        call.is_some()
    }

    /// One that was taken is about to run.
    pub(crate) fn runs(&self) {
        self.run.fetch_add(1, Relaxed);
    }

    /// Whether any list has or had an entry.
    pub(crate) fn are_any(&self) -> bool {
        !self.known.lock().is_empty()
    }

    fn known(&self) -> Vec<Arc<Finalizers>> {
        self.known.lock().clone()
    }

    /// Calls `look` with unmarked objects that have one: what their fields lead to is to be marked, and they themselves are not.
    /// All roots are taken.
    pub(crate) fn look_into(&self, memory: &Memory, mut look: impl FnMut(usize)) {
        let mut unmarked = Vec::new();
        for list in self.known() {
            list.each(|_, object| {
                // SAFETY: W1: nothing is swept while a cycle marks.
                if !unsafe { is_marked(memory, object) } {
                    unmarked.push(object);
                }
            });
            unmarked.drain(..).for_each(&mut look);
        }
    }

    /// Makes the finalizers of what is unmarked due, marks it, and keeps it as a root: all it leads to is marked. Marking is
    /// decided, and nobody is about to look at a mark in a weak load.
    pub(crate) fn revive(&self, memory: &Memory, roots: &Roots) {
        // First all of them, then the marks: tiny objects share one.
        let mut dead = Vec::new();
        for list in self.known() {
            list.each(|_, object| {
                // SAFETY: as in `look_into`.
                if !unsafe { is_marked(memory, object) } {
                    dead.push((Arc::clone(&list), object));
                }
            });
        }
        for (list, object) in dead {
            let mut list_of_due = list.list.lock();
            // Its mutator may have gone meanwhile, and its finalizers with it.
            let Some(call) = list_of_due.take(object) else { continue };
            if !fault::on(Fault::FinalizedUnmarked) {
                // SAFETY: as above. What it leads to is marked, so nobody has to scan it. (The table does the same, but in a
                // stopped world.)
                unsafe { shade(memory, object) };
            }
            let root = roots.add(memory, object);
            list_of_due.due.push(Due { root, call });
            self.queued.fetch_add(1, Relaxed);
            list.due_count.store(list_of_due.due.len(), Relaxed);
        }
    }

    /// The mutator of a list goes, on its thread: its finalizers are forgotten, and what they hold is dropped. Panics of that end
    /// here.
    pub(crate) fn forget(&self, list: &Arc<Finalizers>, roots: &Roots) {
        let (mut calls, due) = {
            let mut own = list.list.lock();
            if !core::mem::take(&mut own.is_known) {
                return;
            }
            own.of = HashMap::default();
            (own.waiting.take_all(), core::mem::take(&mut own.due))
        };
        self.known.lock().retain(|known| !Arc::ptr_eq(known, list));
        for due in due {
            roots.remove(due.root);
            calls.push(due.call);
        }
        self.forgotten.fetch_add(calls.len() as u64, Relaxed);
        for call in calls {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(call))) {
                core::mem::forget(payload);
            }
        }
    }

    /// Calls `visit` with what the objects that have one lead to. The world is stopped.
    pub(crate) fn each_reached(&self, memory: &Memory, mut visit: impl FnMut(Word)) {
        for list in self.known() {
            list.each(|_, object| {
                if let Some(at) = memory.map().resolve(object) {
                    each_word(memory, memory.map().span(at.span), at.slot, |_, word| visit(word));
                }
            });
        }
    }

    /// The figures.
    pub(crate) fn figures(&self) -> FinalizerFigures {
        let mut figures = FinalizerFigures {
            queued: self.queued.load(Relaxed),
            run: self.run.load(Relaxed),
            cleared: self.cleared.load(Relaxed),
            forgotten: self.forgotten.load(Relaxed),
            ..FinalizerFigures::default()
        };
        for list in self.known() {
            let list = list.list.lock();
            figures.waiting += list.waiting.len();
            figures.table += Bytes::new(list.bytes());
        }
        figures
    }

    /// Bytes that the lists take.
    pub(crate) fn bytes(&self) -> Bytes {
        self.known().iter().fold(Bytes::ZERO, |sum, list| sum + Bytes::new(list.list.lock().bytes()))
    }

    /// What does not hold of W1. The world is stopped, everything is swept, and no cycle runs.
    pub(crate) fn check(&self, memory: &Memory) -> Vec<Violation> {
        let mut found = Vec::new();
        for list in self.known() {
            list.each(|_, object| {
                if memory.map().resolve(object).is_none() {
                    let what = format!("a finalizer waits for {object:#x}, which is no object");
                    found.push(Violation { name: "W1", what });
                }
            });
        }
        found
    }
}
