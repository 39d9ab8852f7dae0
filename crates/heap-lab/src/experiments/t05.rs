//! t05: size classes, predicted from the rule and counted in a running heap.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Prediction, Tolerance};
use crate::classes::explain;
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::ledger::cost_of;
use crate::record::{Axis, Plot, Record, Scale, Series, Shape, Source, Table, Ticks};
use crate::unit::{Unit, digits};
use heap_core::size_class::{SizeClass, generate};
use heap_core::units::PAGE_BYTES;

/// See the module.
pub(super) struct Classes;

/// A span as the rule makes it: as few pages as leave at most an eighth over.
struct Cut {
    pages: usize,
    slots: usize,
}

/// The rule, written here once more, from its words and not from the table.
const fn cut(size: usize) -> Cut {
    let mut pages = 1;
    while pages * PAGE_BYTES % size > pages * PAGE_BYTES / 8 {
        pages += 1;
    }
    Cut { pages, slots: pages * PAGE_BYTES / size }
}

/// A span as a running heap makes it.
struct Counted {
    bytes: f64,
    slots: f64,
}

/// Makes objects of `N` bytes, one by one, until the heap has made a second span and a third.
fn counted<const N: usize>(trial: &Trial<'_>) -> Result<Counted, LabError> {
    let heap = trial.heap().build()?;
    let mut mutator = heap.attach()?;
    let spans = || {
        let memory = heap.figures().memory;
        (memory.spans_made, memory.heap_inuse.get())
    };
    mutator.enter(|mu| {
        // The objects that fit before the span count moves on, once from each of two spans.
        let fill = || {
            let before = spans();
            for made in 1.. {
                std::hint::black_box(mu.alloc([0u8; N]));
                let now = spans();
                if now.0 != before.0 {
                    return (made, (now.1 - before.1) as f64);
                }
            }
            (0u32, 0.0)
        };
        // The first object makes the first span; then each object that needs a new one has filled a span.
        let _first = fill();
        let (slots, bytes) = fill();
        Ok(Counted { bytes, slots: f64::from(slots) })
    })
}

/// A span of objects of so many bytes, beside Go's.
fn beside_go(size: u32, counted: &Counted) -> [Row; 2] {
    [
        Row::new(
            format!("objects of {size} bytes in a span"),
            format!("objects of {size}"),
            counted.slots,
            Unit::ObjectsPerSpan,
        ),
        Row::new(format!("a span of {size} bytes"), format!("span of {size}"), counted.bytes, Unit::Bytes),
    ]
}

struct Claimed {
    slots: Prediction,
    bytes: Prediction,
    tail: Prediction,
}

fn claim(claims: &mut Claims, size: usize) -> Claimed {
    let Cut { pages, slots } = cut(size);
    let class = SizeClass::for_bytes(size).get();
    Claimed {
        slots: claims.predict(
            format!("class {class}: objects of {size} bytes in a span"),
            format!("{pages} × {PAGE_BYTES} / {size}, rounded down"),
            slots as f64,
            Unit::ObjectsPerSpan,
            Tolerance::Exact,
        ),
        bytes: claims.predict(
            format!("class {class}: bytes of a span"),
            format!(
                "{} at most an eighth over: {} bytes",
                if pages == 1 {
                    String::from("one page leaves")
                } else {
                    format!("{pages} pages are the fewest that leave")
                },
                pages * PAGE_BYTES - slots * size
            ),
            (pages * PAGE_BYTES) as f64,
            Unit::Bytes,
            Tolerance::Exact,
        ),
        tail: claims.predict(
            format!("class {class}: bytes left over at the end of a span"),
            format!("{pages} × {PAGE_BYTES} modulo {size}"),
            (pages * PAGE_BYTES % size) as f64,
            Unit::Bytes,
            Tolerance::Exact,
        ),
    }
}

/// Where the classes would end, by the question that the practice text asks: what if the largest small object had 16 KiB?
const SMALLER: usize = 16 << 10;

