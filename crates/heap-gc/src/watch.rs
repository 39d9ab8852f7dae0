//! Objects that somebody wants to hear of when they are dead, and what each wants done then.
//!
//! A list of entries, some of them free. An object's address in it keeps nothing: the list is no root, and no marker looks at
//! it. A cycle goes through it when it knows what is dead, and a piece at a time, since mutators add and take out meanwhile:
//! what they add is in their hands, and so alive in this cycle.
//!
//! Invariants
//!   W1  the object of an entry that is taken is an allocated slot of the heap: whoever frees it goes through the list before
//!   W2  a ticket is good for one entry: numbers are given once

/// Entries of a list that lets go of its memory when it is empty: a shorter one is soon filled again.
pub(crate) const LONG: usize = if heap_core::stress::STRESSED { 2 } else { 1024 };

/// An entry, as it was made. Good until it is taken out, and for nothing afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket {
    index: usize,
    number: u64,
}

#[derive(Debug)]
struct Entry<T> {
    object: usize,
    number: u64,
    /// `None` in a free entry.
    then: Option<T>,
}

/// The list. See the module's text.
#[derive(Debug)]
pub(crate) struct Watch<T> {
    entries: Vec<Entry<T>>,
    free: Vec<usize>,
    /// Entries made so far.
    made: u64,
}

impl<T> Default for Watch<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), made: 0 }
    }
}

impl<T> Watch<T> {
    /// Watches an object.
    pub(crate) fn add(&mut self, object: usize, then: T) -> Ticket {
        self.made += 1;
        let entry = Entry { object, number: self.made, then: Some(then) };
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        Ticket { index, number: self.made }
    }

    /// Takes an entry out, if it is there still.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<(usize, T)> {
        let entry = self.entries.get_mut(ticket.index).filter(|entry| entry.number == ticket.number)?;
        let then = entry.then.take()?;
        let object = entry.object;
        self.free.push(ticket.index);
        if self.free.len() == self.entries.len() && self.free.len() >= LONG {
            // A list that was long once need not stay so.
            self.entries = Vec::new();
            self.free = Vec::new();
        }
        Some((object, then))
    }

    /// Calls `f` with the tickets and objects of the next entries from number `from` on, at most `most` of them. Says where to go
    /// on; `None` at the end.
    pub(crate) fn piece(&self, from: usize, most: usize, mut f: impl FnMut(Ticket, usize)) -> Option<usize> {
        let upto = self.entries.len().min(from.saturating_add(most));
        for index in from..upto {
            let entry = &self.entries[index];
            if entry.then.is_some() {
                f(Ticket { index, number: entry.number }, entry.object);
            }
        }
        (upto < self.entries.len()).then_some(upto)
    }

    /// Takes everything out.
    #[must_use = "what was to be done may run code of the program's when it is dropped"]
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        self.free = Vec::new();
        core::mem::take(&mut self.entries).into_iter().filter_map(|entry| entry.then).collect()
    }

    /// How many objects are watched, one as often as it was added.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Bytes that the list takes, without what the entries own elsewhere.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry<T>>() + self.free.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(watch: &Watch<u64>, most: usize) -> Vec<usize> {
        let (mut from, mut seen) = (Some(0), Vec::new());
        while let Some(at) = from {
            from = watch.piece(at, most, |_, object| seen.push(object));
        }
        seen
    }

    #[test]
    fn an_entry_is_taken_once_and_its_place_used_again_under_another_number() {
        let mut watch = Watch::default();
        let tickets: Vec<Ticket> = (1..=10).map(|object| watch.add(object, object as u64 * 10)).collect();
        assert_eq!(watch.take(tickets[3]), Some((4, 40)));
        assert_eq!(watch.take(tickets[3]), None, "it was taken");
        let again = watch.add(99, 990);
        assert_eq!(again.index, tickets[3].index);
        assert_eq!(watch.take(tickets[3]), None, "another has its place");
        assert_eq!(watch.len(), 10);
        assert_eq!(all(&watch, 3), [1, 2, 3, 99, 5, 6, 7, 8, 9, 10]);
        assert_eq!(watch.take(again), Some((99, 990)));
        assert_eq!(all(&watch, 1), [1, 2, 3, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn a_list_that_is_empty_again_takes_no_memory() {
        let mut watch = Watch::default();
        let tickets: Vec<Ticket> = (1..=2000).map(|object| watch.add(object, 0_u64)).collect();
        assert!(watch.bytes() >= 2000 * size_of::<Entry<u64>>());
        assert!(tickets.iter().all(|&ticket| watch.take(ticket).is_some()));
        assert_eq!((watch.len(), watch.bytes()), (0, 0));
        let ticket = watch.add(7, 70);
        assert!(tickets.iter().all(|&old| watch.take(old).is_none()), "old tickets are good for nothing");
        assert_eq!(watch.take(ticket), Some((7, 70)));
        watch.add(8, 80);
        watch.add(9, 90);
        assert_eq!(watch.take_all(), [80, 90]);
        assert_eq!((watch.len(), watch.bytes()), (0, 0));
    }
}
