//! Generated programs: the solver agrees with the naive one, nothing dangles when they are run, and reasons hold together.

mod generate;
mod notation;
mod run;

use heap_escape::{Analysis, Verdict};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use proptest::{collection, test_runner::RngSeed};

/// All that is said of every location, without the reasons.
fn all(analysis: &Analysis<'_>) -> Vec<String> {
    let program = analysis.program();
    let one = |var| {
        let attrs = (analysis.verdict(var), analysis.is_written(var), analysis.is_called(var));
        format!("{} {attrs:?} {:?} {:?}", program.name(var), analysis.tag(var), analysis.capture(var))
    };
    program.vars().map(one).collect()
}

fn reasons(analysis: &Analysis<'_>) -> Vec<String> {
    let program = analysis.program();
    program
        .vars()
        .flat_map(|var| [analysis.reason(var), analysis.leak_to_heap(var), analysis.leak_to_result(var, 0)])
        .map(|reason| reason.map_or_else(String::new, |reason| reason.to_string()))
        .collect()
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 600,
        rng_seed: RngSeed::Fixed(20_261_128),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_solver_agrees_with_the_naive_one(choices in collection::vec(any::<u16>(), 20..400)) {
        let program = notation::program(&generate::functions(&choices));
        prop_assert_eq!(all(&program.analyse()), all(&program.analyse_naively()));
    }

    #[test]
    fn nothing_dangles_in_programs_that_are_run(choices in collection::vec(any::<u16>(), 20..400), chance in any::<u64>()) {
        let functions = generate::functions(&choices);
        let program = notation::program(&functions);
        let analysis = program.analyse();
        for i in 0..4_u64 {
            run::run(&functions, &analysis, chance.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
    }

    #[test]
    fn what_is_said_does_not_depend_on_the_run(choices in collection::vec(any::<u16>(), 20..400)) {
        let functions = generate::functions(&choices);
        let (one, other) = (notation::program(&functions), notation::program(&functions));
        let (one, other) = (one.analyse(), other.analyse());
        prop_assert_eq!(all(&one), all(&other));
        prop_assert_eq!(reasons(&one), reasons(&other));
    }

    #[test]
    fn the_steps_of_a_reason_meet(choices in collection::vec(any::<u16>(), 20..400)) {
        let program = notation::program(&generate::functions(&choices));
        let analysis = program.analyse();
        for var in program.vars().filter(|var| analysis.verdict(*var) == Verdict::Heap) {
            let reason = analysis.reason(var).expect("everything on the heap has a reason");
            let mut at = Some(var);
            for step in reason.steps() {
                prop_assert_eq!(at, Some(step.from));
                at = step.to;
            }
        }
    }
}

/// The runs would say nothing if little was on the stack, or little died.
#[test]
fn generated_programs_have_much_on_the_stack_and_much_on_the_heap() {
    let (mut stack, mut heap, mut died) = (0, 0, 0);
    let mut state = 1_u64;
    for _ in 0..200 {
        let mut number = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u16::try_from(state >> 48).expect("16 bits")
        };
        let choices: Vec<u16> = (0..300).map(|_| number()).collect();
        let functions = generate::functions(&choices);
        let program = notation::program(&functions);
        let analysis = program.analyse();
        for var in program.vars() {
            match analysis.verdict(var) {
                Verdict::Stack => stack += 1,
                Verdict::Heap => heap += 1,
            }
        }
        died += run::run(&functions, &analysis, 12_345);
    }
    assert!(
        stack > 1_000 && heap > 1_000 && died > 1_000,
        "{stack} on the stack, {heap} on the heap, {died} died"
    );
}
