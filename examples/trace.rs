//! What a heap does while a program runs, for a viewer: cycles, rounds, answers, assists, the scavenger.
//!
//! Run with `cargo run --example trace -- trace.json`, and open the file in `ui.perfetto.dev` or `about:tracing`.

use heap_trace::{Recorder, Recording};
use std::path::PathBuf;
use std::time::Duration;
use tricolor::{Event, Gc, GcCell, Heap, Root, Trace};

#[derive(Trace)]
struct Node<'gc> {
    left: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    right: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

type Tree = Root<Node<'static>>;

/// Puts numbers into a tree that grows to some thousand nodes, again and again.
fn work(heap: &Heap, seed: u64) {
    let mut mutator = heap.attach().expect("this thread has none");
    let mut random = seed;
    for _ in 0..20 {
        let tree: Tree = mutator.enter(|mu| {
            mu.root(mu.alloc(Node { left: GcCell::new(None), right: GcCell::new(None), number: 1 << 31 }))
        });
        for _ in 0..50 {
            mutator.enter(|mu| {
                for _ in 0..100 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let number = random >> 32;
                    let mut node = tree.get(mu);
                    loop {
                        let place = if number < node.number { &node.left } else { &node.right };
                        match place.get() {
                            Some(next) => node = next,
                            None => {
                                let none = || GcCell::new(None);
                                let leaf = mu.alloc(Node { left: none(), right: none(), number });
                                place.set(mu, Some(leaf));
                                break;
                            }
                        }
                    }
                }
            });
        }
        // Somebody else's turn: the collector need not ask this thread meanwhile.
        mutator.park(|| std::thread::sleep(Duration::from_micros(200)));
    }
}

/// How long the rounds of all cycles took, and how long each answer of a mutator: a recording is a list, too.
fn summary(recording: &Recording) -> (usize, Duration, Duration) {
    let (mut cycles, mut rounds, mut answers) = (0, Duration::ZERO, Duration::ZERO);
    for record in recording.records() {
        let took = record.ended.map_or(Duration::ZERO, |ended| ended - record.begun);
        if let Event::Ended { .. } = record.event {
            cycles += 1;
        } else if let Event::Asked { .. } = record.event {
            rounds += took;
        } else if let Event::Answered { .. } = record.event {
            answers += took;
        }
    }
    (cycles, rounds, answers)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let recorder = Recorder::new(100_000);
    let heap = recorder.record(Heap::builder().least_heap(1 << 20), "trees").build()?;
    recorder.start();
    std::thread::scope(|scope| {
        for seed in 1..=2 {
            let heap = &heap;
            let thread = std::thread::Builder::new().name(format!("planter {seed}"));
            thread.spawn_scoped(scope, move || work(heap, seed)).expect("a thread");
        }
    });
    heap.collect();
    let recording = recorder.stop();

    let (cycles, rounds, answers) = summary(&recording);
    println!("{cycles} cycles; rounds took {rounds:?} in all, answers {answers:?}");
    assert!(cycles > 0 && answers <= rounds * 2, "each answer lies in its round");
    assert_eq!(recording.dropped(), 0);

    // As an example it is given a name; as a test it has the arguments of the test.
    let named = std::env::args().nth(1).filter(|name| name.ends_with(".json")).map(PathBuf::from);
    let path =
        named.unwrap_or_else(|| std::env::temp_dir().join(format!("trace-{}.json", std::process::id())));
    recording.write_chrome(&mut std::io::BufWriter::new(std::fs::File::create(&path)?))?;
    println!("{}: {} records", path.display(), recording.records().len());
    if std::env::args().nth(1).is_none_or(|name| !name.ends_with(".json")) {
        std::fs::remove_file(&path)?;
    }
    Ok(())
}
