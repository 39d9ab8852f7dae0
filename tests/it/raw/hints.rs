//! Hints that objects do not outlive a frame: trusted, they are as safe as other objects; checked, a wrong one is found, and only
//! such a one.

use super::{all_is_well, checked, left, link, link_kind, numbers, poll, register, root, stack};
use crate::raw_scenes::{Held, boxed, get, name, set, word};
use heap_testkit::random::Random;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};
use std::thread;
use tricolor::raw::{self, EscapeHint, FoundIn, FrameId, Inside, Kind, Layout, Site};
use tricolor::{AllocError, Collector, Decoder, EscapeHints, Heap};

/// A new link of a site, that stays in its frame.
fn staying(inside: &Inside<'_>, kind: &Kind, site: u32, number: u64, next: *mut u8) -> *mut u8 {
    hinted(inside, kind, EscapeHint::Stays(Site(site)), number, next)
}

fn hinted(inside: &Inside<'_>, kind: &Kind, hint: EscapeHint, number: u64, next: *mut u8) -> *mut u8 {
    // SAFETY: R3: a kind of this heap. R5, R6: filled below. R9 where the heap trusts: what the tests put there stays there.
    let object = unsafe { inside.alloc_hinted(kind, hint) }.unwrap().as_ptr();
    // SAFETY: R5: a new object.
    unsafe { word(object, 0).write(number) };
    set(inside, object, 1, next);
    object
}

fn close(inside: &Inside<'_>, frame: FrameId) {
    // SAFETY: R9: the tests close frames whose objects they do not use again, where the heap trusts them.
    unsafe { inside.close_frame(frame) };
}

#[test]
fn what_objects_in_frames_lead_to_stays_and_is_garbage_when_they_are_closed() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = checked().collector(collector).build().unwrap();
        let kind = link_kind(&heap);
        let stack = stack(2);
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let _range = register(&inside, &stack);
        let oldest = inside.open_frame();
        stack[0].set(staying(&inside, &kind, 1, 1, link(&inside, &kind, 100, null_mut())));
        for depth in 0..50_u64 {
            let frame = inside.open_frame();
            let mut last = stack[0].get();
            for number in 0..40 {
                // Of these, what is in the heap hangs on what is in the frame.
                let object = link(&inside, &kind, number + 1000, null_mut());
                last = staying(&inside, &kind, 2, number, last);
                let pair = staying(&inside, &kind, 2, number, object);
                set(&inside, pair, 1, object);
                if number == 20 {
                    stack[1].set(pair);
                }
            }
            assert!(heap.figures().memory.frames.get() > 0);
            // Asked for by another thread, so that it runs beside.
            thread::scope(|threads| {
                let collecting = threads.spawn(|| heap.collect());
                while !collecting.is_finished() {
                    poll(&inside);
                }
            });
            assert_eq!(numbers(&inside, last).len(), 42);
            assert_eq!(name(get(&inside, stack[1].get(), 1)), 1020);
            stack[1].set(null_mut());
            if depth % 3 == 0 {
                close(&inside, frame);
            }
            assert!(inside.open_frames() >= 1);
        }
        assert_eq!(numbers(&inside, stack[0].get()), [1, 100]);
        stack[0].set(null_mut());
        close(&inside, oldest);
        assert_eq!(inside.open_frames(), 0);
        drop(inside);
        mutator.collect();
        assert_eq!(left(&heap), 0);
        drop(mutator);
        all_is_well(&heap);
        assert_eq!(heap.figures().memory.frames.get(), 0);
    }
}

#[test]
fn tagged_words_of_objects_in_frames_are_read() {
    let heap = checked().decoder(Decoder::NAN_BOX).build().unwrap();
    let (kind, value) = (link_kind(&heap), Layout::new("value", 24).ambiguous(2).register(&heap).unwrap());
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let frame = inside.open_frame();
    let values: Vec<*mut u8> = (0..300)
        .map(|number| {
            // SAFETY: R3: a kind of this heap. R9: it is used while the frame is open.
            let object = unsafe { inside.alloc_hinted(&value, EscapeHint::Stays(Site(0))) }.unwrap().as_ptr();
            // SAFETY: R5: a new object.
            unsafe { word(object, 2).write(boxed(link(&inside, &kind, number, null_mut()))) };
            object
        })
        .collect();
    for _ in 0..3 {
        heap_collected_beside(&heap, &inside);
    }
    assert_eq!(left(&heap), 300);
    drop(values);
    close(&inside, frame);
    drop(inside);
    mutator.collect();
    assert_eq!(left(&heap), 0);
    all_is_well(&heap);
}

