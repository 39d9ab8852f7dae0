//! The dead of a heap: objects that were swept and wait for their drop, and the drops themselves.

use super::Memory;
use crate::fault::{self, Fault};
use crate::layout::DropFn;
use crate::span::map::slot_ptr;
use crate::span::marks::DROPPED;
use crate::span::{Home, SpanId};
use crate::sync::atomic::{
    AtomicU8,
    Ordering::{Relaxed, Release},
};
use crate::sync::point;
use crate::units::narrow;

/// An object that died and waits for its drop.
#[derive(Clone, Copy, Debug)]
pub struct Dead {
    pub(super) span: SpanId,
    pub(super) slot: u32,
    pub(super) drop: DropFn,
}

impl Memory {
    pub(super) fn queue_dead(&self, dead: Dead) {
        let mut queue = self.dead.lock();
        queue.push(dead);
        if fault::on(Fault::DropTwice) {
            queue.push(dead);
        }
        self.dead_count.store(queue.len(), Relaxed);
    }

    /// Whether a drop is due.
    #[inline]
    #[must_use]
    pub fn has_dead(&self) -> bool {
        self.dead_count.load(Relaxed) != 0
    }

    /// Takes all objects whose drop is due. Whoever takes them must run every drop with [`Memory::bury`].
    #[must_use]
    pub fn take_dead(&self) -> Vec<Dead> {
        let mut queue = self.dead.lock();
        self.dead_count.store(0, Relaxed);
        core::mem::take(&mut *queue)
    }

    /// Runs one drop. The slot is free at the next sweep, also if the drop panics.
    pub fn bury(&self, dead: &Dead) {
        struct Buried<'a>(&'a AtomicU8);
        impl Drop for Buried<'_> {
            fn drop(&mut self) {
                // Releases what the drop did to the slot, for whoever sweeps it and hands it out again.
                self.0.store(DROPPED, Release);
            }
        }
        let span = self.map().span(dead.span);
        let _buried = Buried(self.map().mark_of(span, dead.slot).byte());
        let object = slot_ptr(self.pages.space(), span, dead.slot).as_ptr();
        point("dead: taken, before the drop");
        // SAFETY: the slot was allocated and unreachable when it was swept, and its mark says QUEUED since: it is not
        // swept or handed out again, and `Dead` is made once for it and taken once.
        unsafe { (dead.drop.0)(object) };
    }

    /// Runs the drop of every object that has one and is still allocated: the heap ends. Panics are swallowed one by
    /// one, since there is nobody left to tell.
    ///
    /// No mutator may exist, and no reference is used again.
    pub fn bury_everything(&self) {
        for number in 0..self.pages.spans_high() {
            let id = SpanId::new(narrow(number));
            let span = self.map().span(id);
            if span.home() == Home::Free {
                continue;
            }
            let Some(drop) = self.entry_of(span).layout().drop else { continue };
            for slot in 0..span.slots() {
                let taken = crate::span::slots::is_taken(self.map().bits_of(span), slot);
                if taken && self.map().mark_of(span, slot).get() != DROPPED {
                    let dead = Dead { span: id, slot, drop };
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.bury(&dead)));
                    if let Err(payload) = outcome {
                        core::mem::forget(payload);
                    }
                }
            }
        }
    }
}
