//! A runtime with stacks: random work on the raw layer, each thread with a model of what its stack must hold.
//!
//! A stack has two halves: references as they are, an exact range, and values boxed in NaNs, an ambiguous one. Items are moved
//! between the halves, a board that all threads share, and each other. Each can be checked: it leads to an object that proves its
//! name, so that an item that was marked and not looked into is noticed as well.

use crate::random::{Random, scrambled};
use core::cell::Cell;
use core::ptr::{NonNull, null_mut, with_exposed_provenance_mut};
use tricolor::core::sync::thread::yield_now;
use tricolor::raw::{ArrayKind, Inside, Kind, Layout, Mutator, Root};
use tricolor::{Decoder, Heap, HeapBuilder};

/// Places of one half of a stack.
const HALF: usize = 4;
/// Places of the board.
const BOARD: usize = 4;
/// Makes a value of an address.
const BOX: u64 = 0xFFFC << 48;
/// Words of an item.
const CHECK: usize = 1;
const NEXT: usize = 2;

/// What all threads share. See the module's text.
#[derive(Debug)]
pub struct Stacks {
    heap: Heap,
    item: Kind,
    check: Kind,
    board: Root,
}

/// One thread's stack.
struct Stack<'a> {
    of: &'a Stacks,
    inside: Inside<'a>,
    exact: &'a [Cell<*mut u8>; HALF],
    boxed: &'a [Cell<u64>; HALF],
}

/// A word of an object.
fn word(object: *mut u8, number: usize) -> *mut u64 {
    #[expect(clippy::cast_ptr_alignment, reason = "objects are aligned to words")]
    object.cast::<u64>().wrapping_add(number)
}

impl Stacks {
    /// The settings, with what the work needs.
    #[must_use]
    pub fn settings(builder: HeapBuilder) -> HeapBuilder {
        builder.decoder(Decoder::NAN_BOX)
    }

    /// Sets up a heap that was built with these [settings](Self::settings).
    ///
    /// # Panics
    /// If this thread has a mutator of it, or there is no memory.
    #[must_use]
    pub fn new(heap: &Heap) -> Self {
        let kind = |layout: Layout| layout.register(heap).expect("room for a layout");
        let item = kind(Layout::new("item", 24).exact(CHECK).exact(NEXT));
        let check = kind(Layout::new("check", 16));
        let places: ArrayKind =
            Layout::new("place", 8).exact(0).register_array(heap, 8).expect("room for a layout");
        let mut mutator = Mutator::attach(heap).expect("one mutator a thread");
        let inside = mutator.enter();
        // SAFETY: R3: a kind of this heap. R6: nulls are whole.
        let board = unsafe { inside.alloc_array(&places, BOARD) }.expect("there is memory");
        // SAFETY: R4: an array of this heap.
        let board = unsafe { inside.root(board) };
        drop(inside);
        Self { heap: heap.clone(), item, check, board }
    }