fn heap_collected_beside(heap: &Heap, inside: &Inside<'_>) {
    thread::scope(|threads| {
        let collecting = threads.spawn(|| heap.collect());
        while !collecting.is_finished() {
            poll(inside);
        }
    });
}

#[test]
fn frames_are_closed_once_by_their_mutator_and_with_those_inside() {
    let (heap, other) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut mutator, mut another) =
        (raw::Mutator::attach(&heap).unwrap(), raw::Mutator::attach(&other).unwrap());
    let (inside, elsewhere) = (mutator.enter(), another.enter());
    let kind = link_kind(&heap);
    // Nothing is open: the heap has it.
    staying(&inside, &kind, 0, 0, null_mut());
    assert_eq!((left(&heap) > 0, heap.figures().memory.frames.get()), (true, 0));
    let (outer, inner) = (inside.open_frame(), inside.open_frame());
    staying(&inside, &kind, 0, 0, null_mut());
    assert!(heap.figures().memory.frames.get() > 0);
    let foreign = elsewhere.open_frame();
    let refused = |frame| catch_unwind(AssertUnwindSafe(|| close(&inside, frame))).is_err();
    assert!(refused(foreign));
    close(&inside, outer);
    assert_eq!(inside.open_frames(), 0);
    assert!(refused(inner));
    let (again, _as_deep) = (inside.open_frame(), inside.open_frame());
    close(&inside, again);
    // A mutator that goes closes what is open.
    let _left_open = inside.open_frame();
    staying(&inside, &kind, 0, 0, null_mut());
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
    assert_eq!(heap.figures().memory.frames.get(), 0);
    // So does a thread that ends with its mutator forgotten.
    thread::scope(|threads| {
        let ending = threads.spawn(|| {
            let mut mutator = raw::Mutator::attach(&heap).unwrap();
            let inside = mutator.enter();
            let _open = inside.open_frame();
            staying(&inside, &kind, 0, 0, null_mut());
            drop(inside);
            std::mem::forget(mutator);
        });
        // The scope alone waits for the closure, and not for what the thread does at its end.
        ending.join().unwrap();
    });
    all_is_well(&heap);
    assert_eq!(heap.figures().memory.frames.get(), 0);
}

#[test]
fn a_kind_that_cannot_lie_in_a_frame_is_in_the_heap() {
    unsafe fn dropped(_: *mut u8) {}
    let heap = Heap::builder().hard_limit(1 << 20).gc_off().build().unwrap();
    let kinds = [
        Layout::new("dropped", 16).on_drop(dropped).register(&heap).unwrap(),
        Layout::new("aligned", 64).align(64).register(&heap).unwrap(),
        Layout::new("large", 100_000).register(&heap).unwrap(),
    ];
    let small = Layout::new("small", 24).register(&heap).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let frame = inside.open_frame();
    for kind in &kinds {
        // SAFETY: R3. R9: it is not used.
        unsafe { inside.alloc_hinted(kind, EscapeHint::Stays(Site(0))) }.unwrap();
    }
    assert_eq!(heap.figures().memory.frames.get(), 0);
    let error = loop {
        // SAFETY: R3. R9: as above.
        let object = unsafe { inside.alloc_hinted(&small, EscapeHint::Stays(Site(0))) };
        if let Err(error) = object {
            break error;
        }
    };
    assert!(matches!(error, AllocError::Limit { .. }), "{error}");
    close(&inside, frame);
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
}

