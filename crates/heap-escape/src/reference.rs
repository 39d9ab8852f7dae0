//! The naive solver: the definition of the result, in the plainest form, for comparison.
//!
//! From every root the least weight of every location is computed anew, by going over all edges until nothing changes, and all of
//! that is repeated until no location learns anything. No queue, no order, nothing left out, and so far too slow for use.

use std::collections::BTreeMap;

use crate::graph::{ALL, About, CALLED, Graph, NONE, WRITTEN};
use crate::program::Kind;

/// Finds out where everything in the batch of `graph` is. There are no explanations but those of single hops.
pub(crate) fn solve(graph: &mut Graph<'_>) {
    let mut roots = vec![graph.heap(), graph.written(), graph.called()];
    roots.extend(&graph.locs);
    loop {
        let mut learnt = false;
        for root in &roots {
            learnt |= visit(graph, *root);
        }
        if !learnt {
            break;
        }
    }
    for at in &graph.locs {
        let state = &mut graph.states[*at as usize];
        state.tag = state.tag.shortest();
    }
}

fn weights(graph: &Graph<'_>, root: u32) -> BTreeMap<u32, i32> {
    let mut weights = BTreeMap::from([(root, 0)]);
    loop {
        let mut changed = false;
        for edge in &graph.edges {
            let Some(to) = weights.get(&edge.to) else { continue };
            let weight = (*to).max(0) + i32::from(edge.derefs);
            if weights.get(&edge.from).is_none_or(|known| weight < *known) {
                weights.insert(edge.from, weight);
                changed = true;
            }
        }
        if !changed {
            return weights;
        }
    }
}

fn visit(graph: &mut Graph<'_>, root: u32) -> bool {
    let mut learnt = false;
    let root_attrs = graph.states[root as usize].attrs;
    if let Some(loc) = graph.loc(root)
        && loc.closure != NONE
        && root_attrs & CALLED != 0
    {
        learnt |= !std::mem::replace(&mut graph.lost[loc.closure as usize], true);
    }
    for (at, weight) in weights(graph, root) {
        let Some(loc) = graph.loc(at) else { continue };
        let level = weight.max(0).unsigned_abs();
        let outlived = graph.outlives(root, at);
        let mut attrs = graph.states[at as usize].attrs;
        if weight < 0 && outlived {
            attrs = ALL;
        }
        if level == 0 {
            attrs |= root_attrs & (WRITTEN | CALLED);
        }
        let mut tag = graph.states[at as usize].tag;
        if loc.kind == Kind::Parameter && loc.shape.references {
            if outlived {
                tag = match graph.leak_to(at, root) {
                    About::LeakToResult(number) => tag.to_result(number, level),
                    About::Escape | About::LeakToHeap => tag.to_heap(level),
                };
            }
            if root_attrs & WRITTEN != 0 {
                tag = tag.to_written(level);
            }
            if root_attrs & CALLED != 0 {
                tag = tag.to_called(level);
            }
        }
        let state = &mut graph.states[at as usize];
        learnt |= (attrs, tag) != (state.attrs, state.tag);
        (state.attrs, state.tag) = (attrs, tag);
    }
    learnt
}
