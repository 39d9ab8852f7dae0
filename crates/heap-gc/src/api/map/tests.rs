//! Beside `tests/it/map.rs`, which compares with a `HashMap`: what is not seen from outside.

use super::group::{DELETED, EMPTY, Group, WIDTH, plain, tag};
use super::*;
use crate::barrier::Mode;
use crate::heap::Heap;
use crate::mutator::Mu;
use heap_core::os::sim::SimOs;
use std::collections::BTreeMap;

fn heap() -> Heap {
    Heap::builder().reservation(32 << 20).os(SimOs::new()).poison(0xA5).gc_off().build().unwrap()
}

/// M1 to M4, and that every key is found by its hash.
fn check<K: Trace + Copy + Eq + Hash, V: Trace + Copy, S: BuildHasher>(map: &GcMap<'_, K, V, S>) {
    let places = map.places();
    let Some(table) = map.table() else {
        assert_eq!((places, map.len(), map.capacity()), (0, 0, 0), "M1");
        return;
    };
    assert!(places.is_power_of_two() && table.groups() == places.div_ceil(WIDTH), "M1");
    let (mut full, mut deleted) = (0, 0);
    for index in 0..table.groups() * WIDTH {
        // SAFETY: an index of a group.
        let (byte, is_full) = (unsafe { table.byte(index) }, unsafe { table.is_full(index) });
        if is_full {
            full += 1;
            // SAFETY: a tag.
            let (key, _) = unsafe { GcMap::<K, V, S>::entry_in(&table, index) };
            assert_eq!(byte, tag(map.hash_of(&key)), "M2: place {index}");
            let found = map.find(map.hash_of(&key), |found| *found == key);
            assert_eq!(found.map(|(_, at)| at), Some(index));
            continue;
        }
        assert!(byte == EMPTY || (byte == DELETED && index < places), "M1: {byte:#x} in {index} of {places}");
        deleted += usize::from(byte == DELETED);
        if index >= places {
            continue;
        }
        let words = table.place(index).cast::<usize>();
        let mask = <(K, V)>::MASK;
        for word in
            (0..size_of::<(K, V)>() / 8).filter(|&word| mask.is_exact(word) || mask.is_ambiguous(word))
        {
            // SAFETY: a word of a place of the table, which only this thread writes to; it was written (M3).
            assert_eq!(unsafe { words.wrapping_add(word).read() }, 0, "M3: place {index}");
        }
    }
    assert_eq!(full, map.len(), "M4");
    assert_eq!(full + deleted + map.left.get(), room::capacity(places), "M4");
}

#[test]
fn both_ways_to_ask_a_group_agree() {
    let bytes = [EMPTY, DELETED, 0, 1, 0x7E, 0x7F];
    let mut state = 1_u64;
    for _ in 0..2000 {
        let all = core::array::from_fn(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            bytes[usize::try_from(state >> 33).unwrap() % bytes.len()]
        });
        let group = Group::of(all);
        for byte in bytes {
            assert_eq!(group.with(byte), plain::with(group, byte));
        }
        assert_eq!(group.free(), plain::free(group));
        let (free, full): (Vec<_>, Vec<_>) = (group.free().collect(), group.full().collect());
        assert!((0..WIDTH).all(|at| free.contains(&at) != full.contains(&at)));
        assert_eq!(group.has_empty(), all.contains(&EMPTY));
    }
}

/// Hashes that are all in few groups, with few tags.
#[derive(Clone, Copy, Default)]
struct Crowded;

struct Crowd(u64);

impl core::hash::Hasher for Crowd {
    fn finish(&self) -> u64 {
        (self.0 % 3) | ((self.0 % 2) << 57)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, &byte| sum * 31 + u64::from(byte));
    }
}

impl BuildHasher for Crowded {
    type Hasher = Crowd;

    fn build_hasher(&self) -> Crowd {
        Crowd(0)
    }
}

