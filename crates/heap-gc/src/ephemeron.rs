//! Ephemerons: pairs of a key and a value, of which the value is kept as long as the key is by something else.
//!
//! An ephemeron is an object of the heap without references as far as a marker knows, like a weak place, and so is its key's
//! word. But its value is alive if both the ephemeron and the key are; and the value may lead to the ephemeron, to its own key or
//! to those of others. So who is alive is found in turns: mark, look for ephemerons whose key is marked by now, mark what their
//! values lead to, and so on until a look finds nothing.
//!
//! ```text
//!   drain → look → found: drain → look → nothing: round dry → look → nothing: decide (`weak.rs`) → clear
//!     ▲                                                          │ found, or a load meanwhile
//!     └──────────────────────────────────────────────────────────┘
//! ```
//!
//! **A look costs as much as there are ephemerons that are not settled**: one whose value is marked is never looked at again in
//! that cycle. After [`LOOKS`] of them the collector [follows](Ephemerons::follow) what is left: it notes which ephemerons wait
//! for which objects, and marks by itself, so that marking a key leads to its value at once. That costs as much as there are
//! objects to mark and ephemerons to settle, whatever the order of a chain.
//!
//! **Beside mutators.** The value of a key that a mutator has in its hands may be unmarked for a while yet, because nobody has
//! looked. So reading it is a weak load ([`Places::finds`](crate::weak::Places::finds)): it shades the value and says so, and
//! then nothing is decided before another look. The same goes for who takes a value out, or puts another in its place. With
//! that, if a cycle is decided, mutators have met nothing unmarked since the last round *dry* was asked; so nothing was marked
//! after that round but by the collector, and the last look has seen all marks.
//!
//! An ephemeron made since the roots of its mutator were taken needs no look in that cycle: key and value are in the mutator's
//! hands then, and so marked by the end. One made before is known when the first look begins.
//!
//! **Clearing** needs no round: who finds an ephemeron by its key has the key in its hands, so it is not one that is cleared; who
//! comes upon another one looks whether its key is null, and follows nothing.
//!
//! Invariants
//!   F8  the words of a known ephemeron are null, or the addresses of (bytes of) allocated slots
//!   F9  an ephemeron is known from before anybody finds it in a table until it is dead or cleared
//!
//! `docs/design/ephemerons.md` has the argument, `models/spin/ephemeron.pml` the model.

use crate::gc::Gc;
use crate::mark::{Go, Whole};
use crate::shade::is_marked;
use crate::trace::Trace;
use core::ptr::{self, NonNull};
use foldhash::fast::RandomState;
use heap_core::fault::{self, Fault};
use heap_core::layout::TypeMask;
use heap_core::memory::Memory;
use heap_core::span::SpanId;
use heap_core::span::marks::{DROPPED, QUEUED};
use heap_core::stress::STRESSED;
use heap_core::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Release},
};
use heap_core::sync::{Mutex, point};
use heap_core::units::Bytes;
use heap_core::verify::{Violation, Word, each_word};
use std::collections::HashMap;

/// Looks of a cycle, each followed by a drain with all threads, before the collector follows ephemerons by itself. Most programs
/// need two: one that finds all, and one that finds nothing. More would be more drains for a chain, each for one value.
const LOOKS: u32 = if STRESSED { 1 } else { 4 };

/// Objects that are followed between two questions whether the heap ends.
const ASKED_EVERY: usize = 1024;

/// An ephemeron, in the heap.
#[derive(Debug)]
pub(crate) struct Ephemeron {
    /// Null when it is over. Written by the collector, who clears it; read by mutators.
    key: AtomicPtr<u8>,
    /// Written by the thread of its table, and by the collector, who clears it; read by both.
    value: AtomicPtr<u8>,
}

impl Ephemeron {
    /// An ephemeron of two objects.
    pub(crate) fn new(key: NonNull<u8>, value: NonNull<u8>) -> Self {
        Self { key: AtomicPtr::new(key.as_ptr()), value: AtomicPtr::new(value.as_ptr()) }
    }

    /// Whether it was cleared.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.key.load(Acquire).is_null()
    }

    /// The value, unless it was cleared.
    #[inline]
    pub(crate) fn value(&self) -> Option<NonNull<u8>> {
        NonNull::new(self.value.load(Acquire))
    }

    /// Leads to another value from now on. The old one was loaded, and the key is in the caller's hands.
    pub(crate) fn set_value(&self, value: NonNull<u8>) {
        self.value.store(value.as_ptr(), Release);
    }

    /// Leads nowhere from now on.
    fn clear(&self) {
        self.key.store(ptr::null_mut(), Release);
        self.value.store(ptr::null_mut(), Release);
    }
}