/// What would become of the objects above, and of the classes.
fn ended_at_16_kib(above: f64) -> Table {
    let gone = SizeClass::small().filter(|class| class.size().get() > SMALLER).count();
    let pages = (SMALLER + 1).div_ceil(PAGE_BYTES) * PAGE_BYTES;
    let waste = |bytes: f64| Unit::Percent.show(100.0 * (1.0 - (SMALLER + 1) as f64 / bytes));
    let mut table = Table::new("If the classes ended at 16 KiB", ["", "as it is", "would be"]);
    table.row([
        String::from("classes"),
        SizeClass::small().len().to_string(),
        (SizeClass::small().len() - gone).to_string(),
    ]);
    table.row([String::from("heap bytes of 16,385"), digits(above), digits(pages as f64)]);
    table.row([String::from("of that, wasted"), waste(above), waste(pages as f64)]);
    table.row([
        String::from("who makes it"),
        String::from("the mutator's cache"),
        String::from("the page heap, under its lock or from 64 pages of the mutator's"),
    ]);
    table
}

impl Experiment for Classes {
    fn id(&self) -> &'static str {
        "t05"
    }

    fn title(&self) -> &'static str {
        "Size classes explained"
    }

    fn question(&self) -> &'static str {
        "How many pages has a span of a size class, how many objects does it hold, and what is left over?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("the generator of the classes, and what ending them at 16 KiB would change")
    }

    fn krate(&self) -> &'static str {
        "heap-core"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let of_24 = claim(&mut claims, 24);
        let of_32 = claim(&mut claims, 32);
        let of_64 = claim(&mut claims, 64);
        let of_480 = claim(&mut claims, 480);
        let of_1024 = claim(&mut claims, 1024);
        let of_1408 = claim(&mut claims, 1408);
        let of_32768 = claim(&mut claims, 32768);
        // 17 bytes go into 24-byte slots: 7 bytes of each and the tail are lost.
        let worst_request = 17;
        let packed = cut(24);
        let waste = claims.predict(
            "waste of a span full of 17-byte objects",
            "(341 × 7 + a tail of 8) / 8192: the worst that class 3 can do",
            100.0 * (1.0 - (packed.slots * worst_request) as f64 / (packed.pages * PAGE_BYTES) as f64),
            Unit::Percent,
            Tolerance::Absolute(0.001),
        );
        let beyond = lab.extension(&mut claims, |claims| {
            let by_class = claims.predict(
                format!("heap bytes of an object of {} bytes", SMALLER + 1),
                "its class wastes an eighth of a slot at most: 8/7 of it",
                (SMALLER + 1) as f64 * 8.0 / 7.0,
                Unit::Bytes,
                Tolerance::AtMost,
            );
            let generated = claims.predict(
                "rows that the generator makes and this experiment's rule cuts otherwise",
                "the fewest pages with an eighth over at most, and as many slots as fit: none",
                0.0,
                Unit::Count,
                Tolerance::Exact,
            );
            (by_class, generated)
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "Objects are made one by one; between two moments at which the heap makes a span lie as many objects as a span \
             holds, and HeapInuse grows by a span's bytes.",
        );
        let mut go = Beside::task(lab, "t05");
        go.sample();
        trial.stage("filling spans");
        let (mut tails, mut rows) = (Vec::new(), Vec::new());
        for (size, claimed, counted) in [
            (24, of_24, counted::<24>(&trial)?),
            (32, of_32, counted::<32>(&trial)?),
            (64, of_64, counted::<64>(&trial)?),
            (480, of_480, counted::<480>(&trial)?),
            (1024, of_1024, counted::<1024>(&trial)?),
            (1408, of_1408, counted::<1408>(&trial)?),
            (32768, of_32768, counted::<32768>(&trial)?),
        ] {
            tails.push((f64::from(size), 100.0 * (1.0 - counted.slots * f64::from(size) / counted.bytes)));
            trial.judge(claimed.slots, counted.slots);
            trial.judge(claimed.bytes, counted.bytes);
            rows.extend(beside_go(size, &counted));
            trial.judge(claimed.tail, counted.bytes - counted.slots * f64::from(size));
        }
        if let Some((by_class, generated)) = beyond {
            let above = cost_of(&trial.heap(), |mu| Box::new(mu.root(mu.alloc([1u8; SMALLER + 1]))))?.alloc;
            trial.judge(by_class, above);
            rows.push(Row::new("heap bytes of 16,385", "bytes of 16385", above, Unit::Bytes));
            let generated_rows = generate::rows();
            let differs = |row: &&generate::Row| {
                row.walked.iter().any(|size| {
                    let Cut { pages, slots } = cut(*size);
                    (pages, slots) != (row.span_pages, row.slots)
                })
            };
            trial.judge(generated, generated_rows.iter().filter(differs).count() as f64);
            trial.figure("rows_of_the_generator", generated_rows.len() as f64);
            trial.table(ended_at_16_kib(above));
        }
        let seventeen = counted::<17>(&trial)?;
        let wasted = 100.0 * (1.0 - seventeen.slots * 17.0 / seventeen.bytes);
        trial.judge(waste, wasted);
        go.sample();
        rows.extend([
            Row::new("waste of a span of 17-byte objects", "waste of 17", wasted, Unit::Percent),
            Row::new("classes", "classes", SizeClass::small().len() as f64, Unit::Count),
        ]);
        go.show(&mut trial, &rows)?;
        trial.figure("objects_of_17_bytes_in_a_span", seventeen.slots);
        trial.plot(waste_plot(tails));

        let mut table = Table::new(
            "The classes a practice text names, and what they are",
            ["the text says", "is", "objects here", "objects in Go 1.27 (noscan / scan)"],
        );
        for row in [
            [
                "class 3 = 32 B, 256 objects",
                "class 3 = 24 B; 32 B is class 4",
                "341; 256",
                "336 / 330; 252 / 248",
            ],
            [
                "class 5 = 64 B, 128 objects",
                "class 5 = 48 B; 64 B is class 6",
                "170; 128",
                "168 / 165; 126 / 124",
            ],
            ["class 25 = 1024 B, 8 objects", "class 25 = 480 B; 1024 B is class 32", "17; 8", "16; 8"],
            ["class 67 = 32768 B, 1 object", "so it is", "1", "1"],
        ] {
            table.row(row.map(str::to_owned));
        }
        trial.table(table);
        for size in [24, 1408, 32768] {
            trial.fact(format!("explained_{size}"), explain(SizeClass::for_bytes(size)));
        }
        trial.finding(
            "The smallest class is 8 bytes, not 16, and the 24-byte class shifts the numbers of all above it. The table of \
             the practice text is that of an old Go.",
        );
        trial.finding(
            "12.5 % bounds the tail of a span, not the waste: two wastes multiply. A span of class 3 full of 17-byte \
             objects loses 29.24 %, one of class 5 full of 33-byte objects 31.52 %.",
        );
        trial.finding(
            "Class 67 has four pages because one object is the span: 32,768 bytes in fewer pages do not fit, and above \
             that size an object has a span of its own anyway.",
        );
        trial.finding("Every class can be explained: heap-lab classes --explain 3 25 67.");
        trial.finish()
    }
}

