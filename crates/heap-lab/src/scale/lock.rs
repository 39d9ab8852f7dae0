//! A lock that mutators need now and then: how long they wait for it, and how much gets through.
//!
//! The model is a closed queue: each of `n` mutators works by itself for `between`, then holds the lock for `held`, and then
//! works again. Mean value analysis solves it exactly for times that vary as those of independent events do (exponential);
//! steadier times wait less, so the answer errs high.
//!
//! ```text
//!   wait(n)  = held × (1 + queue(n − 1))          who comes finds what was there without him
//!   rate(n)  = n / (between + wait(n))            Little's law, for the whole circle
//!   queue(n) = rate(n) × wait(n)                  and for the lock
//! ```
//!
//! Invariants
//!   L1  rate ≤ min(n / (between + held), 1 / held)
//!   L2  rate grows with n, and so does the wait

use serde::Serialize;

/// What a lock does to those who need it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Contended {
    /// From asking for it until it is given back, in nanoseconds.
    pub(crate) visit_ns: f64,
    /// Visits of all mutators together in a nanosecond.
    pub(crate) visits_per_ns: f64,
    /// The part of the time in which somebody holds it.
    pub(crate) held: f64,
}

/// A lock that is held for `held_ns` by `mutators` that each work `between_ns` between two visits.
pub(crate) fn contended(mutators: usize, between_ns: f64, held_ns: f64) -> Contended {
    let (mut visit, mut rate, mut queue) = (held_ns, 0.0, 0.0);
    for count in 1..=mutators.max(1) {
        visit = held_ns * (1.0 + queue);
        rate = count as f64 / (between_ns + visit);
        queue = rate * visit;
    }
    Contended { visit_ns: visit, visits_per_ns: rate, held: rate * held_ns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_alone_never_waits() {
        let alone = contended(1, 900.0, 100.0);
        assert_eq!(alone, Contended { visit_ns: 100.0, visits_per_ns: 1e-3, held: 0.1 });
    }

    #[test]
    fn the_rate_is_within_its_bounds_and_grows() {
        for (between, held) in [(0.0, 100.0), (900.0, 100.0), (50_000.0, 200.0), (1e6, 1.0)] {
            let mut before = Contended { visit_ns: 0.0, visits_per_ns: 0.0, held: 0.0 };
            for mutators in 1..=300 {
                let now = contended(mutators, between, held);
                let bound = (mutators as f64 / (between + held)).min(1.0 / held);
                assert!(now.visits_per_ns <= bound * (1.0 + 1e-9), "{mutators}: {now:?}");
                assert!(now.visits_per_ns >= before.visits_per_ns * (1.0 - 1e-9), "{mutators}: {now:?}");
                assert!(now.visit_ns >= before.visit_ns && now.held <= 1.0 + 1e-9, "{mutators}: {now:?}");
                before = now;
            }
        }
    }

    #[test]
    fn with_nothing_to_do_between_the_lock_is_always_held() {
        let busy = contended(5, 0.0, 100.0);
        assert!((busy.held - 1.0).abs() < 1e-12 && (busy.visit_ns - 500.0).abs() < 1e-9, "{busy:?}");
    }
}