/// Every operation many times, with the barrier in one of its modes, whatever the collector does.
fn every_operation<'gc, V: Trace + Copy + PartialEq + fmt::Debug + 'gc, S: BuildHasher + Default>(
    mu: &Mu<'gc>,
    mode: Mode,
    make: impl Fn(u64) -> V,
) {
    mu.barrier().0.set(mode);
    let (map, mut model) = (GcMap::<u64, V, S>::default(), BTreeMap::new());
    check(&map);
    let same = |map: &GcMap<'gc, u64, V, S>, model: &BTreeMap<u64, V>| {
        check(map);
        let mut all: Vec<_> = map.iter().collect();
        all.sort_by_key(|entry| entry.0);
        assert!(all.into_iter().eq(model.iter().map(|(key, value)| (*key, *value))), "in {mode:?}");
    };
    for number in 0..300 {
        let key = number * 7 % 61;
        assert_eq!(map.insert(mu, key, make(number)), model.insert(key, make(number)));
        let gone = number * 5 % 67;
        if number % 3 == 0 {
            assert_eq!(map.remove(mu, &gone), model.remove(&gone));
        }
        assert_eq!(map.entry(mu, gone).or_insert(make(1)), *model.entry(gone).or_insert(make(1)));
        same(&map, &model);
    }
    assert_eq!(map.update(mu, &5, |_| make(2)), model.get_mut(&5).map(|value| (*value = make(2), make(2)).1));
    map.update_all(mu, |key, _| make(*key));
    model.iter_mut().for_each(|(key, value)| *value = make(*key));
    same(&map, &model);
    map.retain(mu, |key, _| key % 3 > 0);
    model.retain(|key, _| key % 3 > 0);
    same(&map, &model);
    map.reserve(mu, 200);
    same(&map, &model);
    map.shrink_to_fit(mu);
    same(&map, &model);
    assert!(map.places() <= 64, "{} places for {}", map.places(), map.len());
    let mut drain = map.drain(mu);
    for _ in 0..5 {
        let (key, value) = drain.next().expect("more than five");
        assert_eq!(model.remove(&key), Some(value));
    }
    drop(drain);
    model.clear();
    same(&map, &model);
    map.shrink_to_fit(mu);
    assert_eq!((map.places(), map.capacity()), (0, 0));
    same(&map, &model);
    mu.barrier().0.set(Mode::Off);
}

#[test]
fn the_invariants_hold_after_every_operation_in_every_mode() {
    let heap = heap();
    let mut mutator = heap.attach().unwrap();
    for mode in [Mode::Off, Mode::Both, Mode::Deleted] {
        mutator.enter(|mu| {
            let (a, b) = (mu.alloc(1_u64), mu.alloc(2_u64));
            every_operation::<_, MapHasher>(mu, mode, |number| number);
            every_operation::<_, Crowded>(mu, mode, |number| number);
            every_operation::<_, MapHasher>(mu, mode, |number| if number % 2 == 0 { a } else { b });
            every_operation::<_, Crowded>(mu, mode, |number| (number % 5 > 0).then_some((number, a)));
            every_operation::<_, MapHasher>(mu, mode, |_| ());
        });
    }
    mutator.collect();
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn small_maps_have_small_tables() {
    heap().attach().unwrap().enter(|mu| {
        let places =
            [(1, 4), (3, 4), (4, 8), (7, 8), (8, 16), (14, 16), (15, 32), (28, 32), (29, 64), (1000, 2048)];
        for (count, places) in places {
            let map = GcMap::new();
            map.extend(mu, (0..count).map(|number| (number, ())));
            assert_eq!(map.places(), places, "for {count}");
            let map: GcMap<'_, u64, ()> = GcMap::with_capacity(mu, count);
            assert!(map.capacity() >= count);
            assert_eq!(map.places(), places, "for {count}");
        }
    });
}

#[test]
fn a_map_in_which_entries_come_and_go_does_not_grow() {
    heap().attach().unwrap().enter(|mu| {
        let map = GcMap::<_, _, MapHasher>::new();
        for number in 0..20_000_u64 {
            map.insert(mu, number, number);
            if number >= 100 {
                assert_eq!(map.remove(mu, &(number - 100)), Some(number - 100));
            }
        }
        check(&map);
        assert!(map.places() <= 256, "{} places for {}", map.places(), map.len());
    });
}

#[test]
fn tables_of_what_has_no_references_are_noscan() {
    let heap = heap();
    let mut mutator = heap.attach().unwrap();
    let root: crate::Root<GcMap<'static, u64, u64>> =
        mutator.enter(|mu| mu.root(mu.alloc(GcMap::<u64, u64>::new())));
    mutator.enter(|mu| root.get(mu).extend(mu, (0..10_000).map(|number| (number, number))));
    mutator.collect();
    mutator.collect();
    let cycle = heap.figures().last_cycle.expect("it has collected");
    assert_eq!((cycle.live_objects, cycle.scanned), (3, 1), "the map, and not its tables");
}
