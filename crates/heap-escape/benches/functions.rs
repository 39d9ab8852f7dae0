//! How many functions are analysed in a second, with the recording and without it.
//!
//! The functions are made of pieces of four kinds in turn: a load, two calls and an object that is kept, a loop that allocates, and
//! a closure that changes a variable. `one` has one piece in each function, which is little; `eight` has eight, with six calls, four
//! allocations and two closures.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use heap_escape::{Callee, Limits, Program, Shape, Target, Why};

const FUNCTIONS: usize = 10_000;

fn program(pieces: usize) -> Program {
    let word = Shape::references(8);
    let mut program = Program::new(Limits::default());
    let all: Vec<_> = (0..FUNCTIONS).map(|_| program.declare("function")).collect();
    for (i, function) in all.iter().enumerate() {
        let callees = [all[i / 2], all[i / 3]].map(Callee::Function);
        program.define(*function, |body| {
            let p = body.param("p", word);
            let r = body.result("r", word);
            let x = body.variable("x", word);
            for piece in i..i + pieces {
                match piece % 4 {
                    0 => body.init(x, p.load()),
                    1 => {
                        let kept = body.site("kept", word);
                        body.call(&callees[..1], &[kept.address()], &[Target::Init(x)]);
                        body.call(&callees[1..], &[p.value()], &[Target::Assign(x)]);
                    }
                    2 => body.in_loop(|body| {
                        let site = body.site("each", word);
                        body.init(site, x);
                        body.assign(x, site.address());
                    }),
                    _ => {
                        let (closure, ()) =
                            body.closure("closure", Shape::references(16), |body| body.assign(x, p));
                        body.call(&[Callee::Closure(closure)], &[], &[]);
                        body.leak(x.load(), Why::Assign);
                    }
                }
            }
            body.give_back(&[x.value()]);
            r
        });
    }
    program
}

fn functions(c: &mut Criterion) {
    for (name, pieces) in [("one", 1), ("eight", 8)] {
        let mut group = c.benchmark_group(format!("escape {name}"));
        group.throughput(Throughput::Elements(FUNCTIONS as u64));
        group.bench_function("record", |b| b.iter(|| black_box(program(pieces))));
        let recorded = program(pieces);
        group.bench_function("analyse", |b| {
            b.iter(|| black_box(&recorded).analyse().verdict(recorded_var(&recorded)));
        });
        group.finish();
    }
}

fn recorded_var(program: &Program) -> heap_escape::Var {
    program.vars().next().expect("it has variables")
}

criterion_group!(benches, functions);
criterion_main!(benches);
