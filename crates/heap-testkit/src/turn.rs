//! Changes to a map's entries: each twice, once for the map in the heap, and once for the model's.
//!
//! A key of the model is the number of a place; that of the heap is made from it.

use std::collections::BTreeMap;
use tricolor::{AllocError, GcMap, GcMapEntry, Mu, Trace};

/// A change to the entries of a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn<E> {
    /// Give a key a value.
    Insert(usize, E),
    /// Give so many keys from one on a value.
    Extend(usize, usize, E),
    /// Give a key a value if it has none.
    OrInsert(usize, E),
    /// Change the value of a key that has one.
    Update(usize, E),
    /// Change all values.
    UpdateAll(E),
    /// Look a key up once: take it out if it is there, and put it there if not.
    Toggle(usize, E),
    /// Take a key out.
    Remove(usize),
    /// Leave so many keys from one on.
    Retain(usize, usize),
    /// Take all out, one after another.
    Drain,
    /// Take all out.
    Clear,
    /// Make room for that many more.
    Reserve(usize),
    /// Give room back.
    Shrink,
}

impl<E: Copy> Turn<E> {
    /// The same change with another value.
    pub fn map<F>(self, other: impl FnOnce(E) -> F) -> Turn<F> {
        match self {
            Self::Insert(key, value) => Turn::Insert(key, other(value)),
            Self::Extend(key, count, value) => Turn::Extend(key, count, other(value)),
            Self::OrInsert(key, value) => Turn::OrInsert(key, other(value)),
            Self::Update(key, value) => Turn::Update(key, other(value)),
            Self::UpdateAll(value) => Turn::UpdateAll(other(value)),
            Self::Toggle(key, value) => Turn::Toggle(key, other(value)),
            Self::Remove(key) => Turn::Remove(key),
            Self::Retain(key, count) => Turn::Retain(key, count),
            Self::Drain => Turn::Drain,
            Self::Clear => Turn::Clear,
            Self::Reserve(more) => Turn::Reserve(more),
            Self::Shrink => Turn::Shrink,
        }
    }

    /// Makes the change to a plain map: what the model does.
    pub fn apply(self, to: &mut BTreeMap<usize, E>) {
        match self {
            Self::Insert(key, value) => drop(to.insert(key, value)),
            Self::Extend(key, count, value) => to.extend((key..key + count).map(|key| (key, value))),
            Self::OrInsert(key, value) => _ = to.entry(key).or_insert(value),
            Self::Update(key, value) => _ = to.entry(key).and_modify(|old| *old = value),
            Self::UpdateAll(value) => to.values_mut().for_each(|old| *old = value),
            Self::Toggle(key, value) => {
                if to.remove(&key).is_none() {
                    to.insert(key, value);
                }
            }
            Self::Remove(key) => drop(to.remove(&key)),
            Self::Retain(from, count) => to.retain(|key, _| (from..from + count).contains(key)),
            Self::Drain | Self::Clear => to.clear(),
            Self::Reserve(_) | Self::Shrink => {}
        }
    }

    /// Makes the change to a map in the heap, whose keys are made by `key`.
    ///
    /// # Errors
    /// The heap's. The map is as before.
    ///
    /// # Panics
    /// If the map says something of itself that cannot be.
    pub fn make<'gc>(
        self,
        mu: &Mu<'gc>,
        to: &GcMap<'gc, u64, E>,
        key: impl Fn(usize) -> u64,
    ) -> Result<(), AllocError>
    where
        E: Trace + 'gc,
    {
        match self {
            Self::Insert(at, value) => drop(to.try_insert(mu, key(at), value)?),
            Self::Extend(from, count, value) => {
                // All or nothing, as the model has it.
                to.try_reserve(mu, count)?;
                let entries = (from..from + count).map(|at| (key(at), value));
                to.try_extend(mu, entries).map_err(|refusal| refusal.error)?;
            }
            Self::OrInsert(at, value) => drop(to.try_get_or_insert_with(mu, key(at), || Ok(value))?),
            Self::Update(at, value) => {
                let was = to.contains_key(&key(at));
                assert_eq!(to.update(mu, &key(at), |_| value).is_some(), was);
            }
            Self::UpdateAll(value) => to.update_all(mu, |_, _| value),
            Self::Toggle(at, value) => match to.entry(mu, key(at)) {
                GcMapEntry::Occupied(entry) => drop(entry.remove()),
                GcMapEntry::Vacant(entry) => entry.try_insert(value)?,
            },
            Self::Remove(at) => drop(to.remove(mu, &key(at))),
            Self::Retain(from, count) => {
                let kept: Vec<u64> = (from..from + count).map(key).collect();
                to.retain(mu, |key, _| kept.contains(key));
            }
            Self::Drain => {
                let was = to.len();
                assert_eq!(to.drain(mu).count(), was);
            }
            Self::Clear => to.clear(mu),
            Self::Reserve(more) => to.try_reserve(mu, more)?,
            Self::Shrink => to.shrink_to_fit(mu),
        }
        Ok(())
    }
}
