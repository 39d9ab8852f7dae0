//! t03: what an allocation is called does not say where it is; what becomes of it does.

use super::verdicts::Program;
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab};
use crate::measure::ledger::Ledger;
use crate::measure::time::timed;
use crate::record::{Record, Table};
use crate::unit::Unit;
use std::hint::black_box;
use tricolor::{Gc, Mu, Mutator, Trace};

/// See the module.
pub(super) struct NewAndLiteral;

static PROGRAM: Program = Program { name: "t03.go", text: include_str!("go/t03.go") };

/// Operations whose objects are counted.
const COUNT: usize = 100_000;
/// Repetitions of each timing.
const BATCHES: usize = 9;

/// One number in a struct.
#[derive(Trace, Clone, Copy)]
struct Number {
    value: u64,
}

/// What a function of the program is in Rust.
type Operation = fn(&Mu<'_>, u64) -> u64;

#[inline(never)]
fn number_returned<'gc>(mu: &Mu<'gc>, number: u64) -> Gc<'gc, u64> {
    mu.alloc(number)
}

#[inline(never)]
fn struct_returned<'gc>(mu: &Mu<'gc>, value: u64) -> Gc<'gc, Number> {
    mu.alloc(Number { value })
}

#[inline(never)]
fn number_read(mu: &Mu<'_>, number: u64) -> u64 {
    mu.frame(|frame| *black_box(frame.alloc(number)))
}

#[inline(never)]
fn struct_read(mu: &Mu<'_>, value: u64) -> u64 {
    mu.frame(|frame| black_box(frame.alloc(Number { value })).value)
}

/// The functions of the Go program with their twins here, and the objects that one call of each is to make.
const OPERATIONS: [(&str, &str, Operation, f64); 4] = [
    ("newReturned", "an object, returned", |mu, number| *black_box(number_returned(mu, number)), 1.0),
    (
        "literalReturned",
        "a struct as an object, returned",
        |mu, number| black_box(struct_returned(mu, number)).value,
        1.0,
    ),
    ("newRead", "a local of a frame, read", number_read, 0.0),
    ("literalRead", "a struct as a local of a frame, read", struct_read, 0.0),
];

/// The objects that one operation makes.
fn objects_of(mutator: &mut Mutator, operation: Operation) -> f64 {
    let ledger = Ledger::open(mutator);
    operate(mutator, operation);
    ledger.close(mutator).mallocs / COUNT as f64
}

/// [`COUNT`] operations, whose results are used.
fn operate(mutator: &mut Mutator, operation: Operation) {
    mutator.enter(|mu| {
        for number in 0..COUNT as u64 {
            black_box(operation(mu, black_box(number)));
        }
    });
}

/// Processor time of one operation, in nanoseconds.
fn nanos_of(mutator: &mut Mutator, operation: Operation) -> f64 {
    timed(|| operate(mutator, operation)).1.cpu_ns_per(COUNT as u64)
}

impl Experiment for NewAndLiteral {
    fn id(&self) -> &'static str {
        "t03"
    }

    fn title(&self) -> &'static str {
        "Two ways to write an allocation"
    }

    fn question(&self) -> &'static str {
        "Is it `new(int)` and `&box{}` that decide where something is, or what the function does with it?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("a value that is given as an interface, looked at and kept")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let on_heap = |claims: &mut Claims, (function, model, predicted): (&'static str, &str, f64)| {
            let name = format!("on the heap in {function}()");
            (function, claims.predict(name, model, predicted, Unit::Count, Tolerance::Exact))
        };
        let mut verdicts_of: Vec<_> = [
            ("newReturned", "new(int), returned: the result outlives the call", 1.0),
            ("newRead", "new(int), read: nothing has the address afterwards", 0.0),
            ("literalReturned", "&box{}, returned: as new(int)", 1.0),
            ("literalRead", "&box{}, read: as new(int)", 0.0),
        ]
        .map(|one| on_heap(&mut claims, one))
        .into();
        let interfaces = [
            (
                "given",
                "given as an interface to a function that only looks at it: its parameter leaks nowhere",
                0.0,
            ),
            (
                "handedOver",
                "given as an interface to a function that keeps it in a variable of the package",
                1.0,
            ),
        ];
        let beyond = lab.extension(&mut claims, |claims| interfaces.map(|one| on_heap(claims, one)));
        verdicts_of.extend(beyond.into_iter().flatten());
        let functions: Vec<&str> = verdicts_of.iter().map(|(function, _)| *function).collect();
        let objects: Vec<_> = OPERATIONS
            .iter()
            .map(|(function, what, operation, predicted)| {
                let (name, model) = (
                    format!("objects an operation, {function} in Rust"),
                    if *predicted > 0.0 {
                        format!("{what}: one object each")
                    } else {
                        format!("{what}: memory of the frame, and no object")
                    },
                );
                let claim = claims.predict(name, model, *predicted, Unit::Objects, Tolerance::Exact);
                (*function, *what, *operation, claim)
            })
            .collect();
        let chain = claims.predict(
            "flows from the number of newReturned() to what keeps it",
            "from the allocation to the variable, and from there to the result",
            2.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "The verdicts are of `crates/heap-lab/src/experiments/go/t03.go`. The same four functions in Rust, not inlined: what is \
             returned is an object, what is only read is a `Local` of a frame. Objects are counted by the heap (Mallocs) over 100,000 \
             operations; times are medians of nine batches.",
        );

        let verdicts = PROGRAM.ask(&lab.options)?;
        for (function, claim) in verdicts_of {
            trial.judge(claim, verdicts.on_heap(function));
        }
        trial.judge(chain, verdicts.flows("newReturned"));
        let heap = trial.heap().build()?;
        let mut mutator = heap.attach()?;
        let mut table = Table::new("In Rust", ["function", "is", "objects an operation", "time"]);
        for (function, what, operation, claim) in objects {
            trial.stage(format!("{function}: {what}"));
            let objects = objects_of(&mut mutator, operation);
            trial.judge(claim, objects);
            let times = (0..BATCHES).map(|_| nanos_of(&mut mutator, operation)).collect();
            let spread = trial.samples(&format!("{function}: ns"), times)?;
            table.row([
                function.to_owned(),
                what.to_owned(),
                Unit::Objects.show(objects),
                Unit::Nanos.show(spread.median()),
            ]);
        }
        trial.table(table);
        verdicts.tell(&mut trial, &functions);
        trial.finding(
            "A practice text has these as benchmarks of a() and c() and expects one allocation each. As it writes them Go 1.27.3 inlines \
             both and drops the result: 0 allocations an operation, in 0.24 ns. Not inlined, it is one of 8 bytes.",
        );
        trial.finding(
            "Its extension gives new(int) to a function that takes an interface, and calls that a notorious trigger. An \
             interface alone moves nothing: the function that only looks at it leaves it where it is, and the one that keeps \
             it does not.",
        );
        trial.finding(
            "In Rust the compiler is the analysis: a `Local` that is returned from its frame does not compile, and so no figure is \
             wrong because of a wrong guess. The price of a frame is to open it; the experiment opens one for each number, which is \
             the worst use of it.",
        );
        trial.finish()
    }
}
