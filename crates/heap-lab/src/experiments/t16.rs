//! t16: large objects. Where the size classes end, and what that costs.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::ledger::{Difference, cost_of};
use crate::measure::spread::Spread;
use crate::measure::time::timed;
use crate::record::{Axis, Plot, Record, Scale, Series, Shape, Source, Table, Ticks};
use crate::unit::{Unit, digits};
use heap_core::size_class::{MAX_SMALL, SizeClass};
use heap_core::units::Bytes;
use std::hint::black_box;
use std::thread;
use tricolor::Mutator;

/// See the module.
pub(super) struct Large;

/// Objects of each size whose bytes are counted.
const COUNT: usize = 100;
/// Repetitions of each timing.
const BATCHES: usize = 9;
/// Bytes of each batch.
const BATCH: usize = 16 << 20;

/// Heap bytes of an object of `size` bytes: its class's slot, or whole pages.
fn predicted(size: usize) -> f64 {
    let class = SizeClass::for_bytes(size);
    (if class.is_large() { Bytes::new(size).pages_ceil().bytes() } else { class.size() }).get() as f64
}

fn kept<const N: usize>(trial: &Trial<'_>) -> Result<Difference, LabError> {
    cost_of(&trial.heap(), |mu| {
        let roots: Vec<_> = (0..COUNT).map(|_| mu.root(mu.alloc([1u8; N]))).collect();
        Box::new(roots)
    })
}

/// Nanoseconds to make and drop one object of `N` bytes, in a heap that collects as it goes.
fn time<const N: usize>(mutator: &mut Mutator) -> f64 {
    let count = BATCH / N;
    let ((), lap) = timed(|| {
        for _ in 0..count {
            mutator.enter(|mu| {
                black_box(mu.alloc([1u8; N]));
            });
        }
    });
    lap.cpu_ns_per(count as u64)
}

/// Samples of [`time`] for each size, the sizes in turn.
fn times(trial: &Trial<'_>, go: &mut Beside<'_>) -> Result<Vec<(usize, Vec<f64>)>, LabError> {
    type Timing = fn(&mut Mutator) -> f64;
    const SIZES: [(usize, Timing); 7] = [
        (1 << 10, time::<1024>),
        (4 << 10, time::<4096>),
        (8 << 10, time::<8192>),
        (32 << 10, time::<32768>),
        (64 << 10, time::<65536>),
        (128 << 10, time::<131_072>),
        (256 << 10, time::<262_144>),
    ];
    let heap = trial.heap().gc_percent(100).build()?;
    let mut mutator = heap.attach()?;
    let mut all: Vec<(usize, Vec<f64>)> = SIZES.iter().map(|(size, _)| (*size, Vec::new())).collect();
    for batch in 0..BATCHES {
        if batch % 3 == 0 {
            go.sample();
        }
        for ((_, timing), (_, samples)) in SIZES.iter().zip(&mut all) {
            samples.push(timing(&mut mutator));
        }
    }
    Ok(all)
}

/// Threads that make large objects at once.
const THREADS: usize = 4;

/// Nanoseconds of processor, of all threads, to make and drop an object of 64 KiB, with so many threads at it.
fn crowded(trial: &Trial<'_>, threads: usize) -> Result<Vec<f64>, LabError> {
    const SIZE: usize = 64 << 10;
    let heap = trial.heap().gc_percent(100).build()?;
    (0..BATCHES)
        .map(|_| {
            let (results, lap) = timed(|| {
                thread::scope(|scope| {
                    let work = || {
                        let mut mutator = heap.attach()?;
                        for _ in 0..BATCH / SIZE {
                            mutator.enter(|mu| {
                                black_box(mu.alloc([1u8; SIZE]));
                            });
                        }
                        Ok::<(), LabError>(())
                    };
                    let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                    let panicked = |_| LabError::Heap(String::from("a mutator thread panicked"));
                    // All of them are waited for before the first error is one.
                    let ended: Vec<_> = all.into_iter().map(|one| one.join().map_err(panicked)).collect();
                    ended.into_iter().try_for_each(|result| result.and_then(|result| result))
                })
            });
            results.map(|()| lap.cpu_ns_per((threads * (BATCH / SIZE)) as u64))
        })
        .collect()
}