// SAFETY: 1: its words are no references to a marker; `Ephemerons` sees to it that they lead to no freed object (F8). 2: nothing
// is elsewhere. 4: it needs no drop.
unsafe impl Trace for Ephemeron {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
}

/// What a look at an ephemeron says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Now {
    /// It, or its key, is unmarked.
    Waits,
    /// Both are marked, and the value is not.
    LeadsTo(usize),
    /// Its value is marked, or it leads nowhere.
    Settled,
}

/// What a cycle has found out about the ephemerons.
#[derive(Debug, Default)]
struct Looked {
    /// All that were known at the first look; the first `settled` of them are settled.
    all: Vec<usize>,
    settled: usize,
    looks: u32,
}

impl Looked {
    /// Calls `visit` with the values that are to be marked, and says how many.
    fn settle(&mut self, memory: &Memory, mut visit: impl FnMut(usize)) -> usize {
        self.looks += 1;
        if self.looks > 1 && fault::on(Fault::LateKeyOverlooked) {
            return 0;
        }
        let mut found = 0;
        for at in self.settled..self.all.len() {
            // SAFETY: known, and nothing is freed while marking (F9).
            match unsafe { Ephemerons::now(memory, self.all[at]) } {
                Now::Waits => continue,
                Now::LeadsTo(value) => {
                    visit(value);
                    found += 1;
                }
                Now::Settled => {}
            }
            self.all.swap(at, self.settled);
            self.settled += 1;
        }
        point("ephemeron: looked");
        found
    }
}

/// The ephemerons of a heap. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Ephemerons {
    /// Addresses. Added to by mutators; taken by the collector at its first look, and given back when it has cleared.
    known: Mutex<Vec<usize>>,
    /// The collector's own, or a verifier's while no cycle runs.
    looked: Mutex<Looked>,
}

/// What following came to.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Followed {
    /// Values that were reached through their keys.
    pub(crate) values: usize,
    /// Words read as references off the quick road.
    pub(crate) slow_words: u64,
}

impl Ephemerons {
    /// A new ephemeron is known from here (F9).
    pub(crate) fn add(&self, ephemeron: Gc<'_, Ephemeron>) {
        self.known.lock().push(Gc::addr(ephemeron));
    }

    /// Whether it is time to [follow](Ephemerons::follow) what is left.
    pub(crate) fn is_long(&self) -> bool {
        self.looked.lock().looks >= LOOKS
    }

    /// Looks at all that are not settled, and calls `visit` with the values of marked keys. Says how many those were. All roots
    /// are taken, or the world is stopped.
    pub(crate) fn look(&self, memory: &Memory, visit: impl FnMut(usize)) -> usize {
        let mut looked = self.looked.lock();
        if looked.looks == 0 {
            looked.all = core::mem::take(&mut *self.known.lock());
        }
        looked.settle(memory, visit)
    }

    /// The same, and marks by itself what the values lead to, and the values of the keys that this marks, to the end, unless
    /// `go_on` says not to.
    pub(crate) fn follow(&self, memory: &Memory, go_on: impl FnMut() -> Go) -> Followed {
        let mut looked = self.looked.lock();
        let mut values = Vec::new();
        looked.settle(memory, |value| values.push(value));
        if values.is_empty() {
            return Followed::default();
        }
        let mut following = Following::new(memory, &looked.all[looked.settled..], values);
        following.run(go_on);
        following.so_far
    }

    /// What is unmarked is dead: clears the ephemerons of dead keys, and forgets them, and those that are dead themselves.
    /// Returns whether it cleared any.
    pub(crate) fn clear(&self, memory: &Memory) -> bool {
        let Looked { mut all, .. } = core::mem::take(&mut *self.looked.lock());
        let mut any = false;
        all.retain(|&at| {
            // SAFETY: known, and nothing is swept yet (F9).
            if !unsafe { is_marked(memory, at) } {
                return false;
            }
            // SAFETY: as above.
            let ephemeron = unsafe { Self::at(memory, at) };
            let key = ephemeron.key.load(Acquire);
            // SAFETY: F8.
            if key.is_null() || unsafe { is_marked(memory, key.addr()) } {
                return !key.is_null();
            }
            any = true;
            ephemeron.clear();
            false
        });
        point("ephemeron: cleared, before those made meanwhile are known");
        let mut known = self.known.lock();
        if fault::on(Fault::LateEphemeronForgotten) {
            known.clear();
        }
        all.append(&mut known);
        // Not to the last word: there may be as many again soon.
        all.shrink_to(2 * all.len());
        *known = all;
        any
    }

