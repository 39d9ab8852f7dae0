//! Clocks: wall, the CPU of the process, the CPU of this thread.
//!
//! A [`Stopwatch`] reads wall and CPU together, so that the two belong to the same stretch of work. Wall time says
//! what a user waits; process CPU says what the work costs with every marking worker counted; thread CPU says what
//! the mutator itself paid. On a busy machine only the CPU clocks can be compared between runs.
//!
//! All three are nanosecond clocks of the kernel (`clock_gettime`), read without unsafe code.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::{Duration, Instant};

fn duration(spec: Timespec) -> Duration {
    let seconds = u64::try_from(spec.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(spec.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

/// CPU time of the whole process so far, all threads, user and system.
pub(crate) fn process_cpu() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU time of the calling thread so far, user and system.
pub(crate) fn thread_cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

/// A stretch of work, as three clocks saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lap {
    /// Wall time.
    pub(crate) wall: Duration,
    /// CPU of the process: never less than the thread's, more when workers helped.
    pub(crate) cpu: Duration,
    /// CPU of the thread that held the stopwatch.
    pub(crate) thread: Duration,
}

impl Lap {
    /// Wall nanoseconds for each of `count` operations.
    pub(crate) fn wall_ns_per(&self, count: u64) -> f64 {
        per(self.wall, count)
    }

    /// Process CPU nanoseconds for each of `count` operations.
    pub(crate) fn cpu_ns_per(&self, count: u64) -> f64 {
        per(self.cpu, count)
    }
}

fn per(time: Duration, count: u64) -> f64 {
    nanos(time) / (count.max(1) as f64)
}

/// A duration in nanoseconds, as a number to compute with.
pub(crate) fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// A duration in milliseconds, as a number to compute with.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Wall and CPU clocks started together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
    thread: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self { cpu: process_cpu(), thread: thread_cpu(), wall: Instant::now() }
    }

    /// What has passed since the start.
    pub(crate) fn lap(&self) -> Lap {
        let wall = self.wall.elapsed();
        Lap {
            wall,
            cpu: process_cpu().saturating_sub(self.cpu),
            thread: thread_cpu().saturating_sub(self.thread),
        }
    }
}

/// Runs `work` and says what it took.
pub(crate) fn timed<R>(work: impl FnOnce() -> R) -> (R, Lap) {
    let watch = Stopwatch::start();
    let result = work();
    (result, watch.lap())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn sleeping_costs_wall_time_and_hardly_any_cpu() {
        let ((), lap) = timed(|| std::thread::sleep(Duration::from_millis(30)));
        assert!(lap.wall >= Duration::from_millis(30), "{lap:?}");
        assert!(lap.thread < Duration::from_millis(15), "{lap:?}");
    }

    #[test]
    fn working_costs_cpu_of_thread_and_process() {
        let (_, lap) = timed(|| (0..3_000_000u64).fold(0u64, |sum, n| black_box(sum.wrapping_add(n))));
        assert!(lap.thread > Duration::ZERO, "{lap:?}");
        // The two clocks are read one after the other: allow for the gap.
        assert!(lap.cpu + Duration::from_millis(1) >= lap.thread, "{lap:?}");
    }

    #[test]
    fn a_rate_over_no_operations_is_the_whole_time() {
        let lap = Lap { wall: Duration::from_nanos(70), ..Lap::default() };
        assert!((lap.wall_ns_per(0) - 70.0).abs() < 1e-6);
        assert!((lap.wall_ns_per(7) - 10.0).abs() < 1e-6);
    }
}
