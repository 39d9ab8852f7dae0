//! Checks of `tests/faults.rs` that are no scenes: each passes on a sound heap, and says what is wrong with another.

use crate::raw_scenes;
use crate::scenes::{Place, look_along, path};
use heap_testkit::program::Program;
use heap_testkit::run::{Cell, run, run_threads};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tricolor::core::os::OsOp;
use tricolor::core::os::sim::SimOs;
use tricolor::core::units::Bytes;
use tricolor::{
    AllocError, Collector, EscapeHints, Gc, GcCell, GcSlice, Heap, Leaf, Root, Sample, Sampler, raw,
};

/// Generated programs against the model; nothing is verified, and every cycle is the mutator's, so that all is counted exactly.
pub(crate) fn model() {
    for seed in 1..60 {
        run(&Program::generate(seed, 150), Cell::EveryAlloc)
            .unwrap_or_else(|failure| panic!("model: {failure}"));
    }
}

/// Generated programs in four settings: with a cycle at every allocation, with a collector beside them and a verifier in each
/// cycle, the same in a stopped world, and several on one heap while another thread collects again and again. A mistake in any part of the interface that they
/// use is to be noticed by one of these.
pub(crate) fn generated() {
    for seed in 1..26 {
        for cell in [Cell::EveryAlloc, Cell::PoisonVerify, Cell::StopTheWorld] {
            run(&Program::generate(seed, 150), cell).unwrap_or_else(|failure| panic!("model: {failure}"));
        }
        // Often enough that on a busy machine, too, some operation of each kind meets a cycle beside it.
        if seed % 2 == 0 {
            let programs: Vec<_> = (0..2).map(|thread| Program::generate(100 * seed + thread, 400)).collect();
            let builder = Heap::builder().reservation(256 << 20).gc_percent(2).poison(0xDD).verify_every(1);
            run_threads(&programs, &builder).unwrap_or_else(|failure| panic!("model: {failure}"));
        }
    }
}

/// What is kept is what a census counts.
pub(crate) fn census() {
    let heap = Heap::builder().gc_off().build().expect("address space");
    let mut mutator = heap.attach().expect("a fresh heap");
    let kept: Vec<Root<_>> = mutator.enter(|mu| (0..100).map(|i| mu.root(mu.alloc([i; 3]))).collect());
    mutator.collect();
    let counted = heap.census().total.objects;
    assert!(counted == kept.len() as u64, "the census counts {counted} of {} objects", kept.len());
}

/// Hears of every sample, and remembers none.
struct Heard;

impl Sampler for Heard {
    fn sampled(&self, _: &Sample) -> u32 {
        0
    }
}

/// What a mutator has of a run goes back when it goes, also what lies beyond a fence.
pub(crate) fn fenced_run() {
    let heap = Heap::builder().gc_off().sampler(Heard, 2000).build().expect("address space");
    let mut mutator = heap.attach().expect("a fresh heap");
    mutator.enter(|mu| (0..10_u64).for_each(|number| _ = mu.alloc([number; 6])));
    drop(mutator);
    let objects = heap.figures().memory.heap_objects;
    assert!(objects == 10, "{objects} objects are counted, with what lies beyond a fence");
}

/// What was sampled and is dead is not alive.
pub(crate) fn sampled() {
    let heap = Heap::builder().gc_off().sampler(Heard, 1).build().expect("address space");
    let mut mutator = heap.attach().expect("a fresh heap");
    let kept: Vec<Root<_>> = mutator.enter(|mu| {
        (0..100_u64).map(|i| mu.alloc([i; 3])).step_by(10).map(|object| mu.root(object)).collect()
    });
    mutator.collect();
    let mut alive = 0;
    heap.sampled(|_, _| alive += 1);
    assert!(alive == kept.len(), "{alive} sampled objects are alive, and {} are kept", kept.len());
}

