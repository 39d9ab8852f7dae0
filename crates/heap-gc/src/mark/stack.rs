//! The stack of a marker: objects that are marked and not scanned yet.

use heap_core::fault::{self, Fault};
use heap_core::span::map::ScanWord;

/// Objects that are marked and not scanned yet, the last found on top.
///
/// The hot loops keep a [`Top`] of it, some words in registers, and hand it back with [`Stack::settle`] before they
/// call anything that is not inlined. (Moving a `Vec` in and out instead costs a failed store forwarding, some 5 ns an
/// object.)
#[derive(Default, Debug)]
pub(super) struct Stack {
    /// All of it is initialised; the stack is `room[1..=len]`. The first is nobody's: see [`Top::last`].
    pub(super) room: Vec<Grey>,
    pub(super) len: usize,
    /// Entries that `room` may have, at most.
    pub(super) most: usize,
    /// Something was thrown away.
    pub(super) has_lost: bool,
}

/// Entries of a new stack's memory.
pub(super) const FIRST_ROOM: usize = 1 << 10;
/// Words of an array of references looked at with room made once.
pub(super) const AT_ONCE: usize = FIRST_ROOM / 2;
// A stack has room for what is pushed at once, also when it cannot grow.
const _: () = assert!(MOST_QUICK < FIRST_ROOM && AT_ONCE < FIRST_ROOM);

/// An object that is marked and not scanned yet, with the scan word of its page, which was at hand when it was marked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grey {
    pub(super) object: usize,
    pub(super) scan: ScanWord,
}

impl Grey {
    /// No object.
    pub(super) const NONE: Self = Self { object: 0, scan: ScanWord::NOSCAN };
}

/// The top of a [`Stack`], by value.
#[derive(Clone, Copy)]
pub(super) struct Top {
    base: *mut Grey,
    pub(super) len: usize,
    room: usize,
    /// The last entry, which is not in memory: what is below it is `base[1..len]`. With none, anything. Who pops what he has just pushed need not
    /// wait until it can be loaded again, five cycles where a node of a list takes sixteen.
    last: Grey,
}

/// References an object on the quick road can have.
pub(super) const MOST_QUICK: usize = 60;

impl Stack {
    pub(super) fn new(most: usize) -> Self {
        Self { room: vec![Grey::NONE; FIRST_ROOM], ..Self::default() }.limited(most)
    }

    /// The same stack, which may have that many entries.
    pub(super) fn limited(self, most: usize) -> Self {
        Self { most: most.max(FIRST_ROOM), ..self }
    }

    /// The top, to work with. The stack must not be used until it is settled.
    #[inline(always)]
    pub(super) fn top(&mut self) -> Top {
        let last = self.room[self.len];
        Top { base: self.room.as_mut_ptr(), len: self.len, room: self.room.len(), last }
    }

    /// Takes the top back.
    #[inline(always)]
    pub(super) fn settle(&mut self, top: Top) {
        self.room[top.len] = top.last;
        self.len = top.len;
    }

    /// Whether there is room for that many more.
    #[inline(always)]
    pub(super) fn has_room(&self, objects: usize) -> bool {
        objects < self.room.len() - self.len
    }

    /// Makes room for that many more. If the system refuses it, by throwing away what there is.
    #[cold]
    #[inline(never)]
    pub(super) fn grow(&mut self, objects: usize) {
        let wanted = (self.len + objects + 1).max(2 * self.room.len());
        if wanted > self.most || self.room.try_reserve_exact(wanted - self.room.len()).is_err() {
            assert!(
                objects < self.room.len(),
                "{objects} references at once, and room for {}",
                self.room.len()
            );
            self.len = 0;
            self.has_lost = true;
            return;
        }
        self.room.resize(wanted, Grey::NONE);
    }

    pub(super) fn push(&mut self, object: Grey) {
        if !self.has_room(1) {
            self.grow(1);
        }
        self.len += 1;
        self.room[self.len] = object;
    }

    /// Takes everything out.
    pub(super) fn take_all(&mut self) -> impl ExactSizeIterator<Item = usize> {
        self.room[1..=core::mem::take(&mut self.len)].iter().map(|grey| grey.object)
    }

    /// Takes the oldest entries out.
    pub(super) fn take_oldest(&mut self, objects: usize, into: &mut Vec<usize>) {
        into.extend(self.room[1..=objects].iter().map(|grey| grey.object));
        self.room.copy_within(objects + 1..=self.len, 1);
        self.len -= objects;
    }
}

impl Top {
    /// Whether there is room for that many more.
    #[inline(always)]
    pub(super) fn has_room(&self, objects: usize) -> bool {
        objects < self.room - self.len
    }

    /// # Safety
    /// 1. There is room for it.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, object: Grey) {
        debug_assert!(self.has_room(1));
        if fault::on(Fault::PushDropped) && object.object / 8 % 1000 == 7 {
            return;
        }
        // SAFETY: with room for one more the length is below that of the stack's memory (duty 1), which is borrowed until the top is settled.
        let place = unsafe { self.base.add(self.len) };
        // SAFETY: as above.
        unsafe { place.write(self.last) };
        self.len += 1;
        self.last = object;
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Grey> {
        if self.len == 0 {
            return None;
        }
        let last = self.last;
        self.len -= 1;
        // SAFETY: below the length it had, which is inside the stack's memory; all of that is initialised.
        let place = unsafe { self.base.add(self.len) };
        // SAFETY: as above.
        self.last = unsafe { place.read() };
        Some(last)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Pops everything.
    fn rest(top: &mut Top) -> Vec<usize> {
        core::iter::from_fn(|| top.pop()).map(|grey| grey.object).collect()
    }

    #[test]
    fn what_was_pushed_last_is_popped_first_and_once() {
        let mut stack = Stack::new(FIRST_ROOM);
        let mut top = stack.top();
        let grey = |object| Grey { object, scan: ScanWord::NOSCAN };
        for object in [8, 16, 24] {
            // SAFETY: there is room for a thousand.
            unsafe { top.push(grey(object)) };
        }
        assert_eq!(top.pop().map(|grey| grey.object), Some(24));
        assert_eq!(top.pop().map(|grey| grey.object), Some(16));
        // SAFETY: as above.
        unsafe { top.push(grey(32)) };
        stack.settle(top);
        // What was in registers is in memory.
        assert_eq!((stack.len, stack.room[2].object), (2, 32));
        // Whoever comes to the stack in between may have left another on top.
        stack.room[2] = grey(40);
        let mut again = stack.top();
        assert_eq!((rest(&mut again), again.len), (vec![40, 8], 0));
        // SAFETY: as above.
        unsafe { again.push(grey(48)) };
        assert_eq!((rest(&mut again), again.len), (vec![48], 0));
    }
}