#[test]
fn each_way_out_of_a_frame_is_found() {
    let build = || checked().escape_hints(EscapeHints::Checked).build().unwrap();
    // What a program does, with a stack of two, and what is said of it.
    let said = |program: fn(&Heap, &Inside<'_>, &Kind, &[Held])| {
        let heap = build();
        let kind = link_kind(&heap);
        let held = stack(2);
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let _range = register(&inside, &held);
        program(&heap, &inside, &kind, &held);
        drop(inside);
        drop(mutator);
        all_is_well(&heap);
        heap.wrong_hints()
            .iter()
            .map(|wrong| (wrong.site.0, wrong.found_in, wrong.is_certain))
            .collect::<Vec<_>>()
    };
    // Nothing wrong: in its own frame, in a younger one, in the stack until the end, in an object that went with it.
    let sound = said(|_, inside, kind, held| {
        let outer = inside.open_frame();
        let first = staying(inside, kind, 1, 1, null_mut());
        held[0].set(first);
        let inner = inside.open_frame();
        held[1].set(staying(inside, kind, 2, 2, first));
        poll(inside);
        set(inside, held[1].get(), 1, held[1].get());
        held[1].set(null_mut());
        close(inside, inner);
        poll(inside);
        held[0].set(null_mut());
        close(inside, outer);
        poll(inside);
    });
    assert_eq!(sound, []);
    // Stored into an object of the heap, with the barrier; into a new one, without.
    let stored = said(|_, inside, kind, held| {
        held[0].set(link(inside, kind, 0, null_mut()));
        poll(inside);
        let frame = inside.open_frame();
        set(inside, held[0].get(), 1, staying(inside, kind, 1, 1, null_mut()));
        set(inside, held[0].get(), 1, null_mut());
        let new = link(inside, kind, 0, null_mut());
        // SAFETY: R5: a new object.
        unsafe { word(new, 1).cast::<*mut u8>().write(staying(inside, kind, 2, 2, null_mut())) };
        poll(inside);
        close(inside, frame);
    });
    assert_eq!(stored, [(1, FoundIn::Object, true), (2, FoundIn::Object, true)]);
    // By a copy, and by a fill.
    let many = said(|heap, inside, kind, _| {
        let array = Layout::new("array", 8).exact(0).register_array(heap, 8).unwrap();
        let new = super::array(inside, &array, 4);
        poll(inside);
        let frame = inside.open_frame();
        let values = [null_mut(), staying(inside, kind, 1, 1, null_mut())];
        let other = staying(inside, kind, 2, 1, null_mut());
        // SAFETY: places of an array that nothing leads to but this, and values of this heap.
        unsafe { inside.copy(word(new.as_ptr(), 1).cast(), values.as_ptr(), 2) };
        // SAFETY: as above.
        unsafe { inside.fill(word(new.as_ptr(), 1).cast(), other, 4) };
        // SAFETY: as above.
        unsafe { inside.fill(word(new.as_ptr(), 1).cast(), null_mut(), 4) };
        close(inside, frame);
    });
    assert_eq!(many, [(1, FoundIn::Object, true), (2, FoundIn::Object, true)]);
    // In an older frame, also if it is filled there without the barrier.
    let older = said(|_, inside, kind, _| {
        let outer = inside.open_frame();
        let first = staying(inside, kind, 1, 1, null_mut());
        let second = staying(inside, kind, 1, 1, null_mut());
        let inner = inside.open_frame();
        set(inside, first, 1, staying(inside, kind, 2, 2, null_mut()));
        // SAFETY: R5: a new object.
        unsafe { word(second, 1).cast::<*mut u8>().write(staying(inside, kind, 3, 2, null_mut())) };
        poll(inside);
        close(inside, inner);
        close(inside, outer);
    });
    assert_eq!(older, [(2, FoundIn::OlderFrame, true), (3, FoundIn::OlderFrame, true)]);
    // Returned: it is in the stack when its frame is closed, and still at the next safepoint. And it is alive.
    let returned = said(|heap, inside, kind, held| {
        let frame = inside.open_frame();
        held[0].set(staying(inside, kind, 1, 77, null_mut()));
        close(inside, frame);
        for _ in 0..3 {
            heap_collected_beside(heap, inside);
        }
        assert_eq!(name(held[0].get()), 77, "a wrong hint costs no more than space");
    });
    assert_eq!(returned, [(1, FoundIn::OwnRoots, true)]);
    // Rooted.
    let rooted = said(|_, inside, kind, _| {
        let frame = inside.open_frame();
        drop(root(inside, staying(inside, kind, 1, 1, null_mut())));
        close(inside, frame);
    });
    assert_eq!(rooted, [(1, FoundIn::RootTable, true)]);
    // Watched: with a cleanup, with a finalizer.
    let watched = said(|_, inside, kind, _| {
        let frame = inside.open_frame();
        let object = |site| NonNull::new(staying(inside, kind, site, 1, null_mut())).unwrap();
        // SAFETY: R3, R4: an object of this heap.
        drop(unsafe { inside.cleanup(object(1), || ()) });
        // SAFETY: as above, and the finalizer does nothing.
        unsafe { inside.set_finalizer(object(2), |_, _| ()) };
        // SAFETY: as above.
        unsafe { inside.set_shared_finalizer(object(3), |_, _| ()) };
        close(inside, frame);
    });
    assert_eq!(watched, [1, 2, 3].map(|site| (site, FoundIn::Watch, true)));
    // Stored after its frame was closed.
    let late = said(|_, inside, kind, held| {
        held[0].set(link(inside, kind, 0, null_mut()));
        poll(inside);
        let frame = inside.open_frame();
        let gone = staying(inside, kind, 1, 1, null_mut());
        close(inside, frame);
        set(inside, held[0].get(), 1, gone);
    });
    assert_eq!(late, [(1, FoundIn::Object, true)]);
}

