//! The solver: walks the graph backwards from every place where something may stay too long.
//!
//! ```text
//!   root ←( 0) q ←(-1) x        q has weight 0: its value arrives at the root
//!                               x has weight -1: its address arrives. Does the root outlive x? Then x escapes.
//!   then x escapes, so it is a root itself: whatever is stored into x is now reached from the heap
//!
//!   root ←( 1) r ←(-1) y ←(-1) z
//!                               y has weight 0. z has weight -1: the address of z is in y, and y arrives by a load
//!   root ←(-1) u ←( 0) p        u has weight -1, but p has 0 and not -1: the root has the address of u, not of p
//! ```
//!
//! A walk finds the least weight of each location, as Bellman and Ford do. What a walk learns of a location makes that location a
//! root again, until nothing is learnt. The naive truth that it is compared with is `reference.rs`.
//!
//! Called by `analyse.rs`. Does not know functions, only locations.

use std::collections::VecDeque;

use crate::graph::{ALL, About, CALLED, ESCAPES, Edge, Explanation, Graph, Hop, NONE, WRITTEN};
use crate::program::Kind;

/// The hops of an explanation that are kept. More would let a chain of n flows with n sites take n² memory.
const HOPS: usize = 256;

/// The ways of one parameter that are kept, where all are wanted.
const WAYS: u32 = 64;

/// Scratch that is kept from one batch to the next.
#[derive(Debug, Default)]
pub(crate) struct Solver {
    roots: VecDeque<u32>,
    queue: VecDeque<u32>,
    walks: u32,
    told: u32,
}

impl Solver {
    /// Finds out where everything in the batch of `graph` is.
    pub(crate) fn solve(&mut self, graph: &mut Graph<'_>) {
        self.roots.extend([graph.heap(), graph.called(), graph.written()]);
        for i in (0..graph.locs.len()).rev() {
            self.roots.push_back(graph.locs[i]);
            graph.states[graph.locs[i] as usize].in_roots = true;
        }
        while let Some(root) = self.roots.pop_front() {
            graph.states[root as usize].in_roots = false;
            self.walk(graph, root);
        }
        for at in &graph.locs {
            let state = &mut graph.states[*at as usize];
            state.tag = state.tag.shortest();
        }
    }

    fn walk(&mut self, graph: &mut Graph<'_>, root: u32) {
        self.walks += 1;
        self.lose_results(graph, root);
        let state = &mut graph.states[root as usize];
        (state.walk, state.derefs, state.hop) = (self.walks, 0, NONE);
        self.queue.push_back(root);
        while let Some(at) = self.queue.pop_front() {
            let state = &mut graph.states[at as usize];
            state.in_walk = false;
            let derefs = state.derefs.max(0);
            let before = state.attrs;
            self.learn(graph, root, at);
            let after = graph.states[at as usize].attrs;
            if after != before {
                self.again(graph, at);
                if after & ESCAPES != before & ESCAPES {
                    continue; // It is a root itself, from where the rest is found.
                }
            }
            let mut next = graph.states[at as usize].first;
            while next != NONE {
                let edge: Edge = graph.edges[next as usize];
                let from = &mut graph.states[edge.from as usize];
                let weight = derefs + i32::from(edge.derefs);
                if from.attrs & ESCAPES == 0 && (from.walk != self.walks || weight < from.derefs) {
                    (from.walk, from.derefs, from.hop) = (self.walks, weight, next);
                    if !from.in_walk {
                        from.in_walk = true;
                        self.queue.push_back(edge.from);
                    }
                }
                next = edge.next;
            }
        }
    }

