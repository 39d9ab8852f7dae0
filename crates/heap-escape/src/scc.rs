//! Batches: which functions are analysed together, and in what order.
//!
//! Functions that call each other in a circle (a strongly connected component of "mentions") are one batch; a batch comes after
//! all that it mentions. Tarjan's algorithm finds both at once; it keeps its own stack, so deep chains of calls are no danger.

const NEW: u32 = u32::MAX;

/// The components of the graph with `nodes` nodes and the edges that `next(node, i)` lists, callees before callers.
pub(crate) fn components(nodes: u32, next: impl Fn(u32, usize) -> Option<u32>) -> Vec<Vec<u32>> {
    let mut low = vec![NEW; nodes as usize];
    let mut order = vec![NEW; nodes as usize];
    let mut open = Vec::new();
    let mut path: Vec<(u32, usize)> = Vec::new();
    let mut count = 0;
    let mut found = Vec::new();
    for start in 0..nodes {
        if order[start as usize] != NEW {
            continue;
        }
        path.push((start, 0));
        while let Some((node, edge)) = path.pop() {
            let at = node as usize;
            if edge == 0 {
                order[at] = count;
                low[at] = count;
                count += 1;
                open.push(node);
            }
            if let Some(other) = next(node, edge) {
                path.push((node, edge + 1));
                if order[other as usize] == NEW {
                    path.push((other, 0));
                } else {
                    // One that is closed has `low` NEW, and so lowers nothing.
                    low[at] = low[at].min(low[other as usize]);
                }
                continue;
            }
            if let Some((caller, _)) = path.last() {
                let caller = *caller as usize;
                low[caller] = low[caller].min(low[at]);
            }
            if low[at] == order[at] {
                let first = open.iter().rposition(|known| *known == node).unwrap_or(0);
                let mut component = open.split_off(first);
                for member in &component {
                    low[*member as usize] = NEW;
                }
                component.sort_unstable();
                found.push(component);
            }
        }
    }
    found
}
