//! Promise: what was allocated is counted for the crate and the module that have the code, also in generic functions, closures and
//! functions of traits; and for the crate that called it.

use heap_gc::Heap;
use heap_profile::{Group, Profile, Profiler, Value};

/// Bytes of the slot of so many words.
fn slot(words: usize) -> usize {
    match words {
        7 => 64,
        9 => 80,
        11 => 96,
        13 => 112,
        15 => 128,
        17 => 144,
        19 => 160,
        other => panic!("{other} words are not used here"),
    }
}

/// So many times so many words.
type Part = (usize, usize);

/// A profile of what all three crates do.
fn profiled(mean: usize, rounds: usize) -> Profile {
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), mean).build().expect("address space");
    let mut mutator = heap.attach().expect("a fresh heap");
    for _ in 0..rounds {
        mutator.enter(|mu| profile_post::round!(mu));
    }
    profiler.profile("town", &heap)
}

/// Checks a grouping: exactly these names have objects and bytes of these parts.
fn check(profile: &Profile, group: Group, expected: &[(&str, &[Part])]) {
    let found = profile.grouped(group, Value::AllocatedBytes);
    let found: Vec<(&str, f64, f64)> = found
        .iter()
        .map(|(name, counts)| (name.as_str(), counts.allocated.objects, counts.allocated.bytes))
        .collect();
    let mut wanted: Vec<(&str, f64, f64)> = expected
        .iter()
        .map(|(name, parts)| {
            let objects: usize = parts.iter().map(|(count, _)| count).sum();
            let bytes: usize = parts.iter().map(|(count, words)| count * slot(*words)).sum();
            (*name, objects as f64, bytes as f64)
        })
        .collect();
    wanted.sort_by(|one, other| other.2.total_cmp(&one.2));
    assert_eq!(found, wanted, "{group:?}");
}

#[test]
fn three_crates_appear_with_what_each_of_them_allocated_and_nothing_else() {
    let profile = profiled(1, 1);
    let picked: &[Part] = &[(60, 15), (40, 19), (40, 15)];
    let fruit: &[Part] = &[(101, 7), (90, 9)];
    let orchard = [picked, fruit].concat();
    check(
        &profile,
        Group::Crate,
        &[
            ("profile_orchard", &orchard),
            ("profile_bakery", &[(80, 11), (70, 13)]),
            ("profile_post", &[(50, 17)]),
        ],
    );
    check(
        &profile,
        Group::Module,
        &[
            ("profile_orchard", picked),
            ("profile_orchard::fruit", fruit),
            ("profile_bakery::oven", &[(80, 11)]),
            ("profile_bakery", &[(70, 13)]),
            ("profile_post", &[(50, 17)]),
        ],
    );
}

#[test]
fn a_library_is_told_apart_by_the_crates_that_have_it_allocate() {
    let profile = profiled(1, 1);
    check(
        &profile,
        Group::CallingCrate,
        &[
            // What `profile_orchard` allocates for others, and its closure's caller: itself, called by the bakery.
            ("profile_bakery", &[(60, 15), (40, 15)]),
            ("profile_post", &[(40, 19)]),
            // A closure of the bakery is called by the orchard.
            ("profile_orchard", &[(80, 11)]),
            ("it", &[(101, 7), (90, 9), (70, 13), (50, 17)]),
        ],
    );
    let callers = profile.grouped(Group::Caller, Value::AllocatedObjects);
    // A generic function calls its closure through an iterator, or is the caller's whole.
    let is_one = |name: &str| ["deliver", "order_fruit", "pick"].iter().any(|part| name.contains(part));
    let of = callers.iter().filter(|(caller, _)| is_one(caller));
    assert_eq!(of.map(|(_, counts)| counts.allocated.objects).sum::<f64>(), 140.0, "{callers:#?}");
}

#[test]
fn a_function_has_what_it_called_counted_once() {
    let profile = profiled(1, 3);
    let all = profile.cumulative(Value::AllocatedBytes);
    let of = |name: &str| {
        let found: Vec<_> = all.iter().filter(|(function, _)| function == name).collect();
        assert_eq!(found.len(), 1, "{name} in {all:#?}");
        found[0].1.allocated.objects
    };
    assert_eq!(of("profile_post::deliver"), 3.0 * 80.0);
    assert_eq!(of("profile_bakery::order_fruit"), 3.0 * 100.0);
    assert_eq!(of("profile_bakery::oven::bake"), 3.0 * 80.0);
    assert_eq!(of("it::crates::profiled"), profile.total().allocated.objects);
}

#[test]
fn functions_are_named_whole() {
    let functions = profiled(1, 1).by_function();
    for (parts, objects) in [
        (&["profile_bakery::oven", "bake"][..], 80.0),
        (&["profile_orchard", "pick"], 140.0),
        (&["profile_post", "fill"], 50.0),
        (&["profile_bakery", "ripen"], 70.0),
    ] {
        let of = functions.iter().filter(|(name, _)| parts.iter().all(|part| name.contains(part)));
        let sum: f64 = of.map(|(_, counts)| counts.allocated.objects).sum();
        assert_eq!(sum, objects, "{parts:?} in {functions:#?}");
    }
}

#[test]
fn estimates_by_crate_are_within_the_bound_of_their_variance() {
    const MEAN: usize = 16 << 10;
    const ROUNDS: usize = 300;
    let profile = profiled(MEAN, ROUNDS);
    let crates = profile.grouped(Group::Crate, Value::AllocatedBytes);
    for (name, parts) in [
        ("profile_orchard", &[(60, 15), (40, 19), (40, 15), (101, 7), (90, 9)][..]),
        ("profile_bakery", &[(80, 11), (70, 13)]),
        ("profile_post", &[(50, 17)]),
    ] {
        let (mut bytes, mut variance) = (0.0, 0.0);
        for (count, words) in parts {
            let (count, size) = ((count * ROUNDS) as f64, slot(*words) as f64);
            let p = -(-size / MEAN as f64).exp_m1();
            bytes += count * size;
            variance += count * size * size * (1.0 - p) / p;
        }
        let found = crates.iter().find(|(found, _)| found == name).expect("it allocates a lot").1;
        let (off, bound) = (found.allocated.bytes - bytes, 5.0 * f64::sqrt(variance));
        assert!(off.abs() <= bound, "{name}: {found:?} of {bytes}, off by {off}, bound {bound}");
    }
    assert!(profile.top(Group::Crate, Value::AllocatedBytes, 10).to_string().contains("Estimated from"));
}
