//! t10: what a closure captures, and what that costs.

use super::verdicts::Program;
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::ledger::cost_of;
use crate::record::{Bar, Plot, Record, Shape};
use crate::unit::Unit;
use heap_core::size_class::SizeClass;
use heap_core::units::Bytes;
use tricolor::{Gc, HeapBuilder, Trace};

/// See the module.
pub(super) struct Captures;

static PROGRAM: Program = Program { name: "t10.go", text: include_str!("go/t10.go") };

/// Closures of each kind.
const COUNT: usize = 10_000;

/// A closure as Go has it in memory: which function, and what it has captured.
#[derive(Trace)]
struct Closure<T> {
    function: usize,
    captured: T,
}

/// A struct of 64 bytes.
type Words = [u64; 8];
/// Where the elements are, how many, and room for how many.
type Slice<'gc> = (Option<Gc<'gc, u64>>, usize, usize);
/// A struct that is too large to be copied into a closure.
type Large = [u64; 17];

/// Bytes of the array that keeps the closures: a length word and a reference each, in whole pages.
fn array() -> usize {
    Bytes::new(COUNT * 8 + 8).pages_ceil().bytes().get()
}

/// Bytes of the slot of an object.
fn slot(bytes: usize) -> f64 {
    SizeClass::for_bytes(bytes).size().get() as f64
}

/// Bytes that one of [`COUNT`] closures takes, with what it refers to.
fn bytes_of<T: Kept>(builder: &HeapBuilder) -> Result<f64, LabError> {
    let change = cost_of(builder, |mu| T::keep(mu))?;
    Ok((change.alloc - array() as f64) / COUNT as f64)
}

/// Makes closures of a kind, and a root that keeps them.
trait Kept {
    fn keep(mu: &tricolor::Mu<'_>) -> Box<dyn std::any::Any>;
}

struct CopiesWords;
struct CopiesSlice;
struct RefersToLarge;

impl Kept for CopiesWords {
    fn keep(mu: &tricolor::Mu<'_>) -> Box<dyn std::any::Any> {
        Box::new(mu.root(
            mu.alloc_slice(COUNT, |index| mu.alloc(Closure::<Words> { function: index, captured: [1; 8] })),
        ))
    }
}

impl Kept for CopiesSlice {
    fn keep(mu: &tricolor::Mu<'_>) -> Box<dyn std::any::Any> {
        Box::new(mu.root(mu.alloc_slice(COUNT, |index| {
            mu.alloc(Closure::<Slice<'_>> { function: index, captured: (None, 0, 0) })
        })))
    }
}

impl Kept for RefersToLarge {
    fn keep(mu: &tricolor::Mu<'_>) -> Box<dyn std::any::Any> {
        Box::new(mu.root(mu.alloc_slice(COUNT, |index| {
            let captured = mu.alloc::<Large>([1; 17]);
            mu.alloc(Closure { function: index, captured })
        })))
    }
}

/// Makes closures of three kinds, and judges what was claimed of their sizes.
fn measure_sizes(trial: &mut Trial<'_>, claimed: [Prediction; 3]) -> Result<(), LabError> {
    trial.stage("closures of three kinds");
    let heap = trial.heap();
    let measured =
        [bytes_of::<CopiesWords>(&heap)?, bytes_of::<CopiesSlice>(&heap)?, bytes_of::<RefersToLarge>(&heap)?];
    for (claim, bytes) in claimed.into_iter().zip(measured) {
        trial.judge(claim, bytes);
    }
    trial.plot(Plot {
        title: String::from("Bytes of a closure with what it has captured"),
        reading: String::from(
            "What is copied makes the closure larger; what is referred to is an object more.",
        ),
        shape: Shape::Bars {
            unit: Unit::BytesPerObject,
            bars: vec![
                Bar::measured("a slice, copied", measured[1]),
                Bar::measured("64 bytes, copied", measured[0]),
                Bar::measured("136 bytes, referred to", measured[2]),
            ],
        },
    });
    Ok(())
}

impl Experiment for Captures {
    fn id(&self) -> &'static str {
        "t10"
    }

    fn title(&self) -> &'static str {
        "What closures capture"
    }

    fn question(&self) -> &'static str {
        "Which variables does a closure that outlives its function move to the heap, and how large is it then?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("how large closures are that capture 64 bytes, and a slice")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let moved: Vec<_> = [
            ("changed", "the closure changes the variable, so it refers to it, and outlives the call", 1.0),
            (
                "unchanged",
                "nobody changes the variable after it was captured, so the closure has a copy",
                0.0,
            ),
            ("parameter", "the same, with a parameter", 0.0),
            ("words", "64 bytes are copied: the limit is 128", 0.0),
            ("slice", "a slice is three words, and these are copied", 0.0),
            ("large", "136 bytes are more than 128, so the closure refers to the variable", 1.0),
        ]
        .into_iter()
        .map(|(function, model, predicted)| {
            let name = format!("variables moved to the heap in {function}()");
            (function, claims.predict(name, model, predicted, Unit::Count, Tolerance::Exact))
        })
        .collect();
        let allocated = claims.predict(
            "on the heap in unchanged()",
            "the closure itself, since it is returned",
            1.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let (word, close) = (size_of::<usize>(), Tolerance::Relative(0.001));
        let sizes = lab.extension(&mut claims, |claims| {
            [
                (
                    "a closure with a struct of 64 bytes",
                    "a word for the function and the struct, in the slot that holds both",
                    slot(word + size_of::<Words>()),
                ),
                (
                    "a closure with a slice",
                    "a word for the function and three for the slice",
                    slot(word + size_of::<Slice<'_>>()),
                ),
                (
                    "a closure with an array of 136 bytes",
                    "two words for the function and the reference, and the array in a slot of its own",
                    slot(2 * word) + slot(size_of::<Large>()),
                ),
            ]
            .map(|(name, model, predicted)| {
                claims.predict(name, model, predicted, Unit::BytesPerObject, close)
            })
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "The verdicts are of `crates/heap-lab/src/experiments/go/t10.go`. For the sizes, 10,000 objects as Go lays out such closures \
             are made in a heap here and kept by an array, whose bytes are taken off the live bytes.",
        );

        let verdicts = PROGRAM.ask(&lab.options)?;
        for (function, claim) in moved {
            trial.judge(claim, verdicts.moved(function));
        }
        trial.judge(allocated, verdicts.on_heap("unchanged"));
        if let Some(sizes) = sizes {
            measure_sizes(&mut trial, sizes)?;
        }
        verdicts.tell(&mut trial, &["changed", "unchanged", "parameter", "words", "slice", "large"]);
        trial.finding(
            "A practice text says that a closure captures by reference, always, and expects `moved to heap: n` of a closure that only \
             reads its variable. Go 1.27.3 moves one variable of the two: a variable of at most 128 bytes that nobody changes after it \
             was captured is captured by value.",
        );
        trial.finding(
            "So passing the number to a factory, which the text recommends, gains nothing: the closures of unchanged() and parameter() \
             are the same.",
        );
        trial.finding(
            "A slice is as cheap to capture as three numbers, but what it leads to lives as long as the closure. The 64 bytes keep \
             nothing else alive.",
        );
        trial.finish()
    }
}
