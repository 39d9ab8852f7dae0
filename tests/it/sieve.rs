//! Promise: marking finds the same with vectors of any width, and without.

use tricolor::core::racy::kernel::Kernel;
use tricolor::{Gc, GcSlice, Heap, Mu, Rebrand, Root, Trace, Tracer, TypeMask, Vectors};

#[derive(Trace)]
struct Entry<'gc> {
    key: Option<Gc<'gc, u128>>,
    hash: usize,
    value: usize,
}

/// A word that is a reference or a number, beside the one that says which.
#[derive(Trace)]
enum Word<'gc> {
    Number(usize),
    Object(Gc<'gc, u128>),
}

/// More words than one mask has.
#[derive(Trace)]
struct Long<'gc> {
    keys: [Option<Gc<'gc, u128>>; 150],
}

/// One word that is no reference into the heap. What it leads to is reported by hand.
struct Boxed<'gc>(Box<Gc<'gc, u128>>);

// SAFETY: 1: its word leads out of the heap. 2: `trace` reports the one reference in the box. 3: it only reads. 4: dropping it
// frees the box without following the reference, on any thread.
unsafe impl Trace for Boxed<'_> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    const BY_HAND: bool = true;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.gc(*self.0);
    }
}

// SAFETY: the one brand is replaced.
unsafe impl Rebrand for Boxed<'_> {
    type At<'gc> = Boxed<'gc>;
}

#[derive(Trace)]
struct Scene<'gc> {
    keys: Gc<'gc, GcSlice<Option<Gc<'gc, u128>>>>,
    entries: Gc<'gc, GcSlice<Entry<'gc>>>,
    words: Gc<'gc, GcSlice<Word<'gc>>>,
    long: Gc<'gc, Long<'gc>>,
}

/// Elements around the lengths of vectors, of masks, and of the pieces that large arrays are cut into.
const LENGTHS: [usize; 12] = [0, 1, 3, 7, 8, 9, 63, 64, 65, 200, 1500, 20_000];
/// Of sixteen elements, so many lead nowhere. Of long slices every third 700 do not either.
const NULLS: [usize; 5] = [0, 1, 8, 15, 16];

/// Whether an element of a scene leads nowhere.
fn is_null(at: usize, nulls: usize) -> bool {
    let run = at / 700 % 3 == 2;
    run || at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 < nulls
}

fn scene<'gc>(mu: &Mu<'gc>, len: usize, nulls: usize) -> Gc<'gc, Scene<'gc>> {
    let key = |at| (!is_null(at, nulls)).then(|| mu.alloc(at as u128));
    mu.alloc(Scene {
        keys: mu.alloc_slice(len, key),
        entries: mu.alloc_slice(len, |at| Entry { key: key(at), hash: !at, value: at }),
        words: mu.alloc_slice(len, |at| key(at).map_or(Word::Number(at), Word::Object)),
        long: mu.alloc(Long { keys: core::array::from_fn(key) }),
    })
}

fn check(scene: &Scene<'_>, len: usize, nulls: usize) {
    let is_right = |at: usize, key: Option<u128>| key == (!is_null(at, nulls)).then_some(at as u128);
    let keys = scene.keys.iter().map(|key| key.map(|key| *key));
    assert!(keys.enumerate().all(|(at, key)| is_right(at, key)));
    for (at, entry) in scene.entries.iter().enumerate() {
        assert!(is_right(at, entry.key.map(|key| *key)) && entry.hash == !at && entry.value == at);
    }
    for (at, word) in scene.words.iter().enumerate() {
        match word {
            Word::Number(number) => assert!(*number == at && is_null(at, nulls)),
            Word::Object(object) => assert!(is_right(at, Some(**object))),
        }
    }
    assert!(scene.long.keys.iter().enumerate().all(|(at, key)| is_right(at, key.map(|key| *key))));
    assert_eq!((scene.keys.len(), scene.entries.len(), scene.words.len()), (len, len, len));
}

/// What is alive, after a verified collection of every scene.
fn live(vectors: Vectors) -> u64 {
    let heap = Heap::builder().vectors(vectors).poison(0xA5).verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut scenes: Vec<(usize, usize, Root<Scene<'static>>)> = Vec::new();
    for len in LENGTHS {
        for nulls in NULLS {
            scenes.push((len, nulls, mutator.enter(|mu| mu.root(scene(mu, len, nulls)))));
        }
    }
    mutator.collect();
    let live = mutator.figures().memory.heap_objects;
    mutator.enter(|mu| scenes.iter().for_each(|(len, nulls, root)| check(&root.get(mu), *len, *nulls)));
    drop(scenes);
    mutator.collect();
    assert_eq!(mutator.figures().memory.heap_objects, 0);
    live
}

#[test]
fn every_width_marks_what_is_reachable_and_nothing_else() {
    let without = live(Vectors::Scalar);
    for vectors in Vectors::ALL {
        if Kernel::of(vectors).is_none() {
            eprintln!("SKIPPED {vectors:?}: this processor does not have it");
            continue;
        }
        assert_eq!(live(vectors), without, "{vectors:?}");
    }
}

#[test]
fn words_that_no_mask_names_are_not_taken_for_references() {
    for vectors in Vectors::ALL {
        let heap = Heap::builder().vectors(vectors).poison(0xA5).verify_every(1).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let root: Root<GcSlice<Boxed<'static>>> = mutator
            .enter(|mu| mu.root(mu.alloc_slice(500, |number| Boxed(Box::new(mu.alloc(number as u128))))));
        mutator.collect();
        assert_eq!(mutator.figures().memory.heap_objects, 500 + 1);
        mutator.enter(|mu| assert!(root.get(mu).iter().zip(0..).all(|(boxed, number)| **boxed.0 == number)));
    }
}
