//! Promise: each operation that allocates has a `try_` form; when the heap's limit or the system refuses it, it says so, what it
//! was given comes back or was `Copy`, and what it was to change is as before. The form that panics does so with the same
//! error, and leaves the same behind.

use crate::support::panic_text;
use heap_testkit::drops::{Register, Stone};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tricolor::core::os::sim::SimOs;
use tricolor::{
    AllocError, Arena, Frame, Gc, GcMap, GcMapEntry, GcVec, Heap, HeapBuilder, Interner, Leaf, MapHasher, Mu,
    Refusal, Root, Trace, WeakMap, WeakSet,
};

type Number<'gc> = Gc<'gc, u64>;

/// What operations change.
#[derive(Trace)]
struct State<'gc> {
    number: Number<'gc>,
    vector: GcVec<'gc, Number<'gc>>,
    map: GcMap<'gc, u64, Number<'gc>>,
}

/// Elements and entries at the beginning.
const FIRST: u64 = 5;

impl<'gc> State<'gc> {
    fn make(mu: &Mu<'gc>) -> Gc<'gc, Self> {
        let number = mu.alloc(7);
        let state = mu.alloc(State { number, vector: GcVec::new(), map: GcMap::new() });
        state.vector.extend(mu, (0..FIRST).map(|number| mu.alloc(number)));
        state.map.extend(mu, (0..FIRST).map(|key| (key, mu.alloc(key))));
        state
    }

    fn seen(&self) -> Seen {
        Seen {
            elements: self.vector.iter().map(|number| *number).collect(),
            entries: self.map.iter().map(|(key, number)| (key, *number)).collect(),
            room: (self.vector.capacity(), self.map.capacity()),
        }
    }

    /// A key that is not there.
    fn new_key(&self) -> u64 {
        1000 + self.map.len() as u64
    }

    fn vacant<'a>(&'a self, mu: &'a Mu<'gc>) -> GcMapEntry<'a, 'gc, u64, Number<'gc>, MapHasher> {
        self.map.entry(mu, self.new_key())
    }
}

#[derive(PartialEq, Debug)]
struct Seen {
    elements: Vec<u64>,
    entries: BTreeMap<u64, u64>,
    room: (usize, usize),
}

/// What is left of a state when an operation was refused.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Left {
    /// What was before.
    Same,
    /// What was before, and some of what the operation was to put there. The operation looks at that itself.
    More,
}

struct Op {
    /// The form that panics.
    name: &'static str,
    left: Left,
    attempt: for<'gc> fn(&Mu<'gc>, &State<'gc>) -> Result<(), AllocError>,
    insist: for<'gc> fn(&Mu<'gc>, &State<'gc>),
}

macro_rules! ops {
    ($($name:literal $left:ident |$mu:ident, $state:ident| $attempt:expr, $insist:expr;)*) => {
        &[$(Op {
            name: $name,
            left: Left::$left,
            attempt: |$mu, $state| {
                let _ = $state;
                $attempt.map(drop).map_err(AllocError::from)
            },
            insist: |$mu, $state| {
                let _ = $state;
                std::hint::black_box(&$insist);
            },
        }),*]
    };
}

/// The keys of the next 20 entries, which are not there.
fn entries<'gc>(state: &State<'gc>) -> impl Iterator<Item = (u64, Number<'gc>)> + use<'gc> {
    let (first, number) = (state.new_key(), state.number);
    (first..first + 20).map(move |key| (key, number))
}

/// 20 numbers at the end of the vector, through an iterator that says that there are more.
fn extend<'gc>(mu: &Mu<'gc>, state: &State<'gc>) -> Result<(), AllocError> {
    let (before, mut given) = (state.vector.len(), Vec::new());
    let mut numbers = std::iter::repeat_n(state.number, 20).inspect(|number| given.push(**number));
    let outcome = state.vector.try_extend(mu, &mut numbers);
    drop(numbers);
    let refused = usize::from(outcome.is_err());
    assert_eq!(state.vector.len() - before, given.len() - refused, "only the last one given is not there");
    if let Err(Refusal { value, .. }) = &outcome {
        assert!(Gc::ptr_eq(*value, state.number));
    }
    Ok(outcome?)
}

fn extend_map<'gc>(mu: &Mu<'gc>, state: &State<'gc>) -> Result<(), AllocError> {
    let mut given = Vec::new();
    let outcome = state.map.try_extend(mu, entries(state).inspect(|(key, _)| given.push(*key)));
    if let Err(Refusal { value: (key, _), .. }) = &outcome {
        assert_eq!(given.pop(), Some(*key));
        assert!(!state.map.contains_key(key));
    }
    assert!(given.iter().all(|key| state.map.contains_key(key)));
    Ok(outcome?)
}

