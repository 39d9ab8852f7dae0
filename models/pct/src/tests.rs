//! The scheduler's own promises.

use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use heap_core::sync::scheduled::turn::{Grain, Outcome, Plan, run};
use heap_core::sync::{Arc, Condvar, Mutex, point, thread};
use std::cell::RefCell;
use std::time::Duration;

fn stuck(why: &str) -> ! {
    panic!("{why}");
}

fn under(seed: u64, program: impl FnOnce()) -> Outcome {
    run(&Plan { seed, depth: 3, grain: Grain::Access, points: 40, limit: 100_000, stuck }, program)
}

/// Runs two threads that do the same.
fn both(f: impl Fn() + Send + Sync + 'static) {
    let f = Arc::new(f);
    let threads = [(); 2].map(|()| {
        let f = Arc::clone(&f);
        thread::spawn(move || f())
    });
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

fn increments(seed: u64) -> (usize, Outcome) {
    let count = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&count);
    let outcome = under(seed, move || {
        both(move || {
            for _ in 0..3 {
                theirs.store(theirs.load(Relaxed) + 1, Relaxed);
            }
        });
    });
    (count.load(Relaxed), outcome)
}

#[test]
fn a_seed_is_one_schedule_and_seeds_differ() {
    let fingerprints: Vec<_> = (0..50)
        .map(|seed| {
            let (one, other) = (increments(seed), increments(seed));
            assert_eq!((one.0, one.1.fingerprint), (other.0, other.1.fingerprint), "seed {seed}");
            one.1.fingerprint
        })
        .collect();
    assert!(fingerprints.iter().any(|other| *other != fingerprints[0]));
}

#[test]
fn an_increment_in_two_steps_gets_lost_in_some_schedules_and_one_under_a_lock_in_none() {
    let lost = (0..300).filter(|&seed| increments(seed).0 < 6).count();
    assert!((1..300).contains(&lost), "{lost} of 300");
    for seed in 0..300 {
        let count = Arc::new(Mutex::new(0));
        let theirs = Arc::clone(&count);
        let outcome = under(seed, move || {
            both(move || {
                for _ in 0..3 {
                    let mut count = theirs.lock();
                    let old = *count;
                    point("tests: under the lock");
                    *count = old + 1;
                }
            });
        });
        assert_eq!(*count.lock(), 6);
        assert_eq!(outcome.windows.get("tests: under the lock"), Some(&6));
    }
}

#[test]
fn a_wait_with_a_limit_ends_by_itself_and_a_call_ends_it_sooner() {
    let hour = Duration::from_secs(3600);
    let mut called = 0;
    for seed in 0..100 {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let (theirs, ours) = (Arc::clone(&pair), &pair);
        let called = &mut called;
        under(seed, move || {
            let mut nobody = ours.0.lock();
            assert!(ours.1.wait_for(&mut nobody, hour).timed_out());
            drop(nobody);
            let caller = thread::spawn(move || {
                *theirs.0.lock() = true;
                theirs.1.notify_all();
            });
            let mut told = ours.0.lock();
            while !*told {
                *called += u32::from(!ours.1.wait_for(&mut told, hour).timed_out());
            }
            drop(told);
            caller.join().expect("it does not panic");
            thread::sleep(hour);
            thread::park_timeout(hour);
            thread::current().unpark();
            thread::park();
        });
    }
    assert!(called > 0);
}

#[test]
fn a_loop_that_yields_lets_the_other_run_even_if_it_sleeps() {
    for seed in 0..50 {
        under(seed, || {
            let flag = Arc::new(AtomicUsize::new(0));
            let theirs = Arc::clone(&flag);
            let sleeper = thread::spawn(move || {
                thread::sleep(Duration::from_secs(3600));
                theirs.store(1, Relaxed);
            });
            while flag.load(Relaxed) == 0 {
                thread::yield_now();
            }
            sleeper.join().expect("it does not panic");
        });
    }
}

struct Last(Arc<Mutex<u32>>);

impl Drop for Last {
    fn drop(&mut self) {
        *self.0.lock() += 1;
    }
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

#[test]
fn who_joins_a_thread_finds_its_thread_locals_destroyed() {
    for seed in 0..50 {
        under(seed, || {
            let count = Arc::new(Mutex::new(0));
            let theirs = Arc::clone(&count);
            thread::spawn(move || LAST.set(Some(Last(theirs)))).join().expect("it does not panic");
            assert_eq!(*count.lock(), 1);
        });
    }
}

#[test]
fn a_panic_is_the_joiners_and_is_noted() {
    let outcome = under(1, || {
        let named = thread::Builder::new().name("it".into());
        let thread = named.spawn(|| std::panic::panic_any("on purpose")).expect("the system starts a thread");
        assert!(thread.join().is_err());
    });
    assert_eq!(outcome.panics, [("it".to_owned(), "on purpose".to_owned())]);
    assert!(!outcome.failed);
}

#[test]
fn threads_that_wait_for_nobody_are_left_behind() {
    let outcome = under(1, || {
        thread::spawn(|| {
            let (lock, bell) = (Mutex::new(()), Condvar::new());
            bell.wait(&mut lock.lock());
        });
    });
    assert_eq!(outcome.left_behind, 1);
}
