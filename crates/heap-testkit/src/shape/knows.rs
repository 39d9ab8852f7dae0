//! Objects that know of others and do not keep them, and the one whose reference is exchanged.

use super::{Any, Atomic, Held, name};
use core::cell::Cell;
use tricolor::{AllocError, Gc, Mu};

/// How the reference of an [`Atomic`] is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exchange {
    /// Exchange it for another.
    Swap,
    /// Take it out.
    Take,
    /// Exchange it if it is what was loaded before.
    IfSame,
    /// Exchange it if it is another than it is: it stays.
    IfOther,
    /// Exchange what an update makes of it.
    Update,
    /// The same, where the update stores something itself before it answers the first time.
    UpdateTwice,
    /// An update that says no.
    UpdateNot,
    /// Put something there if there is nothing.
    OrInsert,
}

impl Exchange {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Swap,
        Self::Take,
        Self::IfSame,
        Self::IfOther,
        Self::Update,
        Self::UpdateTwice,
        Self::UpdateNot,
        Self::OrInsert,
    ];

    /// What there is after it; `None` if that is what there was.
    #[must_use]
    pub fn leaves<E>(self, before: Option<E>, value: Option<E>) -> Option<E> {
        match self {
            Self::Swap | Self::IfSame | Self::Update | Self::UpdateTwice => value,
            Self::Take => None,
            Self::IfOther | Self::UpdateNot => before,
            Self::OrInsert => before.or(value),
        }
    }
}