/// A value with a drop comes back, and its drop has not run.
fn alloc_stone(mu: &Mu<'_>) -> Result<(), AllocError> {
    let register = Register::new();
    match mu.try_alloc_or_return(Leaf::new(Stone::new(3, &register))) {
        Ok(_) => Ok(()),
        Err(refusal) => {
            assert_eq!((refusal.value.name(), register.total()), (3, 0));
            assert_eq!(refusal.to_string(), refusal.error.to_string());
            Err(refusal.into())
        }
    }
}

/// A value with a drop that finds no room in a frame is dropped, once.
fn frame_stone(f: &mut Frame<'_>) -> Result<(), AllocError> {
    let register = Register::new();
    let outcome = f.try_alloc_drop(Stone::new(5, &register)).map(drop);
    assert_eq!(register.total(), u64::from(outcome.is_err()));
    f.reset();
    assert_eq!(register.total(), 1);
    outcome
}

const OPS: &[Op] = ops![
    "Mu::alloc" Same |mu, state| mu.try_alloc([state.number; 3]), mu.alloc([state.number; 3]);
    "Mu::alloc" Same |mu, state| mu.try_alloc(1_u8), mu.alloc(1_u8);
    "Mu::alloc" Same |mu, state| mu.try_alloc([0_u64; 5000]), mu.alloc([0_u64; 5000]);
    "Mu::alloc" Same |mu, state| alloc_stone(mu), mu.alloc(Leaf::new(Stone::new(4, &Register::new())));
    "Mu::alloc_slice" Same |mu, state| mu.try_alloc_slice(9, |_| state.number), mu.alloc_slice(9, |_| state.number);
    "Mu::alloc_slice" Same
        |mu, state| mu.try_alloc_slice_with(9, |number| mu.try_alloc([number; 9])),
        mu.alloc_slice(9, |number| mu.alloc([number; 9]));
    "Mu::alloc_copy" Same |mu, state| mu.try_alloc_copy(&[1_u32; 30]), mu.alloc_copy(&[1_u32; 30]);
    "Mu::alloc_str" Same |mu, state| mu.try_alloc_str("a string"), mu.alloc_str("a string");
    "Mu::alloc_bytes" Same |mu, state| mu.try_alloc_bytes(&[1; 5000]), mu.alloc_bytes(&[1; 5000]);
    "Mu::downgrade" Same |mu, state| mu.try_downgrade(state.number), mu.downgrade(state.number);
    "Frame::alloc" Same |mu, state| mu.frame(|f| f.try_alloc(state.number).map(drop)), mu.frame(|f| _ = f.alloc(state.number));
    "Frame::alloc_drop" Same |mu, state| mu.frame(|f| frame_stone(f)), mu.frame(|f| _ = f.alloc_drop(Box::new(1)));
    "Frame::alloc_slice" Same
        |mu, state| mu.frame(|f| f.try_alloc_slice(9, |_| state.number).map(drop)),
        mu.frame(|f| _ = f.alloc_slice(9, |_| state.number));
    "Frame::alloc_str" Same
        |mu, state| mu.frame(|f| f.try_alloc_str("a string").map(drop)),
        mu.frame(|f| _ = f.alloc_str("a string"));
    "Arena::new" Same |mu, state| Arena::<[u64; 3]>::try_new(mu, 40), Arena::<[u64; 3]>::new(mu, 40);
    "Arena::alloc" Same
        |mu, state| Arena::try_new(mu, 40).and_then(|mut arena| arena.try_alloc(mu, [state.number; 3])),
        Arena::new(mu, 40).alloc(mu, [state.number; 3]);
    "Fill::alloc" Same
        |mu, state| Arena::try_new(mu, 40).and_then(|mut arena| arena.fill(mu, |fill| fill.try_alloc([state.number; 3]))),
        Arena::new(mu, 40).fill(mu, |fill| _ = fill.alloc([state.number; 3]));
    "GcVec::push" Same |mu, state| state.vector.try_push(mu, state.number), state.vector.push(mu, state.number);
    "GcVec::insert" Same
        |mu, state| state.vector.try_insert(mu, 2, state.number),
        state.vector.insert(mu, 2, state.number);
    "GcVec::insert" Same
        |mu, state| state.vector.try_insert(mu, state.vector.len(), state.number),
        state.vector.insert(mu, state.vector.len(), state.number);
    "GcVec::resize" Same
        |mu, state| state.vector.try_resize(mu, state.vector.len() + 3, state.number),
        state.vector.resize(mu, state.vector.len() + 3, state.number);
    "GcVec::extend_from_slice" Same
        |mu, state| state.vector.try_extend_from_slice(mu, &[state.number; 4]),
        state.vector.extend_from_slice(mu, &[state.number; 4]);
    "GcVec::extend" More
        |mu, state| extend(mu, state),
        state.vector.extend(mu, std::iter::repeat_n(state.number, 20));
    "GcVec::reserve" Same
        |mu, state| state.vector.try_reserve(mu, state.vector.capacity() + 1),
        state.vector.reserve(mu, state.vector.capacity() + 1);
    "GcVec::with_capacity" Same
        |mu, state| GcVec::<u64>::try_with_capacity(mu, 50),
        GcVec::<u64>::with_capacity(mu, 50);
    "GcMap::insert" Same
        |mu, state| state.map.try_insert(mu, state.new_key(), state.number),
        state.map.insert(mu, state.new_key(), state.number);
    "GcMap::extend" More |mu, state| extend_map(mu, state), state.map.extend(mu, entries(state));
    "GcMap::reserve" Same
        |mu, state| state.map.try_reserve(mu, state.map.capacity() + 1),
        state.map.reserve(mu, state.map.capacity() + 1);
    "GcMap::with_capacity" Same
        |mu, state| GcMap::<u64, u64>::try_with_capacity(mu, 50),
        GcMap::<u64, u64>::with_capacity(mu, 50);
    "GcMap::with_capacity_and_hasher" Same
        |mu, state| GcMap::<u64, u64>::try_with_capacity_and_hasher(mu, 50, MapHasher::default()),
        GcMap::<u64, u64>::with_capacity_and_hasher(mu, 50, MapHasher::default());
    "GcMap::get_or_insert_by" Same
        |mu, state| {
            let key = state.new_key();
            state.map.try_get_or_insert_by(mu, state.map.hash_of(&key), |found| *found == key, || Ok((key, state.number)))
        },
        {
            let key = state.new_key();
            state.map.get_or_insert_by(mu, state.map.hash_of(&key), |found| *found == key, || (key, state.number))
        };
    "GcMap::get_or_insert_with" Same
        |mu, state| state.map.try_get_or_insert_with(mu, state.new_key(), || Ok(state.number)),
        state.map.get_or_insert_with(mu, state.new_key(), || state.number);
    "GcMapEntry::or_insert" Same
        |mu, state| state.vacant(mu).try_or_insert(state.number),
        state.vacant(mu).or_insert(state.number);
    "GcMapEntry::or_insert_with" Same
        |mu, state| state.vacant(mu).try_or_insert_with(|| mu.try_alloc(5)),
        state.vacant(mu).or_insert_with(|| mu.alloc(5));
    "GcMapEntry::or_default" Same
        |mu, state| {
            let flags = GcMap::<u64, bool>::new();
            flags.entry(mu, 1).try_or_default()
        },
        {
            let flags = GcMap::<u64, bool>::new();
            flags.entry(mu, 1).or_default()
        };
    "GcMapVacant::insert" Same
        |mu, state| {
            let GcMapEntry::Vacant(entry) = state.vacant(mu) else { panic!("it is a new key") };
            entry.try_insert(state.number)
        },
        {
            let GcMapEntry::Vacant(entry) = state.vacant(mu) else { panic!("it is a new key") };
            entry.insert(state.number);
        };
    "WeakMap::insert" Same
        |mu, state| {
            let map = WeakMap::new();
            let outcome = map.try_insert(mu, state.number, state.number);
            assert_eq!(map.contains_key(state.number), outcome.is_ok());
            outcome
        },
        WeakMap::new().insert(mu, state.number, state.number);
    "WeakMap::get_or_insert_with" Same
        |mu, state| {
            let map = WeakMap::new();
            let outcome = map.try_get_or_insert_with(mu, state.number, || mu.try_alloc(6));
            assert_eq!(map.contains_key(state.number), outcome.is_ok());
            outcome
        },
        WeakMap::new().get_or_insert_with(mu, state.number, || mu.alloc(6));
    "WeakSet::intern" Same
        |mu, state| {
            let set: Interner<'_> = WeakSet::new();
            let outcome = set.try_intern(mu, "a text");
            assert_eq!(set.len(), usize::from(outcome.is_ok()));
            outcome
        },
        {
            let set: Interner<'_> = WeakSet::new();
            set.intern(mu, "a text")
        };
    "WeakSet::get_or_insert_by" Same
        |mu, state| WeakSet::new().try_get_or_insert_by(mu, 1, |_| false, || Ok(state.number)),
        WeakSet::new().get_or_insert_by(mu, 1, |_| false, || state.number);
];

