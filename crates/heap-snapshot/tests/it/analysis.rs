//! Dominators, sizes, paths and types, beside their definitions.

use crate::{Random, text};
use heap_snapshot::{Analysis, Graph, Limits, read};
use std::collections::HashMap;

type Nodes = Vec<(u64, Vec<(&'static str, usize)>)>;

fn graph(nodes: &Nodes) -> Graph {
    read(text(nodes).as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The nodes that the root leads to without going through one, by edges that keep.
fn reached(nodes: &Nodes, without: Option<usize>) -> Vec<bool> {
    let mut seen = vec![false; nodes.len()];
    let mut list = Vec::new();
    if without != Some(0) {
        seen[0] = true;
        list.push(0);
    }
    while let Some(from) = list.pop() {
        for &(kind, to) in &nodes[from].1 {
            let keeps = kind != "weak" && (kind != "shortcut" || from == 0);
            if keeps && !seen[to] && without != Some(to) {
                seen[to] = true;
                list.push(to);
            }
        }
    }
    seen
}

/// Compares an analysis with what dominating means: without it, the other is not reached.
fn compare(nodes: &Nodes) {
    let graph = graph(nodes);
    let analysis = Analysis::of(&graph).unwrap();
    let all = reached(nodes, None);
    let without: Vec<Vec<bool>> = (0..nodes.len()).map(|node| reached(nodes, Some(node))).collect();
    let dominates = |over: usize, node: usize| all[over] && all[node] && !without[over][node];
    for node in 0..nodes.len() {
        // The nearest of those that dominate is the one that all the others dominate.
        let over: Vec<usize> =
            (0..nodes.len()).filter(|&over| over != node && dominates(over, node)).collect();
        let nearest =
            over.iter().find(|&&near| over.iter().all(|&other| other == near || dominates(other, near)));
        let found = analysis.dominator(node as u32).map(|over| over as usize);
        assert_eq!(found, nearest.copied(), "of {node} in {nodes:?}");
        let kept = (0..nodes.len()).filter(|&other| dominates(node, other)).map(|other| nodes[other].0);
        let retained = if all[node] { kept.sum() } else { nodes[node].0 };
        assert_eq!(analysis.retained(node as u32), retained, "of {node} in {nodes:?}");
        let path = analysis.path(node as u32);
        assert_eq!(path.is_some(), all[node]);
        let mut at = 0;
        for step in path.into_iter().flatten() {
            assert_eq!(step.from, at, "the steps of a path follow each other");
            at = step.edge.to;
        }
        assert!(!all[node] || at == node as u32);
        let retainers: Vec<u32> = analysis.retainers(node as u32).map(|step| step.from).collect();
        let edges = nodes.iter().enumerate().flat_map(|(from, (_, edges))| {
            edges.iter().filter(|(_, to)| *to == node).map(move |_| from as u32)
        });
        assert!(retainers.into_iter().eq(edges));
    }
    // What a type retains is what is dominated by any of it.
    let mut types: HashMap<&str, (u64, u64, u64)> = HashMap::new();
    for node in (1..nodes.len()).filter(|&node| all[node]) {
        let name = ["a", "b", "c"][node % 3];
        let is_outermost =
            (1..nodes.len()).all(|over| over == node || over % 3 != node % 3 || !dominates(over, node));
        let sum = types.entry(name).or_default();
        sum.0 += 1;
        sum.1 += nodes[node].0;
        sum.2 += if is_outermost { analysis.retained(node as u32) } else { 0 };
    }
    let found = analysis.types().unwrap();
    assert!(found.is_sorted_by_key(|sum| std::cmp::Reverse(sum.retained)));
    let found: HashMap<&str, _> =
        found.iter().map(|sum| (sum.name, (sum.objects, sum.size, sum.retained))).collect();
    assert_eq!(found, types, "{nodes:?}");
    let mut by_size: Vec<u32> = (1..nodes.len() as u32).filter(|&node| all[node as usize]).collect();
    by_size.sort_by_key(|&node| (std::cmp::Reverse(analysis.retained(node)), node));
    for count in [0, 1, 3, nodes.len(), usize::MAX] {
        assert_eq!(analysis.top(count), by_size[..count.min(by_size.len())]);
    }
}

#[test]
fn random_graphs_agree_with_the_definition() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let count = 1 + random.below(12) as usize;
        let density = 1 + random.below(4);
        let nodes = (0..count)
            .map(|_| {
                let edges = random.below(density + 1);
                let edge = |_| {
                    let kind = ["element", "property", "property", "weak", "shortcut"];
                    (kind[random.below(5) as usize], random.below(count as u64) as usize)
                };
                let edges = (0..edges).map(edge).collect();
                (1 + random.below(100), edges)
            })
            .collect();
        compare(&nodes);
    }
}

#[test]
fn the_classic_examples_come_out_right() {
    let to = |edges: &[usize]| (1, edges.iter().map(|&to| ("property", to)).collect::<Vec<_>>());
    // Two ways to one; a loop that is entered from both ends; a ladder.
    compare(&vec![to(&[1, 2]), to(&[3]), to(&[3]), to(&[])]);
    compare(&vec![to(&[1, 4]), to(&[2]), to(&[3, 1]), to(&[4, 2]), to(&[3])]);
    compare(&(0..14).map(|node| to(&[(node + 1) % 14, (node + 2) % 14, node / 2])).collect());
    compare(&vec![to(&[0])]);
}

#[test]
fn long_lists_and_wide_graphs_need_no_stack_and_no_square_time() {
    const LONG: usize = 300_000;
    let next = |node: usize| vec![("property", (node + 1) % LONG)];
    let list: Nodes = (0..LONG).map(|node| (1, next(node))).collect();
    let graph_of_list = graph(&list);
    let analysis = Analysis::of(&graph_of_list).unwrap();
    assert_eq!(analysis.retained(1), LONG as u64 - 1);
    assert_eq!(analysis.path(LONG as u32 - 1).unwrap().len(), LONG - 1);
    assert_eq!(analysis.types().unwrap()[0].objects, LONG as u64 / 3);
    // Both ways along the list, and from the root to its end: quadratic for an iteration over all nodes.
    let both: Nodes = (0..LONG)
        .map(|node| match node {
            0 => (1, vec![("property", 1), ("property", LONG - 1)]),
            _ => (1, vec![("property", node - 1), ("property", (node + 1) % LONG)]),
        })
        .collect();
    let graph_of_both = graph(&both);
    let analysis = Analysis::of(&graph_of_both).unwrap();
    assert!((1..LONG as u32).all(|node| analysis.dominator(node) == Some(0)));
    assert_eq!(analysis.retained(0), LONG as u64);
}

#[test]
fn sums_that_are_too_large_stay_large() {
    let nodes: Nodes = vec![(u64::MAX, vec![("property", 1)]), (u64::MAX, vec![("weak", 0)])];
    let graph = graph(&nodes);
    let analysis = Analysis::of(&graph).unwrap();
    assert_eq!(analysis.retained(0), u64::MAX);
    assert!(format!("{analysis:?}").contains("nodes: 2"));
}

#[test]
fn what_only_names_roots_is_no_object() {
    // Below the root: a name, which has no bytes, and an object, which has none either but is further away.
    let nodes: Nodes =
        vec![(0, vec![("element", 1)]), (0, vec![("element", 2), ("element", 3)]), (0, vec![]), (5, vec![])];
    let graph = graph(&nodes);
    let analysis = Analysis::of(&graph).unwrap();
    assert_eq!(analysis.top(9), [3, 2]);
    assert_eq!(analysis.types().unwrap().iter().map(|sum| sum.objects).sum::<u64>(), 2);
}
