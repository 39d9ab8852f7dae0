//! What a snapshot of the heap must say of a model: its objects, each once, and what leads from one to another.

use crate::model::{Id, Model};
use crate::shape::Shape;
use std::collections::{HashMap, HashSet};
use tricolor::Snapshot;

/// Bytes of the block that tiny objects share.
const TINY_BLOCK: usize = 16;

/// Compares a snapshot with what the model's roots reach. `alone` is whether the heap has nothing else.
pub(super) fn compare(model: &Model, snapshot: &Snapshot, alone: bool) -> Result<(), String> {
    let reachable = model.reachable();
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
    let starts: HashSet<usize> = reachable.iter().map(|id| start(model, *id)).collect();
    let mut beside = 0;
    let mut places = HashSet::new();
    for &id in &reachable {
        let object = model.object(id);
        beside += object.slots_beside;
        places.extend(object.sights.values().map(|sight| sight.through));
        let Some(&number) = nodes.get(&start(model, id)) else {
            return Err(format!("{id:#x}, {:?} at {:#x}, is no node", object.shape, object.addr));
        };
        let wanted: HashSet<usize> =
            object.edges.values().filter_map(|edge| edge.keeps()).map(|to| start(model, to)).collect();
        let found = leads_to(snapshot, number, &starts)?;
        // A block's other objects have no edges either.
        if found != wanted {
            return Err(format!("{id:#x}, {:?}, leads to {found:x?}, not to {wanted:x?}", object.shape));
        }
    }
    let wanted = starts.len() + beside + places.len();
    if alone && wanted != snapshot.len() {
        return Err(format!("{} nodes, not {wanted}", snapshot.len()));
    }
    Ok(())
}

/// Where an object's slot begins.
fn start(model: &Model, id: Id) -> usize {
    let object = model.object(id);
    if object.shape == Shape::Tiny { object.addr & !(TINY_BLOCK - 1) } else { object.addr }
}

/// The objects of the model that a node keeps by itself, or by slots that are none: buffers and tables.
fn leads_to(snapshot: &Snapshot, number: usize, starts: &HashSet<usize>) -> Result<HashSet<usize>, String> {
    let (mut found, mut list) = (HashSet::new(), vec![number]);
    while let Some(from) = list.pop() {
        for edge in snapshot.edges(from).iter().filter(|edge| !edge.kind.is_weak()) {
            let to = edge.to as usize;
            if to >= snapshot.len() {
                return Err(format!("{edge:?} of node {from} leads to none of {}", snapshot.len()));
            }
            let address = snapshot.node(to).address;
            if starts.contains(&address) {
                found.insert(address);
            } else {
                list.push(to);
            }
        }
    }
    Ok(found)
}
