//! The model: what a program's heap must look like, as a plain graph.
//!
//! It knows each object's name, shape, length, address and edges, and the roots. It does not know spans, marks or cycles.
//! [`Model::bury`] is its collection: what no root reaches is dead. Between two of those it may be dead or not: then a weak
//! reference may find it, and after one that has not, none does. Who is reached is the business of `reach.rs`, and what becomes
//! of the dead that somebody waits for that of `ends.rs`.
//!
//! What the heap counts follows from it. A slot holds one object, except that tiny objects share 16-byte blocks, so for
//! them the distinct blocks count. The slot of a droppable object outlives it by one collection: exact counts hold after
//! two in a row.

mod ends;
mod reach;

pub use ends::{Cleaned, Waiting};

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
    /// The weak place it looks through, by a name of its own, above those of older ones. It is a slot.
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
    /// The chunk it is in, by the name of the first object there. They share a slot, and live and die together.
    pub chunk: Option<Id>,
    /// What it knows of others, if it is a weak map: it keeps a value if something else keeps the key.
    pub notes: BTreeMap<Id, Id>,
    /// Which name of a number it has, if it is an intern table: it keeps none.
    pub names: BTreeMap<usize, Id>,
    /// Whether a weak map or an intern table has memory for entries.
    pub has_table: bool,
}

impl Object {
    /// An object that holds nothing.
    #[must_use]
    pub fn new(shape: Shape, len: usize, addr: usize) -> Self {
        Self {
            shape,
            len,
            addr,
            slots_beside: 0,
            edges: BTreeMap::new(),
            sights: BTreeMap::new(),
            chunk: None,
            notes: BTreeMap::new(),
            names: BTreeMap::new(),
            has_table: false,
        }
    }
}

/// The graph. See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Model {
    objects: HashMap<Id, Object>,
    /// What each root leads to.
    pub roots: Vec<Id>,
    /// What is in a pool.
    pub pooled: Vec<Id>,
    /// Objects by their chunks.
    chunks: HashMap<Id, Vec<Id>>,
    /// Names of the stones of dead objects.
    dead_stones: Vec<u64>,
    /// Objects that a weak reference has not found any more: none that was made before finds them again. Made after that are those
    /// of objects that a finalizer has brought back.
    gone: HashMap<Id, u64>,
    /// Objects with a finalizer.
    waiting: BTreeMap<Id, Waiting>,
    /// What was finalized or left a pool since the last collection, or just after it.
    unsure: Vec<Id>,
    /// Objects not buried that may be dead.
    maybe: HashSet<Id>,
    /// What is to be done once objects are dead.
    pub cleanups: Vec<Cleaned>,
}

impl Model {
    /// Enters an object.
    pub fn add(&mut self, id: Id, object: Object) {
        if let Some(chunk) = object.chunk {
            self.chunks.entry(chunk).or_default().push(id);
        }
        self.objects.insert(id, object);
    }

    /// Changes an object.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn object_mut(&mut self, id: Id) -> &mut Object {
        let Some(object) = self.objects.get_mut(&id) else { panic!("no object {id:#x}") };
        object
    }

    /// Whether there is an object of that name that was not buried.
    #[must_use]
    pub fn has(&self, id: Id) -> bool {
        self.objects.contains_key(&id)
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
        let object = self.object_mut(id);
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
        let object = self.object_mut(id);
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
        let object = self.object_mut(id);
        turn(&mut object.edges);
        object.slots_beside = slots_beside;
    }

    /// Changes what a watch looks at.
    ///
    /// # Panics
    /// If there is no object of that name.
    pub fn watch(&mut self, id: Id, eye: Eye, sight: Option<Sight>) {
        let object = self.object_mut(id);
        match sight {
            Some(sight) => object.sights.insert(eye, sight),
            None => object.sights.remove(&eye),
        };
    }

    /// A weak reference to an object, or the entry of one, that is known by a name of its own did not find it, or did. `reachable`
    /// is what roots reach.
    ///
    /// # Errors
    /// If that cannot be.
    pub fn looked(&mut self, sight: Sight, is_found: bool, reachable: &HashSet<Id>) -> Result<(), String> {
        let Sight { through, to } = sight;
        let was_gone = self.gone.get(&to).is_some_and(|since| through < *since);
        if !is_found {
            if was_gone {
                return Ok(());
            }
            if reachable.contains(&to) {
                return Err(format!("no weak reference finds {to:#x}, which is alive"));
            }
            self.gone.insert(to, u64::MAX);
            return Ok(());
        }
        if !self.objects.contains_key(&to) {
            return Err(format!("a weak reference finds {to:#x}, which is dead since a collection"));
        }
        if was_gone {
            return Err(format!("a weak reference finds {to:#x}, which was gone before"));
        }
        Ok(())
    }

    /// A stone that was not put into the heap was dropped.
    pub fn drop_stone(&mut self, name: u64) {
        self.dead_stones.push(name);
    }

    /// Names of the stones of buried objects.
    #[must_use]
    pub fn dead_stones(&self) -> &[u64] {
        &self.dead_stones
    }

    /// The stones of objects that are not buried, by their names, each with its object.
    pub fn stones(&self) -> impl Iterator<Item = (Id, u64)> {
        self.objects.iter().flat_map(|(&id, object)| {
            (0..object.shape.stones(object.len)).map(move |index| (id, content(id, index)))
        })
    }

    /// Stones of objects that may be dead, and are not buried.
    #[must_use]
    pub fn stones_maybe(&self) -> usize {
        let maybe = self.maybe.iter().filter_map(|id| self.objects.get(id));
        maybe.map(|object| object.shape.stones(object.len)).sum()
    }

    /// Objects not buried that have a drop.
    #[must_use]
    pub fn droppable(&self) -> usize {
        self.objects.values().filter(|object| object.shape.is_droppable()).count()
    }

    /// Slots that the objects take that are alive.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots_of(|id| !self.maybe.contains(id))
    }

    /// Slots that objects take which may be dead, and are not buried.
    #[must_use]
    pub fn slots_maybe(&self) -> usize {
        self.slots_of(|_| true) - self.slots()
    }

    fn slots_of(&self, is_one: impl Fn(&Id) -> bool) -> usize {
        let objects = || self.objects.iter().filter(|(id, _)| is_one(id)).map(|(_, object)| object);
        let is_tiny = |object: &&Object| object.shape == Shape::Tiny;
        let blocks: HashSet<usize> = objects().filter(is_tiny).map(|object| object.addr / 16).collect();
        let chunks: HashSet<Id> = objects().filter_map(|object| object.chunk).collect();
        let others = objects().filter(|object| object.shape != Shape::Tiny);
        let own = others.map(|object| usize::from(object.chunk.is_none()) + object.slots_beside);
        let sights = objects().flat_map(|object| object.sights.values());
        let weak_places: HashSet<u64> = sights.map(|sight| sight.through).collect();
        own.sum::<usize>() + blocks.len() + chunks.len() + weak_places.len()
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