impl<'gc> Any<'gc> {
    /// Changes the reference of an [`Atomic`], and returns what was there.
    ///
    /// # Errors
    /// Says what the place answered that cannot be.
    ///
    /// # Panics
    /// If it is none, or cannot hold that.
    pub fn exchange(self, mu: &Mu<'gc>, how: Exchange, value: Held<'gc>) -> Result<Held<'gc>, String> {
        let Self::Atomic(object) = self else { panic!("{self:?} has nothing to exchange") };
        let Atomic { edge, .. } = &*object;
        let (before, value) = (edge.load(), value.hub());
        let is_it = |found| same(found, before);
        let (found, is_right) = match how {
            Exchange::Swap => {
                let found = edge.swap(mu, value);
                (found, is_it(found))
            }
            Exchange::Take => {
                let found = edge.take(mu);
                (found, is_it(found))
            }
            Exchange::IfSame => {
                let found = edge.compare_exchange(mu, before, value);
                (before, found.is_ok_and(is_it))
            }
            Exchange::IfOther => {
                let other = if before.is_some() { None } else { value };
                if same(other, before) {
                    return Ok(before.map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub))));
                }
                let found = edge.compare_exchange_weak(mu, other, value);
                (before, found.is_err_and(is_it))
            }
            Exchange::Update | Exchange::UpdateTwice => {
                let asked = Cell::new(0);
                let found = edge.fetch_update(mu, |now| {
                    asked.set(asked.get() + 1);
                    if how == Exchange::UpdateTwice && asked.get() == 1 {
                        // So that its answer comes too late, if it is not what is there already.
                        edge.store(mu, None);
                        edge.store(mu, if now.is_some() { None } else { value });
                    }
                    Some(value)
                });
                let last = if how == Exchange::Update || before.is_some() { None } else { value };
                let wanted = if how == Exchange::Update { before } else { last };
                (before, found.is_ok_and(|found| same(found, wanted)))
            }
            Exchange::UpdateNot => {
                let found = edge.fetch_update(mu, |_| None);
                (before, found.is_err_and(is_it))
            }
            Exchange::OrInsert => match (before, value) {
                (None, None) => (None, true),
                (Some(hub), _) | (None, Some(hub)) => {
                    let found = edge.get_or_insert_with(mu, || hub);
                    (before, same(Some(found), before.or(value)))
                }
            },
        };
        if !is_right {
            return Err(format!("{how:?} of {before:?} for {value:?} found something else"));
        }
        Ok(found.map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub))))
    }

    /// What a weak map knows of a key.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn note(self, mu: &Mu<'gc>, key: Self) -> Option<Self> {
        match (self, key) {
            (Self::Notes(map), Self::Hub(key)) => {
                let found = map.get(mu, key);
                assert_eq!(found.is_some(), map.contains_key(key), "an entry is there or not");
                found.map(Self::Hub)
            }
            (Self::StoneNotes(map), Self::Hub(key)) => {
                let found = map.get(mu, key);
                assert_eq!(found.is_some(), map.contains_key(key), "an entry is there or not");
                found.map(Self::Stone)
            }
            _ => panic!("{self:?} knows nothing of {key:?}"),
        }
    }

    /// Tells a weak map something of a key, and returns what it knew.
    ///
    /// # Errors
    /// The heap's. It knows what it did before then.
    ///
    /// # Panics
    /// If it is none, or cannot know that.
    pub fn set_note(self, mu: &Mu<'gc>, key: Self, value: Self) -> Result<Option<Self>, AllocError> {
        match (self, key, value) {
            (Self::Notes(map), Self::Hub(key), Self::Hub(value)) => {
                Ok(map.try_insert(mu, key, value)?.map(Self::Hub))
            }
            (Self::StoneNotes(map), Self::Hub(key), Self::Stone(value)) => {
                Ok(map.try_insert(mu, key, value)?.map(Self::Stone))
            }
            _ => panic!("{self:?} cannot know {value:?} of {key:?}"),
        }
    }

    /// What a weak map knows of a key, or, if that is nothing, `value`, which it knows from then on.
    ///
    /// # Errors
    /// The heap's. It knows what it did before then.
    ///
    /// # Panics
    /// If it is none, or cannot know that.
    pub fn note_or(self, mu: &Mu<'gc>, key: Self, value: Self) -> Result<Self, AllocError> {
        match (self, key, value) {
            (Self::Notes(map), Self::Hub(key), Self::Hub(value)) => {
                map.try_get_or_insert_with(mu, key, || Ok(value)).map(Self::Hub)
            }
            (Self::StoneNotes(map), Self::Hub(key), Self::Stone(value)) => {
                map.try_get_or_insert_with(mu, key, || Ok(value)).map(Self::Stone)
            }
            _ => panic!("{self:?} cannot know {value:?} of {key:?}"),
        }
    }

    /// Lets a weak map forget a key, and returns what it knew.
    ///
    /// # Panics
    /// If it is none.
    pub fn remove_note(self, mu: &Mu<'gc>, key: Self) -> Option<Self> {
        match (self, key) {
            (Self::Notes(map), Self::Hub(key)) => map.remove(mu, key).map(Self::Hub),
            (Self::StoneNotes(map), Self::Hub(key)) => map.remove(mu, key).map(Self::Stone),
            _ => panic!("{self:?} knows nothing of {key:?}"),
        }
    }

    /// Takes all out of a weak map or an intern table.
    ///
    /// # Panics
    /// If it is neither.
    pub fn forget_all(self, mu: &Mu<'gc>) {
        if let Self::Notes(map) = self {
            map.clear(mu);
        } else if let Self::StoneNotes(map) = self {
            map.clear(mu);
        } else if let Self::Names(names) = self {
            names.clear(mu);
        } else {
            panic!("{self:?} knows nothing");
        }
    }

    /// Lets a weak map or an intern table give back what it does not need.
    ///
    /// # Panics
    /// If it is neither.
    pub fn shrink(self, mu: &Mu<'gc>) {
        if let Self::Notes(map) = self {
            map.shrink_to_fit(mu);
        } else if let Self::StoneNotes(map) = self {
            map.shrink_to_fit(mu);
        } else if let Self::Names(names) = self {
            names.shrink_to_fit(mu);
        } else {
            panic!("{self:?} knows nothing");
        }
    }

    /// How many entries a weak map or an intern table has, with those that are over: each is a slot. `None` if it is neither.
    #[must_use]
    pub fn known(self) -> Option<usize> {
        if let Self::Notes(map) = self {
            Some(map.len())
        } else if let Self::StoneNotes(map) = self {
            Some(map.len())
        } else if let Self::Names(names) = self {
            Some(names.len())
        } else {
            None
        }
    }

    /// The name of that number in an intern table, if it is there.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn find_name(self, mu: &Mu<'gc>, number: usize) -> Option<Self> {
        let Self::Names(names) = self else { panic!("{self:?} is no intern table") };
        names.find(mu, &name(number)).map(Self::Name)
    }

    /// The name of that number in an intern table, and whether it was made now.
    ///
    /// # Errors
    /// The heap's. The table is as before then.
    ///
    /// # Panics
    /// If it is none.
    pub fn intern(self, mu: &Mu<'gc>, number: usize) -> Result<(Self, bool), AllocError> {
        let Self::Names(names) = self else { panic!("{self:?} is no intern table") };
        let (text, made) = (name(number), Cell::new(false));
        let found = names.try_get_or_insert_by(
            mu,
            names.hash_of(text.as_str()),
            |found| found.as_str() == text,
            || {
                made.set(true);
                mu.try_alloc_str(&text)
            },
        )?;
        let again = names.try_intern(mu, &text)?;
        assert!(Gc::ptr_eq(found, again), "a name is there twice");
        Ok((Self::Name(found), made.get()))
    }

    /// Takes the name of that number out of an intern table.
    ///
    /// # Panics
    /// If it is none.
    pub fn remove_name(self, mu: &Mu<'gc>, number: usize) -> Option<Self> {
        let Self::Names(names) = self else { panic!("{self:?} is no intern table") };
        let text = name(number);
        names.remove_by(mu, names.hash_of(text.as_str()), |found| found.as_str() == text).map(Self::Name)
    }
}

fn same<T>(one: Option<Gc<'_, T>>, other: Option<Gc<'_, T>>) -> bool {
    one.map(Gc::addr) == other.map(Gc::addr)
}
