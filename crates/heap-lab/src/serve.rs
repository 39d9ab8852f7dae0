//! Serve: a heap that changes all the time, and the page that shows it.
//!
//! The heap, its [workload] and the observer are made here; the page is the crate `heap-observe`'s. It goes on until it is
//! interrupted, or for as long as was asked.

pub(crate) mod workload;

use crate::error::LabError;
use heap_observe::{BindError, Observer, Recorder, Watched};
use heap_profile::Profiler;
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Heap, HeapBuilder, LayoutPolicy};
use workload::{Live, Workload};

/// Where it listens unless it is told: a port that is free.
pub(crate) const ADDRESS: &str = "127.0.0.1:0";
/// Bytes that live unless it is told.
pub(crate) const LIVE: u64 = 64 << 20;
/// The most that such a heap grows over what lives before it is collected: so that a large one fits into the machine.
const GROWTH: u64 = 1 << 30;
/// Mean of the sampled profile.
const MEAN: usize = 512 << 10;
/// Operations between two rests.
const BATCH: usize = 64;
/// A rest: with it, the program takes some part of one processor and leaves the rest to whoever looks at it.
const REST: Duration = Duration::from_millis(2);

/// What to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Serve {
    /// What the heap's program does.
    pub(crate) workload: Workload,
    /// Where to listen.
    pub(crate) address: String,
    /// Bytes that live.
    pub(crate) live: u64,
    /// For how long; until it is interrupted, if that was not said.
    pub(crate) time: Option<Duration>,
}

impl Serve {
    /// Serves, and tells `say` where as soon as the page can be opened.
    ///
    /// # Errors
    /// When the address cannot be had, or the heap cannot be built.
    pub(crate) fn run(&self, say: impl FnOnce(&str) -> Result<(), LabError>) -> Result<(), LabError> {
        let (recorder, profiler) = (Recorder::new(), Profiler::new());
        let heap = recorder
            .listen(builder(self.live))
            .layouts(LayoutPolicy::PerType)
            .measure_pauses(true)
            .sampler(profiler.clone(), MEAN)
            .build()?;
        let watched = Watched::new(self.workload.word(), &heap).recorder(&recorder).profiler(&profiler);
        let observer = observe(watched, &self.address)?;
        say(&observer.url())?;
        let end = self.time.map(|time| Instant::now() + time);
        let is_over = || end.is_some_and(|end| Instant::now() >= end);
        let mut mutator = heap.attach()?;
        let mut live = Live::plant(&mut mutator, self.workload, self.live, 1, is_over);
        while !is_over() {
            (0..BATCH).for_each(|_| live.replace(&mut mutator));
            mutator.park(|| thread::sleep(REST));
        }
        Ok(())
    }
}

/// A heap for so much that lives, on a machine that has not twice as much.
pub(crate) fn builder(live: u64) -> HeapBuilder {
    Heap::builder().gc_percent(percent(live)).reservation(reservation(live))
}

/// How much such a heap may grow, in percent.
fn percent(live: u64) -> u32 {
    let percent = GROWTH.saturating_mul(100) / live.max(1);
    u32::try_from(percent.clamp(5, 100)).unwrap_or(100)
}

fn reservation(live: u64) -> usize {
    usize::try_from(live.saturating_mul(4).max(1 << 30)).unwrap_or(usize::MAX >> 1)
}

/// An observer at that address.
///
/// # Errors
/// When the address cannot be had, in words that fit the command line.
pub(crate) fn observe(watched: Watched, address: &str) -> Result<Observer, LabError> {
    Observer::builder(watched).bind(address).map_err(|error| {
        LabError::Argument(if matches!(error, BindError::Reachable { .. }) {
            format!("--addr {address} can be reached from other machines: give one of this machine's own, such as 127.0.0.1:0")
        } else {
            format!("--addr {address}: {error}")
        })
    })
}

#[cfg(test)]
mod tests;