    /// Ephemeron, key and value of each that leads somewhere.
    pub(crate) fn snapshot(&self, memory: &Memory) -> Vec<[usize; 3]> {
        let (looked, known) = (self.looked.lock(), self.known.lock());
        let all = looked.all.iter().chain(known.iter());
        let words = all.map(|&at| {
            // SAFETY: known (F9), and nothing is swept meanwhile.
            let ephemeron = unsafe { Self::at(memory, at) };
            [at, ephemeron.key.load(Acquire).addr(), ephemeron.value.load(Acquire).addr()]
        });
        words.filter(|[_, key, value]| *key != 0 && *value != 0).collect()
    }

    /// Bytes that the list takes.
    pub(crate) fn bytes(&self) -> Bytes {
        let (looked, known) = (self.looked.lock(), self.known.lock());
        Bytes::new((looked.all.capacity() + known.capacity()) * size_of::<usize>())
    }

    /// What does not hold of F8 and F9. The world is stopped, everything is swept, and no cycle runs.
    pub(crate) fn check(&self, memory: &Memory) -> Vec<Violation> {
        let mut found = Vec::new();
        for &at in self.known.lock().iter() {
            if memory.map().resolve(at).is_none_or(|slot| slot.start != at) {
                let what = format!("an ephemeron is {at:#x}, which is no object");
                found.push(Violation { name: "F9", what });
                continue;
            }
            // SAFETY: an allocated slot, by the line above, and an ephemeron's (F9).
            let ephemeron = unsafe { Self::at(memory, at) };
            for (what, word) in [("key", &ephemeron.key), ("value", &ephemeron.value)] {
                let word = word.load(Acquire).addr();
                if word != 0 && memory.map().resolve(word).is_none() {
                    let what = format!("the {what} of an ephemeron is {word:#x}, which is no object");
                    found.push(Violation { name: "F8", what });
                }
            }
        }
        found
    }

    /// How an ephemeron stands.
    ///
    /// # Safety
    /// 1. It is the address of an ephemeron in an allocated slot of the memory, and nothing is freed meanwhile.
    unsafe fn now(memory: &Memory, at: usize) -> Now {
        // SAFETY: duty 1.
        if !unsafe { is_marked(memory, at) } {
            return Now::Waits;
        }
        // SAFETY: duty 1.
        let ephemeron = unsafe { Self::at(memory, at) };
        let key = ephemeron.key.load(Acquire).addr();
        // SAFETY: F8.
        if key != 0 && !unsafe { is_marked(memory, key) } {
            if fault::on(Fault::ClearedBeforeTheEnd) {
                ephemeron.clear();
            }
            return Now::Waits;
        }
        let value = ephemeron.value.load(Acquire).addr();
        // SAFETY: F8.
        if key == 0 || value == 0 || unsafe { is_marked(memory, value) } {
            return Now::Settled;
        }
        Now::LeadsTo(value)
    }

    /// The ephemeron at an address.
    ///
    /// # Safety
    /// 1. It is the address of an ephemeron in an allocated slot of the memory, which is not freed while the result is used.
    unsafe fn at(memory: &Memory, at: usize) -> &Ephemeron {
        #[expect(clippy::cast_ptr_alignment, reason = "an ephemeron is aligned, as slots are")]
        let ephemeron = memory.pages().space().base().as_ptr().with_addr(at).cast::<Ephemeron>();
        // SAFETY: duty 1; an ephemeron is only changed through its atomics.
        unsafe { &*ephemeron }
    }
}

/// One walk of [`Ephemerons::follow`]: a plain marker that asks of each object whether ephemerons wait for it.
struct Following<'a> {
    memory: &'a Memory,
    ephemerons: &'a [usize],
    /// By the slots that ephemerons wait for, their own and their keys': the first one's number in `next`.
    first: HashMap<usize, u32, RandomState>,
    /// Two entries for each ephemeron; each leads to the next one that waits for the same slot.
    next: Vec<u32>,
    /// What has to be marked.
    words: Vec<usize>,
    /// What is marked and has to be scanned.
    objects: Vec<(SpanId, u32)>,
    so_far: Followed,
}

