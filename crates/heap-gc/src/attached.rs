//! What a thread has attached: its mutators, one a heap, and what becomes of them when it ends.

use crate::event::Event;
use crate::handle::Handle;
use crate::handshake::Member;
use crate::log::Track;
use crate::part::Part;
use crate::shared::Shared;
use core::cell::RefCell;
use core::mem::ManuallyDrop;
use heap_core::sync::{Arc, Weak};

/// Mutators by the number of their heap. Never destroyed, so that it can be asked while the thread ends; the last mutator to
/// go leaves no memory behind.
type Attached = ManuallyDrop<RefCell<Vec<(u64, Arc<Member<Part>>, Weak<Shared>)>>>;

heap_core::sync::thread_local! {
    /// The mutators of this thread. Looked at before a lock is taken that a collector may hold while it waits for this very
    /// thread.
    static ATTACHED: Attached = const { ManuallyDrop::new(RefCell::new(Vec::new())) };

    /// Takes the mutators of a thread that ends with them: see [`Leaving`].
    static LEAVING: Leaving = const { Leaving };
}

/// A thread that ends while it has a mutator (that was forgotten, or inside by a stay of the raw layer that was) must not keep
/// cycles waiting, nor the spans in its cache. What it had is handed over when the thread's own data is dropped.
///
/// But that is dropped also when a thread ends the process in the middle of `enter`, and threads that it has lent references to
/// go on meanwhile. So there it [stays].
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        let all = ATTACHED.with(|all| core::mem::take(&mut *all.borrow_mut()));
        let (stay, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, member, _)| stays(member));
        ATTACHED.with(|all| *all.borrow_mut() = stay);
        for (_, member, heap) in left {
            let Some(heap) = heap.upgrade() else { continue };
            // Drops of what it kept in pools wait for another's safepoint: the thread's own data are going.
            let _had_pooled = let_go(&heap, &member);
        }
    }
}

/// Lets go of a mutator of this thread, which hands over what it has. Says whether drops of what it kept in pools are due.
///
/// # Panics
/// With the panics of drops of its callbacks, when it has gone.
pub(crate) fn let_go(heap: &Shared, member: &Arc<Member<Part>>) -> bool {
    if !member.is_inside() {
        heap.world.go_inside(member, &|part, round| heap.answer(part, round));
    }
    // SAFETY: inside, and this is the mutator's thread; nothing else of it will run.
    let part = unsafe { member.part() };
    let (own, finalizers, number) = (part.own.take(), Arc::clone(&part.finalizers), part.number);
    let had_pooled = heap.pools.expire(part.pools.take());
    part.leave(heap.shading());
    // Inside: what it was asked before this it has answered.
    heap.log.note(Track::here(), || Event::Detached { mutator: number });
    heap.world.detach(member);
    forget(heap.id);
    heap.finalizers.forget(&finalizers, &heap.roots);
    // Code of the program's, that may panic.
    drop(own);
    had_pooled
}

/// Whether a mutator of this thread, which is about to be let go of, is inside an `enter` that will not return: the process ends,
/// and other threads may have references that were lent to them from there until it has. No cycle comes to its end any more.
pub(crate) fn stays(member: &Member<Part>) -> bool {
    // SAFETY: inside, and this is the mutator's thread.
    member.is_inside() && !unsafe { member.part() }.is_raw.get()
}

/// This thread's mutator of a heap, if it has one.
pub(crate) fn attached(heap: u64) -> Option<Arc<Member<Part>>> {
    ATTACHED.with(|all| {
        all.borrow().iter().find(|(other, ..)| *other == heap).map(|(_, member, _)| Arc::clone(member))
    })
}

/// Whether this thread is inside any heap.
pub(crate) fn is_inside_any() -> bool {
    ATTACHED.with(|all| all.borrow().iter().any(|(_, member, _)| member.is_inside()))
}

/// Panics if this thread is inside `enter` of the heap: it would wait for itself.
pub(crate) fn insist_outside(heap: &Shared) {
    assert!(
        !attached(heap.id).is_some_and(|member| member.is_inside()),
        "a collection, a census or a snapshot was asked for inside `enter` of the same heap, where references are in use: ask for it outside"
    );
}

/// Notes a mutator of this thread.
pub(crate) fn note(heap: &Handle, member: &Arc<Member<Part>>) {
    LEAVING.with(|_| ());
    ATTACHED.with(|all| {
        all.borrow_mut().push((heap.id, Arc::clone(member), Arc::downgrade(heap.shared())));
    });
}

/// Forgets the mutator of a heap: it has detached.
fn forget(heap: u64) {
    ATTACHED.with(|all| {
        let mut all = all.borrow_mut();
        all.retain(|(other, ..)| *other != heap);
        if all.is_empty() {
            *all = Vec::new();
        }
    });
}