/// Allocates objects of many sizes that nothing keeps, until each of them is refused.
fn litter(mu: &Mu<'_>) {
    while mu.try_alloc([0_u8; 8192]).is_ok() {}
    while mu.try_alloc([0_u64; 100]).is_ok() {}
    while mu.try_alloc([0_u64; 8]).is_ok() {}
    while mu.try_alloc([mu.try_alloc(1).ok(); 2]).is_ok() {}
}

/// Runs an operation on a heap that is full, until it is refused.
fn refuse(
    op: &Op,
    heap: &Heap,
    before: impl FnOnce(),
    is_it: fn(&AllocError) -> bool,
    says: &str,
    after: impl FnOnce(),
) {
    let name = op.name;
    let mut mutator = heap.attach().unwrap();
    let state: Root<State<'static>> = mutator.enter(|mu| mu.root(State::make(mu)));
    before();
    let left = mutator.enter(|mu| {
        let state = state.get(mu);
        litter(mu);
        let same = |before: &Seen| match op.left {
            Left::Same => assert_eq!(state.seen(), *before, "{name}"),
            Left::More => assert!(state.seen().elements.starts_with(&before.elements), "{name}"),
        };
        let error = (0..10_000).find_map(|_| {
            let before = state.seen();
            let error = (op.attempt)(mu, &state).err()?;
            same(&before);
            Some(error)
        });
        assert!(error.is_some_and(|error| is_it(&error)), "{name}: {error:?}");
        // The form that panics, which may have a little more room: it does not fill a slice half before it is refused.
        let panic = (0..10_000).find_map(|_| {
            let before = state.seen();
            let panic = catch_unwind(AssertUnwindSafe(|| (op.insist)(mu, &state))).err()?;
            same(&before);
            Some(panic)
        });
        let text = panic.as_deref().map_or("", panic_text);
        assert!(text.contains(says), "{name}: {text}");
        state.seen()
    });
    after();
    mutator.collect();
    assert_eq!(heap.verify(), [], "{name}");
    mutator.enter(|mu| {
        let state = state.get(mu);
        assert_eq!(state.seen(), left, "{name}");
        (op.attempt)(mu, &state).unwrap_or_else(|error| panic!("{name}, when there is room again: {error}"));
        (op.insist)(mu, &state);
    });
    mutator.collect();
    assert_eq!(heap.verify(), [], "{name}");
}