/// What spans lose, over all classes from the rule, and as counted.
fn waste_plot(counted: Vec<(f64, f64)>) -> Plot {
    let by_rule = |request: &dyn Fn(SizeClass) -> usize| {
        SizeClass::small()
            .map(|class| {
                let Cut { pages, slots } = cut(class.size().get());
                let lost = 1.0 - (slots * request(class)) as f64 / (pages * PAGE_BYTES) as f64;
                (class.size().get() as f64, 100.0 * lost)
            })
            .collect()
    };
    let series = |label: &str, points, source| Series { label: label.to_owned(), points, source };
    Plot {
        title: String::from("Waste of a full span, by size class"),
        reading: String::from(
            "A slot that is one byte too small for the request wastes most; the tail of a span is at most an eighth of it.",
        ),
        shape: Shape::Points {
            x: Axis {
                label: String::from("bytes of a slot"),
                scale: Scale::Log,
                ticks: Ticks::Unit(Unit::Bytes),
            },
            y: Axis {
                label: String::from("of the span"),
                scale: Scale::Linear,
                ticks: Ticks::Unit(Unit::Percent),
            },
            series: vec![
                series("tail, counted", counted, Source::Measured),
                series("tail, by the rule", by_rule(&|class| class.size().get()), Source::Predicted),
                series(
                    "worst request, by the rule",
                    by_rule(&|class| class.smallest_request().get()),
                    Source::Predicted,
                ),
            ],
        },
    }
}
