//! Sieves: a heap of which every k-th object is kept, what a model says of its spans, and what `/metrics` does.

use super::scrape::{Client, value};
use crate::error::LabError;
use crate::serve::observe;
use heap_core::size_class::SizeClass;
use heap_observe::Watched;
use tricolor::{GcBytes, Heap, HeapBuilder, Mutator, Root};

/// Objects of one class, of which every so many-th is kept, from the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sieve {
    pub(super) class: SizeClass,
    pub(super) every: usize,
    /// Spans that they fill.
    pub(super) spans: usize,
}

/// What is said of the spans of a sieve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Told {
    /// Bytes of spans for each byte of an object.
    pub(super) ratio: f64,
    /// Spans with one object.
    pub(super) lone: f64,
}

/// Bytes of a text whose object fills a slot: it begins with its length.
fn bytes(class: SizeClass) -> usize {
    class.size().get() - 8
}

/// Fills spans, and keeps those objects of which `keeps` says so, by their numbers.
fn fill(
    mutator: &mut Mutator,
    class: SizeClass,
    count: usize,
    keeps: impl Fn(usize) -> bool,
) -> Vec<Root<GcBytes>> {
    let text = vec![0x5a; bytes(class)];
    mutator.enter(|mu| {
        let object = |number| {
            let object = mu.alloc_bytes(&text);
            keeps(number).then(|| mu.root(object))
        };
        (0..count).filter_map(object).collect()
    })
}

fn metrics(heap: &Heap) -> Result<String, LabError> {
    let observer = observe(Watched::new("sieve", heap), crate::serve::ADDRESS)?;
    Ok(Client::new(&observer)?.metrics()?.to_owned())
}

fn of_class(text: &str, name: &str, class: SizeClass) -> Option<f64> {
    value(text, &format!("{name}{{heap=\"sieve\",class=\"{}\"}}", class.size().get()))
}

impl Sieve {
    /// Objects are numbered in the order of slots: span after span, slot after slot.
    pub(super) fn model(&self) -> Told {
        let (slots, every) = (self.class.slots() as usize, self.every);
        let kept_in = |span: usize| ((span + 1) * slots).div_ceil(every) - (span * slots).div_ceil(every);
        let kept: Vec<_> = (0..self.spans).map(kept_in).filter(|kept| *kept > 0).collect();
        let objects: usize = kept.iter().sum();
        let in_use = kept.len() * self.class.span_pages().bytes().get();
        Told {
            ratio: in_use as f64 / (objects * self.class.size().get()) as f64,
            lone: kept.iter().filter(|kept| **kept == 1).count() as f64,
        }
    }

    /// Does it, and asks.
    pub(super) fn run(&self, builder: HeapBuilder) -> Result<Told, LabError> {
        let heap = builder.build()?;
        let mut mutator = heap.attach()?;
        let count = self.spans * self.class.slots() as usize;
        let _kept = fill(&mut mutator, self.class, count, |number| number % self.every == 0);
        mutator.collect();
        let text = metrics(&heap)?;
        let told = |name| {
            of_class(&text, name, self.class)
                .ok_or_else(|| LabError::Measure(format!("{name} is not told of {:?}", self.class)))
        };
        Ok(Told {
            ratio: told("tricolor_class_fragmentation_ratio")?,
            lone: told("tricolor_class_spans_lone")?,
        })
    }
}

/// Keeps one object of each of so many spans, in every class with several slots. The classes of which `/metrics` says another
/// number.
pub(super) fn wrong_classes(builder: HeapBuilder, spans: usize) -> Result<Vec<usize>, LabError> {
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    // Texts of less than 16 bytes share blocks.
    let classes: Vec<_> =
        SizeClass::small().filter(|class| class.slots() > 1 && class.size().get() >= 24).collect();
    let mut kept = Vec::new();
    for class in &classes {
        let slots = class.slots() as usize;
        kept.extend(fill(&mut mutator, *class, spans * slots, |number| number % slots == 0));
    }
    mutator.collect();
    let text = metrics(&heap)?;
    let is_wrong =
        |class: &&SizeClass| of_class(&text, "tricolor_class_spans_lone", **class) != Some(spans as f64);
    Ok(classes.iter().filter(is_wrong).map(|class| class.size().get()).collect())
}