#[test]
fn what_a_word_that_may_be_anything_leads_to_is_found_with_a_doubt() {
    let heap = checked().escape_hints(EscapeHints::Checked).decoder(Decoder::NAN_BOX).build().unwrap();
    let (kind, value) = (link_kind(&heap), Layout::new("value", 8).ambiguous(0).register(&heap).unwrap());
    let held = [const { Cell::new(0_u64) }; 2];
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R2: the stack outlives the mutator.
    let _range = unsafe { inside.add_ambiguous(held.as_ptr().cast(), held.len()) };
    // SAFETY: R3: a kind of this heap.
    held[0].set(boxed(unsafe { inside.alloc(&value) }.unwrap().as_ptr()));
    poll(&inside);
    let frame = inside.open_frame();
    let inner = staying(&inside, &kind, 1, 1, null_mut());
    let place = crate::raw_scenes::unboxed(held[0].get());
    crate::raw_scenes::set_any(&inside, place, 0, boxed(inner));
    held[1].set(boxed(staying(&inside, &kind, 2, 2, null_mut())));
    close(&inside, frame);
    poll(&inside);
    let said: Vec<_> =
        heap.wrong_hints().iter().map(|wrong| (wrong.site.0, wrong.found_in, wrong.is_certain)).collect();
    assert_eq!(said, [(1, FoundIn::Object, false), (2, FoundIn::OwnRoots, false)]);
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
}

#[test]
fn what_a_finalizer_makes_may_die_before_the_next_safepoint_is_looked_at() {
    // Its end is a safepoint: what it has made is no longer fresh, and may be gone when the runtime comes to its own.
    let heap = checked().escape_hints(EscapeHints::Checked).build().unwrap();
    let kind = link_kind(&heap);
    let held = stack(1);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let _range = register(&inside, &held);
    held[0].set(link(&inside, &kind, 1, null_mut()));
    poll(&inside);
    let frame = inside.open_frame();
    staying(&inside, &kind, 1, 1, null_mut());
    let of_finalizer = kind.clone();
    let finalizer = move |inside: &Inside<'_>, object: NonNull<u8>| {
        let escaping = staying(inside, &of_finalizer, 2, 2, null_mut());
        set(inside, object.as_ptr(), 1, escaping);
        (0..100).for_each(|number| _ = link(inside, &of_finalizer, number, null_mut()));
    };
    // SAFETY: R3, R4: an object of this heap. The finalizer keeps nothing across a safepoint.
    unsafe { inside.set_finalizer(NonNull::new(held[0].get()).unwrap(), finalizer) };
    held[0].set(null_mut());
    for _ in 0..4 {
        // The finalizer runs when the thread leaves, and then what it has made is collected.
        // SAFETY: R1: nothing is used after it but what is recorded.
        unsafe { inside.park(|| heap.collect()) };
    }
    assert!(left(&heap) < 10, "{} objects are left", left(&heap));
    close(&inside, frame);
    poll(&inside);
    let sites: Vec<u32> = heap.wrong_hints().iter().map(|wrong| wrong.site.0).collect();
    assert_eq!(sites, [2]);
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
}

/// An object, as the model knows it.
#[derive(Clone, Debug)]
struct Known {
    site: u32,
    number: u64,
    /// 0 in the heap, `CLOSED` if its frame was closed since the last safepoint.
    depth: usize,
    next: Option<usize>,
}

const CLOSED: usize = usize::MAX;
const SITES: u32 = 12;
const SLOTS: usize = 40;

