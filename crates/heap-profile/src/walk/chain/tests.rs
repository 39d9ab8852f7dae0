//! Chains of every kind, in memory that ends where the readable part does: to read past it would end the process.

use super::*;
use crate::stack::MOST_FRAMES;
use std::hint::black_box;

/// Words, and after the last of them a page that cannot be touched.
struct Edge {
    base: *mut u8,
    page: usize,
}

impl Edge {
    fn new() -> Self {
        let page = 4096;
        // SAFETY: a new mapping, at an address that the system chooses.
        let base = unsafe {
            libc::mmap(
                core::ptr::null_mut(),
                2 * page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert!(base != libc::MAP_FAILED);
        let base = base.cast::<u8>();
        // SAFETY: the second page of the mapping.
        let end = unsafe { base.add(page) };
        // SAFETY: as above; nobody uses it.
        assert_eq!(unsafe { libc::mprotect(end.cast(), page, libc::PROT_NONE) }, 0);
        Self { base, page }
    }

    fn words(&mut self) -> &mut [usize] {
        // SAFETY: the first page is mapped, is as aligned as a page, and is borrowed with the edge.
        unsafe { core::slice::from_raw_parts_mut(self.base.cast(), self.page / size_of::<usize>()) }
    }

    fn start(&self) -> usize {
        self.base.expose_provenance()
    }

    fn readable(&self) -> Readable {
        // SAFETY: the first page can be read as long as the edge lives; each test uses it no longer.
        unsafe { Readable::new(self.start(), self.start() + self.page) }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and nothing of it is borrowed.
        unsafe { libc::munmap(self.base.cast(), 2 * self.page) };
    }
}

fn followed(edge: &Edge, at: usize) -> Vec<usize> {
    let mut stack = Stack::with_room_for(MOST_FRAMES);
    follow(at, &edge.readable(), &mut stack);
    stack.addresses().to_vec()
}

#[test]
fn a_chain_is_followed_until_its_last_record() {
    let mut edge = Edge::new();
    let start = edge.start();
    let places = [0, 10, 11, 100, 510];
    for (index, pair) in places.windows(2).enumerate() {
        edge.words()[pair[0] + 1] = 1000 + index;
        edge.words()[pair[0]] = start + 8 * pair[1];
    }
    // Records 10 and 11 share a word: nothing forbids it, and the later writing wins.
    edge.words()[11] = start + 800;
    edge.words()[511] = 1004;
    edge.words()[510] = 0;
    assert_eq!(followed(&edge, start), [1000, start + 800, 1002, 1003, 1004]);
}

#[test]
fn a_record_that_is_outside_askew_or_not_above_the_last_ends_the_walk() {
    let mut edge = Edge::new();
    let (start, end) = (edge.start(), edge.start() + 4096);
    for bad in [
        0,
        1,
        7,
        start - 8,
        start,
        start + 8,
        start + 20,
        end - 8,
        end - 4,
        end,
        end + 8,
        usize::MAX,
        usize::MAX - 7,
    ] {
        // The first record is at 8, so `start` and `start + 8` are not above it.
        edge.words()[1] = bad;
        edge.words()[2] = 77;
        assert_eq!(followed(&edge, start + 8), [77], "{bad:#x} of {start:#x}");
    }
    for bad in [0, 4, start - 16, start - 1, start + 1, end - 8, end, usize::MAX] {
        assert_eq!(followed(&edge, bad), [], "{bad:#x} of {start:#x}");
    }
}

#[test]
fn words_at_random_never_lead_out_of_what_can_be_read() {
    let mut edge = Edge::new();
    let start = edge.start();
    let mut seed = 0x5EED_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let (mut steps, mut full) = (0, 0);
    for _ in 0..2000 {
        let near = random(64) + 2;
        for (index, word) in (0..).zip(edge.words().iter_mut()) {
            *word = match random(64) {
                0 => random(1 << 40),
                1 => start + 4096 - 24 + random(48),
                2 => start + random(4096),
                // Mostly a little above, so that walks are long.
                _ => start + 8 * (index + 1 + random(near)),
            };
        }
        let from = start - 16 + random(4096 + 32);
        let found = followed(&edge, (from & !7) | (random(20) / 19));
        steps += found.len();
        full += usize::from(found.len() == MOST_FRAMES);
    }
    assert!(steps > 5000 && full > 0, "the walks are short: {steps} steps, {full} full");
}

#[test]
fn a_chain_that_leads_to_itself_ends() {
    let mut edge = Edge::new();
    let start = edge.start();
    (edge.words()[0], edge.words()[1]) = (start, 5);
    assert_eq!(followed(&edge, start), [5]);
}

/// A walk from below so many functions, and what the unwinder says.
#[inline(never)]
fn deep(depth: usize) -> (Stack, Stack) {
    let here = 0_u8;
    let above = (&raw const here).addr();
    if depth == 0 {
        (walk(above, MOST_FRAMES), Stack::unwound(above, MOST_FRAMES))
    } else {
        black_box(deep(depth - 1))
    }
}

#[test]
fn a_walk_is_what_the_unwinder_finds_where_there_are_frame_pointers() {
    if option_env!("HEAP_PROFILE_FRAME_POINTERS").is_none() {
        println!("SKIPPED: not built by `just frame-pointers`");
        return;
    }
    let here = deep(20);
    let there = std::thread::spawn(|| deep(20)).join().expect("no panic");
    for (walked, unwound) in [here, there] {
        let pairs = walked.addresses().iter().zip(unwound.addresses());
        let common = pairs.take_while(|(one, other)| one == other).count();
        assert!(common >= 20, "{:x?} and {:x?}", walked.addresses(), unwound.addresses());
    }
}

#[test]
fn a_threads_limits_are_around_its_frames_and_around_no_others() {
    let Limits::Known(start, end) = Limits::of_this_thread() else { panic!("the system does not say") };
    let here = (&raw const start).addr();
    assert!((start..end).contains(&here) && end - start <= FARTHEST);
    let there = std::thread::spawn(move || (&raw const start).addr()).join().expect("no panic");
    assert!(!(start..end).contains(&there));
}
