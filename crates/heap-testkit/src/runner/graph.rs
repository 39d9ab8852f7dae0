//! What a snapshot of the heap must say of a model: its objects, each once, and what leads from one to another.

use crate::model::{Id, Model};
use crate::shape::Shape;
use std::collections::{HashMap, HashSet};
use tricolor::Snapshot;

/// Bytes of the block that tiny objects share.
const TINY_BLOCK: usize = 16;
/// Bytes before the first object of a chunk.
const CHUNK_HEADER: usize = size_of::<usize>();

/// Compares a snapshot with what the model's roots reach, values of weak maps among it. `alone` is whether the heap has nothing else.
pub(super) fn compare(model: &Model, snapshot: &Snapshot, alone: bool) -> Result<(), String> {
    // What is in a pool may have left it since the model was told.
    let reachable = model.reached_from(model.roots.iter().copied());
    let mut nodes = HashMap::new();
    for (number, node) in snapshot.nodes().enumerate() {
        if nodes.insert(node.address, number).is_some() {
            return Err(format!("{:#x} is two nodes", node.address));
        }
    }
    let ids: HashSet<u32> = snapshot.nodes().map(|node| node.id).collect();
    if ids.len() != snapshot.len() {
        return Err(format!("{} numbers for {} nodes", ids.len(), snapshot.len()));
    }
    // Where the model's slots begin, and what leads from one to another.
    let mut slots: HashMap<usize, HashSet<usize>> = HashMap::new();
    let mut beside = 0;
    let mut places = HashSet::new();
    for &id in &reachable {
        let object = model.object(id);
        beside += object.slots_beside;
        places.extend(object.sights.values().map(|sight| sight.through));
        let keeps = object.edges.values().filter_map(|edge| edge.keeps()).map(|to| start(model, to));
        slots.entry(start(model, id)).or_default().extend(keeps);
        for (key, value) in object.notes.iter().filter(|(key, _)| reachable.contains(key)) {
            slots.entry(start(model, *key)).or_default().insert(start(model, *value));
        }
    }
    let is_plain = model.is_plain();
    let starts: HashSet<usize> = slots.keys().copied().collect();
    for (start, wanted) in &slots {
        let Some(&number) = nodes.get(start) else {
            return Err(format!("what begins at {start:#x} is no node"));
        };
        // What finalizers or pools keep may be a key, and lead to a value.
        let found = leads_to(snapshot, number, &starts)?;
        let is_right = if is_plain { found == *wanted } else { found.is_superset(wanted) };
        if !is_right {
            return Err(format!("the object at {start:#x} leads to {found:x?}, not to {wanted:x?}"));
        }
    }
    let wanted = starts.len() + beside + places.len();
    let is_right = if is_plain && alone { wanted == snapshot.len() } else { wanted <= snapshot.len() };
    if !is_right {
        return Err(format!("{} nodes, not {wanted}", snapshot.len()));
    }
    Ok(())
}

/// Where an object's slot begins.
fn start(model: &Model, id: Id) -> usize {
    let object = model.object(id);
    match object.chunk {
        // The first object of a chunk is behind the header.
        Some(chunk) => model.object(chunk).addr - CHUNK_HEADER,
        None if object.shape == Shape::Tiny => object.addr & !(TINY_BLOCK - 1),
        None => object.addr,
    }
}

/// The objects of the model that a node keeps by itself, or by slots that are none: buffers and tables, and what only finalizers or
/// pools keep.
fn leads_to(snapshot: &Snapshot, number: usize, starts: &HashSet<usize>) -> Result<HashSet<usize>, String> {
    let (mut found, mut seen, mut list) = (HashSet::new(), HashSet::new(), vec![number]);
    while let Some(from) = list.pop() {
        for edge in snapshot.edges(from).iter().filter(|edge| !edge.kind.is_weak()) {
            let to = edge.to as usize;
            if to >= snapshot.len() {
                return Err(format!("{edge:?} of node {from} leads to none of {}", snapshot.len()));
            }
            let address = snapshot.node(to).address;
            if starts.contains(&address) {
                found.insert(address);
            } else if seen.insert(to) {
                list.push(to);
            }
        }
    }
    Ok(found)
}