/// A program of a runtime with sites, frames and a stack, and the model that knows what of it breaks R9.
struct Program<'a, 'm> {
    inside: &'a Inside<'m>,
    kind: &'a Kind,
    held: &'a [Held],
    /// What is in each word of the stack.
    slots: Vec<Option<usize>>,
    /// Frames, with what the stack held when they were opened.
    frames: Vec<(FrameId, usize)>,
    objects: Vec<Known>,
    addresses: Vec<*mut u8>,
    fresh: Vec<usize>,
    staying: &'a BTreeSet<u32>,
    /// Sites that break R9.
    wrong: BTreeSet<(u32, FoundIn)>,
    /// Whether what breaks R9 is done.
    is_checked: bool,
    roots: Vec<raw::Root>,
}

impl Program<'_, '_> {
    fn push(&mut self, object: usize) {
        self.held[self.slots.len()].set(self.addresses[object]);
        self.slots.push(Some(object));
    }

    /// An object in the part of the stack that is the youngest frame's, or anywhere in it.
    fn any(&self, random: &mut Random) -> Option<usize> {
        (!self.slots.is_empty()).then(|| self.slots[random.index(self.slots.len())]).flatten()
    }

    fn record(&mut self, value: usize, container: usize) {
        let (value, container) = (&self.objects[value], &self.objects[container]);
        if value.depth > container.depth {
            let found_in = if container.depth == 0 { FoundIn::Object } else { FoundIn::OlderFrame };
            self.wrong.insert((value.site, found_in));
        }
    }

    fn safepoint(&mut self) {
        for object in std::mem::take(&mut self.fresh) {
            if let Some(value) = self.objects[object].next {
                self.record(value, object);
            }
        }
        for object in self.slots.iter().flatten() {
            if self.objects[*object].depth == CLOSED {
                self.wrong.insert((self.objects[*object].site, FoundIn::OwnRoots));
            }
        }
        for object in &mut self.objects {
            if object.depth == CLOSED {
                object.depth = 0;
            }
        }
        poll(self.inside);
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(16) {
            0 | 1 if self.frames.len() < 6 => {
                self.frames.push((self.inside.open_frame(), self.slots.len()));
            }
            2 | 3 => {
                if let Some((frame, base)) = self.frames.pop() {
                    let result =
                        self.slots[base..].last().copied().flatten().filter(|_| random.below(4) == 0);
                    for slot in base..self.slots.len() {
                        self.held[slot].set(null_mut());
                    }
                    self.slots.truncate(base);
                    let depth = self.frames.len() + 1;
                    for object in self.objects.iter_mut().filter(|object| object.depth == depth) {
                        object.depth = CLOSED;
                    }
                    close(self.inside, frame);
                    if let Some(result) = result
                        && (self.is_checked || self.objects[result].depth != CLOSED)
                    {
                        self.push(result);
                    }
                }
            }
            4..8 if self.slots.len() < SLOTS => {
                // A site belongs to one depth or two, as one of a function does.
                let site = (u32::try_from(self.frames.len()).unwrap() * 2 + random.word() % 3).min(SITES - 1);
                let stays = self.staying.contains(&site);
                let hint = if stays { EscapeHint::Stays(Site(site)) } else { EscapeHint::Escapes };
                let number = self.objects.len() as u64;
                let next = self.any(random).filter(|_| random.below(3) == 0);
                let depth = if stays { self.frames.len() } else { 0 };
                let allowed = next.filter(|&next| self.is_checked || self.objects[next].depth <= depth);
                // SAFETY: R3: a kind of this heap. R9: where it is trusted, by the model.
                let object = unsafe { self.inside.alloc_hinted(self.kind, hint) }.unwrap().as_ptr();
                // SAFETY: R5: a new object.
                unsafe { word(object, 0).write(number) };
                let address = allowed.map_or(null_mut(), |next| self.addresses[next]);
                // SAFETY: R5: as above.
                unsafe { word(object, 1).cast::<*mut u8>().write(address) };
                self.fresh.push(self.objects.len());
                self.objects.push(Known { site, number, depth, next: allowed });
                self.addresses.push(object);
                self.push(self.objects.len() - 1);
            }
            8..11 => {
                if let (Some(container), Some(value)) = (self.any(random), self.any(random))
                    && (self.is_checked || self.objects[value].depth <= self.objects[container].depth)
                {
                    self.record(value, container);
                    set(self.inside, self.addresses[container], 1, self.addresses[value]);
                    self.objects[container].next = Some(value);
                }
            }
            11 => {
                if let Some(container) = self.any(random) {
                    set(self.inside, self.addresses[container], 1, null_mut());
                    self.objects[container].next = None;
                }
            }
            12 if self.slots.len() < SLOTS => {
                // A load: what is found is what the model says, and whole.
                if let Some(object) = self.any(random) {
                    let next = get(self.inside, self.addresses[object], 1);
                    assert_eq!(name(self.addresses[object]), self.objects[object].number);
                    match self.objects[object].next {
                        None => assert!(next.is_null()),
                        Some(known) => {
                            assert_eq!(name(next), self.objects[known].number);
                            self.push(known);
                        }
                    }
                }
            }
            13 if random.below(8) == 0 => {
                if let Some(object) = self.any(random)
                    && (self.is_checked || self.objects[object].depth == 0)
                {
                    if self.objects[object].depth > 0 {
                        self.wrong.insert((self.objects[object].site, FoundIn::RootTable));
                    }
                    self.roots.push(root(self.inside, self.addresses[object]));
                }
            }
            _ => self.safepoint(),
        }
    }
}

