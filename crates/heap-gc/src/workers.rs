//! Marking workers: threads that help the collecting thread.
//!
//! The collecting thread marks, too. Helpers are the threads of a rayon pool that belongs to the heap, started when a
//! cycle first has enough to mark. Only the *coordinator*, a plain thread, talks to the pool: a thread that waits for a
//! rayon pool may pick up other rayon jobs meanwhile, and the collecting thread can be a mutator of the program, with
//! locks of its own. The coordinator broadcasts one job to all helpers; they exchange batches through the cycle's own
//! queue ([`crate::grey`]). No lock of the heap is held across a call to rayon.
//!
//! Under the scheduler of `cfg(pct)`, which cannot hold a rayon thread still, the pool is `helpers` plain threads a job.
//!
//! If the system refuses the threads, the collecting thread marks alone, in this and all later cycles.

use heap_core::sync::{Arc, Condvar, Mutex, thread};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a helper runs.
type Job = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct State {
    /// The job the coordinator has not taken yet.
    job: Option<Job>,
    /// A job is running, or waiting to be taken.
    busy: bool,
    /// The heap ends.
    quit: bool,
}

#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

/// The helpers of one heap. See the module's text.
pub(crate) struct Workers {
    helpers: usize,
    desk: Arc<Desk>,
    coordinator: Option<thread::JoinHandle<()>>,
}

impl Workers {
    /// Starts that many helpers. `None` if the system refuses.
    pub(crate) fn start(helpers: usize) -> Option<Self> {
        let pool = Pool::start(helpers)?;
        let desk = Arc::new(Desk::default());
        let theirs = Arc::clone(&desk);
        let coordinator = thread::Builder::new()
            .name("tricolor-coordinator".into())
            .spawn(move || coordinate(&theirs, &pool))
            .ok()?;
        Some(Self { helpers, desk, coordinator: Some(coordinator) })
    }

    /// How many helpers there are.
    pub(crate) fn helpers(&self) -> usize {
        self.helpers
    }

    /// Runs `job` once on every helper and `own` on this thread; returns when all are done.
    pub(crate) fn run(&self, job: &(dyn Fn() + Sync), own: impl FnOnce()) {
        // SAFETY: only the lifetime changes. This function does not return, nor unwind (the guard waits), before the
        // coordinator has reported that no helper uses the job any more, and then the last copy of the pointer is gone.
        let job: &'static (dyn Fn() + Sync) = unsafe { core::mem::transmute(job) };
        {
            // Under one lock: a coordinator that took the job in between could report it done before it was noted as running.
            let mut state = self.desk.state.lock();
            state.job = Some(Arc::new(job));
            state.busy = true;
        }
        self.desk.changed.notify_all();
        let _finished = Finish(&self.desk);
        own();
    }
}

/// Waits until the running job is done.
struct Finish<'a>(&'a Desk);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        while state.busy {
            self.0.changed.wait(&mut state);
        }
    }
}

/// The threads of the helpers.
#[cfg(not(pct))]
struct Pool(rayon::ThreadPool);

#[cfg(not(pct))]
impl Pool {
    fn start(helpers: usize) -> Option<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(helpers)
            .thread_name(|index| format!("tricolor-mark-{index}"));
        pool.build().ok().map(Self)
    }

    /// Runs the job once on each and waits.
    fn broadcast(&self, job: &Job) {
        self.0.broadcast(|_| job());
    }
}

/// The number of helpers, whose threads last for one job.
#[cfg(pct)]
struct Pool(usize);

#[cfg(pct)]
impl Pool {
    fn start(helpers: usize) -> Option<Self> {
        Some(Self(helpers))
    }

    /// Runs the job once on each and waits.
    fn broadcast(&self, job: &Job) {
        let start = |index: usize| {
            let job = Arc::clone(job);
            let helper = thread::Builder::new().name(format!("tricolor-mark-{index}"));
            helper.spawn(move || job()).expect("the system starts a helper")
        };
        let helpers: Vec<_> = (0..self.0).map(start).collect();
        for helper in helpers {
            helper.join().expect("no helper panics");
        }
    }
}

fn coordinate(desk: &Desk, pool: &Pool) {
    loop {
        let job = {
            let mut state = desk.state.lock();
            loop {
                if let Some(job) = state.job.take() {
                    break job;
                }
                if state.quit {
                    return;
                }
                desk.changed.wait(&mut state);
            }
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| pool.broadcast(&job)));
        if outcome.is_err() {
            heap_core::bug!("a marking helper panicked: objects it had taken are not scanned");
        }
        drop(job);
        desk.state.lock().busy = false;
        desk.changed.notify_all();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.desk.state.lock().quit = true;
        self.desk.changed.notify_all();
        if let Some(coordinator) = self.coordinator.take() {
            // It ends as soon as it sees `quit`; a panic of it has been reported already.
            coordinator.join().ok();
        }
    }
}

impl core::fmt::Debug for Workers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Workers").field("helpers", &self.helpers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    #[test]
    fn every_helper_runs_the_job_once_a_round() {
        let workers = Workers::start(3).expect("three threads");
        for round in 1..=20 {
            let count = AtomicUsize::new(0);
            let mut own = false;
            workers.run(
                &|| {
                    count.fetch_add(1, Relaxed);
                },
                || own = true,
            );
            assert_eq!(count.load(Relaxed), 3, "round {round}");
            assert!(own);
        }
    }
}
