//! The slice of the calling thread: for how long it may have a processor before others have their turn, and with that how soon its own
//! turn comes.
//!
//! Linux lets that thread run whose share has to be served first: of those that have had less than their share, the one whose slice
//! would end the earliest. All have the same slice (2.8 ms, or 1.4 on two processors) unless they ask, and since Linux 6.12 any
//! thread may. A short one costs its thread no processor time and gives it none: who works seldom and little comes sooner, also before
//! a thread that is running, and who works for long is interrupted more often.

/// What is asked for, in nanoseconds: the shortest that Linux gives.
#[cfg(all(target_os = "linux", not(miri)))]
const SHORT: u64 = 100_000;

/// Asks the system to serve the calling thread in short slices, for a thread that others wait for and that has little to do. Whether
/// it does: systems other than Linux, and Linux before 6.12, do not, and a sandbox may refuse. Nothing else of the thread changes,
/// and threads that it starts from then on have the same. Real-time and idle threads have no slices, and are left alone.
///
/// ```
/// let waits = std::thread::spawn(|| heap_core::os::shorten_slice()).join();
/// assert!(waits.is_ok());
/// ```
pub fn shorten_slice() -> bool {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        // Asked first, so that its niceness and its policy stay what they are.
        let Some(mut wanted) = attributes() else { return false };
        let has_slices = [libc::SCHED_OTHER, libc::SCHED_BATCH]
            .iter()
            .any(|policy| u32::try_from(*policy) == Ok(wanted.sched_policy));
        if !has_slices {
            return false;
        }
        wanted.sched_runtime = SHORT;
        // SAFETY: the call reads one `sched_attr` of the size that it says, which lives until it returns.
        let failed = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wanted, 0) };
        // An older system takes the number and does nothing with it.
        failed == 0 && attributes().is_some_and(|now| now.sched_runtime == SHORT)
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    false
}

/// How the calling thread is scheduled.
#[cfg(all(target_os = "linux", not(miri)))]
fn attributes() -> Option<libc::sched_attr> {
    let size = u32::try_from(size_of::<libc::sched_attr>()).ok()?;
    let mut told = libc::sched_attr {
        size,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the call writes at most `size` bytes, which is what there is.
    let failed = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut told, size, 0) };
    // What the system knows beyond these fields was cut off.
    told.size = size;
    (failed == 0).then_some(told)
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests;
