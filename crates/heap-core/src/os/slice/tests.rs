use super::{SHORT, attributes, shorten_slice};
use std::thread;

/// In a thread of its own: a slice is for good.
fn in_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(work).join().expect("no panic")
}

/// Whether this is a Linux that gives slices to who asks: 6.12 or later.
fn gives_slices() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 12)
}

#[test]
fn a_slice_is_short_where_it_is_said_to_be() {
    let (said, after) = in_a_thread(|| (shorten_slice(), attributes().expect("attributes").sched_runtime));
    assert_eq!(said, after == SHORT, "{after} ns");
    assert_eq!(said, gives_slices(), "unless a sandbox refuses");
}

#[test]
fn nothing_else_changes() {
    let (before, after) = in_a_thread(|| {
        // SAFETY: the call takes numbers; it makes this thread nicer, which anybody may be.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 7) };
        let before = attributes().expect("attributes");
        shorten_slice();
        (before, attributes().expect("attributes"))
    });
    let of = |told: libc::sched_attr| (told.sched_policy, told.sched_nice, told.sched_flags);
    assert_eq!(of(after), of(before));
    assert_eq!(after.sched_nice, 7);
}

#[test]
fn who_has_no_slices_is_left_alone() {
    let (said, policy) = in_a_thread(|| {
        let none = libc::sched_param { sched_priority: 0 };
        // SAFETY: the parameter lives until the call returns; anybody may be idle.
        let failed = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
        assert_eq!(failed, 0);
        (shorten_slice(), attributes().expect("attributes").sched_policy)
    });
    assert!(!said);
    assert_eq!(i32::try_from(policy), Ok(libc::SCHED_IDLE));
}

#[test]
fn other_threads_keep_theirs() {
    let before = attributes().expect("attributes").sched_runtime;
    in_a_thread(shorten_slice);
    assert_eq!(attributes().expect("attributes").sched_runtime, before);
}