impl Experiment for Large {
    fn id(&self) -> &'static str {
        "t16"
    }

    fn title(&self) -> &'static str {
        "Large objects"
    }

    fn question(&self) -> &'static str {
        "Where do size classes end, what does an object above cost in bytes, and is a byte of it dearer to make?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("four threads that make large objects at once")
    }

    fn krate(&self) -> &'static str {
        "heap-core"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let sizes = [8 << 10, MAX_SMALL, MAX_SMALL + 1, 40_000, 65_536, 131_072];
        let mut claims = Claims::new();
        let bytes: Vec<_> = sizes
            .into_iter()
            .map(|size| {
                let model = if size == MAX_SMALL {
                    String::from("the largest class holds it exactly")
                } else if size < MAX_SMALL {
                    String::from("a class holds it exactly")
                } else {
                    format!("{size} / 8192, rounded up: {} whole pages", predicted(size) / 8192.0)
                };
                let name = format!("heap bytes of an object of {}", digits(size as f64));
                claims.predict(name, model, predicted(size), Unit::BytesPerObject, Tolerance::Exact)
            })
            .collect();
        let refills = claims.predict(
            "refills for a hundred objects of 64 KiB",
            "a large object has a span of its own, which no cache ever holds",
            0.0,
            Unit::Refills,
            Tolerance::Exact,
        );
        let per_byte = claims.predict_time(
            "CPU a byte, 128 KiB over 8 KiB",
            "writing the bytes dominates; taking pages is a fixed cost that a larger object spreads: not twice",
            2.0,
            Unit::Times,
            Tolerance::AtMost,
        );
        let crowd = lab.extension(&mut claims, |claims| {
            claims.predict_time(
                format!("CPU of an object of 64 KiB, {THREADS} threads at once over one"),
                "the lock is held for the page search, under a microsecond, and the bytes are written without it: waiting is asleep and \
                 costs a wake-up; with that and shared caches, four times at most",
                4.0,
                Unit::Times,
                Tolerance::AtMost,
            )
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "Bytes: a hundred objects of each size kept by roots, HeapAlloc over a hundred. Time: objects made, written whole \
             and dropped, one an enter, in a heap that collects as it goes; nine batches of 16 MiB of each size in turn, \
             medians of CPU.",
        );

        trial.stage("a hundred objects of each size");
        let counted = [
            kept::<{ 8 << 10 }>(&trial)?,
            kept::<MAX_SMALL>(&trial)?,
            kept::<{ MAX_SMALL + 1 }>(&trial)?,
            kept::<40_000>(&trial)?,
            kept::<65_536>(&trial)?,
            kept::<131_072>(&trial)?,
        ];
        let mut table = Table::new(
            "A hundred objects of each size",
            ["bytes", "heap bytes each", "refills", "spans made", "of them without the page heap's lock"],
        );
        for ((prediction, change), size) in bytes.into_iter().zip(&counted).zip(sizes) {
            trial.judge(prediction, change.alloc / COUNT as f64);
            table.row(
                [
                    size as f64,
                    change.alloc / COUNT as f64,
                    change.refills,
                    change.spans_made,
                    change.page_cache_hits,
                ]
                .map(digits),
            );
        }
        let of_64_kib = sizes.iter().zip(&counted).find(|(size, _)| **size == 64 << 10);
        trial.judge(refills, of_64_kib.map_or(f64::NAN, |(_, change)| change.refills));
        trial.table(table);

        trial.stage("timing seven sizes");
        let mut points = Vec::new();
        let mut spreads: Vec<(usize, Spread)> = Vec::new();
        let mut go = Beside::task(lab, "t16");
        for (size, samples) in times(&trial, &mut go)? {
            let spread = trial.samples(&format!("cpu_ns_per_object {size}"), samples)?;
            points.push((size as f64, spread.median()));
            spreads.push((size, spread));
        }
        if let Some(crowd) = crowd {
            trial.stage("four threads at once");
            let (one, four) = (crowded(&trial, 1)?, crowded(&trial, THREADS)?);
            let one = trial.samples("cpu_ns_per_object 65536, one thread", one)?;
            let four = trial.samples("cpu_ns_per_object 65536, four threads", four)?;
            trial.judge(crowd, four.median() / one.median());
        }
        let a_byte = |wanted: usize| {
            let missing = || LabError::Measure(format!("{wanted} bytes were not timed"));
            let found = spreads.iter().find(|(size, _)| *size == wanted).ok_or_else(missing)?;
            Ok::<f64, LabError>(found.1.median() / wanted as f64)
        };
        trial.judge(per_byte, a_byte(128 << 10)? / a_byte(8 << 10)?);
        let mut rows = Vec::new();
        for (size, change) in sizes.into_iter().zip(&counted) {
            if go.median(&format!("bytes of {size}")).is_none() {
                continue;
            }
            rows.push(Row::new(
                format!("heap bytes of {}", digits(size as f64)),
                format!("bytes of {size}"),
                change.alloc / COUNT as f64,
                Unit::BytesPerObject,
            ));
        }
        for (size, spread) in &spreads {
            if go.median(&format!("{size}: ns")).is_some() {
                let label = format!("CPU of {}", digits(*size as f64));
                rows.push(Row::new(label, format!("{size}: ns"), spread.median(), Unit::Nanos));
            }
        }
        go.show(&mut trial, &rows)?;
        trial.plot(Plot {
            title: String::from("CPU to make an object"),
            reading: String::from(
                "In proportion to its bytes, across the line at 32 KiB where size classes end.",
            ),
            shape: Shape::Lines {
                x: Axis {
                    label: String::from("bytes of the object"),
                    scale: Scale::Log,
                    ticks: Ticks::Unit(Unit::Bytes),
                },
                y: Axis {
                    label: String::from("one object"),
                    scale: Scale::Log,
                    ticks: Ticks::Unit(Unit::Nanos),
                },
                series: vec![
                    Series { label: String::from("made and dropped"), points, source: Source::Measured },
                    Series {
                        label: String::from("Go 1.27.3, 64 and 128 KiB"),
                        points: vec![(65_536.0, 2_660.0), (131_072.0, 4_060.0)],
                        source: Source::Reference,
                    },
                ],
            },
        });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "As a practice text writes its benchmark, Go keeps slices of constant size up to 64 KiB on the stack: its 8 KiB and 64 KiB \
     cases measure nothing. Kept from that, 64 KiB take 2.66 µs and 128 KiB 4.06 µs.",
    "Go's line is at 32,760 bytes, since an object with pointers may need an 8-byte header: 32,761 and 32,768 bytes cost a span \
     of four pages each. Here objects have no header, and 32,768 bytes are the last small size.",
    "That every large allocation takes the heap's lock is not so in Go: spans below 16 pages come from the processor's page \
     cache. Here they do take the page heap's lock, and the table above counts it; but the bytes to be written cost more than that \
     from 8 KiB on.",
];
