//! A mutator's small table of layout numbers, by type and size class.
//!
//! Each key has a place, and a second beside it. What was asked for last is in its place, where a lookup that is compiled into
//! the program finds it; two keys of one place take turns there, and the slow twin finds the other one in the second. What is in
//! neither is asked of the heap again: an entry may be lost, it is never wrong.

use crate::object::TypeInfo;
use core::cell::Cell;
use heap_core::layout::LayoutId;
use heap_core::size_class::SizeClass;

/// Places of the table: more than there are size classes.
const PLACES: usize = 128;
const _: () = assert!(PLACES.is_power_of_two() && PLACES > SizeClass::COUNT);

type Place = Cell<(Key, LayoutId)>;

/// What stands for a type and a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key(usize);

impl Key {
    #[inline(always)]
    pub(super) fn of(info: &'static TypeInfo, class: SizeClass) -> Self {
        // A `TypeInfo` is longer than there are classes, so the sums of two types are different.
        const { assert!(size_of::<TypeInfo>() > SizeClass::COUNT) };
        Self(core::ptr::from_ref(info).addr() + class.index())
    }

    /// Where it is to be found. Nearly all keys of one type, which differ in the class, have places of their own: a vector that
    /// grows goes through one class after the other.
    #[inline(always)]
    fn place(self) -> usize {
        (self.0.wrapping_add((self.0 / PLACES).wrapping_mul(37))) % PLACES
    }
}

/// The table. No type is at address 0, so an empty place has no key.
pub(super) struct Known(Box<[Place; PLACES]>);

impl Known {
    pub(super) fn new() -> Self {
        Self(Box::new([const { Cell::new((Key(0), LayoutId::new(0))) }; PLACES]))
    }

    /// The number, if it is in its place.
    #[inline(always)]
    pub(super) fn get(&self, key: Key) -> Option<LayoutId> {
        let (whose, id) = self.0[key.place()].get();
        (whose == key).then_some(id)
    }

    /// The number, if it is in the table; it is in its place then.
    pub(super) fn find(&self, key: Key) -> Option<LayoutId> {
        let (first, second) = self.places(key);
        if first.get().0 != key && second.get().0 == key {
            first.swap(second);
        }
        self.get(key)
    }

    /// Notes a number. What was in its place goes to the second one.
    pub(super) fn insert(&self, key: Key, id: LayoutId) {
        let (first, second) = self.places(key);
        let older = first.replace((key, id));
        if older.0 != Key(0) {
            second.set(older);
        }
    }

    fn places(&self, key: Key) -> (&Place, &Place) {
        let place = key.place();
        (&self.0[place], &self.0[place ^ 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys with the same place, as many as asked for.
    fn rivals(many: usize) -> Vec<Key> {
        let place = Key(1).place();
        (1..).map(Key).filter(|key| key.place() == place).take(many).collect()
    }

    #[test]
    fn two_rivals_are_both_found_and_a_third_ends_the_older() {
        let (known, keys) = (Known::new(), rivals(3));
        assert_eq!(known.find(keys[0]), None);
        known.insert(keys[0], LayoutId::new(10));
        known.insert(keys[1], LayoutId::new(11));
        assert_eq!((known.get(keys[0]), known.get(keys[1])), (None, Some(LayoutId::new(11))));
        for _ in 0..2 {
            assert_eq!(known.find(keys[0]), Some(LayoutId::new(10)));
            assert_eq!(known.get(keys[0]), Some(LayoutId::new(10)), "it is in its place now");
            assert_eq!(known.find(keys[1]), Some(LayoutId::new(11)));
        }
        known.insert(keys[2], LayoutId::new(12));
        let found: Vec<_> = keys.iter().map(|&key| known.find(key)).collect();
        assert_eq!(found, [None, Some(LayoutId::new(11)), Some(LayoutId::new(12))]);
    }

    #[test]
    fn the_classes_of_a_type_are_all_kept() {
        for start in (0x5555_5555_0000..0x5555_5556_0000).step_by(8) {
            let (known, keys) = (Known::new(), (0..40).map(|class| Key(start + class)));
            keys.clone().zip(0..).for_each(|(key, id)| known.insert(key, LayoutId::new(id)));
            let lost = keys.filter(|&key| known.find(key).is_none()).count();
            assert!(lost <= 1, "{lost} of 40 classes of the type at {start:#x} are lost");
        }
    }

    #[test]
    fn a_number_is_never_anothers() {
        let known = Known::new();
        let keys: Vec<Key> = (1..2000).map(|at| Key(at * 264)).collect();
        for (at, &key) in keys.iter().enumerate() {
            known.insert(key, LayoutId::new(u32::try_from(at).expect("small")));
            for back in 0..at.min(100) {
                let older = at - back;
                let found = known.find(keys[older]).map(LayoutId::index);
                assert!(found.is_none_or(|found| found == older), "{found:?} for {older}");
            }
            assert_eq!(known.find(key).map(LayoutId::index), Some(at), "what was noted last is found");
        }
    }
}
