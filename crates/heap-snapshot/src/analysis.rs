//! What is asked of a graph: who keeps a node, how much a node keeps, and by which way the root leads to it.
//!
//! *Retained* by a node are its own bytes and those of all that would go with it: of the nodes it dominates. Weak edges do not keep, and
//! are left out of everything but the list of retainers.

use crate::dominators::{Dominators, NOBODY, list, narrow};
use crate::graph::{Edge, Graph};
use core::fmt;
use std::collections::{HashMap, VecDeque};

/// The process has no memory for an analysis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMemory;

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process has no memory for an analysis of the snapshot")
    }
}

impl std::error::Error for NoMemory {}

/// A step of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The node it is from.
    pub from: u32,
    /// The edge that is taken.
    pub edge: Edge<'a>,
}

/// The nodes of one type.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TypeSum<'a> {
    /// The name of objects and native nodes; the kind of others.
    pub name: &'a str,
    /// How many there are.
    pub objects: u64,
    /// Their own bytes.
    pub size: u64,
    /// What they retain, those within others counted once.
    pub retained: u64,
}

/// What was found out about a graph. See the module's text.
pub struct Analysis<'a> {
    graph: &'a Graph,
    /// By node: its dominator; nobody for the root and for what is not reached.
    dominator: Vec<u32>,
    retained: Vec<u64>,
    /// Nodes that are reached, each behind its dominator.
    order: Vec<u32>,
    /// By node: the edge by which the shortest path leads to it.
    by: Vec<u32>,
    /// By edge: the node it is from.
    from: Vec<u32>,
}

impl<'a> Analysis<'a> {
    /// Finds everything out: in O(m log n) for m edges of n nodes.
    ///
    /// # Errors
    /// If the process has no memory for it: some 60 bytes for each node and 8 for each edge at its peak.
    pub fn of(graph: &'a Graph) -> Result<Self, NoMemory> {
        Self::try_of(graph).ok_or(NoMemory)
    }

    fn try_of(graph: &'a Graph) -> Option<Self> {
        let Dominators { order, dominator: by_order } = Dominators::of(graph)?;
        let mut retained = Vec::new();
        retained.try_reserve_exact(graph.len()).ok()?;
        retained.extend(graph.nodes.iter().map(|node| node.size));
        let mut dominator = list(graph.len())?;
        for (number, &node) in order.iter().enumerate().skip(1).rev() {
            let over = order[by_order[number] as usize];
            dominator[node as usize] = over;
            retained[over as usize] = retained[over as usize].saturating_add(retained[node as usize]);
        }
        drop(by_order);
        let mut from = list(graph.edge_count())?;
        for node in 0..graph.len() {
            from[graph.range(narrow(node))].fill(narrow(node));
        }
        Some(Self { graph, dominator, retained, order, by: shortest(graph)?, from })
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// The bytes of a node and of all that it keeps alone: what would be free if it were gone. Those of its own for what no edge
    /// keeps.
    ///
    /// # Panics
    /// If there are not so many nodes.
    #[must_use]
    pub fn retained(&self, node: u32) -> u64 {
        self.retained[node as usize]
    }

    /// The nearest node without which it would not be kept; `None` for the root, and for what the root does not keep.
    ///
    /// # Panics
    /// If there are not so many nodes.
    #[must_use]
    pub fn dominator(&self, node: u32) -> Option<u32> {
        Some(self.dominator[node as usize]).filter(|&over| over != NOBODY)
    }

    /// The edges that lead to a node, weak ones among them, by looking at all edges.
    ///
    /// # Panics
    /// If there are not so many nodes.
    pub fn retainers(&self, node: u32) -> impl Iterator<Item = Step<'a>> {
        assert!((node as usize) < self.graph.len(), "there is no node {node}");
        let edges = (0..self.graph.edge_count()).filter(move |&edge| self.graph.edges[edge].to == node);
        edges.map(|edge| self.step(edge))
    }

