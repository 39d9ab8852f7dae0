//! What an object holds, and how that is changed.

use super::{Any, Held, Hub, HubCell, bytes, content, key, name, text};
use crate::change::Change;
use crate::turn::Turn;
use tricolor::{AllocError, Gc, GcCell, Mu};

impl<'gc> Any<'gc> {
    /// Whether the object is what was allocated as `id` with `len`, apart from its places.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(self, id: u64, len: usize) -> Result<(), String> {
        let named = |found: u64| (found == id).then_some(()).ok_or(format!("its name is {found:#x}"));
        let long =
            |found: usize| (found == len).then_some(()).ok_or(format!("its length is {found}, not {len}"));
        let word = |index: usize, found: u64| {
            let wanted = content(id, index);
            (found == wanted).then_some(()).ok_or(format!("its word {index} is {found:#x}, not {wanted:#x}"))
        };
        match self {
            Self::Number(number) => Err(format!("it is the number {number:#x}")),
            Self::Tiny(object) => word(0, *object),
            Self::Words(object) => {
                long(object.len())?;
                object.iter().enumerate().try_for_each(|(index, &found)| word(index, found))
            }
            Self::Text(object) => {
                let (found, wanted) = (object.as_str(), text(id, len));
                (found == wanted).then_some(()).ok_or(format!("its text is {found:?}, not {wanted:?}"))
            }
            Self::Bytes(object) => {
                let (found, wanted) = (object.as_bytes(), bytes(id, len));
                (found == wanted).then_some(()).ok_or(format!("its bytes are {found:?}, not {wanted:?}"))
            }
            Self::Chain(object) => named(object.id),
            Self::Hub(object) => named(object.id),
            Self::Watch(object) => named(object.id),
            Self::Atomic(object) => named(object.id),
            Self::Map(_) | Self::AnyMap(_) | Self::Notes(_) | Self::StoneNotes(_) | Self::Names(_) => Ok(()),
            Self::Name(object) => {
                let (found, wanted) = (object.as_str(), name(len));
                (found == wanted).then_some(()).ok_or(format!("its text is {found:?}, not {wanted:?}"))
            }
            Self::Node1(object) => named(object.id),
            Self::Node2(object) => named(object.id),
            Self::Node3(object) => named(object.id),
            Self::Node5(object) => named(object.id),
            Self::Node7(object) => named(object.id),
            Self::Node12(object) => named(object.id),
            Self::Node70(object) => named(object.id),
            Self::Refs(object) => long(object.len()),
            Self::Pairs(object) => {
                long(object.len())?;
                object.iter().enumerate().try_for_each(|(index, pair)| word(index, pair.number))
            }
            Self::Anys(object) => long(object.len()),
            Self::Vector(object) => long(object.len()),
            Self::AnyVector(object) => long(object.len()),
            Self::Stone(object) => word(0, object.name()),
            Self::Stones(object) => {
                long(object.len())?;
                object.iter().enumerate().try_for_each(|(index, stone)| word(index, stone.name()))
            }
            Self::Hand(object) => {
                long(object.edges.len())?;
                word(0, object.stone.name())
            }
        }
    }

    /// What a place holds.
    ///
    /// # Panics
    /// If the object has no such place.
    #[must_use]
    pub fn held(self, place: usize) -> Held<'gc> {
        let hub = |cell: &HubCell<'gc>| cell.get().map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub)));
        let whichever = |held: Self| {
            if let Self::Number(number) = held {
                return if number == 0 { Held::Nothing } else { Held::Number(number) };
            }
            Held::Object(held)
        };
        let any = |cell: &GcCell<Self>| whichever(cell.get());
        match self {
            Self::Chain(object) => {
                object.edge.get().map_or(Held::Nothing, |next| Held::Object(Self::Chain(next)))
            }
            Self::Hub(object) => any(&object.edge),
            Self::Atomic(object) => {
                object.edge.load().map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub)))
            }
            Self::Node1(object) => hub(&object.edges[place]),
            Self::Node2(object) => hub(&object.edges[place]),
            Self::Node3(object) => hub(&object.edges[place]),
            Self::Node5(object) => hub(&object.edges[place]),
            Self::Node7(object) => hub(&object.edges[place]),
            Self::Node12(object) => hub(&object.edges[place]),
            Self::Node70(object) => hub(&object.edges[place]),
            Self::Refs(object) => hub(&object.as_slice()[place]),
            Self::Pairs(object) => hub(&object.as_slice()[place].edge),
            Self::Anys(object) => any(&object.as_slice()[place]),
            Self::Vector(object) => match object.get(place) {
                Some(held) => held.map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub))),
                None => panic!("{self:?} has no place {place}"),
            },
            Self::AnyVector(object) => match object.get(place) {
                Some(held) => whichever(held),
                None => panic!("{self:?} has no place {place}"),
            },
            Self::Map(object) => {
                object.get(&key(place)).map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub)))
            }
            Self::AnyMap(object) => object.get(&key(place)).map_or(Held::Nothing, whichever),
            Self::Hand(object) => Held::Object(Self::Hub(object.edges[place])),
            Self::Number(_)
            | Self::Tiny(_)
            | Self::Words(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::Notes(_)
            | Self::StoneNotes(_)
            | Self::Names(_)
            | Self::Name(_)
            | Self::Watch(_)
            | Self::Stone(_)
            | Self::Stones(_) => {
                panic!("a place of {self:?}, which has none")
            }
        }
    }

    /// Changes what a place holds.
    ///
    /// # Errors
    /// The heap's, if a map has to grow; it is as before then.
    ///
    /// # Panics
    /// If the object has no such place that can change, or it cannot hold that.
    pub fn hold(self, mu: &Mu<'gc>, place: usize, what: Held<'gc>) -> Result<(), AllocError> {
        let set = |cell: &HubCell<'gc>| cell.set(mu, what.hub());
        let set_any = |cell: &GcCell<Self>| cell.set(mu, what.any());
        match self {
            Self::Chain(object) => match what {
                Held::Nothing => object.edge.set(mu, None),
                Held::Object(Self::Chain(next)) => object.edge.set(mu, Some(next)),
                Held::Number(_) | Held::Object(_) => panic!("{what:?} in a place for chains"),
            },
            Self::Hub(object) => set_any(&object.edge),
            Self::Atomic(object) => object.edge.store(mu, what.hub()),
            Self::Node1(object) => set(&object.edges[place]),
            Self::Node2(object) => set(&object.edges[place]),
            Self::Node3(object) => set(&object.edges[place]),
            Self::Node5(object) => set(&object.edges[place]),
            Self::Node7(object) => set(&object.edges[place]),
            Self::Node12(object) => set(&object.edges[place]),
            Self::Node70(object) => set(&object.edges[place]),
            Self::Refs(object) => set(&object.as_slice()[place]),
            Self::Pairs(object) => set(&object.as_slice()[place].edge),
            Self::Anys(object) => set_any(&object.as_slice()[place]),
            Self::Vector(object) => object.set(mu, place, what.hub()),
            Self::AnyVector(object) => object.set(mu, place, what.any()),
            Self::Map(object) => match what.hub() {
                Some(hub) => drop(object.try_insert(mu, key(place), hub)?),
                None => drop(object.remove(mu, &key(place))),
            },
            Self::AnyMap(object) => match what {
                Held::Nothing => drop(object.remove(mu, &key(place))),
                Held::Number(_) | Held::Object(_) => drop(object.try_insert(mu, key(place), what.any())?),
            },
            Self::Number(_)
            | Self::Tiny(_)
            | Self::Words(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::Notes(_)
            | Self::StoneNotes(_)
            | Self::Names(_)
            | Self::Name(_)
            | Self::Watch(_)
            | Self::Stone(_)
            | Self::Stones(_)
            | Self::Hand(_) => panic!("a place of {self:?}, which has none that changes"),
        }
        Ok(())
    }

    /// Changes the elements of a vector.
    ///
    /// # Errors
    /// The heap's, if it has to grow; it is as before then.
    ///
    /// # Panics
    /// If it is none, or cannot hold what is put there.
    pub fn change(self, mu: &Mu<'gc>, change: Change<Held<'gc>>) -> Result<(), AllocError> {
        if let Self::Vector(object) = self {
            change.map(Held::hub).make(mu, &object, |hub| hub.map_or(0, |hub| Gc::addr(hub) as u64))
        } else if let Self::AnyVector(object) = self {
            change.map(Held::any).make(mu, &object, |any| any.addr() as u64)
        } else {
            panic!("{self:?} is no vector");
        }
    }

    /// Changes the entries of a map.
    ///
    /// # Errors
    /// The heap's, if it has to grow; it is as before then.
    ///
    /// # Panics
    /// If it is none, or cannot hold what is put there, or the map says that something else was there than was.
    pub fn turn(self, mu: &Mu<'gc>, turn: Turn<Held<'gc>>) -> Result<(), AllocError> {
        if let Self::Map(object) = self {
            let hub = |held: Held<'gc>| held.hub().unwrap_or_else(|| panic!("nothing in a map"));
            turn.map(hub).make(mu, &object, key)
        } else if let Self::AnyMap(object) = self {
            turn.map(Held::any).make(mu, &object, key)
        } else {
            panic!("{self:?} is no map");
        }
    }

    /// The number of entries, if it is a map.
    #[must_use]
    pub fn entries(self) -> Option<usize> {
        if let Self::Map(object) = self {
            Some(object.len())
        } else if let Self::AnyMap(object) = self {
            Some(object.len())
        } else {
            None
        }
    }

    /// Slots that the object has beside its own: the buffer of a vector, the two tables of a map. Those of weak maps and of intern
    /// tables are not known here: [`Any::known`].
    #[must_use]
    pub fn slots_beside(self) -> usize {
        if let Self::Vector(object) = self {
            usize::from(object.capacity() > 0)
        } else if let Self::AnyVector(object) = self {
            usize::from(object.capacity() > 0)
        } else if let Self::Map(object) = self {
            2 * usize::from(object.capacity() > 0)
        } else if let Self::AnyMap(object) = self {
            2 * usize::from(object.capacity() > 0)
        } else {
            0
        }
    }

    /// Lets a watch look at an object, weakly; at a hub or at a stone, or, for `None`, at no hub or no stone any more.
    ///
    /// # Errors
    /// The heap's. It looks at what it did before then.
    ///
    /// # Panics
    /// If it is no watch, or the object is of another shape.
    pub fn watch(self, mu: &Mu<'gc>, eye: Eye, target: Option<Self>) -> Result<(), AllocError> {
        let Self::Watch(watch) = self else { panic!("{self:?} is no watch") };
        match (eye, target) {
            (Eye::Hub, None) => watch.hub.set(mu, None),
            (Eye::Hub, Some(Self::Hub(hub))) => watch.hub.set(mu, Some(mu.try_downgrade(hub)?)),
            (Eye::Stone, None) => watch.stone.set(mu, None),
            (Eye::Stone, Some(Self::Stone(stone))) => watch.stone.set(mu, Some(mu.try_downgrade(stone)?)),
            (_, Some(target)) => panic!("a watch looks at {target:?}"),
        }
        Ok(())
    }

    /// Lets a watch look at what another looks at, through the same weak place.
    ///
    /// # Panics
    /// If one is no watch.
    pub fn watch_as(self, mu: &Mu<'gc>, eye: Eye, other: Self) {
        let (Self::Watch(watch), Self::Watch(other)) = (self, other) else { panic!("two watches") };
        match eye {
            Eye::Hub => watch.hub.set(mu, other.hub.get()),
            Eye::Stone => watch.stone.set(mu, other.stone.get()),
        }
    }

    /// What a watch sees.
    ///
    /// # Panics
    /// If it is no watch.
    #[must_use]
    pub fn seen(self, mu: &Mu<'gc>, eye: Eye) -> Seen<'gc> {
        let Self::Watch(watch) = self else { panic!("{self:?} is no watch") };
        let seen = match eye {
            Eye::Hub => watch.hub.get().map(|weak| weak.upgrade(mu).map(Self::Hub)),
            Eye::Stone => watch.stone.get().map(|weak| weak.upgrade(mu).map(Self::Stone)),
        };
        match seen {
            None => Seen::Nowhere,
            Some(None) => Seen::Gone,
            Some(Some(object)) => Seen::Object(object),
        }
    }
}

/// One of the two weak references of a watch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Eye {
    /// That to a hub.
    Hub,
    /// That to a stone.
    Stone,
}

/// What a watch sees.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'gc> {
    /// It looks nowhere.
    Nowhere,
    /// What it looked at is gone.
    Gone,
    /// An object.
    Object(Any<'gc>),
}

impl<'gc> Held<'gc> {
    /// As a place for hubs holds it.
    pub(super) fn hub(self) -> Option<Gc<'gc, Hub<'gc>>> {
        match self {
            Held::Nothing => None,
            Held::Object(Any::Hub(hub)) => Some(hub),
            Held::Number(_) | Held::Object(_) => panic!("{self:?} in a place for hubs"),
        }
    }

    /// As a place for anything holds it.
    fn any(self) -> Any<'gc> {
        match self {
            Held::Nothing => Any::Number(0),
            Held::Number(number) => Any::Number(number),
            Held::Object(object) => object,
        }
    }
}