/// Runs a program with such hints. Says what the model has seen, and what the heap.
fn run(seed: u64, hints: EscapeHints, staying: &BTreeSet<u32>) -> [BTreeSet<(u32, FoundIn)>; 2] {
    let heap = checked().collect_every(3).escape_hints(hints).build().unwrap();
    let kind = link_kind(&heap);
    let held = stack(SLOTS);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let _range = register(&inside, &held);
    let mut program = Program {
        inside: &inside,
        kind: &kind,
        held: &held,
        slots: Vec::new(),
        frames: Vec::new(),
        objects: Vec::new(),
        addresses: Vec::new(),
        fresh: Vec::new(),
        staying,
        wrong: BTreeSet::new(),
        is_checked: hints == EscapeHints::Checked,
        roots: Vec::new(),
    };
    let mut random = Random::new(seed);
    for _ in 0..250 {
        program.step(&mut random);
    }
    program.safepoint();
    let modelled = program.wrong;
    drop(program.roots);
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
    let found = heap.wrong_hints();
    assert!(found.iter().all(|wrong| wrong.is_certain));
    [modelled, found.iter().map(|wrong| (wrong.site.0, wrong.found_in)).collect()]
}

#[test]
fn every_wrong_hint_is_found_and_no_other_and_the_rest_can_be_trusted() {
    let seeds = crate::support::number_from("TRICOLOR_HINT_SEEDS", 60);
    let (mut wrong, mut right, mut trusted) = (0, 0, 0);
    let mut ways: BTreeMap<FoundIn, u32> = BTreeMap::new();
    for seed in 0..seeds {
        let mut staying: BTreeSet<u32> = (0..SITES).collect();
        loop {
            let [modelled, found] = run(seed, EscapeHints::Checked, &staying);
            assert_eq!(modelled, found, "seed {seed}, hints that stay: {staying:?}");
            for (_, found_in) in &found {
                *ways.entry(*found_in).or_default() += 1;
            }
            let escaping: BTreeSet<u32> = found.iter().map(|(site, _)| *site).collect();
            wrong += escaping.len();
            staying.retain(|site| !escaping.contains(site));
            // What is in the heap has all that it leads to in the heap: the next run may find more.
            if escaping.is_empty() {
                break;
            }
        }
        right += staying.len();
        let [modelled, found] = run(seed, EscapeHints::Trusted, &staying);
        assert_eq!((modelled.len(), found.len()), (0, 0), "seed {seed}: trusted with {staying:?}");
        // What was never wrong, and what was, in frames: R9 is kept by the program then.
        let all: BTreeSet<u32> = (0..SITES).collect();
        let [modelled, _] = run(seed, EscapeHints::Trusted, &all);
        assert_eq!(modelled.len(), 0, "seed {seed}: the program keeps R9");
        trusted += 2;
    }
    assert!(wrong > 100 && right > 100 && trusted > 100, "{wrong} wrong, {right} right, {trusted} trusted");
    assert!(ways.len() == 4 && ways.values().all(|&times| times > 10), "{ways:?}");
}
