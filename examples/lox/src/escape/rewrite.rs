//! What the verdicts come to: places in the yard, and other instructions.
//!
//! Instructions are replaced one by one, and one is put in front of all, so no jump changes.

#![expect(clippy::wildcard_enum_match_arm, reason = "most instructions stay as they are")]

use super::facts::Facts;
use super::record::{Makes, Recorded};
use super::{Asked, Escape, Watched};
use crate::draft::Draft;
use crate::object::Capture as Captured;
use crate::op::Op;
use heap_escape::{Capture, Var, Verdict};
use std::collections::BTreeSet;

/// The most places in the yard that one call may have.
const MOST_PLACES: usize = 255;

/// How a function has a variable that it has captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Has {
    Cell,
    Copy,
    Place,
}

/// What the core has said.
#[derive(Debug)]
pub(super) struct Answer {
    /// By site, in the order of the record: the fields that an instance may have, or 0, if it may be near.
    near: Vec<Option<usize>>,
    /// By draft: how it has what it captures.
    has: Vec<Vec<Has>>,
    /// By draft: the places in the yard that a call needs.
    rooms: Vec<usize>,
    /// By instruction of `Recorded::ends`: how closures have the variable.
    ends: Vec<Has>,
}

impl Answer {
    pub(super) fn of(recorded: &Recorded, facts: &Facts, drafts: usize) -> Self {
        let analysis = recorded.program.analyse();
        let has = |var: Var| match (analysis.capture(var), analysis.verdict(var)) {
            (Some(Capture::Copy), _) => Has::Copy,
            (Some(Capture::Reference), Verdict::Stack) => Has::Place,
            _ => Has::Cell,
        };
        let mut rooms = vec![0; drafts];
        let mut near = Vec::with_capacity(recorded.sites.len());
        for site in &recorded.sites {
            let fields = match (analysis.verdict(site.var), site.makes) {
                (Verdict::Heap, _) => None,
                (Verdict::Stack, Makes::Closure(_)) => Some(0),
                (Verdict::Stack, Makes::Instance(class)) => fields(recorded, facts, class),
            };
            let fits = fields.filter(|&fields| {
                // An instance can be in the heap instead, whatever else is said; a closure with places on the stack cannot.
                let is_closure = matches!(site.makes, Makes::Closure(_));
                is_closure || rooms[site.draft] + size(recorded, site.makes, fields) <= MOST_PLACES
            });
            if let Some(fields) = fits {
                rooms[site.draft] += size(recorded, site.makes, fields);
            }
            near.push(fits);
        }
        let known = |var: &Option<Var>| var.map_or(Has::Cell, has);
        let all = recorded.captures.iter().map(|captures| captures.iter().map(known).collect());
        let (all, ends) = (all.collect(), recorded.ends.iter().map(|(_, _, var)| has(*var)).collect());
        Self { near, has: all, rooms, ends }
    }

    /// Functions whose near objects are too many for one call.
    pub(super) fn crowded(&self) -> Vec<usize> {
        (0..self.rooms.len()).filter(|&draft| self.rooms[draft] > MOST_PLACES).collect()
    }
}

/// The fields that an instance of a class may have, if that is known.
fn fields(recorded: &Recorded, facts: &Facts, class: usize) -> Option<usize> {
    let methods = facts.methods_of(class)?;
    let own = |this_of: Option<usize>| this_of.is_none_or(|method| methods.contains(&method));
    let names: BTreeSet<usize> =
        recorded.fields.iter().filter(|field| own(field.this_of)).map(|field| field.name).collect();
    (2 + 2 * names.len() <= MOST_PLACES).then_some(names.len())
}

/// The places in the yard that an object needs: see [`Yard`](crate::yard::Yard).
fn size(recorded: &Recorded, makes: Makes, fields: usize) -> usize {
    match makes {
        Makes::Closure(draft) => 1 + recorded.captures[draft].len(),
        Makes::Instance(_) => 2 + 2 * fields,
    }
}

/// Rewrites the functions. The most places in the yard that one call needs.
pub(super) fn rewrite(
    shelf: &mut [Draft<'_, '_>],
    recorded: &Recorded,
    answer: &Answer,
    asked: &mut Asked,
) -> usize {
    match asked.mode {
        Escape::Off => 0,
        Escape::On => {
            place(shelf, recorded, answer);
            answer.rooms.iter().copied().max().unwrap_or(0)
        }
        Escape::Checked => {
            watch(shelf, recorded, answer, asked, None);
            0
        }
        Escape::Planted(seed) => {
            watch(shelf, recorded, answer, asked, Some(seed));
            0
        }
    }
}

