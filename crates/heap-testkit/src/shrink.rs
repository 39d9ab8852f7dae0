//! Shrinking: the shortest program found that still fails.
//!
//! Delta debugging: leave out halves, quarters, … single operations, as long as the program still fails; begin again
//! whenever something could be left out.

use crate::program::Program;
use crate::run::Failure;

/// Programs tried for one failure, at most.
const MOST_TRIES: usize = 600;

/// Shrinks a failure. `run` runs a program and says how it failed, if it did.
#[must_use]
pub fn shrink(failure: Failure, mut run: impl FnMut(&Program) -> Option<Failure>) -> Failure {
    let mut best = failure;
    // What comes after the failing operation did not matter.
    if let Some(at) = best.at {
        let cut = best.program.ops[..=at].to_vec();
        if let Some(shorter) = run(&best.program.with_ops(cut)) {
            best = shorter;
        }
    }
    let mut size = best.program.ops.len().div_ceil(2);
    let mut tries = 0;
    while size > 0 && tries < MOST_TRIES {
        let mut from = 0;
        let mut left_out = false;
        while from < best.program.ops.len() && tries < MOST_TRIES {
            let mut ops = best.program.ops.clone();
            ops.drain(from..(from + size).min(ops.len()));
            tries += 1;
            match run(&best.program.with_ops(ops)) {
                Some(shorter) => {
                    best = shorter;
                    left_out = true;
                }
                None => from += size,
            }
        }
        if !left_out || size > 1 {
            size /= 2;
        }
    }
    best
}

#[cfg(test)]
mod tests;
