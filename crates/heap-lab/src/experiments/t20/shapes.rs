//! The program that grows: another size class in each round, and an object of each span is kept.

use super::outcome::Outcome;
use super::remedy::Remedy;
use crate::error::LabError;
use crate::experiment::Trial;
use crate::measure::scav_line::Told;
use crate::residence::Timeline;
use heap_core::size_class::SizeClass;
use heap_core::units::{Bytes, Pages};
use tricolor::{GcSlice, HeapBuilder, MemoryLimit, Mutator, Root};

/// Slots of a span.
pub(super) fn slots(class: SizeClass) -> usize {
    class.slots() as usize
}

/// Bytes of a slice whose object fills a slot: it begins with its length.
fn bytes(class: SizeClass) -> usize {
    class.size().get() - 8
}

/// The program that grows: size classes with spans of one page, one after the other.
pub(super) struct Shapes {
    pub(super) classes: Vec<SizeClass>,
    fill: usize,
}

type Kept = Vec<Root<GcSlice<u8>>>;

/// Bytes of a buffer.
const BUFFER: usize = 1 << 20;

impl Shapes {
    pub(super) fn new(rounds: usize, fill: usize) -> Self {
        let one_page = |class: &SizeClass| class.span_pages() == Pages::new(1) && slots(*class) > 8;
        let classes = SizeClass::small().filter(one_page).filter(|class| bytes(*class) >= 24).take(rounds);
        Self { classes: classes.collect(), fill }
    }

    /// Rounds.
    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    /// Bytes of a round.
    pub(super) fn fill(&self) -> usize {
        self.fill
    }

    /// Spans of a round.
    pub(super) fn spans_of(&self, class: SizeClass) -> usize {
        self.fill / class.span_pages().bytes().get()
    }

    /// Spans of all rounds.
    pub(super) fn spans(&self) -> usize {
        self.classes.iter().map(|class| self.spans_of(*class)).sum()
    }

    /// Bytes of what is kept.
    pub(super) fn live(&self) -> usize {
        self.classes.iter().map(|class| self.spans_of(*class) * class.size().get()).sum()
    }

    /// Pages of the values that are kept of a round, as one array.
    pub(super) fn pages_of_values(&self, class: SizeClass) -> usize {
        let array = Bytes::new(self.spans_of(class) * bytes(class) + 8);
        let size = SizeClass::for_bytes(array.get());
        if size.is_large() { array.pages_ceil() } else { size.span_pages() }.get()
    }

    pub(super) fn peer_args(&self) -> Vec<String> {
        let sizes = self.classes.iter().map(|class| format!("{}:{}", class.size().get(), class.slots()));
        let fill = (self.fill >> 20).to_string();
        ["residence", "shapes", &fill].map(str::to_owned).into_iter().chain(sizes).collect()
    }

    pub(super) fn run(&self, trial: &Trial<'_>, remedy: Remedy) -> Result<Outcome, LabError> {
        let mut builder = trial.heap().gc_percent(if remedy == Remedy::Percent { 10 } else { 100 });
        if remedy == Remedy::Limit {
            builder = builder.memory_limit(MemoryLimit::Bytes(self.spans() * 8192 / 2));
        }
        let told = Told::default();
        let heap = told.listening(builder.clone()).build()?;
        let mut mutator = heap.attach()?;
        let mut kept: Kept = Vec::new();
        let mut timeline = Timeline::begin();
        for class in &self.classes {
            self.round(&builder, &mut mutator, *class, remedy, &mut kept)?;
            heap.collect();
            if remedy == Remedy::Release {
                let _bytes = heap.release_free_memory();
            }
            timeline.take(&heap)?;
        }
        let outcome = Outcome::of(&heap, timeline, &told);
        drop(kept);
        outcome
    }

    /// One round: `kept` grows by what is kept of it.
    fn round(
        &self,
        builder: &HeapBuilder,
        mutator: &mut Mutator,
        class: SizeClass,
        remedy: Remedy,
        kept: &mut Kept,
    ) -> Result<(), LabError> {
        match remedy {
            Remedy::Nothing | Remedy::Release | Remedy::Limit | Remedy::Percent => {
                kept.extend(self.fill_and_keep(mutator, class));
            }
            Remedy::Values => {
                let scattered = self.fill_and_keep(mutator, class);
                kept.push(mutator.enter(|mu| {
                    let values: Vec<u8> =
                        scattered.iter().flat_map(|root| root.get(mu).as_slice()).copied().collect();
                    mu.root(mu.alloc_copy(&values))
                }));
            }
            Remedy::Copies => {
                let scattered = self.fill_and_keep(mutator, class);
                // The others are gone, and their slots free.
                mutator.collect();
                kept.extend(mutator.enter(|mu| {
                    let copy = |root: &Root<GcSlice<u8>>| mu.root(mu.alloc_copy(root.get(mu).as_slice()));
                    scattered.iter().map(copy).collect::<Kept>()
                }));
            }
            Remedy::Buffers => kept.extend(self.keep_out_of_buffers(mutator, class)),
            Remedy::Heaps => {
                let brief = builder.build()?;
                let mut inside = brief.attach()?;
                let scattered = self.fill_and_keep(&mut inside, class);
                for root in &scattered {
                    let value = inside.enter(|mu| root.get(mu).as_slice().to_vec());
                    kept.push(mutator.enter(|mu| mu.root(mu.alloc_copy(&value))));
                }
            }
        }
        Ok(())
    }

    /// Fills spans of a class, and keeps the first object of each.
    fn fill_and_keep(&self, mutator: &mut Mutator, class: SizeClass) -> Kept {
        let object = vec![1_u8; bytes(class)];
        mutator.enter(|mu| {
            // No safepoint lies inside `enter`: all of them live until its end.
            let mut kept = Vec::with_capacity(self.spans_of(class));
            for number in 0..self.spans_of(class) * slots(class) {
                let one = mu.alloc_copy(&object);
                if number % slots(class) == 0 {
                    kept.push(mu.root(one));
                }
            }
            kept
        })
    }

    /// The same values in large buffers, of which those that are kept become objects.
    fn keep_out_of_buffers(&self, mutator: &mut Mutator, class: SizeClass) -> Kept {
        let buffer = vec![1_u8; BUFFER];
        let spans_of_one = self.spans_of(class).div_ceil(self.fill.div_ceil(BUFFER));
        mutator.enter(|mu| {
            let mut kept = Vec::with_capacity(self.spans_of(class));
            while kept.len() < self.spans_of(class) {
                let values = mu.alloc_copy(&buffer);
                let every = values.as_slice().chunks_exact(class.span_pages().bytes().get());
                for value in every.take(spans_of_one.min(self.spans_of(class) - kept.len())) {
                    kept.push(mu.root(mu.alloc_copy(&value[..bytes(class)])));
                }
            }
            kept
        })
    }
}
