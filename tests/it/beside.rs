//! What once broke a cycle that runs beside the mutators. Most of these hold the collector still in its listener, at the
//! step where the mistake was.

use crate::support::{number_from, within};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Collector, Event, Gc, GcCell, Heap, HeapBuilder, Mu, Root, Scavenge, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    other: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

fn node<'gc>(next: Option<Gc<'gc, Node<'gc>>>, number: u64) -> Node<'gc> {
    Node { next: GcCell::new(next), other: GcCell::new(None), number }
}

/// A word of which the collector does not know whether it is a reference.
#[derive(Clone, Copy, Trace)]
enum Word<'gc> {
    Number(usize),
    Node(Gc<'gc, Node<'gc>>),
}

#[derive(Trace)]
struct Place<'gc> {
    word: GcCell<Word<'gc>>,
}

/// A collector that stands still where it is told to.
struct Still {
    there: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
}

/// The heap's collector stands still at the first event for which `at` holds.
fn still(builder: HeapBuilder, at: fn(&Event) -> bool) -> (Heap, Still) {
    let (arrived, there) = mpsc::channel();
    let (go_on, going) = mpsc::channel::<()>();
    let once = Mutex::new(Some((arrived, going)));
    let heap = builder.on_event(move |event| {
        if at(event)
            && let Some((arrived, going)) = once.lock().unwrap().take()
        {
            arrived.send(()).unwrap();
            going.recv().unwrap();
        }
    });
    (heap.build().unwrap(), Still { there, go_on })
}

fn quiet() -> HeapBuilder {
    Heap::builder().gc_off().workers(1).poison(0xA5).scavenge(Scavenge::OnRequest)
}

/// Spans with free slots full of poison, and the roots that keep them.
fn holes(heap: &Heap) -> Vec<Root<Node<'static>>> {
    let mut mutator = heap.attach().unwrap();
    let roots = mutator.enter(|mu| {
        let nodes = (0..400).map(|number| mu.alloc(node(None, number)));
        nodes.enumerate().filter(|(index, _)| index % 100 == 0).map(|(_, node)| mu.root(node)).collect()
    });
    mutator.collect();
    roots
}

#[test]
fn a_number_that_leads_to_a_slot_of_old_contents_is_not_followed() {
    within(Duration::from_secs(60), || {
        let cycles = Mutex::new(0);
        let (arrived, there) = mpsc::channel();
        let (go_on, going) = mpsc::channel::<()>();
        let going = Mutex::new(going);
        let heap = quiet().verify_every(0).on_event(move |event| {
            if matches!(event, Event::Asked { round: "settled", .. }) {
                *cycles.lock().unwrap() += 1;
                if *cycles.lock().unwrap() == 2 {
                    arrived.send(()).unwrap();
                    going.lock().unwrap().recv().unwrap();
                }
            }
        });
        let heap = heap.build().unwrap();
        let kept = holes(&heap);
        let mut mutator = heap.attach().unwrap();
        let place: Root<Place<'_>> =
            mutator.enter(|mu| mu.root(mu.alloc(Place { word: GcCell::new(Word::Number(0)) })));
        thread::scope(|scope| {
            let other = heap.clone();
            scope.spawn(move || other.collect());
            there.recv().unwrap();
            // Barriers are on, nobody's roots are taken: what is allocated is white.
            mutator.enter(|mu| {
                let first = mu.alloc(node(None, 1));
                let place = place.get(mu);
                for slots in 1..3 {
                    place.word.set(mu, Word::Number(Gc::addr(first) + slots * size_of::<[usize; 4]>()));
                }
                place.word.set(mu, Word::Node(first));
            });
            go_on.send(()).unwrap();
        });
        drop(kept);
    });
}

#[test]
fn a_number_that_leads_to_the_dead_does_not_bring_them_back_when_marking_has_ended() {
    within(Duration::from_secs(60), || {
        let (arrived, there) = mpsc::channel();
        let (go_on, going) = mpsc::channel::<()>();
        let once = Mutex::new(Some((arrived, going)));
        let heap = quiet().verify_every(0).on_event(move |event| {
            if matches!(event, Event::Marked { .. })
                && let Some((arrived, going)) = once.lock().unwrap().take()
            {
                arrived.send(()).unwrap();
                going.recv().unwrap();
            }
        });
        let heap = heap.build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let (place, kept, dead): (Root<Place<'_>>, Root<Node<'_>>, usize) = mutator.enter(|mu| {
            let place = mu.root(mu.alloc(Place { word: GcCell::new(Word::Number(0)) }));
            let kept = mu.root(mu.alloc(node(None, 0)));
            let child = mu.alloc(node(None, 1));
            let dead = mu.alloc(node(Some(child), 2));
            (place, kept, Gc::addr(dead))
        });
        thread::scope(|scope| {
            let other = heap.clone();
            scope.spawn(move || other.collect());
            there.recv().unwrap();
            // Marking has ended; this thread has not been told, and its barrier is on.
            mutator.enter(|mu| {
                let place = place.get(mu);
                place.word.set(mu, Word::Number(dead));
                place.word.set(mu, Word::Number(0));
            });
            go_on.send(()).unwrap();
        });
        assert_eq!(heap.figures().memory.heap_objects, 2, "the dead stay dead");
        mutator.collect();
        drop((place, kept));
    });
}