/// Near objects get their places.
fn place(shelf: &mut [Draft<'_, '_>], recorded: &Recorded, answer: &Answer) {
    let mut taken = vec![0; shelf.len()];
    for (site, near) in recorded.sites.iter().zip(&answer.near) {
        let Some(fields) = *near else { continue };
        let below = answer.rooms[site.draft] - taken[site.draft];
        taken[site.draft] += size(recorded, site.makes, fields);
        let op = &mut shelf[site.draft].ops[site.op];
        *op = match (*op, site.makes) {
            (Op::Closure(constant), Makes::Closure(_)) => Op::NearClosure(constant, byte(below)),
            (Op::Call(count), Makes::Instance(_)) => Op::CallNear(count, byte(below), byte(fields)),
            (other, _) => unreachable!("{other:?} is no site"),
        };
        if let Makes::Closure(inner) = site.makes {
            shelf[inner].is_near = true;
        }
    }
    ends(shelf, recorded, &answer.ends, Op::CloseUpvalue);
    for number in 0..shelf.len() {
        captures(shelf, number, &answer.has);
        let room = byte(answer.rooms[number]);
        if room > 0 {
            let draft = &mut shelf[number];
            for op in draft.ops.iter_mut().filter(|op| **op == Op::Return) {
                *op = Op::ReturnNear(room);
            }
            let line = draft.lines[0];
            draft.ops.insert(0, Op::Room(room));
            draft.lines.insert(0, line);
        }
    }
}

/// Variables that are not closed any more when their scope ends, or are with `close`.
fn ends(shelf: &mut [Draft<'_, '_>], recorded: &Recorded, ends: &[Has], close: Op) {
    for (&(draft, op, _), has) in recorded.ends.iter().zip(ends) {
        shelf[draft].ops[op] = if *has == Has::Cell { close } else { Op::Pop };
    }
}

/// What closures of a function capture, and how its instructions find it.
fn captures(shelf: &mut [Draft<'_, '_>], number: usize, has: &[Vec<Has>]) {
    let (is_near, has_own) = (shelf[number].is_near, &has[number]);
    for op in &mut shelf[number].ops {
        *op = match *op {
            Op::GetUpvalue(index) => match (has_own[usize::from(index)], is_near) {
                (Has::Cell, false) => Op::GetUpvalue(index),
                (Has::Cell, true) => Op::GetNearCell(index),
                (Has::Copy, false) => Op::GetCopy(index),
                (Has::Copy, true) => Op::GetNearCopy(index),
                (Has::Place, _) => Op::GetPlace(index),
            },
            Op::SetUpvalue(index) => match (has_own[usize::from(index)], is_near) {
                (Has::Cell, false) => Op::SetUpvalue(index),
                (Has::Cell, true) => Op::SetNearCell(index),
                (Has::Place, _) => Op::SetPlace(index),
                (Has::Copy, _) => unreachable!("a variable that is assigned is not copied"),
            },
            other => other,
        };
    }
    let inner: Vec<usize> = shelf[number].functions.iter().map(|(_, inner)| *inner).collect();
    for inner in inner {
        for (capture, has) in shelf[inner].captures.iter_mut().zip(&has[inner]) {
            *capture = match (*capture, has) {
                (Captured::Local(index), Has::Place) => Captured::LocalPlace(index),
                (Captured::Local(index), Has::Copy) => Captured::LocalCopy(index),
                (Captured::Upvalue(index), _) if is_near => Captured::NearUpvalue(index),
                (other, _) => other,
            };
        }
    }
}

/// Near objects, and those that are said to be, are in the heap and watched.
fn watch(
    shelf: &mut [Draft<'_, '_>],
    recorded: &Recorded,
    answer: &Answer,
    asked: &mut Asked,
    planted: Option<u64>,
) {
    let mut watched = BTreeSet::new();
    for (number, (site, near)) in recorded.sites.iter().zip(&answer.near).enumerate() {
        let is_planted = near.is_none() && planted.is_some_and(|seed| is_chosen(seed, number));
        if near.is_none() && !is_planted {
            continue;
        }
        // More than that are not watched.
        let Ok(index) = u16::try_from(asked.sites.len()) else { break };
        asked.sites.push(Watched { line: shelf[site.draft].lines[site.op], is_planted });
        let op = &mut shelf[site.draft].ops[site.op];
        *op = match *op {
            Op::Closure(constant) => Op::ClosureWatched(constant, index),
            Op::Call(count) => Op::CallWatched(count, index),
            other => unreachable!("{other:?} is no site"),
        };
        watched.insert(site.draft);
    }
    // A variable that would be on the stack is in a cell, so that what has captured it can be found.
    let in_cells = |all: &[Has]| -> Vec<Has> {
        all.iter().map(|&has| if has == Has::Place { Has::Cell } else { has }).collect()
    };
    ends(shelf, recorded, &in_cells(&answer.ends), Op::CloseWatched);
    let has: Vec<Vec<Has>> = answer.has.iter().map(|all| in_cells(all)).collect();
    for number in 0..shelf.len() {
        captures(shelf, number, &has);
        if watched.contains(&number) {
            for op in shelf[number].ops.iter_mut().filter(|op| **op == Op::Return) {
                *op = Op::ReturnWatched;
            }
        }
    }
}

/// Whether a wrong hint is planted at a site: one of two, by SplitMix64.
fn is_chosen(seed: u64, site: usize) -> bool {
    let mut word = seed.wrapping_add((site as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (word ^ (word >> 31)) & 1 == 1
}

fn byte(count: usize) -> u8 {
    u8::try_from(count).unwrap_or_else(|_| unreachable!("at most {MOST_PLACES}"))
}
