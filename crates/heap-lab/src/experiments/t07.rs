//! t07: what one small object costs, to the byte.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab};
use crate::measure::ledger::cost_of;
use crate::record::{Bar, Plot, Record, Shape};
use crate::unit::Unit;
use heap_core::size_class::SizeClass;
use heap_core::units::{Bytes, PAGE_BYTES};
use tricolor::{Gc, Trace};

/// See the module.
pub(super) struct SmallObjects;

/// Objects of each kind.
const COUNT: usize = 100_000;
/// Bytes of the array of references to them: a length word and a reference each, in whole pages.
const ARRAY: usize = Bytes::new(COUNT * 8 + 8).pages_ceil().get() * PAGE_BYTES;

/// What is measured of each kind.
const PAIRS: &str = "live bytes, { i32, i32 }";
const POINTERS: &str = "live bytes, { reference }";
const TRIPLES: &str = "live bytes, { i64, i64, i64 }";

/// Two 32-bit numbers: 8 bytes, no reference.
type Pair = (i32, i32);
/// Three 64-bit numbers: 24 bytes, no reference.
type Triple = (i64, i64, i64);
/// One reference: 8 bytes.
type Pointer<'gc> = (Option<Gc<'gc, u64>>,);

/// What the model says [`COUNT`] objects of `size` bytes cost with their array: a slot each of the smallest class
/// that holds them. Two tiny ones of 8 bytes fill a block of 16, which is the same.
fn predicted(size: usize) -> f64 {
    (COUNT * SizeClass::for_bytes(size).size().get() + ARRAY) as f64
}

impl Experiment for SmallObjects {
    fn id(&self) -> &'static str {
        "t07"
    }

    fn title(&self) -> &'static str {
        "What a small object costs"
    }

    fn question(&self) -> &'static str {
        "How many bytes of heap do 100,000 objects of 8 and of 24 bytes take, with and without references?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("an object of 24 bytes")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let pages = ARRAY / PAGE_BYTES;
        let claim = |claims: &mut Claims, name: &str, size: usize, why: &str| {
            let model = format!(
                "100,000 × {} + an array of {pages} pages; {why}",
                SizeClass::for_bytes(size).size().get()
            );
            claims.predict(name, model, predicted(size), Unit::Bytes, Tolerance::Relative(0.000_1))
        };
        let pair = claim(&mut claims, PAIRS, size_of::<Pair>(), "two share a block of 16");
        let pointer = claim(&mut claims, POINTERS, size_of::<Pointer<'_>>(), "class 1 holds 8 bytes");
        let triple = lab.extension(&mut claims, |claims| {
            claim(claims, TRIPLES, size_of::<Triple>(), "class 3 holds 24 bytes")
        });
        let dropped = claims.predict(
            "live bytes without a root",
            "it is the root of the array that keeps all of them: without it nothing is left",
            0.0,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method("Live bytes (HeapAlloc) after a collection, less those before; a root keeps the array and so the objects.");

        let mut go = Beside::task(lab, "t07");
        go.sample();
        trial.stage("100,000 objects of three kinds");
        let of_pairs = cost_of(&trial.heap(), |mu| {
            Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc::<Pair>((1, -1)))))
        })?
        .alloc;
        let of_pointers = cost_of(&trial.heap(), |mu| {
            Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc::<Pointer<'_>>((None,)))))
        })?
        .alloc;
        trial.judge(pair, of_pairs);
        trial.judge(pointer, of_pointers);
        let unrooted = cost_of(&trial.heap(), |mu| {
            mu.alloc_slice(COUNT, |_| mu.alloc::<Pair>((1, -1)));
            Box::new(())
        })?;
        trial.judge(dropped, unrooted.alloc);
        let mut kinds = vec![("pairs", PAIRS, of_pairs, 8.0), ("references", POINTERS, of_pointers, 8.0)];
        if let Some(triple) = triple {
            let of_triples = cost_of(&trial.heap(), |mu| {
                Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc::<Triple>((1, 2, 3)))))
            })?
            .alloc;
            trial.judge(triple, of_triples);
            kinds.push(("triples", TRIPLES, of_triples, 24.0));
        }
        let each = |bytes: f64| (bytes - ARRAY as f64) / COUNT as f64;
        for &(name, _, bytes, _) in &kinds {
            trial.figure(format!("heap_alloc_{name}"), bytes);
            trial.figure(format!("bytes_per_object_{name}"), each(bytes));
        }
        go.sample();
        let rows: Vec<Row> =
            kinds.iter().map(|&(name, label, bytes, _)| Row::new(label, name, bytes, Unit::Bytes)).collect();
        go.show(&mut trial, &rows)?;
        trial.plot(Plot {
            title: String::from("Bytes of heap for each object"),
            reading: String::from("Size classes fit these sizes exactly: nothing is added."),
            shape: Shape::Bars {
                unit: Unit::BytesPerObject,
                bars: kinds
                    .iter()
                    .flat_map(|&(name, _, bytes, go)| {
                        [Bar::measured(name, each(bytes)), Bar::reference(format!("{name}, Go 1.27.3"), go)]
                    })
                    .collect(),
            },
        });
        trial.finding(
            "A practice text predicts 2,400,000 bytes for the pairs, from a smallest class of 16 bytes and a header. \
             There is neither: the smallest class is 8 bytes, and no small object has a header.",
        );
        trial.finding(
            "Go 1.27.3 measures +1,602,856 for the pairs, +1,602,840 for the references and +3,202,840 for the triples: \
             8, 8 and 24 bytes an object, and 98 pages for the slice. The text's 32 bytes for the triple belong to Go \
             before the 24-byte class.",
        );
        trial.finish()
    }
}

const _: () = assert!(!<Pointer<'static> as Trace>::MASK.is_noscan());
