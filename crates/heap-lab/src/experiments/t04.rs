//! t04: a number becomes a string. What a general formatter allocates, and what a loop of digits does.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::ledger::Ledger;
use crate::measure::spread::Spread;
use crate::measure::time::timed;
use crate::record::{Bar, Plot, Record, Shape, Table};
use crate::unit::{Unit, digits};
use heap_core::size_class::SizeClass;
use std::fmt::Write as _;
use std::hint::black_box;
use tricolor::{Gc, GcStr, Heap, Mu, Mutator};

/// See the module.
pub(super) struct Strings;

/// Operations whose objects are counted.
const COUNT: usize = 100_000;
/// The numbers have five digits, as the practice text's has, and are not all the same.
const LEAST: u64 = 10_000;
/// Repetitions of each timing.
const BATCHES: usize = 9;
/// Bytes of a string's header, which counts its bytes.
const HEADER: usize = 8;
/// Bytes of the text before the number of an error.
const PREFIX: &str = "got ";

fn number(index: usize) -> u64 {
    LEAST + (index as u64 * 7919) % 90_000
}

/// The digits of a number, written from the last to the first into a buffer that is long enough for any.
pub(super) fn digits_of(mut number: u64, buffer: &mut [u8; 20]) -> &str {
    let mut first = buffer.len();
    loop {
        first -= 1;
        buffer[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    // Digits are ASCII.
    std::str::from_utf8(&buffer[first..]).unwrap_or_default()
}

/// An error as Go's are: an object that leads to its text.
type Failure<'gc> = (Gc<'gc, GcStr>,);

/// A way to turn numbers into text, or into errors with a text.
struct Way {
    name: &'static str,
    /// Objects of an operation, and the bytes that each is asked for.
    objects: &'static [usize],
    model: &'static str,
    work: fn(&Mu<'_>, std::ops::Range<usize>, &mut String),
}

/// Bytes that a string of five digits asks for, and one with the prefix.
const STRING: usize = HEADER + 5;
const MESSAGE: usize = HEADER + PREFIX.len() + 5;

const WAYS: [Way; 4] = [
    Way {
        name: "boxed and formatted",
        objects: &[8, STRING],
        model: "the number as an object of 8 bytes, as a formatter of any value is handed it, and the string",
        work: |mu, range, scratch| {
            for index in range {
                let boxed = black_box(mu.alloc(number(index)));
                scratch.clear();
                let _ = write!(scratch, "{}", *boxed);
                black_box(mu.alloc_str(scratch));
            }
        },
    },
    Way {
        name: "format!",
        objects: &[STRING],
        model: "the string; format! makes another one outside the heap, which is freed at once and not counted here",
        work: |mu, range, _| {
            for index in range {
                black_box(mu.alloc_str(&format!("{}", black_box(number(index)))));
            }
        },
    },
    Way {
        name: "itoa",
        objects: &[STRING],
        model: "the string: the digits are on the stack",
        work: |mu, range, _| {
            let mut buffer = [0; 20];
            for index in range {
                black_box(mu.alloc_str(digits_of(black_box(number(index)), &mut buffer)));
            }
        },
    },
    Way {
        name: "appended to a reused buffer",
        objects: &[],
        model: "the text is not kept, so there is no object at all",
        work: |_, range, scratch| {
            let mut buffer = [0; 20];
            for index in range {
                scratch.clear();
                scratch.push_str(digits_of(black_box(number(index)), &mut buffer));
                black_box(scratch.as_str());
            }
        },
    },
];

/// The same for errors: what the practice text gives as an extension.
const ERRORS: [Way; 3] = [
    Way {
        name: "error, boxed and formatted",
        objects: &[8, MESSAGE, 8],
        model: "the boxed number, the text, and the error that leads to it",
        work: |mu, range, scratch| {
            for index in range {
                let boxed = black_box(mu.alloc(number(index)));
                scratch.clear();
                let _ = write!(scratch, "{PREFIX}{}", *boxed);
                black_box(mu.alloc::<Failure<'_>>((mu.alloc_str(scratch),)));
            }
        },
    },
    Way {
        name: "error, concatenated",
        objects: &[STRING, MESSAGE, 8],
        model: "the digits as a string, the text that both make, and the error",
        work: |mu, range, scratch| {
            let mut buffer = [0; 20];
            for index in range {
                let text = black_box(mu.alloc_str(digits_of(number(index), &mut buffer)));
                scratch.clear();
                scratch.push_str(PREFIX);
                scratch.push_str(text.as_str());
                black_box(mu.alloc::<Failure<'_>>((mu.alloc_str(scratch),)));
            }
        },
    },
    Way {
        name: "error, the number kept",
        objects: &[8],
        model: "the error holds the number; its text is made when somebody reads it",
        work: |mu, range, _| {
            for index in range {
                black_box(mu.alloc(number(index)));
            }
        },
    },
];

/// Heap bytes of an operation: a slot for each object. Two of 8 bytes without references share a block of 16, which is the same.
fn bytes(way: &Way) -> f64 {
    way.objects.iter().map(|size| SizeClass::for_bytes(*size).size().get()).sum::<usize>() as f64
}

impl Way {
    fn claim(&self, claims: &mut Claims) -> (Prediction, Prediction) {
        let count = claims.predict(
            format!("objects an operation, {}", self.name),
            self.model,
            self.objects.len() as f64,
            Unit::Objects,
            Tolerance::Absolute(0.001),
        );
        let slots: Vec<String> =
            self.objects.iter().map(|size| SizeClass::for_bytes(*size).size().get().to_string()).collect();
        let model = if slots.is_empty() {
            String::from("no object")
        } else {
            format!(
                "slots of {} for {:?} bytes, a string's being a header of {HEADER} and its text",
                slots.join(" + "),
                self.objects
            )
        };
        let bytes = claims.predict(
            format!("heap bytes an operation, {}", self.name),
            model,
            bytes(self),
            Unit::BytesPerObject,
            // The last block of two may be half used.
            Tolerance::Absolute(0.01),
        );
        (count, bytes)
    }

    /// Objects and bytes of an operation, as the heap counts them.
    fn counted(&self, trial: &Trial<'_>) -> Result<(f64, f64), LabError> {
        let heap = trial.heap().build()?;
        let mut mutator = heap.attach()?;
        let ledger = Ledger::open(&mut mutator);
        let mut scratch = String::with_capacity(64);
        mutator.enter(|mu| (self.work)(mu, 0..COUNT, &mut scratch));
        let change = ledger.close(&mut mutator);
        Ok((change.mallocs / COUNT as f64, change.total / COUNT as f64))
    }

    /// Nanoseconds of processor for an operation, in a heap that collects as it goes.
    fn time(&self, mutator: &mut Mutator, count: usize) -> f64 {
        /// Operations of an `enter`: far more than entering costs.
        const BATCH: usize = 4096;
        let mut scratch = String::with_capacity(64);
        let ((), lap) = timed(|| {
            for batch in 0..count / BATCH {
                mutator.enter(|mu| (self.work)(mu, batch * BATCH..(batch + 1) * BATCH, &mut scratch));
            }
        });
        lap.cpu_ns_per((count / BATCH * BATCH) as u64)
    }
}

/// Nanoseconds of an operation of each way, batches of the ways in turn.
fn times<'a>(
    heap: &Heap,
    ways: impl Iterator<Item = &'a Way> + Clone,
    count: usize,
    go: &mut Beside<'_>,
) -> Result<Vec<Vec<f64>>, LabError> {
    let mut mutator = heap.attach()?;
    let mut samples: Vec<Vec<f64>> = ways.clone().map(|_| Vec::new()).collect();
    for batch in 0..BATCHES {
        if batch % 3 == 0 {
            go.sample();
        }
        for (way, samples) in ways.clone().zip(&mut samples) {
            samples.push(way.time(&mut mutator, count));
        }
    }
    Ok(samples)
}

impl Experiment for Strings {
    fn id(&self) -> &'static str {
        "t04"
    }

    fn title(&self) -> &'static str {
        "Numbers as strings"
    }

    fn question(&self) -> &'static str {
        "What does a general formatter allocate to make a string of a number, and what does a loop over its digits?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("errors: a formatted message, a concatenated one, and the number kept")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let mut counts: Vec<_> = WAYS.iter().map(|way| way.claim(&mut claims)).collect();
        let errors = lab.extension(&mut claims, |claims| {
            counts.extend(ERRORS.iter().map(|way| way.claim(claims)));
            claims.predict_time(
                "CPU, error with the number kept over error formatted",
                "one object of three, and no text",
                1.0,
                Unit::Times,
                Tolerance::AtMost,
            )
        });
        let ways = counts.len();
        let all = || WAYS.iter().chain(&ERRORS).take(ways);
        let over = claims.predict_time(
            "CPU, format! over itoa",
            "the same object of the heap, and before it a string outside the heap and a formatter that is handed its \
             arguments at run time: never less",
            1.0,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let reused = claims.predict_time(
            "CPU, appended to a reused buffer over itoa",
            "the same digits and no object: never more",
            1.0,
            Unit::Times,
            Tolerance::AtMost,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "Objects and bytes: {} operations on numbers of five digits in a heap that does not collect, Mallocs and \
             TotalAlloc after over before. Time: in a heap that collects as it goes, {BATCHES} batches of each way in turn, \
             medians of CPU, collecting included.",
            digits(COUNT as f64)
        ));

        trial.stage("counting");
        let mut measured = Vec::new();
        for (way, (count, bytes)) in all().zip(counts) {
            let counted = way.counted(&trial)?;
            trial.judge(count, counted.0);
            trial.judge(bytes, counted.1);
            measured.push(counted);
        }
        trial.stage("timing");
        let heap = trial.heap().gc_percent(100).build()?;
        let mut go = Beside::task(lab, "t04");
        let samples = times(&heap, all(), lab.size(1 << 18, 1 << 21), &mut go)?;
        let mut spreads: Vec<Spread> = Vec::new();
        for (way, samples) in all().zip(samples) {
            spreads.push(trial.samples(&format!("cpu_ns_per_op {}", way.name), samples)?);
        }
        let of = |index: usize| spreads[index].median();
        trial.judge(over, of(1) / of(2));
        trial.judge(reused, of(3) / of(2));
        if let Some(kept) = errors {
            trial.judge(kept, of(6) / of(4));
        }

        let mut table = Table::new("An operation", ["way", "objects", "heap bytes", "CPU", "over itoa"]);
        let mut rows = Vec::new();
        let beside = [(0, "sprintf"), (2, "itoa"), (3, "append"), (4, "errorf"), (5, "errors.New")];
        for (way, gos) in beside.into_iter().filter(|(way, _)| *way < ways) {
            let (objects, bytes): (f64, f64) = measured[way];
            let name = all().nth(way).map_or("", |way| way.name);
            rows.extend([
                Row::new(format!("{name}: objects"), format!("{gos}: allocs"), objects, Unit::Objects),
                Row::new(format!("{name}: bytes"), format!("{gos}: bytes"), bytes, Unit::BytesPerObject),
                Row::new(format!("{name}: CPU"), format!("{gos}: ns"), of(way), Unit::Nanos),
            ]);
        }
        go.show(&mut trial, &rows)?;
        for ((way, (objects, bytes)), spread) in all().zip(measured).zip(&spreads) {
            trial.figure(format!("allocs_per_op {}", way.name), objects);
            trial.figure(format!("bytes_per_op {}", way.name), bytes);
            table.row([
                way.name.to_owned(),
                digits(objects),
                digits(bytes),
                Unit::Nanos.show(spread.median()),
                Unit::Times.show(spread.median() / of(2)),
            ]);
        }
        trial.table(table);
        trial.plot(plot(&spreads));
        trial.finding(format!(
            "A practice text expects the formatter to take 5 to 10 times as long. Here format! takes {} of itoa's time, and \
             Go 1.27.3 measured 39 to 43 ns against 13 ns, three times.",
            Unit::Times.show(of(1) / of(2))
        ));
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

fn plot(spreads: &[Spread]) -> Plot {
    let mut bars: Vec<Bar> = WAYS
        .iter()
        .chain(&ERRORS)
        .zip(spreads)
        .map(|(way, spread)| Bar::of(way.name, spread.median(), spread.samples()))
        .collect();
    for (label, value) in [("fmt.Sprintf of a variable, Go 1.27.3", 43.0), ("strconv.Itoa, Go 1.27.3", 13.0)]
    {
        bars.push(Bar::reference(label, value));
    }
    Plot {
        title: String::from("CPU of an operation"),
        reading: String::from("The object is the smaller part of what a formatted string costs."),
        shape: Shape::Bars { unit: Unit::Nanos, bars },
    }
}

const FINDINGS: &[&str] = &[
    "The text expects at least two allocations of Sprintf. That depends on the argument: Go 1.27.3 measures one (5 bytes) for the \
     constant 12345, which is boxed at compile time, and two (16 bytes) for a variable. Here boxing is an object because the \
     program asks for one, and format! of a plain number asks for none.",
    "Rust's format! makes its string outside the heap: one allocation that no figure of the heap knows, and no collection waits for. \
     Who formats into a buffer that is used again has neither.",
    "A string of five digits takes a slot of 16 bytes: 8 count its bytes, and 3 are left over. Go's strings have their length in the \
     reference, so three of five bytes share a block of 16, and it measures 5 bytes for each.",
    "Of errors the cheapest is the one that keeps the number: no text is made for those that nobody reads.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_that_a_formatter_writes() {
        for number in [0, 7, 10, 99, 12_345, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(digits_of(number, &mut [0; 20]), number.to_string());
        }
    }

    #[test]
    fn every_number_has_five_digits() {
        assert!((0..COUNT).all(|index| (10_000..100_000).contains(&number(index))));
    }
}
