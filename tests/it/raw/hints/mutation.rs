//! Generated programs of a runtime whose hints are right or wrong, and a model that knows which.

use super::super::{all_is_well, checked, link_kind, poll, register, root, stack};
use super::close;
use crate::raw_scenes::{Held, get, name, set, word};
use heap_testkit::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr::null_mut;
use tricolor::EscapeHints;
use tricolor::raw::{self, EscapeHint, FoundIn, FrameId, Inside, Kind, Site};

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