    /// What it means for `at` that the walk from `root` has come to it with its present weight.
    fn learn(&mut self, graph: &mut Graph<'_>, root: u32, at: u32) {
        let state = &graph.states[at as usize];
        let (weight, level) = (state.derefs, state.derefs.max(0).unsigned_abs());
        let outlived = graph.outlives(root, at);
        let escaped = state.attrs & ESCAPES != 0;
        if weight < 0 && outlived && state.attrs & ESCAPES == 0 {
            let explanation = self.explain(graph, root, at, About::Escape);
            graph.explanations.push(explanation);
            graph.states[at as usize].attrs = ALL;
        }
        let root_attrs = graph.states[root as usize].attrs;
        if level == 0 {
            graph.states[at as usize].attrs |= root_attrs & (WRITTEN | CALLED);
        }
        let Some(loc) = graph.loc(at) else { return };
        if loc.kind != Kind::Parameter {
            return;
        }
        let wanted = graph.leaks.is_some() && !escaped && graph.ways(at) < WAYS;
        if !loc.shape.references {
            // Nothing can leak that holds no references, but it is copied, and its address may be taken.
            if outlived && wanted && graph.states[at as usize].hop != NONE {
                self.keep(graph, root, at, level);
            }
            return;
        }
        let mut tag = graph.states[at as usize].tag;
        if outlived {
            let about = graph.leak_to(at, root);
            let (known, new) = match about {
                About::LeakToResult(number) => (tag.result(number), tag.to_result(number, level)),
                About::Escape | About::LeakToHeap => (tag.heap(), tag.to_heap(level)),
            };
            let on_a_way = graph.states[at as usize].hop != NONE;
            let better = known.is_none_or(|known| level < known);
            if on_a_way && better {
                let explanation = self.explain(graph, root, at, about);
                graph.explanations.push(explanation);
            }
            if on_a_way && wanted {
                self.keep(graph, root, at, level);
            }
            tag = new;
        }
        if root_attrs & WRITTEN != 0 {
            tag = tag.to_written(level);
        }
        if root_attrs & CALLED != 0 {
            tag = tag.to_called(level);
        }
        graph.states[at as usize].tag = tag;
    }

    /// Keeps one of the ways of a parameter.
    fn keep(&mut self, graph: &mut Graph<'_>, root: u32, at: u32, level: u32) {
        let explanation = self.explain(graph, root, at, About::LeakToHeap);
        graph.states[at as usize].ways += 1;
        if let Some(leaks) = &mut graph.leaks {
            leaks.push((explanation, level));
        }
    }

    /// A closure that somebody calls of whom nothing is known: what it returns goes who knows where.
    fn lose_results(&mut self, graph: &mut Graph<'_>, root: u32) {
        if graph.states[root as usize].attrs & CALLED == 0 {
            return;
        }
        let Some(body) = graph.loc(root).map(|loc| loc.closure).filter(|body| *body != NONE) else { return };
        if std::mem::replace(&mut graph.lost[body as usize], true) {
            return;
        }
        for result in &graph.program.bodies[body as usize].results {
            self.again(graph, result.0);
        }
    }

    fn again(&mut self, graph: &mut Graph<'_>, at: u32) {
        let state = &mut graph.states[at as usize];
        if state.in_roots {
            return;
        }
        state.in_roots = true;
        if state.attrs & ESCAPES == 0 {
            self.roots.push_back(at);
        } else {
            self.roots.push_front(at);
        }
    }

    /// Keeps the way by which the walk came from `root` to `at`, from `at` on.
    fn explain(&mut self, graph: &mut Graph<'_>, root: u32, at: u32, about: About) -> Explanation {
        self.told += 1;
        let start = graph.hops.len();
        let mut here = at;
        let mut cut = false;
        loop {
            let state = &mut graph.states[here as usize];
            // A circle of assignments can make the way bite its tail.
            if state.told == self.told || graph.hops.len() - start == HOPS || state.hop == NONE {
                cut = true;
                break;
            }
            state.told = self.told;
            let Edge { to, from, derefs, why, mark, .. } = graph.edges[state.hop as usize];
            graph.hops.push(Hop { to, from, derefs, why, mark });
            here = to;
            if here == root {
                break;
            }
        }
        let hops = start..graph.hops.len();
        Explanation { var: at, about, hops, cut }
    }
}
