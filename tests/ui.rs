//! What the compiler must refuse, each for the reason in the first lines of its file.
//!
//! The expected messages are beside the programs. `TRYBUILD=overwrite cargo test --test ui` writes them anew; read them
//! before they are kept, because a program that is refused for another reason proves nothing.

use std::marker::PhantomData;
use tricolor::{
    Arena, Cleanup, Fill, Frame, Gc, GcBytes, GcCell, GcMap, GcStr, GcVec, Heap, Interner, Leaf, Lent, Local,
    Mu, Mutator, Pool, Root, Weak, WeakMap, WeakSet, raw,
};

#[test]
fn the_compiler_refuses_what_would_be_unsound() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// A type to ask about. Its own constants, where their bound holds, hide those of [`Otherwise`].
struct Is<T>(PhantomData<T>);

impl<T: Send> Is<T> {
    const SEND: bool = true;
}

impl<T: Sync> Is<T> {
    const SYNC: bool = true;
}

/// The answers where no bound holds.
trait Otherwise {
    const SEND: bool = false;
    const SYNC: bool = false;
}

impl<T> Otherwise for Is<T> {}

/// Whether a type is `Send`, and `Sync`.
macro_rules! send_and_sync {
    ($type:ty) => {
        (Is::<$type>::SEND, Is::<$type>::SYNC)
    };
}

#[test]
fn handles_go_to_other_threads_only_where_that_is_sound() {
    assert_eq!(send_and_sync!(Heap), (true, true), "a heap is for many threads");
    assert_eq!(send_and_sync!(Mutator), (false, false), "what a mutator caches is its thread's");
    assert_eq!(send_and_sync!(Mu<'static>), (false, false), "so is access to it");
    assert_eq!(send_and_sync!(GcCell<u64>), (true, false), "a cell is written without a lock");
    assert_eq!(send_and_sync!(Gc<'static, u64>), (true, true), "a reference is like `&T`");
    assert_eq!(send_and_sync!(Gc<'static, GcCell<u64>>), (false, false), "also to a cell");
    assert_eq!(send_and_sync!(Weak<'static, u64>), (true, true), "a weak one gives such references");
    assert_eq!(send_and_sync!(Weak<'static, GcCell<u64>>), (false, false), "also of a cell");
    assert_eq!(send_and_sync!(Root<GcBytes>), (true, true), "bytes never change");
    assert_eq!(send_and_sync!(Root<GcStr>), (true, true), "nor does a string");
    assert_eq!(send_and_sync!(GcVec<'static, u64>), (true, false), "a vector is written without a lock");
    assert_eq!(
        send_and_sync!(GcVec<'static, Gc<'static, GcCell<u64>>>),
        (false, false),
        "and gives references"
    );
    assert_eq!(send_and_sync!(Root<GcVec<'static, u64>>), (false, false), "a root is shared access to it");
    assert_eq!(send_and_sync!(GcMap<'static, u64, u64>), (true, false), "a map is written without a lock");
    assert_eq!(
        send_and_sync!(GcMap<'static, u64, Gc<'static, GcCell<u64>>>),
        (false, false),
        "and gives references"
    );
    assert_eq!(
        send_and_sync!(GcMap<'static, u64, u64, PhantomData<*const ()>>),
        (false, false),
        "a map goes where its hasher goes"
    );
    assert_eq!(
        send_and_sync!(Root<GcMap<'static, u64, u64>>),
        (false, false),
        "a root is shared access to it"
    );
    assert_eq!(
        send_and_sync!(WeakMap<'static, u64, u64>),
        (true, false),
        "a weak map is written without a lock"
    );
    assert_eq!(
        send_and_sync!(WeakMap<'static, GcCell<u64>, u64>),
        (false, false),
        "what it tells of is shared with its keys"
    );
    assert_eq!(send_and_sync!(WeakMap<'static, u64, GcCell<u64>>), (false, false), "and gives references");
    assert_eq!(send_and_sync!(Interner<'static>), (true, false), "so is a weak set");
    assert_eq!(send_and_sync!(WeakSet<'static, GcCell<u64>>), (false, false), "and gives references");
    assert_eq!(send_and_sync!(Root<Interner<'static>>), (false, false), "a root is shared access to it");
    assert_eq!(send_and_sync!(Root<u64>), (true, true), "a root's slot is in the heap");
    assert_eq!(send_and_sync!(Root<GcCell<u64>>), (false, false), "a root is shared access to its object");
    assert_eq!(send_and_sync!(Root<Gc<'static, GcCell<u64>>>), (false, false), "and to what that refers to");
    assert_eq!(send_and_sync!(Cleanup), (true, true), "any thread may stop a cleanup");
    assert_eq!(send_and_sync!(Leaf<std::cell::Cell<u64>>), (true, false), "a leaf is like what is in it");
    assert_eq!(send_and_sync!(Frame<'static>), (false, false), "a frame's memory is its thread's");
    assert_eq!(send_and_sync!(Local<'static, u64>), (false, false), "so are its values");
    assert_eq!(
        send_and_sync!(Pool<Gc<'static, GcCell<u64>>>),
        (true, true),
        "what a thread puts no other takes"
    );
    assert_eq!(
        send_and_sync!(Lent<'static, 'static, u64>),
        (false, false),
        "a loan goes back where it came from"
    );
    assert_eq!(send_and_sync!(Arena<'static, u64>), (false, false), "an arena is its mutator's");
    assert_eq!(send_and_sync!(Fill<'static, 'static, u64>), (false, false), "what it lends, too");
    assert_eq!(send_and_sync!(raw::Mutator), (false, false), "as the mutator that it is");
    assert_eq!(send_and_sync!(raw::Inside<'static>), (false, false), "a stay is its thread's");
    assert_eq!(send_and_sync!(raw::RootId), (false, false), "a mutator's own roots are its thread's");
    assert_eq!(send_and_sync!(raw::FrameId), (false, false), "so are its frames");
    assert_eq!(send_and_sync!(raw::Root), (true, true), "a root's slot is in the heap");
    assert_eq!(send_and_sync!(raw::Kind), (true, true), "a kind is for all threads of its heap");
    assert_eq!(send_and_sync!(raw::ArrayKind), (true, true), "so is one of arrays");
}