    /// So many moves of a thread with this number.
    ///
    /// # Panics
    /// If something is lost; or this thread has a mutator.
    pub fn work(&self, number: u64, mut random: Random, moves: u64) {
        // Before the mutator, so that they go after it.
        let exact = [const { Cell::new(null_mut()) }; HALF];
        let boxed = [const { Cell::new(BOX) }; HALF];
        let mut mutator = Mutator::attach(&self.heap).expect("one mutator a thread");
        let inside = mutator.enter();
        // SAFETY: R2: it outlives the mutator, and is written inside only.
        let _one = unsafe { inside.add_exact(exact.as_ptr().cast(), HALF) };
        // SAFETY: as above.
        let _other = unsafe { inside.add_ambiguous(boxed.as_ptr().cast(), HALF) };
        let stack = Stack { of: self, inside, exact: &exact, boxed: &boxed };
        let mut model = [None; 2 * HALF];
        for round in 0..moves {
            let (to, from) = (random.index(2 * HALF), random.index(2 * HALF));
            let (there, here) = (stack.get(to), stack.get(from));
            let new = match random.below(8) {
                0 | 1 => stack.item(number << 32 | round, here),
                2 => here,
                3 => {
                    stack.store(stack.board(), 1 + random.index(BOARD), here);
                    there
                }
                4 => stack.load(stack.board(), 1 + random.index(BOARD)),
                5 if !here.is_null() => stack.load(here, NEXT),
                6 if !there.is_null() => {
                    // Also if others do the same.
                    stack.store(there, NEXT, here);
                    there
                }
                _ => null_mut(),
            };
            stack.set(to, new);
            model[to] = stack.look(new);
            match random.below(16) {
                // SAFETY: R1, R2: all that the thread has is in its stack.
                0 => unsafe { stack.inside.park(yield_now) },
                1..12 => stack.poll(),
                _ => {}
            }
            for (at, expected) in model.into_iter().enumerate() {
                assert_eq!(stack.look(stack.get(at)), expected, "place {at} holds another item");
            }
        }
    }
}

impl Stack<'_> {
    fn get(&self, at: usize) -> *mut u8 {
        if at < HALF {
            return self.exact[at].get();
        }
        let address = self.boxed[at - HALF].get() ^ BOX;
        with_exposed_provenance_mut(usize::try_from(address).expect("an address is a word"))
    }

    fn set(&self, at: usize, item: *mut u8) {
        if at < HALF {
            self.exact[at].set(item);
        } else {
            self.boxed[at - HALF].set(item.expose_provenance() as u64 | BOX);
        }
    }

    fn board(&self) -> *mut u8 {
        self.inside.get(&self.of.board).as_ptr()
    }

    /// A safepoint.
    fn poll(&self) {
        // SAFETY: R1, R2: all that the thread has is in its stack.
        unsafe { self.inside.poll() };
    }

    /// A new item, which leads to another.
    fn item(&self, name: u64, next: *mut u8) -> *mut u8 {
        let new = |kind| {
            // SAFETY: R3: a kind of this heap. R6: filled below, before any safepoint.
            let made: NonNull<u8> = unsafe { self.inside.alloc(kind) }.expect("there is memory");
            made.as_ptr()
        };
        let (item, check) = (new(&self.of.item), new(&self.of.check));
        // SAFETY: R5: a new object of two words.
        unsafe { word(check, 0).cast::<[u64; 2]>().write([scrambled(name), name]) };
        // SAFETY: R5: the first word of a new object.
        unsafe { word(item, 0).write(name) };
        // SAFETY: R5: the second word of a new object, which may be filled without a barrier.
        unsafe { word(item, CHECK).cast::<*mut u8>().write(check) };
        self.store(item, NEXT, next);
        item
    }

    fn load(&self, object: *mut u8, number: usize) -> *mut u8 {
        // SAFETY: an exact word of an item or of the board.
        unsafe { self.inside.read(word(object, number).cast()) }
    }

    fn store(&self, object: *mut u8, number: usize, value: *mut u8) {
        // SAFETY: an exact word of an item or of the board; R4: an item or null.
        unsafe { self.inside.write(word(object, number).cast(), value) };
    }

    /// The name of an item, which is what it was.
    fn look(&self, item: *mut u8) -> Option<u64> {
        if item.is_null() {
            return None;
        }
        // SAFETY: an item's name, or what became of it.
        let name = unsafe { word(item, 0).read() };
        // Before the reference is followed, which leads nowhere if the item was lost.
        assert_ne!(name, 0xA5A5_A5A5_A5A5_A5A5, "an item was lost");
        let check = self.load(item, CHECK);
        // SAFETY: what proves the item, or what became of it.
        let found = unsafe { word(check, 0).cast::<[u64; 2]>().read() };
        assert_eq!(found, [scrambled(name), name], "item {name:#x} is not what it was");
        Some(name)
    }
}
