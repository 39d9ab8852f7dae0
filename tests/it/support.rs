//! What several promises need: a bound on time, heaps of each kind, and what the system says of this process.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Collector, Heap, HeapBuilder, Mutator};

/// Runs `f` on a thread of its own and panics if it takes longer than it may: a test that hangs must fail.
pub(crate) fn within<R: Send + 'static>(limit: Duration, f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, over) = mpsc::channel();
    let worker = thread::spawn(move || {
        let result = f();
        done.send(()).ok();
        result
    });
    match over.recv_timeout(limit) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not over after {limit:?}: a deadlock"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        }
    }
}

/// A heap of each kind that a promise about single objects must hold in: as it comes, stopped, verified, and without threads of its
/// own. Each is `built` anew.
pub(crate) fn heaps(built: fn() -> HeapBuilder) -> impl Iterator<Item = Heap> {
    let builders: [fn(HeapBuilder) -> HeapBuilder; 4] = [
        |builder| builder,
        |builder| builder.collector(Collector::StopTheWorld),
        |builder| builder.verify_every(1).poison(0xA5),
        |builder| builder.own_threads(false),
    ];
    builders.into_iter().map(move |with| with(built()).build().expect("a heap"))
}

/// The heap verifies.
pub(crate) fn is_well(heap: &Heap) {
    let found = heap.verify();
    assert!(found.is_empty(), "{found:?}");
}

/// Tells the others that it is over, also by a panic.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// Does `round` again and again, on three threads of one heap, for two seconds and two cycles, while a fourth collects all the time with
/// every cycle verified. Each thread has a number that starts far from those of the others.
pub(crate) fn beside_a_collector(collector: Collector, round: impl Fn(&mut Mutator, &mut u64) + Sync) {
    sharing_beside_a_collector(collector, |_| (), |(), mutator, number| round(mutator, number));
}

/// The same with what `make` makes of the heap, which all threads share.
pub(crate) fn sharing_beside_a_collector<S: Sync>(
    collector: Collector,
    make: impl FnOnce(&Heap) -> S,
    round: impl Fn(&S, &mut Mutator, &mut u64) + Sync,
) {
    let heap = Heap::builder().collector(collector).poison(0xDD).verify_every(1).workers(2).build().unwrap();
    let (shared, stop) = (make(&heap), AtomicBool::new(false));
    thread::scope(|threads| {
        let _over = Over(&stop);
        for thread in 0..3_u64 {
            let (heap, stop, shared, round) = (&heap, &stop, &shared, &round);
            threads.spawn(move || {
                let mut mutator = heap.attach().unwrap();
                let mut number = thread << 32;
                while !stop.load(SeqCst) {
                    round(shared, &mut mutator, &mut number);
                }
            });
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) || heap.figures().cycles < 2 {
            heap.collect();
        }
    });
    is_well(&heap);
}

/// Bytes of memory the system counts as this process's own (`RssAnon`: files and shared pages left out).
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("Linux 4.5 has RssAnon");
    let kib: usize = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    kib << 10
}

/// A number from the environment, for runs longer than usual.
pub(crate) fn number_from(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Err(_) => otherwise,
        Ok(text) => {
            let number = match text.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16),
                None => text.parse(),
            };
            number.unwrap_or_else(|_| panic!("{name}={text} is no number"))
        }
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied()).unwrap_or("")
}

/// A length from the environment.
pub(crate) fn length_from(name: &str, otherwise: u64) -> usize {
    usize::try_from(number_from(name, otherwise)).expect("a length")
}