/// Generated programs with poison and the verifier in every cycle.
pub(crate) fn verified_programs() {
    for seed in 1..60 {
        run(&Program::generate(seed, 150), Cell::PoisonVerify)
            .unwrap_or_else(|failure| panic!("model: {failure}"));
    }
}

/// A dead object with a finalizer leads to another, in a cycle that is verified.
pub(crate) fn verified_finalizers() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| _ = mu.set_finalizer(path(mu, 1), |_, item| look_along(Some(item), [1, 2])));
    mutator.collect();
}

/// Generated programs without poison, so that memory that was never written must be zero.
pub(crate) fn zeroed_programs() {
    for seed in 1..60 {
        run(&Program::generate(seed, 150), Cell::PerType)
            .unwrap_or_else(|failure| panic!("model: {failure}"));
    }
}

/// Many references to follow, verified.
pub(crate) fn long_list() {
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
pub(crate) fn wide_array() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcSlice<GcCell<Option<Gc<'static, u128>>>>> = mutator
        .enter(|mu| mu.root(mu.alloc_slice(60_000, |number| GcCell::new(Some(mu.alloc(number as u128))))));
    mutator.collect();
    assert_eq!(mutator.enter(|mu| root.get(mu).len()), 60_000);
}

/// Pages taken, given back, released, and taken again; the page allocator is verified after each step.
pub(crate) fn pages() {
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
pub(crate) fn limit() {
    const LIMIT: usize = 100 << 10;
    let heap = Heap::builder().hard_limit(LIMIT).gc_off().build().unwrap();
    // Looked at inside: the collection that follows a refusal comes after.
    let (error, held) = heap.attach().unwrap().enter(|mu| {
        loop {
            if let Err(error) = mu.try_alloc([0_u8; 20_000]) {
                break (error, heap.figures().memory.heap_inuse.get());
            }
        }
    });
    assert!(matches!(error, AllocError::Limit { .. }));
    assert!(held <= LIMIT, "limit: {held} bytes are held of {LIMIT}");
}

/// A system that refuses to make address space accessible.
pub(crate) fn refusal() {
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
pub(crate) fn roots() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let roots: Vec<Root<u128>> =
        mutator.enter(|mu| (0..600_u128).map(|number| mu.root(mu.alloc(number))).collect());
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, roots.len() as u64, "objects of six hundred roots");
}

/// Drops, counted by values that own nothing, so that a second drop does no harm of its own.
pub(crate) fn drops() {
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

/// Frames, opened and ended, in a heap that is verified.
pub(crate) fn frames() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    for _ in 0..3 {
        mutator.enter(|mu| mu.frame(|f| (0..100).for_each(|_| _ = f.alloc([0_u64; 1000]))));
        let found = heap.verify();
        assert!(found.is_empty(), "{}", found[0]);
    }
}

/// An object that only one in a frame of a runtime leads to.
pub(crate) fn runtimes_frame() {
    let heap = Heap::builder().poison(0xDD).build().unwrap();
    let kind = raw::Layout::new("link", 16).exact(1).register(&heap).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let frame = inside.open_frame();
    let stays = raw::EscapeHint::Stays(raw::Site(1));
    // SAFETY: R3: a kind of this heap. R5, R6, R9: it is filled below, and used while the frame is open.
    let first = unsafe { inside.alloc_hinted(&kind, stays) }.unwrap().as_ptr();
    raw_scenes::set(&inside, first, 1, raw_scenes::named(&inside, &kind, 7));
    // SAFETY: R1: what is used after it is in the frame.
    unsafe { inside.park(|| heap.collect()) };
    assert_eq!(raw_scenes::name(raw_scenes::get(&inside, first, 1)), 7, "what a frame leads to is lost");
    // SAFETY: R9: it is not used any more.
    unsafe { inside.close_frame(frame) };
}

