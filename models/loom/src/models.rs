//! The models, and how they are run.
//!
//! The comment of each model says how far it was explored and how many seconds that takes on one of two cores. A model
//! without a step runs in a process of its own: loom gives up a failed interleaving by unwinding its threads, and guards
//! that are dropped meanwhile may end the process.

mod claim;
mod grey;
mod handshake;
mod reached;
mod rounds;
mod weak;

use crate::fault::step::{Step, leave_out};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Names the step to leave out, to the process that is to fail.
const WITHOUT: &str = "MODEL_WITHOUT";

/// How far a model is explored.
#[derive(Clone, Copy)]
enum Bound {
    /// Every interleaving.
    None,
    /// Every interleaving in which threads are interrupted at most so often, besides where they wait anyway.
    Preemptions(usize),
}

/// Explores a model. `steps` are all that may be left out of it.
fn explore(bound: Bound, steps: &[(Step, &str)], model: impl Fn() + Send + Sync + 'static) {
    if let Some(name) = std::env::var_os(WITHOUT) {
        let step = steps.iter().find(|(step, _)| name.to_str() == Some(&format!("{step:?}")));
        leave_out(step.expect("the step is one of this model's").0);
    }
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = match bound {
        Bound::None => None,
        Bound::Preemptions(most) => Some(most),
    };
    builder.max_branches = 10_000;
    let explored = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&explored);
    let start = std::time::Instant::now();
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    println!("explored {} interleavings in {:.1} s", explored.load(Relaxed), start.elapsed().as_secs_f64());
}

/// Runs a model of this binary once for each step, with the step left out. It must fail, and say why in these words.
fn fails_without(model: &str, steps: &[(Step, &str)]) {
    let binary = std::env::current_exe().expect("a test knows its binary");
    for (step, reason) in steps {
        let output = Command::new(&binary)
            .args(["--exact", model, "--nocapture", "--test-threads=1"])
            .env(WITHOUT, format!("{step:?}"))
            .output()
            .expect("the binary runs again");
        let said =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(said.contains("running 1 test"), "{model}: there is no such model:\n{said}");
        assert!(!output.status.success(), "{model} passes without the step {step:?}:\n{said}");
        assert!(said.contains(reason), "{model} without {step:?} fails, but not by {reason:?}:\n{said}");
    }
}
