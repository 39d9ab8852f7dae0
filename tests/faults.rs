//! Seeded faults: each known mistake of [`Fault`] is switched on once, and a check that is named here must notice it.
//!
//! A check that has never failed shows little. So each test here runs its check twice, each time in a process of its own:
//! without a fault it must pass, with the fault it must fail, and say the words that show that it failed for the right
//! reason: the name of the invariant, or what the model and the heap disagree about.
//!
//! The processes are this test binary again, with the name of the fault and of the check in the environment.

use heap_testkit::program::Program;
use heap_testkit::run::{Cell, run};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tricolor::core::fault::{Fault, arm};
use tricolor::core::os::OsOp;
use tricolor::core::os::sim::SimOs;
use tricolor::core::units::Bytes;
use tricolor::{AllocError, Gc, GcCell, GcSlice, Heap, Leaf, Root};

const FAULT: &str = "TRICOLOR_FAULT";
const CHECK: &str = "TRICOLOR_CHECK";

/// Something that passes on a sound heap.
type Check = (&'static str, fn());

const CHECKS: &[Check] = &[
    ("model", model),
    ("verified programs", verified_programs),
    ("zeroed programs", zeroed_programs),
    ("long list", long_list),
    ("wide array", wide_array),
    ("pages", pages),
    ("limit", limit),
    ("refusal", refusal),
    ("roots", roots),
    ("drops", drops),
];

/// Generated programs against the model; nothing is verified.
fn model() {
    for seed in 1..60 {
        for cell in [Cell::EveryAlloc, Cell::SmallPercent] {
            run(&Program::generate(seed, 150), cell).unwrap_or_else(|failure| panic!("model: {failure}"));
        }
    }
}

/// Generated programs with poison and the verifier in every cycle.
fn verified_programs() {
    for seed in 1..60 {
        run(&Program::generate(seed, 150), Cell::PoisonVerify)
            .unwrap_or_else(|failure| panic!("model: {failure}"));
    }
}

/// Generated programs without poison, so that memory that was never written must be zero.
fn zeroed_programs() {
    for seed in 1..60 {
        run(&Program::generate(seed, 150), Cell::PerType)
            .unwrap_or_else(|failure| panic!("model: {failure}"));
    }
}

/// Many references to follow, verified.
fn long_list() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcSlice<Gc<'static, Gc<'static, u128>>>> = mutator.enter(|mu| {
        let chain = |number| mu.alloc(mu.alloc(u128::from(number)));
        mu.root(mu.alloc_slice(20_000, |number| chain(number as u64)))
    });
    mutator.collect();
    mutator.enter(|mu| assert!((0..).zip(root.get(mu).iter()).all(|(number, chain)| ***chain == number)));
}

/// An array that is scanned in several pieces, verified.
fn wide_array() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcSlice<GcCell<Option<Gc<'static, u128>>>>> = mutator
        .enter(|mu| mu.root(mu.alloc_slice(60_000, |number| GcCell::new(Some(mu.alloc(number as u128))))));
    mutator.collect();
    assert_eq!(mutator.enter(|mu| root.get(mu).len()), 60_000);
}

/// Pages taken, given back, released, and taken again; the page allocator is verified after each step.
fn pages() {
    let heap = Heap::builder().reservation(32 << 20).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let verify = |when: &str| {
        let found = heap.verify();
        assert!(
            found.is_empty(),
            "{when}: {}",
            found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        );
    };
    let mut roots: Vec<Root<[u8; 50_000]>> = Vec::new();
    for _ in 0..4 {
        mutator.enter(|mu| roots.extend((0..100).map(|_| mu.root(mu.alloc([1_u8; 50_000])))));
        verify("after growth");
        let mut number = 0;
        roots.retain(|_| {
            number += 1;
            number % 3 == 0
        });
        mutator.collect();
        verify("after a collection");
        mutator.release_free_memory();
        verify("after a release");
    }
}

/// A limit that is kept to the page.
fn limit() {
    const LIMIT: usize = 100 << 10;
    let heap = Heap::builder().hard_limit(LIMIT).gc_off().build().unwrap();
    let error = heap.attach().unwrap().enter(|mu| {
        loop {
            if let Err(error) = mu.try_alloc([0_u8; 20_000]) {
                break error;
            }
        }
    });
    assert!(matches!(error, AllocError::Limit { .. }));
    let held = heap.figures().memory.heap_inuse.get();
    assert!(held <= LIMIT, "limit: {held} bytes are held of {LIMIT}");
}

/// A system that refuses to make address space accessible.
fn refusal() {
    let os = SimOs::new();
    let heap = Heap::builder().reservation(8 << 20).os(os.clone()).build().unwrap();
    os.fail_nth_of(OsOp::Prepare, 1);
    heap.attach().unwrap().enter(|mu| {
        let error = mu.try_alloc([1_u64; 10]).unwrap_err();
        assert!(matches!(error, AllocError::Os { asked, .. } if asked > Bytes::ZERO));
        assert!(mu.try_alloc([1_u64; 10]).is_ok());
    });
}

/// Roots, each the only one of its object; what they lead to is counted and not looked at.
fn roots() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let roots: Vec<Root<u128>> =
        mutator.enter(|mu| (0..600_u128).map(|number| mu.root(mu.alloc(number))).collect());
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, roots.len() as u64, "objects of six hundred roots");
}

