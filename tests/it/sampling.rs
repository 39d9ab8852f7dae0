//! Promise: every allocation that is to be sampled is, once, with its type; and what is alive of them is exact as of the last cycle.

use crate::support::within;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tricolor::core::sample::weight;
use tricolor::core::units::Bytes;
use tricolor::{Collector, Gc, GcCell, Heap, HeapBuilder, LayoutPolicy, Root, Sample, Sampler, Trace, raw};

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

/// Remembers every sample; its number is its index.
#[derive(Clone, Default)]
struct All(Arc<Mutex<Vec<Sample>>>);

impl Sampler for All {
    fn sampled(&self, sample: &Sample) -> u32 {
        let mut all = self.0.lock().unwrap();
        all.push(*sample);
        u32::try_from(all.len() - 1).unwrap()
    }
}

impl All {
    fn samples(&self) -> Vec<Sample> {
        self.0.lock().unwrap().clone()
    }

    /// Objects and bytes by label.
    fn by_label(&self) -> BTreeMap<&'static str, (usize, usize)> {
        let mut sums = BTreeMap::new();
        for sample in self.samples() {
            let sum: &mut (usize, usize) = sums.entry(sample.label).or_default();
            sum.0 += 1;
            sum.1 += sample.bytes.get();
        }
        sums
    }
}

/// How many sampled objects are alive, with their bytes, as the samples stand for.
fn alive(heap: &Heap) -> (f64, f64) {
    let mut sum = (0.0, 0.0);
    heap.sampled(|_, sample| {
        sum.0 += sample.weight();
        sum.1 += sample.weight() * sample.bytes.get() as f64;
    });
    sum
}

fn configurations() -> Vec<HeapBuilder> {
    let mut all = Vec::new();
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        for layouts in [LayoutPolicy::SharedByShape, LayoutPolicy::PerType] {
            all.push(Heap::builder().collector(collector).layouts(layouts));
        }
    }
    all
}

#[test]
fn at_a_mean_of_one_every_object_is_told_with_its_type() {
    for builder in configurations() {
        let all = All::default();
        let heap = builder.gc_off().sampler(all.clone(), 1).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| {
            for number in 0..1000 {
                mu.alloc(Node { next: GcCell::new(None), number });
                mu.alloc([number; 6]);
            }
            for len in [0, 3, 3000] {
                mu.alloc_slice(len, |_| GcCell::new(None::<Gc<'_, Node<'_>>>));
            }
            (0..5).for_each(|_| _ = mu.alloc([0_u8; 100_000]));
            // Blocks of 16 bytes for two of these each.
            (0..100).for_each(|number: u64| _ = mu.alloc(number));
        });
        let labels = all.by_label();
        let of = |name: &str| {
            let found: Vec<_> = labels.iter().filter(|(label, _)| label.contains(name)).collect();
            assert!(found.len() == 1, "{name}: {labels:?}");
            *found[0].1
        };
        assert_eq!(of("[u64; 6]"), (1000, 48_000));
        assert_eq!(of("[u8; 100000]"), (5, 5 * 106_496));
        assert_eq!(labels["u64"], (50, 800));
        assert_eq!(of("GcCell").0, 3, "slices of cells");
        drop(mutator);
        let figures = heap.figures().memory;
        let total: usize = labels.values().map(|(_, bytes)| bytes).sum();
        let objects: usize = labels.values().map(|(objects, _)| objects).sum();
        assert_eq!(figures.total_alloc, Bytes::new(total));
        assert_eq!(figures.mallocs - figures.tiny_allocs, objects as u64);
    }
}

#[test]
fn what_is_alive_is_what_the_last_cycle_left() {
    for builder in configurations() {
        let all = All::default();
        let heap = builder.gc_off().sampler(all.clone(), 1).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let mut kept: Vec<Root<_>> = Vec::new();
        let mut large: Vec<Root<_>> = Vec::new();
        for round in 1..=4 {
            mutator.enter(|mu| {
                for number in 0..1000_u64 {
                    let object = mu.alloc([number; 6]);
                    if number % 10 == 0 {
                        kept.push(mu.root(object));
                    }
                }
                large.push(mu.root(mu.alloc([1_u8; 50_000])));
                mu.alloc([1_u8; 50_000]);
            });
            kept.truncate(70 * round);
            mutator.collect();
            let now = (kept.len() as f64, large.len() as f64);
            assert_eq!(alive(&heap), (now.0 + now.1, now.0 * 48.0 + now.1 * 57_344.0));
        }
        mutator.enter(|mu| _ = mu.alloc([1_u64; 6]));
        let before = alive(&heap);
        kept.clear();
        assert_eq!(alive(&heap), before, "until the next cycle");
        mutator.collect();
        assert_eq!(alive(&heap), (4.0, 4.0 * 57_344.0));
        assert_eq!(heap.census().total.objects, 4);
    }
}

