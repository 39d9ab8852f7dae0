//! The model: what a program's heap must look like, as a plain graph.
//!
//! It knows each object's name, shape, length, address and edges, and the roots. It does not know spans, marks or cycles.
//! [`Model::bury`] is its collection: what no root reaches is dead. Between two of those it may be dead or not: then a weak
//! reference may find it, and after one that has not, none does.
//!
//! What the heap counts follows from it. A slot holds one object, except that tiny objects share 16-byte blocks, so for
//! them the distinct blocks count. The slot of a droppable object outlives it by one collection: exact counts hold after
//! two in a row.

use crate::shape::{Eye, Shape, content};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An object's name, unlike that of any other in its heap.
pub type Id = u64;

/// What a place holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// A reference.
    To(Id),
    /// A number that is an address inside that object: it keeps the object alive and does not lead to it.
    Hidden(Id, u64),
    /// A number that is no address.
    Number(u64),
}

impl Edge {
    /// The object it keeps alive.
    #[must_use]
    pub fn keeps(self) -> Option<Id> {
        match self {
            Self::To(id) | Self::Hidden(id, _) => Some(id),
            Self::Number(_) => None,
        }
    }
}

/// What a watch looks at: it keeps nothing alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The weak place it looks through, by a name of its own. It is a slot.
    pub through: u64,
    /// The object, which may be dead.
    pub to: Id,
}

/// One object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its shape.
    pub shape: Shape,
    /// What it was allocated with, or has been changed to.
    pub len: usize,
    /// Where it is.
    pub addr: usize,
    /// Slots that it has beside its own.
    pub slots_beside: usize,
    /// Its places that hold something.
    pub edges: BTreeMap<usize, Edge>,
    /// What it looks at, if it is a watch.
    pub sights: BTreeMap<Eye, Sight>,
}

/// The graph. See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Model {
    objects: HashMap<Id, Object>,
    /// What each root leads to.
    pub roots: Vec<Id>,
    /// Names of the stones of dead objects.
    dead_stones: Vec<u64>,
    /// Objects that a weak reference has not found any more: none finds them again.
    gone: HashSet<Id>,
}

impl Model {
    /// Enters an object.
    pub fn add(&mut self, id: Id, object: Object) {
        self.objects.insert(id, object);
    }

    /// An object that was entered and not buried.
    ///
    /// # Panics
    /// If there is none of that name.
    #[must_use]
    pub fn object(&self, id: Id) -> &Object {
        &self.objects[&id]
    }

    /// Changes what a place holds.
    ///
    /// # Panics
    /// If there is no object of that name.
    pub fn hold(&mut self, id: Id, place: usize, edge: Option<Edge>) {
        let Some(object) = self.objects.get_mut(&id) else { panic!("no object {id:#x}") };
        match edge {
            Some(edge) => object.edges.insert(place, edge),
            None => object.edges.remove(&place),
        };
    }

    /// Changes the places of a vector: their number, and what each holds. `slots_beside` is what it has then.
    ///
    /// # Panics
    /// If there is no object of that name.
    pub fn change(&mut self, id: Id, change: impl FnOnce(&mut Vec<Option<Edge>>), slots_beside: usize) {
        let Some(object) = self.objects.get_mut(&id) else { panic!("no object {id:#x}") };
        let mut places = (0..object.len).map(|place| object.edges.get(&place).copied()).collect();
        change(&mut places);
        object.len = places.len();
        let held = places.into_iter().enumerate();
        object.edges = held.filter_map(|(place, edge)| Some((place, edge?))).collect();
        object.slots_beside = slots_beside;
    }

    /// Changes the entries of a map. `slots_beside` is what it has then.
    ///
    /// # Panics
    /// If there is no object of that name.
    pub fn turn(&mut self, id: Id, turn: impl FnOnce(&mut BTreeMap<usize, Edge>), slots_beside: usize) {
        let Some(object) = self.objects.get_mut(&id) else { panic!("no object {id:#x}") };
        turn(&mut object.edges);
        object.slots_beside = slots_beside;
    }

    /// Changes what a watch looks at.
    ///
    /// # Panics
    /// If there is no object of that name.
    pub fn watch(&mut self, id: Id, eye: Eye, sight: Option<Sight>) {
        let Some(object) = self.objects.get_mut(&id) else { panic!("no object {id:#x}") };
        match sight {
            Some(sight) => object.sights.insert(eye, sight),
            None => object.sights.remove(&eye),
        };
    }

    /// A weak reference to an object did not find it, or did. `reachable` is what roots reach.
    ///
    /// # Errors
    /// If that cannot be.
    pub fn looked(&mut self, to: Id, is_found: bool, reachable: &HashSet<Id>) -> Result<(), String> {
        if !is_found {
            self.gone.insert(to);
            let lost = reachable.contains(&to);
            return if lost {
                Err(format!("no weak reference finds {to:#x}, which is alive"))
            } else {
                Ok(())
            };
        }
        if !self.objects.contains_key(&to) {
            return Err(format!("a weak reference finds {to:#x}, which is dead since a collection"));
        }
        if self.gone.contains(&to) {
            return Err(format!("a weak reference finds {to:#x}, which was gone before"));
        }
        Ok(())
    }

    /// A stone that was not put into the heap was dropped.
    pub fn drop_stone(&mut self, name: u64) {
        self.dead_stones.push(name);
    }

    /// What the roots reach.
    #[must_use]
    pub fn reachable(&self) -> HashSet<Id> {
        let mut seen: HashSet<Id> = self.roots.iter().copied().collect();
        let mut list: Vec<Id> = seen.iter().copied().collect();
        while let Some(id) = list.pop() {
            for next in self.objects[&id].edges.values().filter_map(|edge| edge.keeps()) {
                if seen.insert(next) {
                    list.push(next);
                }
            }
        }
        seen
    }

    /// Removes what the roots do not reach, and notes its stones.
    pub fn bury(&mut self) {
        let reachable = self.reachable();
        let stones = &mut self.dead_stones;
        self.objects.retain(|id, object| {
            let lives = reachable.contains(id);
            if !lives {
                stones.extend((0..object.shape.stones(object.len)).map(|index| content(*id, index)));
            }
            lives
        });
    }

    /// Names of the stones of buried objects.
    #[must_use]
    pub fn dead_stones(&self) -> &[u64] {
        &self.dead_stones
    }

    /// Names of the stones of objects not buried.
    pub fn live_stones(&self) -> impl Iterator<Item = u64> {
        self.objects.iter().flat_map(|(id, object)| {
            (0..object.shape.stones(object.len)).map(move |index| content(*id, index))
        })
    }

    /// Objects not buried that have a drop.
    #[must_use]
    pub fn droppable(&self) -> usize {
        self.objects.values().filter(|object| object.shape.is_droppable()).count()
    }

    /// Slots the objects that are not buried take.
    #[must_use]
    pub fn slots(&self) -> usize {
        let is_tiny = |object: &&Object| object.shape == Shape::Tiny;
        let blocks: HashSet<usize> =
            self.objects.values().filter(is_tiny).map(|object| object.addr / 16).collect();
        let others = self.objects.values().filter(|object| object.shape != Shape::Tiny);
        let sights = self.objects.values().flat_map(|object| object.sights.values());
        let weak_places: HashSet<u64> = sights.map(|sight| sight.through).collect();
        others.map(|object| 1 + object.slots_beside).sum::<usize>() + blocks.len() + weak_places.len()
    }

    /// All objects that are not buried.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}