/// Drops, counted by values that own nothing, so that a second drop does no harm of its own.
fn drops() {
    static DROPS: AtomicU32 = AtomicU32::new(0);
    struct Tick;
    impl Drop for Tick {
        fn drop(&mut self) {
            DROPS.fetch_add(1, SeqCst);
        }
    }
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for _ in 0..10 {
            let _object = mu.alloc(Leaf::new(Tick));
        }
    });
    mutator.collect();
    mutator.collect();
    assert_eq!(DROPS.load(SeqCst), 10, "drops of ten dead objects");
}

/// Not a test of its own: what the child processes run. Without the environment's word it has nothing to do.
#[test]
fn child() {
    let (Ok(fault), Ok(check)) = (std::env::var(FAULT), std::env::var(CHECK)) else { return };
    let armed = Fault::ALL.into_iter().find(|known| format!("{known:?}") == fault);
    assert_eq!(armed.is_none(), fault == "none", "no fault is called {fault}");
    let (_, run) = CHECKS.iter().find(|(name, _)| *name == check).expect("a check of that name");
    arm(armed);
    run();
}

/// Runs a check in a process of its own: whether it passed, and all it said.
fn in_a_process(fault: &str, check: &str) -> (bool, String) {
    let binary = std::env::current_exe().expect("this binary has a path");
    let output = Command::new(binary)
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(FAULT, fault)
        .env(CHECK, check)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// Faults whose test has ended, and whether they were noticed.
static ENDED: Mutex<Vec<(Fault, bool)>> = Mutex::new(Vec::new());

/// The check passes without the fault, and fails with it in these words.
fn notices(check: &str, fault: Fault, words: &str) {
    let (passed, said) = in_a_process("none", check);
    assert!(passed, "{check} fails without a fault:\n{said}");
    let name = format!("{fault:?}");
    let (passed, said) = in_a_process(&name, check);
    let noticed = !passed && said.contains(words);
    let mut ended = ENDED.lock().expect("no test panics while it holds the list");
    ended.push((fault, noticed));
    if ended.len() == Fault::ALL.len() {
        let killed = ended.iter().filter(|(_, noticed)| *noticed).count();
        // Past the test harness, which keeps what a passing test prints to itself.
        writeln!(std::io::stderr(), "faults noticed: {killed} of {}", Fault::ALL.len()).ok();
    }
    drop(ended);
    assert!(!passed, "{check} did not notice {name}");
    assert!(noticed, "{check} failed with {name}, but did not say {words:?}:\n{said}");
}

macro_rules! faults {
    ($($name:ident: $fault:ident, $check:literal, $words:literal;)*) => {
        $(
            #[test]
            fn $name() {
                notices($check, Fault::$fault, $words);
            }
        )*

        #[test]
        fn every_fault_has_a_test() {
            let tested = [$(Fault::$fault),*];
            for fault in Fault::ALL {
                assert_eq!(tested.iter().filter(|each| **each == fault).count(), 1, "tests of {fault:?}");
            }
        }
    };
}

faults! {
    the_verifier_sees_free_memory_that_is_taken_for_zero: NeedzeroLost, "zeroed programs", "C8: byte";
    the_second_marker_sees_an_object_that_was_not_looked_into: PushDropped, "long list", "E3: slot";
    the_second_marker_sees_a_word_that_the_mask_lost: MaskBitDropped, "verified programs", "E3: slot";
    the_model_misses_what_only_a_noscan_object_led_to: NoscanMisclass, "model", "model: ";
    the_second_marker_sees_the_unscanned_tail_of_an_array: LargeTailUnscanned, "wide array", "E3: slot";
    the_model_counts_what_was_not_swept: SweepSkipped, "model", "slots are allocated, not";
    the_verifier_sees_a_span_on_two_lists: SpanOnTwoLists, "verified programs", "C6: SpanId";
    the_verifier_sees_a_summary_that_was_not_merged: SummaryNotMerged, "pages", "B2: entry";
    the_verifier_sees_free_pages_below_the_hint: HintTooHigh, "pages", "B3: page";
    the_verifier_sees_used_pages_that_count_as_released: ReleasedBitKept, "pages", "B4: page";
    the_verifier_sees_pages_that_were_released_twice: ReleaseCountedTwice, "pages", "B6: the bitmaps";
    the_figures_miss_what_an_overlooked_root_led_to: RootSkipped, "roots", "objects of six hundred roots";
    the_simulated_system_sees_memory_used_that_it_refused: RefusalIgnored, "refusal", "merely reserved";
    the_verifier_sees_a_run_that_was_not_handed_back: FlushSkipped, "verified programs", "is Cached while every mutator is flushed";
    the_counters_see_a_second_drop: DropTwice, "drops", "drops of ten dead objects";
    the_figures_see_a_limit_that_was_passed: LimitIgnoresRequest, "limit", "limit: ";
    the_model_counts_garbage_that_old_marks_keep: EpochStuck, "model", "slots are allocated, not";
    the_verifier_sees_a_free_page_that_has_an_owner: OwnerKept, "pages", "A2: page";
}