fn builder() -> HeapBuilder {
    Heap::builder().gc_off().poison(0xDD).verify_every(1).reservation(16 << 20)
}

#[test]
fn what_passes_the_hard_limit_is_refused_and_nothing_is_lost() {
    for op in OPS {
        let heap = builder().hard_limit(256 << 10).build().unwrap();
        refuse(op, &heap, || {}, |error| matches!(error, AllocError::Limit { .. }), "hard limit", || {});
    }
}

#[test]
fn what_the_system_refuses_is_refused_and_nothing_is_lost() {
    for op in OPS {
        for nth in [1, 2] {
            let os = SimOs::new();
            let heap = builder().os(os.clone()).build().unwrap();
            let refuses = || os.fail_from(os.calls() + nth);
            let is_it = |error: &AllocError| matches!(error, AllocError::Os { .. });
            refuse(op, &heap, refuses, is_it, "the operating system refused", || os.fail_never());
        }
    }
}

/// What stands in the sources: the forms that panic when there is no memory, by the links in their documentation.
#[test]
fn each_form_that_panics_names_its_twin_and_is_tried_here() {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/heap-gc/src/mutator.rs")];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/heap-gc/src/api")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    let mut found = BTreeSet::new();
    for file in files {
        let (mut docs, text) = (String::new(), fs::read_to_string(&file).unwrap());
        for line in text.lines().map(str::trim_start) {
            if let Some(doc) = line.strip_prefix("///") {
                docs.push_str(doc);
                continue;
            }
            if line.starts_with("#[") {
                continue;
            }
            let name = line.strip_prefix("pub fn ").and_then(|rest| rest.split(['(', '<']).next());
            let panics =
                docs.split_once("# Panics").is_some_and(|(_, panics)| panics.contains("no memory for"));
            if let (Some(name), true) = (name, panics) {
                let (_, link) = docs
                    .split_once(&format!("::try_{name}`]"))
                    .and_then(|(before, _)| before.rsplit_once('`'))
                    .unwrap_or_else(|| {
                        panic!("{}: the documentation of {name} links no try_{name}", file.display())
                    });
                found.insert(format!("{link}::{name}"));
            }
            docs.clear();
        }
    }
    let tried: BTreeSet<String> = OPS.iter().map(|op| op.name.to_owned()).collect();
    assert_eq!(tried, found);
}
