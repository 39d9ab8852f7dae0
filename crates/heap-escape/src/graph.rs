//! The flow graph of one batch.
//!
//! ```text
//!   p := &x      p ←(-1) x           an edge is kept at the place where the value arrives
//!   q := p       q ←( 0) p
//!   y := *q      y ←( 1) q
//!                                    y ← x with weight -1 + 0 + 1 = 0: y is a copy of x
//!   three places more:
//!     heap      what may be reached from anywhere: globals, channels, through pointers
//!     written   what may be written
//!     called    closures that may be called, with their results used
//! ```
//!
//! Invariants
//!   I1  no weight is less than -1             or an address of an address would be taken
//!   I2  the three places flow nowhere         so they are roots of walks, and never sources
//!   I3  what escapes is written and called    or a reason to escape might hide a reason for the rest

use crate::program::{Callee, Known, Recorded};
use crate::program::{Kind, Loc, Op, Place, Program, Source, Target, Var, index};
use crate::tag::Tag;
use crate::why::{Mark, Why};

pub(crate) const ESCAPES: u8 = 1;
pub(crate) const WRITTEN: u8 = 2;
pub(crate) const CALLED: u8 = 4;
pub(crate) const ALL: u8 = ESCAPES | WRITTEN | CALLED;
pub(crate) const NONE: u32 = u32::MAX;

/// What is known of a location so far, and its edges.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) first: u32,
    last: u32,
    pub(crate) attrs: u8,
    /// Of a parameter: where it leaks.
    pub(crate) tag: Tag,
    /// Of the walk that is going on, if `walk` is its number.
    pub(crate) derefs: i32,
    pub(crate) walk: u32,
    /// The edge by which the walk came here.
    pub(crate) hop: u32,
    pub(crate) in_walk: bool,
    pub(crate) in_roots: bool,
    /// The explanation that has seen it last.
    pub(crate) told: u32,
    /// Of a parameter: the ways by which it leaks that are kept.
    pub(crate) ways: u32,
}

impl State {
    const NEW: Self = Self {
        first: NONE,
        last: NONE,
        attrs: 0,
        tag: Tag::NOWHERE,
        derefs: 0,
        walk: 0,
        hop: NONE,
        in_walk: false,
        in_roots: false,
        told: 0,
        ways: 0,
    };
}

/// A flow from `from` to `to`. `next` is the next edge of `to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) to: u32,
    pub(crate) from: u32,
    pub(crate) derefs: i16,
    pub(crate) why: Why,
    pub(crate) mark: Mark,
    pub(crate) next: u32,
}

/// One hop of an explanation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hop {
    pub(crate) to: u32,
    pub(crate) from: u32,
    pub(crate) derefs: i16,
    pub(crate) why: Why,
    pub(crate) mark: Mark,
}

/// What an explanation explains.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum About {
    /// That it is on the heap.
    Escape,
    /// That a parameter's argument goes to the heap.
    LeakToHeap,
    /// That a parameter's argument goes to a result.
    LeakToResult(usize),
}

/// An explanation: its hops are a part of [`Graph::hops`].
#[derive(Clone, Debug)]
pub(crate) struct Explanation {
    pub(crate) var: u32,
    pub(crate) about: About,
    pub(crate) hops: std::ops::Range<usize>,
    pub(crate) cut: bool,
}

/// The graph, and what has been found out about all batches before this one.
#[derive(Debug)]
pub(crate) struct Graph<'p> {
    pub(crate) program: &'p Program,
    pub(crate) states: Vec<State>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) hops: Vec<Hop>,
    pub(crate) explanations: Vec<Explanation>,
    /// Every way by which an argument leaks, in the order in which they are found, if that is wanted: with its level.
    pub(crate) leaks: Option<Vec<(Explanation, u32)>>,
    /// By body: whether a closure may be called by somebody who is not analysed here.
    pub(crate) lost: Vec<bool>,
    /// By function: the batch in which it is analysed, once it was its turn.
    pub(crate) batch_of: Vec<u32>,
    pub(crate) batch: u32,
    pub(crate) locs: Vec<u32>,
}

