//! Promise: whatever the real system refuses, nothing crashes and the accounts stay right. In a process of its own: its threads
//! take a filter upon themselves (seccomp) that makes the kernel refuse some of their calls, and of the threads they start.
#![cfg(target_os = "linux")]

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::core::units::Bytes;
use tricolor::{AllocError, BuildError, Event, Heap, HeapBuilder, Root, Scavenge};

const MIB: usize = 1 << 20;
/// What the filter answers.
const ERROR: i32 = libc::ENOMEM;
/// Shorter mappings are the business of the allocator and of threads.
const LEAST_REFUSED: u32 = 4 << 20;

/// Calls that the kernel is to refuse.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// `madvise(MADV_DONTNEED)`: pages are not taken back.
    Release,
    /// `mprotect` of 4 MiB and more: the heap does not grow.
    Growth,
    /// `mmap` of 4 MiB and more: there is no heap.
    Mapping,
}

/// Offsets in what the filter looks at (`struct seccomp_data`).
const NUMBER: u32 = 0;
const fn argument(number: u32) -> u32 {
    16 + 8 * number
}

fn load(offset: u32) -> libc::sock_filter {
    operation(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

fn operation(code: u32, yes: u8, no: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).expect("operations are short"), jt: yes, jf: no, k }
}

/// Goes on if the word is `k`, else allows the call, which is `no` operations further.
fn is(k: u32, no: u8) -> libc::sock_filter {
    operation(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, no, k)
}

fn answer(k: u32) -> libc::sock_filter {
    operation(libc::BPF_RET | libc::BPF_K, 0, 0, k)
}

/// The lower half of an argument comes first on the machines this runs on.
const HIGH_HALF: u32 = if cfg!(target_endian = "little") { 4 } else { 0 };
const LOW_HALF: u32 = 4 - HIGH_HALF;

fn number_of(call: libc::c_long) -> u32 {
    u32::try_from(call).expect("a number of a call")
}

/// From here the kernel refuses these calls of this thread, and of threads it starts. False if it has no such filters.
fn refuse(what: Refused) -> bool {
    let refusal = libc::SECCOMP_RET_ERRNO | ERROR.unsigned_abs();
    let is_long = operation(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, LEAST_REFUSED);
    let some = operation(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 2, 0);
    let mut program = match what {
        Refused::Release => vec![
            load(NUMBER),
            is(number_of(libc::SYS_madvise), 3),
            load(argument(2) + LOW_HALF),
            is(libc::MADV_DONTNEED.unsigned_abs(), 1),
            answer(refusal),
            answer(libc::SECCOMP_RET_ALLOW),
        ],
        Refused::Growth | Refused::Mapping => {
            let call = if what == Refused::Growth { libc::SYS_mprotect } else { libc::SYS_mmap };
            vec![
                load(NUMBER),
                is(number_of(call), 5),
                // Lengths of 4 GiB and more have a part in the high half.
                load(argument(1) + HIGH_HALF),
                some,
                load(argument(1) + LOW_HALF),
                is_long,
                answer(refusal),
                answer(libc::SECCOMP_RET_ALLOW),
            ]
        }
    };
    let filter =
        libc::sock_fprog { len: u16::try_from(program.len()).expect("short"), filter: program.as_mut_ptr() };
    // SAFETY: takes numbers only; the thread gains no privileges any more, of which tests need none.
    let promised = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: the filter leads to a program of its length, which lives until the call is over; the kernel copies it.
    let filtered =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, core::ptr::from_ref(&filter)) };
    promised == 0 && filtered == 0
}

/// Runs `work` on a thread of its own whose calls are refused. `None` if the system has no such filters.
fn refusing<R: Send>(what: Refused, work: impl FnOnce() -> R + Send) -> Option<R> {
    let answer = thread::scope(|scope| scope.spawn(|| refuse(what).then(work)).join().expect("no panic"));
    if answer.is_none() {
        eprintln!("SKIPPED: this system lets no process filter its own calls");
    }
    answer
}

type Told = Arc<Mutex<Vec<Event>>>;

fn listening(builder: &HeapBuilder) -> (HeapBuilder, Told) {
    let told = Told::default();
    let theirs = Arc::clone(&told);
    (builder.clone().on_event(move |event| theirs.lock().expect("no panic").push(event.clone())), told)
}

/// Errors of releases that were told of.
fn refusals(told: &Told) -> Vec<i32> {
    let told = told.lock().expect("no panic");
    let code = |event: &Event| {
        if let Event::ReleaseRefused { bytes, code } = event
            && *bytes > Bytes::ZERO
        {
            Some(*code)
        } else {
            None
        }
    };
    told.iter().filter_map(code).collect()
}

