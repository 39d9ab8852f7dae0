//! The collector's thread: runs the cycles that are due, beside the mutators, and readies the growth that follows.

use crate::cycle::{self, Runner};
use crate::desk::{Task, Thread};
use crate::figures::Reason;
use crate::shared::Shared;
use core::time::Duration;
use heap_core::sync::{Arc, thread};
use heap_core::units::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How long spans are left for mutators to sweep, who use them again at once. Less sweeps, and frees, spans that a mutator is
/// about to need: a span is made anew then, which costs some thousand instructions. More keeps the pages of the dead for
/// longer.
const SWEEP_AFTER: Duration = Duration::from_millis(20);

/// Calls for a cycle. Says whether the collector will run it; if not, the heap has no such thread.
pub(crate) fn call(heap: &Arc<Shared>, reason: Reason) -> bool {
    if heap.desk.is_busy() {
        return true;
    }
    {
        let mut thread = heap.desk.thread.lock();
        if matches!(*thread, Thread::Idle) {
            *thread = start(heap);
        }
        if !matches!(*thread, Thread::Started(_)) {
            return false;
        }
    }
    heap.desk.call(reason);
    true
}

fn start(heap: &Arc<Shared>) -> Thread {
    // Weak: a heap that nobody has a handle on is not kept by its collector.
    let (desk, heap) = (Arc::clone(&heap.desk), Arc::downgrade(heap));
    let body = move || {
        while let Some(task) = desk.wait() {
            let Some(heap) = heap.upgrade() else { return };
            match task {
                Task::Cycle(reason) => run(&heap, reason),
                Task::Growth(goal) => ready_growth(&heap, goal),
            }
        }
    };
    thread::Builder::new()
        .name("tricolor-collect".into())
        .spawn(body)
        .map_or(Thread::Refused, Thread::Started)
}

/// Asks the system for what growing to `goal` will need, which mutators would ask for otherwise; not while there is a cycle to
/// run.
fn ready_growth(heap: &Shared, goal: Bytes) {
    heap.memory.ready_growth(goal, || !heap.desk.is_wanted());
}

fn run(heap: &Shared, reason: Reason) {
    // A listener's panic ends with this cycle: it has been reported, and there is no call for it to go on in.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| cycle::run(heap, reason, Runner::Collector))) {
        core::mem::forget(panic);
    }
    heap.desk.done();
    if let Some(goal) = heap.desk.take_growth() {
        ready_growth(heap, goal);
    }
    // What is outside goes when its object is dropped, and that is after it was swept.
    if heap.pace.external().now() > 0 || heap.desk.is_quiet_for(SWEEP_AFTER) {
        cycle::sweep_beside(heap);
    }
}
