//! A practice text's program: one size class in all rounds, a few objects of which are kept.

use super::outcome::Outcome;
use crate::error::LabError;
use crate::experiment::Trial;
use crate::measure::scav_line::Told;
use crate::residence::Timeline;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tricolor::{Heap, Root};

/// The practice text's program.
#[derive(Clone, Copy)]
pub(super) struct Few {
    pub(super) rounds: usize,
    pub(super) pause: Duration,
}

const THREADS: usize = 8;
const EACH: usize = 50_000;
const ONE_IN: usize = 1000;
const MOST_KEPT: usize = 5000;
const FORGOTTEN: usize = 2500;
/// Slots of a span of its objects.
const SLOTS: usize = 512;

type Small = [u64; 2];

impl Few {
    /// Objects that are kept at the end.
    pub(super) fn kept(self) -> usize {
        (0..self.rounds * THREADS).fold(0, |kept, _| match kept + EACH / ONE_IN {
            kept if kept > MOST_KEPT => kept - FORGOTTEN,
            kept => kept,
        })
    }

    /// Spans that what lives at once needs, at most.
    pub(super) fn most_spans(self) -> usize {
        (THREADS * EACH + MOST_KEPT).div_ceil(SLOTS) + THREADS
    }

    pub(super) fn peer_args(self) -> Vec<String> {
        let pause = self.pause.as_millis().to_string();
        ["residence", "few", &self.rounds.to_string(), &pause].map(str::to_owned).into()
    }

    pub(super) fn run(self, trial: &Trial<'_>) -> Result<Outcome, LabError> {
        let told = Told::default();
        let heap = told.listening(trial.heap().gc_percent(100)).build()?;
        let kept: Mutex<Vec<Root<Small>>> = Mutex::new(Vec::new());
        let mut timeline = Timeline::begin();
        for _ in 0..self.rounds {
            thread::scope(|scope| {
                let all: Vec<_> =
                    (0..THREADS).map(|_| scope.spawn(|| Self::one_thread(&heap, &kept))).collect();
                all.into_iter().try_for_each(|thread| {
                    thread.join().unwrap_or_else(|_| Err(LabError::Heap(String::from("a thread panicked"))))
                })
            })?;
            heap.collect();
            timeline.take(&heap)?;
            thread::sleep(self.pause);
        }
        Outcome::of(&heap, timeline, &told)
    }

    fn one_thread(heap: &Heap, kept: &Mutex<Vec<Root<Small>>>) -> Result<(), LabError> {
        heap.attach()?.enter(|mu| {
            // No safepoint lies inside `enter`: all of them live until its end.
            let local: Vec<_> = (0..EACH).map(|number| mu.alloc([number as u64; 2])).collect();
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(local.iter().step_by(ONE_IN).map(|object| mu.root(*object)));
            if kept.len() > MOST_KEPT {
                kept.drain(..FORGOTTEN);
            }
        });
        Ok(())
    }
}
