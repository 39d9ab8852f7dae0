//! Who answers comes soon, also when all processors are busy: its thread has short slices, where the system gives them.

use crate::client::get;
use heap_core::os::shorten_slice;
use heap_gc::Heap;
use heap_observe::Observer;
use std::fs;
use std::thread;

/// The slices of this process's threads of that name, in nanoseconds; none where the system does not tell.
fn slices(name: &str) -> Vec<f64> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let of_one = |thread: fs::DirEntry| {
        let own = fs::read_to_string(thread.path().join("comm")).ok()?;
        let told = fs::read_to_string(thread.path().join("sched")).ok()?;
        let slice =
            told.lines().find(|line| line.starts_with("se.slice"))?.split(':').nth(1)?.trim().parse().ok()?;
        (own.trim() == name).then_some(slice)
    };
    threads.filter_map(|thread| of_one(thread.ok()?)).collect()
}

#[test]
fn who_answers_has_short_slices_and_who_makes_documents_has_not() {
    let own = || thread::current().name().map(slices).and_then(|all| all.first().copied());
    let ours =
        thread::Builder::new().name("ours".into()).spawn(move || (shorten_slice(), own())).expect("a thread");
    let (true, Some(short)) = ours.join().expect("no panic") else {
        // This system gives none, or does not tell.
        return;
    };
    let heap = Heap::new().expect("a heap");
    let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    get(&observer, "/metrics");
    // Others' threads of that name may be about to ask.
    assert!(slices("heap-observer").contains(&short), "{:?}", slices("heap-observer"));
    assert!(slices("heap-documents").iter().all(|slice| *slice > short), "{:?}", slices("heap-documents"));
}
