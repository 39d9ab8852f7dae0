//! Promise: whichever call of the operating system fails, the answer is an error that names a size, the heap is sound, and
//! when the system has memory again the heap has it, too.

use tricolor::core::os::OsOp;
use tricolor::core::os::sim::SimOs;
use tricolor::core::sync::Arc;
use tricolor::core::units::Bytes;
use tricolor::{AllocError, BuildError, Heap, Root};

/// How the `n`-th call fails.
#[derive(Clone, Copy, Debug)]
enum Failing {
    Once(u64),
    From(u64),
    OnceOf(OsOp, u64),
}

impl Failing {
    fn arm(self, os: &SimOs) {
        match self {
            Self::Once(n) => os.fail_nth(n),
            Self::From(n) => os.fail_from(n),
            Self::OnceOf(op, n) => os.fail_nth_of(op, n),
        }
    }
}

const RESERVATION: usize = 16 << 20;

fn build(os: &Arc<SimOs>) -> Result<Heap, BuildError> {
    Heap::builder().reservation(RESERVATION).os(os.clone()).gc_off().poison(0xCC).build()
}

/// What a program does with memory: spans of several classes from a stock, larger ones, large objects, growth past a chunk,
/// collections, releases, and all of it again on released and on dirty pages. Each refusal is counted.
fn use_memory(heap: &Heap) -> u32 {
    let mut refusals = 0;
    let mut count =
        |outcome: Result<Root<[u8; 3000]>, AllocError>, roots: &mut Vec<Root<[u8; 3000]>>| match outcome {
            Ok(root) => roots.push(root),
            Err(AllocError::Os { asked, code }) => {
                assert!(asked > Bytes::ZERO && code != 0, "{asked} {code}");
                refusals += 1;
            }
            Err(other) => panic!("{other:?}"),
        };
    let mut mutator = heap.attach().unwrap();
    for _ in 0..2 {
        let mut roots = Vec::new();
        for number in 0..60_u8 {
            let outcome = mutator.enter(|mu| {
                let kept = mu.try_alloc([number; 3000]).map(|object| mu.root(object));
                let more = [8, 64, 500, 9000].map(|len| mu.try_alloc_slice(len, |_| number).map(drop));
                let large =
                    mu.try_alloc_slice(if number % 8 == 0 { 120_000 } else { 40_000 }, |_| number).map(drop);
                more.into_iter().chain([large]).collect::<Result<(), _>>().and(kept)
            });
            count(outcome, &mut roots);
        }
        mutator.enter(|mu| {
            for root in &roots {
                let object = root.get(mu);
                assert!(object.iter().all(|&byte| byte == object[0]));
            }
        });
        // A third of the objects stays, so that free pages lie between used ones.
        let mut number = 0;
        roots.retain(|_| {
            number += 1;
            number % 3 == 0
        });
        mutator.release_free_memory();
        let more: Vec<_> = (0..20)
            .map(|_| mutator.enter(|mu| mu.try_alloc([1_u8; 3000]).map(|object| mu.root(object))))
            .collect();
        for outcome in more {
            count(outcome, &mut roots);
        }
        // Released and other free pages side by side.
        mutator.collect();
    }
    refusals
}

/// Runs it all with one failure, and says whether the failure came to pass.
fn survive(failing: Failing) -> (u64, u64) {
    let os = SimOs::new();
    failing.arm(&os);
    let heap = match build(&os) {
        Ok(heap) => heap,
        Err(BuildError::Os(error)) => {
            assert!(error.bytes > Bytes::ZERO, "{failing:?}: {error}");
            assert!(error.to_string().contains("cannot"), "{error}");
            assert_eq!(os.live(), 0, "{failing:?}: something of the heap was left behind");
            os.fail_never();
            build(&os).unwrap_or_else(|error| panic!("{failing:?}, and then: {error}"))
        }
        Err(other) => panic!("{failing:?}: {other}"),
    };
    let refusals = use_memory(&heap);
    assert_eq!(heap.verify(), [], "{failing:?}");
    os.fail_never();
    assert_eq!(use_memory(&heap), 0, "{failing:?}, and then memory again");
    assert_eq!(heap.verify(), [], "{failing:?}, and then memory again");
    let calls = os.calls();
    drop(heap);
    assert_eq!((os.live(), os.ready_bytes()), (0, Bytes::ZERO), "{failing:?}");
    (u64::from(refusals), calls)
}

/// Calls of a run in which nothing fails, in all and of each kind.
fn calls() -> (u64, Vec<(OsOp, u64)>) {
    let os = SimOs::new();
    let heap = build(&os).unwrap();
    assert_eq!(use_memory(&heap), 0);
    let of = OsOp::ALL.into_iter().filter(|&op| op != OsOp::Unreserve).map(|op| (op, os.calls_of(op)));
    (os.calls(), of.collect())
}

/// All of the first twenty, then some: what comes later is more of the same.
fn some(most: u64) -> impl Iterator<Item = u64> {
    (1..=most + 2).filter(|n| *n <= 20 || n % 31 == 0)
}

#[test]
fn every_call_may_fail_once() {
    let (most, _) = calls();
    let mut refused = 0;
    for n in some(most) {
        refused += survive(Failing::Once(n)).0;
    }
    assert!(refused > 0, "no failure reached an allocation");
}

#[test]
fn every_call_of_each_kind_may_fail_once() {
    let (_, kinds) = calls();
    for (op, most) in kinds {
        assert!(most > 0, "{op:?} is never called: the program misses something");
        for n in some(most.min(24)) {
            survive(Failing::OnceOf(op, n));
        }
    }
}

#[test]
fn every_call_from_some_on_may_fail() {
    let (most, _) = calls();
    let mut refused = 0;
    for n in some(most) {
        refused += survive(Failing::From(n)).0;
    }
    assert!(refused > 0, "no failure reached an allocation");
}

#[test]
fn a_system_with_little_memory_refuses_and_the_heap_says_how_much_it_asked_for() {
    let os = SimOs::new();
    os.limit_ready(Bytes::mib(1));
    let heap = build(&os).unwrap();
    let mut mutator = heap.attach().unwrap();
    let error = mutator.enter(|mu| {
        loop {
            if let Err(error) = mu.try_alloc([1_u8; 10_000]) {
                break error;
            }
        }
    });
    assert!(matches!(error, AllocError::Os { asked, .. } if asked >= Bytes::new(10_000)), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
    mutator.collect();
    assert_eq!(heap.verify(), []);
    assert!(mutator.enter(|mu| mu.try_alloc([1_u8; 10_000]).is_ok()), "the garbage is free again");
}

#[test]
fn a_system_with_little_address_space_gives_less() {
    let os = SimOs::new();
    os.limit_reservation(Bytes::mib(8));
    let heap = Heap::builder().reservation(64 << 20).os(os.clone()).build().unwrap();
    assert_eq!(heap.figures().memory.reserved, Bytes::mib(8));
    os.limit_reservation(Bytes::mib(1));
    let refused = Heap::builder().reservation(64 << 20).os(os).build().map(drop).unwrap_err();
    assert!(matches!(refused, BuildError::Os(error) if error.op == OsOp::Reserve), "{refused}");
}