    fn step(&self, edge: usize) -> Step<'a> {
        Step { from: self.from[edge], edge: self.graph.edge(edge) }
    }

    /// A shortest path from the root to a node by edges that keep; `None` if there is none.
    ///
    /// # Panics
    /// If there are not so many nodes.
    #[must_use]
    pub fn path(&self, node: u32) -> Option<Vec<Step<'a>>> {
        let (mut steps, mut at) = (Vec::new(), node);
        while at != self.graph.root() {
            let by = Some(self.by[at as usize]).filter(|&by| by != NOBODY)?;
            let step = self.step(by as usize);
            at = step.from;
            steps.push(step);
        }
        steps.reverse();
        Some(steps)
    }

    /// Whether a node is no object of the heap, but a name for roots: synthetic, or without bytes and directly below the root.
    fn names_roots(&self, node: u32) -> bool {
        let Some(by) = Some(self.by[node as usize]).filter(|&by| by != NOBODY) else { return true };
        let (of, root) = (self.graph.node(node), self.graph.root());
        of.kind == "synthetic" || (of.size == 0 && self.from[by as usize] == root)
    }

    /// The numbers of the `count` objects that retain most: most first, then by number. Nodes that only name roots are none, and
    /// neither is what the root does not keep.
    #[must_use]
    pub fn top(&self, count: usize) -> Vec<u32> {
        let mut nodes: Vec<u32> =
            self.order.iter().copied().filter(|&node| !self.names_roots(node)).collect();
        let key = |node: &u32| (core::cmp::Reverse(self.retained(*node)), *node);
        if count < nodes.len() {
            nodes.select_nth_unstable_by_key(count, key);
            nodes.truncate(count);
        }
        nodes.sort_unstable_by_key(key);
        nodes
    }

    /// By type, those that retain most first. What is not kept by the root is left out, and so are nodes that only
    /// name roots.
    ///
    /// # Errors
    /// If the process has no memory for it.
    pub fn types(&self) -> Result<Vec<TypeSum<'a>>, NoMemory> {
        self.try_types().ok_or(NoMemory)
    }

    fn try_types(&self) -> Option<Vec<TypeSum<'a>>> {
        let graph = self.graph;
        let mut sums: Vec<TypeSum<'a>> = Vec::new();
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut kinds: HashMap<&str, u32> = HashMap::new();
        let mut of = list(graph.len())?;
        for &number in &self.order {
            let node = graph.node(number);
            if self.names_roots(number) {
                continue;
            }
            let (map, name) = match node.kind {
                "object" | "native" => (&mut known, node.name),
                kind => (&mut kinds, kind),
            };
            let row = *map.entry(name).or_insert_with(|| {
                sums.push(TypeSum { name, objects: 0, size: 0, retained: 0 });
                narrow(sums.len() - 1)
            });
            let sum = &mut sums[row as usize];
            sum.objects += 1;
            sum.size = sum.size.saturating_add(node.size);
            of[number as usize] = row;
        }
        self.each_outermost(&of, sums.len(), |row, node| {
            let sum = &mut sums[row as usize].retained;
            *sum = sum.saturating_add(self.retained(node));
        })?;
        sums.sort_by_key(|sum| (core::cmp::Reverse(sum.retained), sum.name));
        Some(sums)
    }

    /// Calls `f` with the nodes that no other of their type dominates. `of` is the type of each node.
    fn each_outermost(&self, of: &[u32], types: usize, mut f: impl FnMut(u32, u32)) -> Option<()> {
        // The tree of dominators: the first below each node, and the next beside it.
        let (mut first, mut next) = (list(self.graph.len())?, list(self.graph.len())?);
        for &node in self.order.iter().rev() {
            if let Some(over) = self.dominator(node) {
                next[node as usize] = core::mem::replace(&mut first[over as usize], node);
            }
        }
        // How many of each type are above.
        let mut above = list(types)?;
        above.fill(0);
        let Some(&root) = self.order.first() else { return Some(()) };
        let mut way: Vec<u32> = vec![root];
        let mut is_new = true;
        while let Some(&node) = way.last() {
            let row = of[node as usize];
            if is_new && row != NOBODY {
                if above[row as usize] == 0 {
                    f(row, node);
                }
                above[row as usize] += 1;
            }
            let below = core::mem::replace(&mut first[node as usize], NOBODY);
            if is_new && below != NOBODY {
                way.try_reserve(1).ok()?;
                way.push(below);
                continue;
            }
            // All below it have been seen: on to the one beside it.
            if row != NOBODY {
                above[row as usize] -= 1;
            }
            way.pop();
            let beside = next[node as usize];
            is_new = beside != NOBODY;
            if is_new {
                way.push(beside);
            }
        }
        Some(())
    }
}

/// By node: the edge of a shortest path that leads to it.
fn shortest(graph: &Graph) -> Option<Vec<u32>> {
    let mut by = list(graph.len())?;
    let mut queue = VecDeque::new();
    queue.push_back(graph.root());
    while let Some(node) = queue.pop_front() {
        for edge in graph.range(node).filter(|&edge| graph.keeps(node, edge)) {
            let to = graph.edges[edge].to;
            if to != graph.root() && by[to as usize] == NOBODY {
                by[to as usize] = narrow(edge);
                queue.try_reserve(1).ok()?;
                queue.push_back(to);
            }
        }
    }
    Some(by)
}

impl fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analysis").field("nodes", &self.order.len()).finish_non_exhaustive()
    }
}
