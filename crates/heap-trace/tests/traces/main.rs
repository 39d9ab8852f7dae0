//! What recordings promise: the order of `docs/events.md`, whatever the program does, and files that viewers can read.

#![expect(clippy::wildcard_enum_match_arm, reason = "events are many")]

mod chrome;
mod lines;
mod order;
mod rare;
mod recorder;
mod storm;

use std::sync::mpsc;
use std::time::Duration;

/// Runs `body` on another thread, and fails if it takes too long.
fn within<T: Send + 'static>(limit: Duration, body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, is_done) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let result = body();
        // Nobody may be there any more.
        let _ = done.send(());
        result
    });
    match is_done.recv_timeout(limit) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done after {limit:?}"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        },
    }
}

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);