impl<'p> Graph<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        let count = program.locs.len();
        let mut states = vec![State::NEW; count + 3];
        states[count].attrs = ALL;
        states[count + 1].attrs = WRITTEN;
        states[count + 2].attrs = CALLED;
        Self {
            program,
            states,
            edges: Vec::new(),
            hops: Vec::new(),
            explanations: Vec::new(),
            leaks: None,
            lost: vec![false; program.bodies.len()],
            batch_of: vec![NONE; program.functions.len()],
            batch: 0,
            locs: Vec::new(),
        }
    }

    pub(crate) fn heap(&self) -> u32 {
        index(self.program.locs.len())
    }

    /// How many ways of a parameter are kept.
    pub(crate) fn ways(&self, at: u32) -> u32 {
        self.states[at as usize].ways
    }

    pub(crate) fn written(&self) -> u32 {
        self.heap() + 1
    }

    pub(crate) fn called(&self) -> u32 {
        self.heap() + 2
    }

    /// The location with this number; nothing for the three places.
    pub(crate) fn loc(&self, at: u32) -> Option<&'p Loc> {
        self.program.locs.get(at as usize)
    }

    /// Builds the graph of these functions.
    pub(crate) fn build(&mut self, functions: &[u32]) {
        let program = self.program;
        self.edges.clear();
        self.locs.clear();
        for place in [self.heap(), self.written(), self.called()] {
            let state = &mut self.states[place as usize];
            (state.first, state.last) = (NONE, NONE);
        }
        self.batch += 1;
        for function in functions {
            self.batch_of[*function as usize] = self.batch;
            if let Known::Body(recorded) = &program.functions[*function as usize].known {
                self.locs.extend(recorded.locs.clone());
            }
        }
        for function in functions {
            if let Known::Body(recorded) = &program.functions[*function as usize].known {
                self.body(recorded);
            }
        }
        for function in functions {
            if let Known::Body(recorded) = &program.functions[*function as usize].known {
                self.captures(recorded);
                self.sizes(recorded);
            }
        }
    }

    fn body(&mut self, recorded: &Recorded) {
        let program = self.program;
        for op in &program.ops[recorded.ops.clone()] {
            match op {
                Op::Flow { to, from, why, mark } => {
                    let to = match to {
                        Place::Loc(var) => var.0,
                        Place::Heap => self.heap(),
                        Place::Written => self.written(),
                        Place::Called => self.called(),
                    };
                    self.flow(to, 0, *from, *why, *mark);
                }
                Op::Call { callees, args, results, mark } => {
                    let callees = &program.callees[callees.clone()];
                    let (args, results) = (&program.args[args.clone()], &program.targets[results.clone()]);
                    if callees.is_empty() {
                        self.call(Callee::Unknown, args, results, *mark);
                    }
                    for callee in callees {
                        self.call(*callee, args, results, *mark);
                    }
                }
            }
        }
    }

    fn call(&mut self, callee: Callee, args: &[Source], results: &[Target], mark: Mark) {
        let program = self.program;
        match callee {
            Callee::Function(function) => {
                let number = function.0 as usize;
                match &program.functions[number].known {
                    Known::Nothing => self.call(Callee::Unknown, args, results, mark),
                    Known::Tags(tags) => {
                        for (i, arg) in args.iter().enumerate() {
                            self.by_tag(tags.get(i).copied().unwrap_or(Tag::LEAKS), *arg, results, mark);
                        }
                    }
                    Known::Body(recorded) if self.batch_of[number] == self.batch => {
                        self.call_body(recorded.body, args, results, mark);
                    }
                    Known::Body(recorded) => {
                        let params = &program.bodies[recorded.body as usize].params;
                        for (i, arg) in args.iter().enumerate() {
                            let tag = params.get(i).map_or(Tag::LEAKS, |var| self.states[var.0 as usize].tag);
                            self.by_tag(tag, *arg, results, mark);
                        }
                    }
                }
            }
            Callee::Closure(closure) => self.call_body(closure.body, args, results, mark),
            Callee::Value(value) => {
                self.call(Callee::Unknown, args, results, mark);
                if results.iter().any(|target| *target != Target::Unused) {
                    self.flow(self.called(), 0, value, Why::Callee, mark);
                }
            }
            Callee::Unknown => {
                for arg in args {
                    self.flow(self.heap(), 0, *arg, Why::Argument, mark);
                }
            }
        }
    }

    /// A call of something in this batch: its parameters and results are in the graph.
    fn call_body(&mut self, body: u32, args: &[Source], results: &[Target], mark: Mark) {
        let body = &self.program.bodies[body as usize];
        for (i, arg) in args.iter().enumerate() {
            let to = body.params.get(i).map_or(self.heap(), |var| var.0);
            self.flow(to, 0, *arg, Why::Argument, mark);
        }
        for (result, target) in body.results.iter().zip(results) {
            if let Some(to) = self.target(*target) {
                self.flow(to, 0, result.value(), Why::Result, mark);
            }
        }
    }

    /// An argument to a parameter of which only the tag is known.
    fn by_tag(&mut self, tag: Tag, arg: Source, results: &[Target], mark: Mark) {
        let places =
            [(tag.heap(), self.heap()), (tag.written(), self.written()), (tag.called(), self.called())];
        for (level, to) in places {
            if let Some(level) = level {
                self.flow(to, level, arg, Why::Argument, mark);
            }
        }
        for (number, target) in results.iter().enumerate() {
            if let (Some(level), Some(to)) = (tag.result(number), self.target(*target)) {
                self.flow(to, level, arg, Why::Argument, mark);
            }
        }
    }

    fn target(&self, target: Target) -> Option<u32> {
        match target {
            Target::Init(var) | Target::Assign(var) => Some(var.0),
            Target::Heap => Some(self.heap()),
            Target::Unused => None,
        }
    }

    fn captures(&mut self, recorded: &Recorded) {
        for captured in &self.program.captures[recorded.captures.clone()] {
            let (from, why) = if self.is_copied(captured.var) {
                (captured.var.value(), Why::Copied)
            } else {
                (captured.var.address(), Why::Captured)
            };
            self.flow(captured.site.0, 0, from, why, captured.mark);
        }
    }

    /// Whether closures have a copy of `var`.
    pub(crate) fn is_copied(&self, var: Var) -> bool {
        let loc = self.program.loc(var);
        let fits = self.program.limits.copy.is_some_and(|most| loc.shape.bytes <= most);
        fits && !loc.addressed && !loc.reassigned
    }

    fn sizes(&mut self, recorded: &Recorded) {
        let limits = self.program.limits;
        for at in recorded.locs.clone() {
            let loc = self.program.loc(Var(at));
            let most = match loc.kind {
                // Their place is the caller's business.
                Kind::Parameter | Kind::Result(_) => continue,
                Kind::Variable => limits.variable,
                Kind::Site | Kind::Closure => limits.site,
            };
            let too = if loc.shape.bytes > most {
                Why::TooLarge
            } else if loc.shape.align > limits.align {
                Why::TooAligned
            } else {
                continue;
            };
            self.flow(self.heap(), 0, Var(at).address(), too, loc.mark);
        }
    }

    /// `level` loads of `from` arrive at `to`.
    fn flow(&mut self, to: u32, level: u32, from: Source, why: Why, mark: Mark) {
        let derefs = i16::try_from(level).unwrap_or(i16::MAX).saturating_add(from.derefs);
        let source = from.var.0;
        if derefs >= 0 && (source == to || !self.program.loc(from.var).shape.references) {
            return;
        }
        if derefs < 0 && self.states[to as usize].attrs & ESCAPES != 0 {
            if self.states[source as usize].attrs & ESCAPES == 0 {
                let start = self.hops.len();
                self.hops.push(Hop { to, from: source, derefs, why, mark });
                let hops = start..start + 1;
                let about = About::Escape;
                self.explanations.push(Explanation { var: source, about, hops, cut: false });
            }
            self.states[source as usize].attrs |= ALL;
            return;
        }
        let edge = index(self.edges.len());
        self.edges.push(Edge { to, from: source, derefs, why, mark, next: NONE });
        let state = &mut self.states[to as usize];
        if state.last == NONE {
            state.first = edge;
        } else {
            self.edges[state.last as usize].next = edge;
        }
        state.last = edge;
    }

    /// Whether what `root` holds may outlive the place of `other`.
    pub(crate) fn outlives(&self, root: u32, other: u32) -> bool {
        if self.states[root as usize].attrs & ESCAPES != 0 {
            return true;
        }
        let (Some(long), Some(short)) = (self.loc(root), self.loc(other)) else { return false };
        if matches!(long.kind, Kind::Result(_)) {
            // The result of a closure that only the function around it calls stays in that function.
            let known = !self.lost[long.body as usize] && self.program.is_inside(long.body, short.body);
            return !known;
        }
        if long.body == short.body && long.depth < short.depth {
            return true;
        }
        self.program.is_inside(short.body, long.body)
    }

    /// Where a parameter leaks, when `levels` loads of it arrive at a root that outlives it.
    pub(crate) fn leak_to(&self, param: u32, root: u32) -> About {
        match (self.loc(root), self.loc(param)) {
            (Some(to), Some(from))
                if to.body == from.body && self.states[root as usize].attrs & ESCAPES == 0 =>
            {
                match to.kind {
                    Kind::Result(number) if number < crate::tag::RESULTS => About::LeakToResult(number),
                    Kind::Result(_) | Kind::Variable | Kind::Parameter | Kind::Site | Kind::Closure => {
                        About::LeakToHeap
                    }
                }
            }
            _ => About::LeakToHeap,
        }
    }
}