#[test]
fn a_heap_may_end_while_several_threads_mark_beside() {
    within(Duration::from_secs(20), || {
        let (heap, collector) =
            still(Heap::builder().cpu_share(1.0).workers(2).least_heap(1 << 20).verify_every(0), |event| {
                matches!(event, Event::Asked { round: "roots", .. })
            });
        let mut mutator = heap.attach().unwrap();
        let root: Root<Node<'_>> = mutator.enter(|mu| {
            let mut head = mu.alloc(node(None, 0));
            for number in 1..400_000 {
                head = mu.alloc(node(Some(head), number));
            }
            mu.root(head)
        });
        collector.there.recv().unwrap();
        let go_on = collector.go_on;
        let later = thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            go_on.send(()).unwrap();
        });
        drop((root, mutator, heap));
        later.join().unwrap();
    });
}

fn tree<'gc>(mu: &Mu<'gc>, depth: u64) -> Gc<'gc, Node<'gc>> {
    let made = mu.alloc(node(None, depth));
    if depth > 0 {
        made.next.set(mu, Some(tree(mu, depth - 1)));
        made.other.set(mu, Some(tree(mu, depth - 1)));
    }
    made
}

fn insist_on_tree(node: Gc<'_, Node<'_>>, depth: u64) {
    assert_eq!(node.number, depth, "the tree is whole");
    for below in [&node.next, &node.other] {
        assert_eq!(below.get().is_some(), depth > 0);
        if let Some(below) = below.get() {
            insist_on_tree(below, depth - 1);
        }
    }
}

#[test]
fn a_host_that_steps_all_the_time_marks_for_the_cycle_that_is_on() {
    let heap = quiet().verify_every(0).build().unwrap();
    let stop = AtomicBool::new(false);
    let seconds = number_from("BESIDE_SECONDS", 2);
    thread::scope(|scope| {
        for _ in 0..number_from("BESIDE_HOSTS", 8) {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    heap.step(Duration::from_secs(10));
                }
            });
        }
        let mut mutator = heap.attach().unwrap();
        let root: Root<Node<'_>> = mutator.enter(|mu| mu.root(tree(mu, 10)));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) {
            for _ in 0..10 {
                mutator.collect();
            }
            mutator.enter(|mu| insist_on_tree(root.get(mu), 10));
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn a_heap_that_stops_the_world_has_no_collector_thread_also_if_its_host_steps() {
    let heap = Heap::builder().collector(Collector::StopTheWorld).workers(1).scavenge(Scavenge::OnRequest);
    let heap = heap.build().unwrap();
    let held = heap.external(1 << 30);
    heap.step(Duration::from_millis(1));
    assert_eq!(heap.figures().cycles, 1, "a cycle that is due is run whole");
    drop(held);
}

#[derive(Trace)]
struct Pair<'gc> {
    one: Gc<'gc, [u64; 5]>,
    other: Gc<'gc, [u64; 5]>,
}

#[test]
fn a_mutator_that_leaves_early_leaves_no_black_slots_to_one_whose_roots_are_not_taken() {
    within(Duration::from_secs(60), || {
        // Told when this thread, which is inside, is waited for, and the other one was answered for.
        let (heap, collector) =
            still(quiet().verify_every(0), |event| matches!(event, Event::Late { round: "roots", .. }));
        let (attached, leave) = (mpsc::channel(), mpsc::channel::<()>());
        let theirs = heap.clone();
        let other = thread::spawn(move || {
            let mut mutator = theirs.attach().unwrap();
            // It has a run of this layout, of which slots are left.
            mutator.enter(|mu| {
                let part = mu.alloc([1; 5]);
                mu.alloc(Pair { one: part, other: part });
            });
            attached.0.send(()).unwrap();
            leave.1.recv().unwrap();
        });
        attached.1.recv().unwrap();
        let mut mutator = heap.attach().unwrap();
        let theirs = heap.clone();
        let (root, cycle): (Root<Pair<'_>>, _) = mutator.enter(|mu| {
            let part = mu.alloc([7; 5]);
            let cycle = thread::spawn(move || theirs.collect());
            // Rounds that can be answered inside are answered where a run is asked for.
            while collector.there.try_recv().is_err() {
                mu.alloc_copy(&[0_u64; 100]);
                thread::yield_now();
            }
            leave.0.send(()).unwrap();
            other.join().unwrap();
            let root = mu.root(mu.alloc(Pair { one: part, other: part }));
            collector.go_on.send(()).unwrap();
            (root, cycle)
        });
        cycle.join().unwrap();
        mutator.enter(|mu| assert_eq!(*root.get(mu).one, [7; 5]));
    });
}