#[test]
fn guesses_are_within_their_bound_of_what_was_allocated_and_is_alive() {
    const OBJECTS: usize = 400_000;
    for mean in [512 << 10, 32 << 10] {
        let all = All::default();
        let heap = Heap::builder().sampler(all.clone(), mean).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let mut lists: Vec<Root<_>> = Vec::new();
        for _ in 0..OBJECTS / 1000 {
            lists.push(mutator.enter(|mu| {
                let mut first = None;
                for number in 0..500 {
                    first = Some(mu.alloc(Node { next: GcCell::new(first), number }));
                    mu.alloc([number; 30]);
                }
                mu.root(first.expect("a list has objects"))
            }));
        }
        mutator.collect();
        // 16 and 240 bytes, half of each; the smaller ones are alive.
        let half = OBJECTS as f64 / 2.0;
        let [small, big] = [16, 240].map(|bytes| weight(Bytes::new(mean), Bytes::new(bytes)) - 1.0);
        let sampled: f64 = all.samples().iter().map(Sample::weight).sum();
        let bound = 5.0 * (half * (small + big)).sqrt();
        assert!((sampled - 2.0 * half).abs() <= bound, "{sampled} of {OBJECTS}, bound {bound}");
        let bound = 5.0 * (half * small).sqrt();
        let (objects, bytes) = alive(&heap);
        assert!((objects - half).abs() <= bound, "{objects} of {half}, bound {bound}");
        assert!((bytes - 16.0 * half).abs() <= 16.0 * bound, "{bytes} in {objects}");
        drop(lists);
    }
}

#[test]
fn the_mean_can_be_changed_at_any_time_by_anybody() {
    let all = All::default();
    let heap = Heap::builder().gc_off().sampler(all.clone(), 0).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let count = |mutator: &mut tricolor::Mutator| {
        let before = all.samples().len();
        mutator.enter(|mu| (0..10_000_u64).for_each(|number| _ = mu.alloc([number; 6])));
        all.samples().len() - before
    };
    assert_eq!((heap.sample_mean(), count(&mut mutator)), (0, 0));
    heap.set_sample_mean(1);
    // The rest of the run of 170 that it had.
    let every = count(&mut mutator);
    assert!((10_000 - 170..=10_000).contains(&every), "{every}");
    heap.set_sample_mean(0);
    assert!(count(&mut mutator) <= 1, "a fence was set");
    let unheard = Heap::new().unwrap();
    unheard.set_sample_mean(1);
    assert_eq!(unheard.sample_mean(), 0);
}

#[test]
fn a_sampler_that_panics_is_not_asked_again_and_the_allocation_goes_on() {
    struct Broken;
    impl Sampler for Broken {
        fn sampled(&self, _: &Sample) -> u32 {
            panic!("a sampler is broken")
        }
    }
    let heap = Heap::builder().gc_off().sampler(Broken, 1).verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(|mu| {
        let inner = mu.alloc(Node { next: GcCell::new(None), number: 7 });
        mu.root(mu.alloc(Node { next: GcCell::new(Some(inner)), number: 8 }))
    });
    assert_eq!(heap.sample_mean(), 0);
    mutator.collect();
    mutator.enter(|mu| assert_eq!(root.get(mu).next.get().map(|inner| inner.number), Some(7)));
    assert_eq!(alive(&heap), (0.0, 0.0));
}

#[test]
fn kinds_of_the_raw_layer_are_told_by_their_names_where_layouts_are_shared() {
    let all = All::default();
    let heap = Heap::builder().gc_off().sampler(all.clone(), 1).build().unwrap();
    let pair = raw::Layout::new("pair", 16).exact(1).register(&heap).unwrap();
    let page = raw::Layout::new("page", 40_000).register(&heap).unwrap();
    let table = raw::Layout::new("table", 8).exact(0).register_array(&heap, 8).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    for _ in 0..10 {
        for kind in [&pair, &page] {
            // SAFETY: R3: a kind of this heap; nobody keeps the object.
            unsafe { inside.alloc(kind) }.unwrap();
        }
        // SAFETY: as above.
        unsafe { inside.alloc_array(&table, 5) }.unwrap();
    }
    drop(inside);
    assert_eq!(all.by_label(), [("page", (10, 409_600)), ("pair", (10, 160)), ("table", (10, 480))].into());
}

#[test]
fn what_lives_is_known_while_others_allocate_and_cycles_come_and_go() {
    const KEPT: u64 = 2000;
    within(Duration::from_secs(120), || {
        for collector in [Collector::Concurrent, Collector::StopTheWorld] {
            let all = All::default();
            let heap = Heap::builder()
                .collector(collector)
                .least_heap(1 << 20)
                .sampler(all.clone(), 1)
                .build()
                .unwrap();
            let mut mutator = heap.attach().unwrap();
            let kept = mutator.enter(|mu| {
                let mut first = None;
                for number in 0..KEPT {
                    first = Some(mu.alloc(Node { next: GcCell::new(first), number }));
                }
                mu.root(first.expect("there are some"))
            });
            mutator.collect();
            let stop = AtomicBool::new(false);
            thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        let mut mutator = heap.attach().unwrap();
                        while !stop.load(SeqCst) {
                            mutator.enter(|mu| (0..500_u64).for_each(|number| _ = mu.alloc([number; 10])));
                        }
                    });
                }
                let first = heap.figures().cycles;
                while heap.figures().cycles < first + 6 {
                    let mut nodes = 0;
                    heap.sampled(|_, sample| nodes += u64::from(sample.bytes == Bytes::new(16)));
                    assert_eq!(nodes, KEPT);
                    thread::sleep(Duration::from_micros(300));
                }
                stop.store(true, SeqCst);
            });
            mutator.collect();
            assert_eq!(alive(&heap), (KEPT as f64, KEPT as f64 * 16.0));
            drop(kept);
        }
    });
}