/// No further ephemeron waits.
const NONE: u32 = u32::MAX;

impl<'a> Following<'a> {
    fn new(memory: &'a Memory, ephemerons: &'a [usize], values: Vec<usize>) -> Self {
        // More than two thousand million would take more than 64 GiB of ephemerons: the last are left to another look.
        let ephemerons = &ephemerons[..ephemerons.len().min((NONE / 2) as usize)];
        let mut following = Self {
            memory,
            ephemerons,
            first: HashMap::with_capacity_and_hasher(ephemerons.len(), RandomState::default()),
            next: vec![NONE; 2 * ephemerons.len()],
            so_far: Followed { values: values.len(), slow_words: 0 },
            words: values,
            objects: Vec::new(),
        };
        for (number, &at) in ephemerons.iter().enumerate() {
            // SAFETY: known, and nothing is freed while marking (F9).
            let key = unsafe { Ephemerons::at(memory, at) }.key.load(Acquire).addr();
            for (entry, word) in [(2 * number, at), (2 * number + 1, key)] {
                let Some(slot) = memory.map().resolve(word) else { continue };
                let entry = u32::try_from(entry).unwrap_or(NONE);
                let before = following.first.insert(slot.start, entry);
                following.next[entry as usize] = before.unwrap_or(NONE);
            }
        }
        // Only now, so that none is marked by others between a look and its entry.
        for &at in ephemerons {
            following.ask(at);
        }
        following
    }

    fn run(&mut self, mut go_on: impl FnMut() -> Go) {
        for asked in 1_usize.. {
            while let Some(word) = self.words.pop() {
                self.mark(word);
            }
            let Some((id, slot)) = self.objects.pop() else { return };
            self.scan(id, slot);
            if asked.is_multiple_of(ASKED_EVERY) && go_on() == Go::Home {
                return;
            }
        }
    }

    /// Whether an ephemeron leads on by now.
    fn ask(&mut self, at: usize) {
        // SAFETY: as in `new`.
        if let Now::LeadsTo(value) = unsafe { Ephemerons::now(self.memory, at) } {
            self.so_far.values += 1;
            self.words.push(value);
        }
    }

    /// Marks what a word leads to, and asks the ephemerons that waited for it.
    fn mark(&mut self, word: usize) {
        let map = self.memory.map();
        let Some(found) = map.resolve(word) else { return };
        let span = map.span(found.span);
        let (mark, epoch) = (map.mark_of(span, found.slot), self.memory.epoch().byte());
        if mark.get() == epoch {
            return;
        }
        mark.set(epoch);
        if !self.memory.entry_of(span).layout().is_noscan() {
            self.objects.push((found.span, found.slot));
        }
        let mut entry = self.first.get(&found.start).copied().unwrap_or(NONE);
        while entry != NONE {
            self.ask(self.ephemerons[entry as usize / 2]);
            entry = self.next[entry as usize];
        }
    }

    fn mark_ambiguous(&mut self, word: usize) {
        let map = self.memory.map();
        let Some(found) = map.resolve(word) else { return };
        let now = map.mark_of(map.span(found.span), found.slot).get();
        // Dead objects whose drop is due are not brought back by a number.
        if now != QUEUED && now != DROPPED {
            self.mark(word);
        }
    }

    fn scan(&mut self, id: SpanId, slot: u32) {
        let memory = self.memory;
        let span = memory.map().span(id);
        let is_quick = memory.map().is_quick(span);
        let mut ambiguous = Vec::new();
        let whole = Whole;
        each_word(memory, span, slot, |_, word| {
            self.so_far.slow_words += u64::from(!is_quick);
            match word {
                Word::Exact(0) | Word::Ambiguous(0) => {}
                Word::Exact(word) => self.words.push(word),
                Word::Ambiguous(word) => ambiguous.push(word),
            }
        });
        core::mem::forget(whole);
        for word in ambiguous {
            self.mark_ambiguous(word);
            if let Some(decoder) = memory.decoder() {
                self.mark_ambiguous(decoder.decode(word));
            }
        }
    }
}

#[cfg(test)]
mod tests;
