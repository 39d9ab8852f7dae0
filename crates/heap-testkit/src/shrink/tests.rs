use super::shrink;
use crate::program::{Kind, Program};
use crate::run::{Cell, Failure};

#[test]
fn what_does_not_matter_is_left_out() {
    // Fails if there are two drops, the second after a collection.
    let run = |program: &Program| {
        let at = |kind| program.ops.iter().position(|op| op.kind == kind);
        let first = at(Kind::Drop)?;
        let collect = first + program.ops[first..].iter().position(|op| op.kind == Kind::Collect)?;
        let last = collect + program.ops[collect..].iter().position(|op| op.kind == Kind::Drop)?;
        let (program, cell) = (program.clone(), Cell::EveryAlloc);
        Some(Failure { program, cell, at: Some(last), what: "two drops".into() })
    };
    let whole = Program::generate(11, 500);
    let failure = run(&whole).expect("the program has both kinds");
    let shrunk = shrink(failure, run);
    let kinds: Vec<_> = shrunk.program.ops.iter().map(|op| op.kind).collect();
    assert_eq!(kinds, [Kind::Drop, Kind::Collect, Kind::Drop]);
    assert!(shrunk.to_string().contains("REPRO: seed=0xb ops=3"), "{shrunk}");
}
