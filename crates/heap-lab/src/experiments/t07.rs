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
        let mut claim = |name: &str, size: usize, why: &str| {
            let model = format!(
                "100,000 × {} + an array of {pages} pages; {why}",
                SizeClass::for_bytes(size).size().get()
            );
            claims.predict(name, model, predicted(size), Unit::Bytes, Tolerance::Relative(0.000_1))
        };
        let pair = claim("live bytes, { i32, i32 }", size_of::<Pair>(), "two share a block of 16");
        let pointer = claim("live bytes, { reference }", size_of::<Pointer<'_>>(), "class 1 holds 8 bytes");
        let triple = claim("live bytes, { i64, i64, i64 }", size_of::<Triple>(), "class 3 holds 24 bytes");
        let mut trial = lab.begin(self, claims);
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
        let of_triples = cost_of(&trial.heap(), |mu| {
            Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc::<Triple>((1, 2, 3)))))
        })?
        .alloc;
        trial.judge(pair, of_pairs);
        trial.judge(pointer, of_pointers);
        trial.judge(triple, of_triples);
        let each = |bytes: f64| (bytes - ARRAY as f64) / COUNT as f64;
        for (name, bytes) in [("pairs", of_pairs), ("references", of_pointers), ("triples", of_triples)] {
            trial.figure(format!("heap_alloc_{name}"), bytes);
            trial.figure(format!("bytes_per_object_{name}"), each(bytes));
        }
        go.sample();
        go.show(
            &mut trial,
            &[
                Row::new("live bytes, { i32, i32 }", "pairs", of_pairs, Unit::Bytes),
                Row::new("live bytes, { reference }", "references", of_pointers, Unit::Bytes),
                Row::new("live bytes, { i64, i64, i64 }", "triples", of_triples, Unit::Bytes),
            ],
        )?;
        trial.plot(Plot {
            title: String::from("Bytes of heap for each object"),
            reading: String::from("Size classes fit these sizes exactly: nothing is added."),
            shape: Shape::Bars {
                unit: Unit::BytesPerObject,
                bars: vec![
                    Bar::measured("{ i32, i32 }", each(of_pairs)),
                    Bar::reference("{ i32, i32 }, Go 1.27.3", 8.0),
                    Bar::measured("{ reference }", each(of_pointers)),
                    Bar::reference("{ reference }, Go 1.27.3", 8.0),
                    Bar::measured("{ i64, i64, i64 }", each(of_triples)),
                    Bar::reference("{ i64, i64, i64 }, Go 1.27.3", 24.0),
                ],
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