/// Fills a heap with objects of 1 KiB, drops them, and collects.
fn fill_and_drop(heap: &Heap, bytes: usize) {
    let mut mutator = heap.attach().expect("attached");
    mutator.enter(|mu| (0..(bytes / 1024) as u64).for_each(|number| _ = mu.alloc([number; 128])));
    mutator.collect();
}

fn held(heap: &Heap) -> usize {
    let memory = heap.figures().memory;
    memory.check().expect("the figures add up");
    (memory.heap_sys - memory.heap_released).get()
}

fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(2));
    }
    false
}

#[test]
fn pages_that_are_not_taken_on_request_stay_and_go_later() {
    let (builder, told) = listening(&Heap::builder().gc_off().scavenge(Scavenge::OnRequest));
    let heap = builder.build().expect("a heap");
    fill_and_drop(&heap, 48 * MIB);
    let before = held(&heap);
    let Some(released) = refusing(Refused::Release, || heap.release_free_memory()) else { return };
    assert_eq!((released, held(&heap)), (0, before));
    assert_eq!(refusals(&told), [ERROR]);
    let figures = heap.figures().scavenge;
    assert!(figures.refused > 0 && figures.calls == figures.refused, "{figures:?}");
    assert_eq!(heap.verify(), []);
    // They are as they were: full of old bytes, which new objects must not show.
    let mut mutator = heap.attach().expect("attached");
    mutator.enter(|mu| {
        for number in 0..10_000_u64 {
            assert_eq!(*mu.alloc([number; 128]), [number; 128]);
        }
    });
    let released = heap.release_free_memory();
    assert!(released > 46 * MIB, "{released} bytes, where nothing is refused");
    assert_eq!(held(&heap), before - released);
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_background_whose_calls_are_refused_waits_for_the_next_cycle() {
    let (builder, told) = listening(&Heap::builder());
    // The heap's threads are started by this one, and inherit what it took upon itself.
    let heap = refusing(Refused::Release, || {
        let heap = builder.build().expect("a heap");
        for round in 1..3 {
            fill_and_drop(&heap, 48 * MIB);
            assert!(comes_true(|| heap.figures().scavenge.refused >= round), "{:?}", heap.figures().scavenge);
        }
        heap
    });
    let Some(heap) = heap else { return };
    assert!(comes_true(|| refusals(&told).len() >= 2), "{:?}", refusals(&told));
    assert!(refusals(&told).iter().all(|code| *code == ERROR));
    let figures = heap.figures().scavenge;
    assert!(figures.has_thread && figures.background == Bytes::ZERO, "{figures:?}");
    assert!(figures.refused < 10, "it does not try again and again: {figures:?}");
    assert_eq!(heap.verify(), []);
    let before = held(&heap);
    assert!(before > 46 * MIB);
    assert_eq!(heap.release_free_memory() + held(&heap), before, "this thread's calls are not refused");
}

#[test]
fn a_heap_that_may_not_grow_says_so_and_goes_on_when_it_may() {
    let heap = Heap::builder().gc_off().build().expect("a heap");
    let grow = |heap: &Heap| {
        let mut mutator = heap.attach().expect("attached");
        mutator.enter(|mu| mu.try_alloc([7_u8; 5_000]).map(|object| mu.root(object)))
    };
    let refused = refusing(Refused::Growth, || grow(&heap).map(|_| ()));
    let Some(refused) = refused else { return };
    assert!(
        matches!(refused, Err(AllocError::Os { code: ERROR, asked }) if asked > Bytes::ZERO),
        "{refused:?}"
    );
    assert_eq!((held(&heap), heap.figures().memory.heap_sys), (0, Bytes::ZERO));
    assert_eq!(heap.verify(), []);
    let root: Root<[u8; 5_000]> = grow(&heap).expect("this thread's calls are not refused");
    // What is grown already is there for the one that is refused, too.
    let used = refusing(Refused::Growth, || grow(&heap).map(|_| ()));
    assert_eq!(used, Some(Ok(())));
    drop(root);
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_heap_that_gets_no_address_space_is_not_built() {
    let Some(refused) = refusing(Refused::Mapping, || Heap::new().map(|_| ())) else { return };
    assert!(matches!(refused, Err(BuildError::Os(error)) if error.code == ERROR), "{refused:?}");
    assert!(Heap::new().is_ok(), "this thread's calls are not refused");
}