/// Two wrong hints, in a heap that checks them: one object is stored into the heap, one returned.
pub(crate) fn hints() {
    let heap = Heap::builder().escape_hints(EscapeHints::Checked).build().unwrap();
    let kind = raw::Layout::new("link", 16).exact(1).register(&heap).unwrap();
    let held = std::cell::Cell::new(std::ptr::null_mut::<u8>());
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R2: it outlives the mutator.
    let _range = unsafe { inside.add_exact((&raw const held).cast(), 1) };
    held.set(raw_scenes::named(&inside, &kind, 0));
    // SAFETY: R1: what is used after it is in the range.
    unsafe { inside.poll() };
    let frame = inside.open_frame();
    let made = |site| {
        let stays = raw::EscapeHint::Stays(raw::Site(site));
        // SAFETY: R3: a kind of this heap. R5, R6: it is clear. R9 is checked.
        unsafe { inside.alloc_hinted(&kind, stays) }.unwrap().as_ptr()
    };
    raw_scenes::set(&inside, held.get(), 1, made(1));
    held.set(made(2));
    // SAFETY: R9 is checked.
    unsafe { inside.close_frame(frame) };
    // SAFETY: R1: as above.
    unsafe { inside.poll() };
    let sites: Vec<u32> = heap.wrong_hints().iter().map(|wrong| wrong.site.0).collect();
    assert_eq!(sites, [1, 2], "sites whose hints are wrong");
}

/// Objects that nothing leads to, of a mutator that is outside while all are asked.
pub(crate) fn garbage() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let _kept = mutator.enter(|mu| {
        for name in 0..100 {
            let _garbage = path(mu, name);
        }
        mu.root(path(mu, 0))
    });
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 2, "objects that something leads to");
}

/// Small garbage is collected when there is enough of it, at the edge of an `enter`.
pub(crate) fn small_garbage() {
    let heap = Heap::builder().collector(Collector::StopTheWorld).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for _ in 0..32 {
        mutator.enter(|mu| {
            for number in 0..(1 << 20) / 16 {
                let _garbage = mu.alloc([number; 2]);
            }
        });
    }
    // The first at some MiB, and then whenever as much is garbage.
    let cycles = heap.figures().cycles;
    assert!(cycles >= 4, "32 MiB of small garbage were collected {cycles} times");
}

/// More to mark than a marker's stack may hold.
pub(crate) fn small_stack() {
    let heap = Heap::builder().gc_off().poison(0xA5).mark_stack(1024).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcSlice<Place<'static>>> =
        mutator.enter(|mu| mu.root(mu.alloc_slice(20_000, |at| GcCell::new(Some(path(mu, 2 * at as u64))))));
    mutator.collect();
    mutator.enter(|mu| {
        for (at, place) in (0..).zip(root.get(mu).iter()) {
            look_along(place.get(), [2 * at, 2 * at + 1]);
        }
    });
}

/// Bytes outside the heap.
pub(crate) fn external() {
    let heap = Heap::new().unwrap();
    let held = heap.external(1000);
    assert_eq!(heap.figures().external, Bytes::new(1000), "external bytes");
    drop(held);
    assert_eq!(heap.figures().external, Bytes::ZERO, "external bytes");
}

/// A collector that takes its time, and a mutator that makes garbage below a hard limit.
pub(crate) fn slow_collector() {
    let listener = |_: &tricolor::Event| {
        if thread::current().name() == Some("tricolor-collect") {
            thread::sleep(Duration::from_millis(10));
        }
    };
    let heap = Heap::builder().hard_limit(4 << 20).on_event(listener).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for _ in 0..1000 {
        mutator.enter(|mu| {
            for number in 0..20_u64 {
                mu.try_alloc([number; 64]).expect("all of it is garbage");
            }
        });
    }
}

/// A listener that panics between two steps of a cycle.
pub(crate) fn listener_panics() {
    let listener = |_: &tricolor::Event| panic!("a listener's");
    let heap = Heap::builder().gc_off().on_event(listener).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| mutator.collect()));
    assert!(outcome.is_err(), "the panic goes on");
    assert_eq!(heap.figures().cycles, 1, "the cycle has ended in its middle");
}
