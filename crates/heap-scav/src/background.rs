//! The background: a thread that gives surplus free pages back, slowly.
//!
//! ```text
//!   ┌─ parked ◀─────────────────────────────────────────┐
//!   │  a round is called                                │ down to the goal, through the heap twice, or refused
//!   └───────▶ turn: runs of 512 KiB until 1 ms is used ─┤
//!                     ▲                                 │
//!                     └──── sleep (controller) ◀────────┘ time is up
//! ```
//!
//! The first walk of a round spares chunks that are dense, and those that were when the last cycle ended. If more is retained
//! than the goal allows when it has gone through the heap, a second spares only what is dense now; it waits until the last cycle is
//! [`REST`] ago. A heap that churns has had the next one by then, and the first walk begins anew; one that is idle has nothing
//! to be spared for.
//!
//! The thread is started when a cycle first leaves a surplus: a heap that never has one has no thread. If the system refuses it,
//! the heap does without. It works in processor time of its own, not in time that passed: a machine that is busy does not make
//! it slower than it is.
//!
//! Invariants
//!   S3  when the [`crate::scavenger::Scavenger`] is dropped its thread is gone, unless that is where it is dropped. It is at most one run of 512 KiB away from
//!       seeing that it must.
//!   S5  the sleep is cut short by the end of the heap only.
//!
//! Does not collect, and does not sweep: pages that a cycle found dead are free when somebody has swept them.
#![forbid(unsafe_code)]

use crate::controller::Pace;
use crate::desk::{Desk, Round, SleepEnd, TurnEnd};
use crate::figures::By;
use crate::release::{Walk, Which};
use core::time::Duration;
use heap_core::sync::{Arc, thread};
use std::time::Instant;

/// How long after a cycle chunks are spared that were dense when it ended. More leaves the pages of a heap that has just fallen
/// idle with it for longer; less takes pages from a heap whose cycles are further apart.
const REST: Duration = Duration::from_millis(500);

/// The thread of a heap.
#[derive(Debug)]
pub(crate) enum Thread {
    /// There was no surplus yet.
    NotNeeded,
    Started(thread::JoinHandle<()>),
    /// The system refused it, or the heap may have none. Not tried again.
    Refused,
}

/// Starts the thread.
pub(crate) fn start(desk: &Arc<Desk>, share: f64) -> Thread {
    let desk = Arc::clone(desk);
    let body = move || {
        let (mut pace, mut number) = (Pace::new(share), 0);
        while desk.park(&mut number) {
            let mut round = Round::begin();
            let end = work(&desk, &mut pace, &mut number, &mut round);
            desk.end(By::Background, &round);
            if end == SleepEnd::Quit {
                break;
            }
        }
    };
    thread::Builder::new().name("tricolor-scav".into()).spawn(body).map_or(Thread::Refused, Thread::Started)
}

/// Works until there is nothing to do. A newer round begins from the top.
fn work(desk: &Desk, pace: &mut Pace, number: &mut u64, round: &mut Round) -> SleepEnd {
    let mut which = Which::Rested;
    let mut walk = Walk::new(&desk.pages, which);
    loop {
        let (worked, end) = desk.turn(&mut walk, round);
        if end == TurnEnd::Quit {
            return SleepEnd::Quit;
        }
        // After the last turn, too: rounds that come fast must not add up to more than the share.
        let begun = Instant::now();
        if desk.sleep(pace.sleep_after(worked)) == SleepEnd::Quit {
            return SleepEnd::Quit;
        }
        pace.slept(worked, begun.elapsed());
        if desk.is_new(number) {
            desk.end(By::Background, round);
            *round = Round::begin();
            which = Which::Rested;
            walk = Walk::new(&desk.pages, which);
        } else if end == TurnEnd::RoundOver || (end == TurnEnd::WalkOver && which == Which::Sparing) {
            return SleepEnd::TimeUp;
        } else if end == TurnEnd::WalkOver {
            if desk.sleep(REST.saturating_sub(desk.since_cycle())) == SleepEnd::Quit {
                return SleepEnd::Quit;
            }
            which = if desk.is_new(number) { Which::Rested } else { Which::Sparing };
            walk = Walk::new(&desk.pages, which);
        }
    }
}
