//! A loop that works in frames and gives the collector what is left of each: `Heap::step`.
//!
//! Marking and sweeping are done in moments that the program chose, by the thread that has them to spare. The heap's own
//! thread begins the cycles and does what is left over.
//!
//! Run with `cargo run --example frames`.

use std::time::{Duration, Instant};
use tricolor::{Gc, GcCell, GcVec, Heap, Mu, Root, Trace};

const FRAMES: u32 = 200;
/// Of 60 frames a second one takes 16.7 ms. This example is in a hurry.
const FRAME: Duration = Duration::from_millis(2);
const SPARKS: usize = 2_000;

/// What is in the air for some frames.
#[derive(Trace)]
struct Spark {
    born: u32,
    height: GcCell<f64>,
    speed: GcCell<f64>,
}

/// A star, and the sparks it throws.
#[derive(Trace)]
struct Star<'gc> {
    sparks: GcVec<'gc, Gc<'gc, Spark>>,
}

#[derive(Trace)]
struct World<'gc> {
    stars: GcVec<'gc, Gc<'gc, Star<'gc>>>,
    frame: GcCell<u32>,
}

impl<'gc> World<'gc> {
    fn new(mu: &Mu<'gc>) -> Self {
        let stars = GcVec::new();
        stars.extend(mu, (0..4).map(|_| mu.alloc(Star { sparks: GcVec::new() })));
        Self { stars, frame: GcCell::new(0) }
    }

    /// One frame: sparks fall, those on the ground are forgotten, new ones take their places.
    fn advance(&self, mu: &Mu<'gc>) {
        let frame = self.frame.get() + 1;
        self.frame.set(mu, frame);
        for star in self.stars.iter() {
            let mut at = 0;
            while let Some(spark) = star.sparks.get(at) {
                let speed = spark.speed.get() - 0.5;
                spark.speed.set(mu, speed);
                spark.height.set(mu, spark.height.get() + speed);
                if spark.height.get() <= 0.0 {
                    star.sparks.swap_remove(mu, at);
                } else {
                    at += 1;
                }
            }
            while star.sparks.len() < SPARKS {
                let speed = 1.0 + star.sparks.len() as f64 % 7.0;
                star.sparks.push(
                    mu,
                    mu.alloc(Spark { born: frame, height: GcCell::new(1.0), speed: GcCell::new(speed) }),
                );
            }
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().least_heap(1 << 20).measure_pauses(true).build()?;
    let mut mutator = heap.attach()?;
    let world: Root<World<'static>> = mutator.enter(|mu| mu.root(mu.alloc(World::new(mu))));

    let (mut stepped, mut late) = (Duration::ZERO, 0);
    for _ in 0..FRAMES {
        let begun = Instant::now();
        mutator.enter(|mu| world.get(mu).advance(mu));
        // The frame is shown. What is left of its time is the collector's, if it has something to do.
        let left = FRAME.saturating_sub(begun.elapsed());
        if !left.is_zero() {
            let at = Instant::now();
            heap.step(left);
            stepped += at.elapsed();
        }
        late += u32::from(begun.elapsed() > 2 * FRAME);
        std::thread::sleep(FRAME.saturating_sub(begun.elapsed()));
    }

    let figures = heap.figures();
    assert!(figures.cycles > 0, "sparks come and go: {} were allocated", figures.memory.total_alloc);
    mutator.enter(|mu| {
        let world = world.get(mu);
        assert_eq!(world.frame.get(), FRAMES);
        for star in world.stars.iter() {
            assert_eq!(star.sparks.len(), SPARKS);
            assert!(star.sparks.iter().all(|spark| FRAMES - spark.born < 50 && spark.height.get() > 0.0));
        }
    });
    drop(world);
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0, "nothing but the world was in the heap");
    println!(
        "{} collections in {FRAMES} frames, {stepped:?} of them given to the collector, {late} frames late, pieces of its work \
         at most {:?}",
        figures.cycles, figures.mutator_pauses.max
    );
    Ok(())
}
