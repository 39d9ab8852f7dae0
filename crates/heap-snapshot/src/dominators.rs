//! Dominators: the node that every path from the root to another goes through last.
//!
//! The algorithm is Lengauer and Tarjan's (1979) with path compression, in O(m log n): on nodes in the order of a depth-first search, the
//! *semidominator* of each is found from its predecessors, and with it the dominator. Nothing recurses. The simple iteration of
//! Cooper, Harvey and Kennedy is shorter and mostly as fast, but quadratic for some graphs, and a file may be made to be one of them.
//!
//! All arrays are indexed by the number in that order, so that the root is 0 and a dominator is smaller than what it dominates.

use crate::graph::Graph;

/// No node.
pub(crate) const NOBODY: u32 = u32::MAX;

/// What was found. Nodes go by their numbers in the order of the search.
pub(crate) struct Dominators {
    /// The nodes of the graph, in the order.
    pub(crate) order: Vec<u32>,
    /// Of each node in the order: the number of its dominator there; the root's is itself.
    pub(crate) dominator: Vec<u32>,
}

impl Dominators {
    /// Of the nodes that keeping edges lead to from the root; `None` if there is no memory.
    pub(crate) fn of(graph: &Graph) -> Option<Self> {
        let Search { order, number, parent } = Search::of(graph)?;
        let count = order.len();
        let (starts, predecessors) = predecessors(graph, &order, &number)?;
        drop(number);
        let mut forest = Forest { ancestor: list(count)?, label: list(count)?, path: Vec::new() };
        for (node, label) in forest.label.iter_mut().enumerate() {
            *label = narrow(node);
        }
        let mut semi: Vec<u32> = list(count)?;
        semi.copy_from_slice(&forest.label);
        let mut dominator: Vec<u32> = list(count)?;
        // Nodes by their semidominators: the first, and the next of each.
        let (mut first, mut next): (Vec<u32>, Vec<u32>) = (list(count)?, list(count)?);
        for node in (1..count).rev() {
            let above = parent[node];
            for &from in &predecessors[starts[node] as usize..starts[node + 1] as usize] {
                let by = forest.least(from, &semi)?;
                semi[node] = semi[node].min(semi[by as usize]);
            }
            next[node] = core::mem::replace(&mut first[semi[node] as usize], narrow(node));
            forest.ancestor[node] = above;
            let mut waiting = core::mem::replace(&mut first[above as usize], NOBODY);
            while waiting != NOBODY {
                let by = forest.least(waiting, &semi)?;
                let is_less = semi[by as usize] < semi[waiting as usize];
                dominator[waiting as usize] = if is_less { by } else { above };
                waiting = next[waiting as usize];
            }
        }
        if let Some(root) = dominator.first_mut() {
            *root = 0;
        }
        for node in 1..count {
            if dominator[node] != semi[node] {
                dominator[node] = dominator[dominator[node] as usize];
            }
        }
        Some(Self { order, dominator })
    }
}

/// A list of as many `NOBODY`.
pub(crate) fn list(len: usize) -> Option<Vec<u32>> {
    let mut list = Vec::new();
    list.try_reserve_exact(len).ok()?;
    list.resize(len, NOBODY);
    Some(list)
}

/// Nodes and edges have numbers of 32 bits; reading has seen to it.
pub(crate) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NOBODY)
}

/// A depth-first search.
struct Search {
    order: Vec<u32>,
    /// By node: its number in the order.
    number: Vec<u32>,
    /// By number: that of the node it was reached from.
    parent: Vec<u32>,
}

impl Search {
    fn of(graph: &Graph) -> Option<Self> {
        let mut search = Self { order: Vec::new(), number: list(graph.len())?, parent: list(graph.len())? };
        search.order.try_reserve_exact(graph.len()).ok()?;
        if graph.is_empty() {
            return Some(search);
        }
        // The next edge to look at, of each node on the way.
        let mut way: Vec<(u32, usize)> = Vec::new();
        search.reach(graph.root(), NOBODY);
        way.push((graph.root(), graph.range(graph.root()).start));
        while let Some((node, edge)) = way.last_mut() {
            let (from, at) = (*node, *edge);
            if at == graph.range(from).end {
                way.pop();
                continue;
            }
            *edge += 1;
            let to = graph.edges[at].to;
            if graph.keeps(from, at) && search.number[to as usize] == NOBODY {
                search.reach(to, search.number[from as usize]);
                way.try_reserve(1).ok()?;
                way.push((to, graph.range(to).start));
            }
        }
        Some(search)
    }

    fn reach(&mut self, node: u32, from: u32) {
        let number = self.order.len();
        self.number[node as usize] = narrow(number);
        self.parent[number] = from;
        self.order.push(node);
    }
}

/// Of each node in the order: where its predecessors begin, and they themselves.
fn predecessors(graph: &Graph, order: &[u32], number: &[u32]) -> Option<(Vec<u32>, Vec<u32>)> {
    let mut starts = list(order.len() + 1)?;
    starts.fill(0);
    let each = |f: &mut dyn FnMut(u32, u32)| {
        for (from, &node) in order.iter().enumerate() {
            for edge in graph.range(node).filter(|&edge| graph.keeps(node, edge)) {
                f(narrow(from), number[graph.edges[edge].to as usize]);
            }
        }
    };
    each(&mut |_, to| starts[to as usize] += 1);
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut all = list(sum as usize)?;
    // From behind, so that each count comes to be where its part begins.
    each(&mut |from, to| {
        starts[to as usize] -= 1;
        all[starts[to as usize] as usize] = from;
    });
    Some((starts, all))
}

/// The forest of nodes that were looked at.
struct Forest {
    ancestor: Vec<u32>,
    /// The node with the least semidominator on the way to where the node's path was compressed to.
    label: Vec<u32>,
    /// The way that is compressed; kept for its memory.
    path: Vec<u32>,
}

impl Forest {
    /// The node with the least semidominator on the way from a node to its root in the forest, without that; `None` if there is no
    /// memory.
    fn least(&mut self, node: u32, semi: &[u32]) -> Option<u32> {
        if self.ancestor[node as usize] == NOBODY {
            return Some(node);
        }
        let mut at = node;
        loop {
            let above = self.ancestor[at as usize];
            if self.ancestor[above as usize] == NOBODY {
                break;
            }
            self.path.try_reserve(1).ok()?;
            self.path.push(at);
            at = above;
        }
        while let Some(below) = self.path.pop() {
            let above = self.ancestor[below as usize];
            let (mine, higher) = (self.label[below as usize], self.label[above as usize]);
            if semi[higher as usize] < semi[mine as usize] {
                self.label[below as usize] = higher;
            }
            self.ancestor[below as usize] = self.ancestor[above as usize];
        }
        Some(self.label[node as usize])
    }
}
