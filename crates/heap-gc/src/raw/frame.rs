//! Frames of runtimes, and objects that are said not to outlive one.

use super::{Inside, Kind, clear};
use crate::hints::{EscapeHint, EscapeHints, FoundIn};
use crate::own_roots::Owner;
use core::marker::PhantomData;
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::units::WORD_BYTES;
use heap_core::verify::Word;

/// Names an open frame of one mutator.
#[derive(PartialEq, Eq, Debug)]
#[must_use = "only with it can the frame be closed"]
pub struct FrameId {
    /// Whose it is.
    owner: Owner,
    depth: usize,
    serial: u64,
    not_send: PhantomData<*const ()>,
}

impl Inside<'_> {
    /// Opens a frame, inside those of this mutator that are open. It stays open across safepoints, until it is closed or the
    /// mutator is gone.
    pub fn open_frame(&self) -> FrameId {
        let (depth, serial) = self.mu.hinted().open();
        FrameId { owner: self.mu.own_roots().owner(), depth, serial, not_send: PhantomData }
    }

    /// Closes a frame, and those that were opened after it: what is in them is gone.
    ///
    /// # Panics
    /// If `frame` is another mutator's, or was closed with an older one.
    ///
    /// # Safety
    /// R9 of the objects in these frames.
    #[expect(clippy::needless_pass_by_value, reason = "it is of no use any more")]
    pub unsafe fn close_frame(&self, frame: FrameId) {
        let hinted = self.mu.hinted();
        assert!(self.mu.own_roots().owner() == frame.owner, "a frame of one mutator was closed by another");
        // SAFETY: R9: no reference to an object in them is used any more.
        let was_open = unsafe { hinted.close(frame.depth, frame.serial, self.mu.stay().source()) };
        assert!(was_open, "a frame was closed that had been closed with an older one");
    }

    /// How many frames of this mutator are open.
    #[must_use]
    pub fn open_frames(&self) -> usize {
        self.mu.hinted().depth()
    }

    /// A new object, of which a site of the runtime says whether it outlives the youngest open frame. As [`Inside::alloc`]; but
    /// if it stays, and the heap trusts that, and its kind may lie in a frame, it is gone when the frame is closed.
    ///
    /// Kinds with a drop or a trace function, an alignment above 8, or more than 32 KiB are put into the heap, and so is
    /// everything if no frame is open.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    ///
    /// # Safety
    /// R3 of `kind`; R5, R6 and R9 of the object.
    #[inline(always)]
    pub unsafe fn alloc_hinted(&self, kind: &Kind, hint: EscapeHint) -> Result<NonNull<u8>, AllocError> {
        let EscapeHint::Stays(site) = hint else {
            // SAFETY: the same duties.
            return unsafe { self.alloc(kind) };
        };
        let hinted = self.mu.hinted();
        match (self.hints, kind.in_frame) {
            (EscapeHints::Trusted, Some(in_frame)) if hinted.depth() > 0 => {
                debug_assert_eq!(kind.heap, self.mutator.heap().id, "R3: a kind of another heap");
                let start = match hinted.region().alloc(in_frame.bytes, WORD_BYTES) {
                    Some(start) => start,
                    None => self.mu.stay().grow(hinted.region(), in_frame.bytes, WORD_BYTES)?,
                };
                // SAFETY: handed out just now.
                let object = unsafe { in_frame.begin(start) };
                // SAFETY: the object is nobody else's, and `cleared` at most its size in whole words.
                unsafe { clear(object, kind.cleared) };
                Ok(object)
            }
            (EscapeHints::Trusted | EscapeHints::Ignored, _) => {
                // SAFETY: the same duties.
                unsafe { self.alloc(kind) }
            }
            (EscapeHints::Checked, _) => {
                // SAFETY: the same duties.
                let object = unsafe { self.alloc(kind) }?;
                if hinted.depth() > 0 {
                    hinted.record(object, site);
                }
                Ok(object)
            }
        }
    }

    /// Looks for what must not be there, if the heap checks hints: a safepoint comes.
    #[cold]
    pub(super) fn check_safepoint(&self) {
        let heap = self.mutator.heap();
        let (hinted, own) = (self.mu.hinted(), self.mu.own_roots());
        // SAFETY: this mutator's, which is inside, and at a safepoint.
        unsafe { hinted.safepoint(&heap.memory, &heap.wrong_hints, own) };
    }

    /// Looks whether R9 is broken by giving an object to something that is in no frame, if the heap checks hints.
    #[cold]
    pub(super) fn check_given(&self, object: NonNull<u8>, to: FoundIn) {
        let wrong = &self.mutator.heap().wrong_hints;
        self.mu.hinted().given(wrong, object.addr().get(), to);
    }

    /// Looks whether a store breaks R9, if the heap checks hints.
    #[cold]
    pub(super) fn check_store(&self, place: usize, value: Word) {
        let heap = self.mutator.heap();
        self.mu.hinted().stored(&heap.memory, &heap.wrong_hints, place, value);
    }
}
