//! Generated sequences of requests, against a list of pages with a state each.
#![forbid(unsafe_code)]

use proptest::prelude::*;

use super::*;
use crate::page::samples::cases;

/// The chunks the sequences may grow: around the borders of entries of every level.
const CHUNKS: [usize; 14] = [0, 1, 2, 6, 7, 8, 9, 63, 64, 65, 511, 512, 4095, 4096];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    NotGrown,
    InUse,
    Free,
    Released,
}

/// The pages of [`CHUNKS`] in a row; one that never grows wherever the row leaves out chunks.
struct Model {
    pages: Vec<(usize, State)>,
}

impl Model {
    fn new() -> Self {
        let mut pages = Vec::new();
        for (at, chunk) in CHUNKS.into_iter().enumerate() {
            if at > 0 && CHUNKS[at - 1] + 1 < chunk {
                pages.push((chunk * chunk::PAGES - 1, State::NotGrown));
            }
            pages.extend((0..chunk::PAGES).map(|page| (chunk * chunk::PAGES + page, State::NotGrown)));
        }
        Self { pages }
    }

    fn is_free(&self, at: usize) -> bool {
        matches!(self.pages[at].1, State::Free | State::Released)
    }

    /// Where in the row a page is.
    fn at(&self, page: usize) -> usize {
        self.pages.binary_search_by_key(&page, |&(page, _)| page).unwrap()
    }

    /// Changes the states of pages; how many of them were released.
    fn put(&mut self, first: usize, count: usize, state: State) -> usize {
        let at = self.at(first);
        let row = &mut self.pages[at..at + count];
        let released = row.iter().filter(|(_, state)| *state == State::Released).count();
        row.iter_mut().for_each(|(_, old)| *old = state);
        released
    }

    /// The lowest free run of that many pages.
    fn find(&self, count: usize) -> Option<usize> {
        let mut run = 0;
        for at in 0..self.pages.len() {
            run = if self.is_free(at) { run + 1 } else { 0 };
            if run == count {
                return Some(self.pages[at + 1 - count].0);
            }
        }
        None
    }

    /// The highest run of whole groups that are free and not released: where, and how many.
    fn find_free_run(&self, below: usize, most: usize, align: usize) -> Option<(usize, usize)> {
        let most = (most / align * align).max(align);
        for base in CHUNKS.into_iter().rev().map(|chunk| chunk * chunk::PAGES) {
            let first = self.at(base);
            let wanted = |&group: &usize| {
                (group..group + align).all(|at| base + at < below && self.pages[first + at].1 == State::Free)
            };
            let groups = (0..chunk::PAGES).step_by(align).rev();
            let run: Vec<_> = groups.skip_while(|group| !wanted(group)).take_while(wanted).collect();
            if let Some(highest) = run.first() {
                let count = (run.len() * align).min(most);
                return Some((base + highest + align - count, count));
            }
        }
        None
    }

    fn count(&self, wanted: impl Fn(State) -> bool) -> Pages {
        Pages::new(self.pages.iter().filter(|&&(_, state)| wanted(state)).count())
    }
}

/// One request. Numbers that pick something are taken modulo what there is.
#[derive(Clone, Debug)]
enum Request {
    Grow { chunk: usize },
    Take { count: usize },
    GiveBack { which: usize, from: usize, count: usize },
    TakeCache,
    TakeFromCache { which: usize, count: usize },
    PutCache { which: usize },
    Scavenge { below: usize, most: usize, align: u32, refused: bool },
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let count = || prop_oneof![6 => 1..9usize, 3 => 1..100usize, 2 => 100..700usize, 1 => 500..1600usize];
    let one = prop_oneof![
        3 => any::<usize>().prop_map(|chunk| Request::Grow { chunk }),
        12 => count().prop_map(|count| Request::Take { count }),
        9 => (any::<usize>(), any::<usize>(), count())
            .prop_map(|(which, from, count)| Request::GiveBack { which, from, count }),
        2 => Just(Request::TakeCache),
        5 => (any::<usize>(), 1..20usize).prop_map(|(which, count)| Request::TakeFromCache { which, count }),
        2 => any::<usize>().prop_map(|which| Request::PutCache { which }),
        4 => (any::<usize>(), 1..600usize, 0..10u32, any::<bool>())
            .prop_map(|(below, most, align, refused)| Request::Scavenge { below, most, align, refused }),
    ];
    prop::collection::vec(one, 1..150)
}

/// The allocator, the model, and what is taken from both.
struct Pair {
    alloc: PageAlloc,
    model: Model,
    ungrown: Vec<usize>,
    taken: Vec<(usize, usize)>,
    caches: Vec<PageCache>,
}

impl Pair {
    fn new() -> Self {
        Self {
            alloc: fresh(4097),
            model: Model::new(),
            ungrown: CHUNKS.to_vec(),
            taken: Vec::new(),
            caches: Vec::new(),
        }
    }

    fn apply(&mut self, request: &Request) {
        match *request {
            Request::Grow { chunk } if !self.ungrown.is_empty() => self.grow(chunk % self.ungrown.len()),
            Request::GiveBack { which, from, count } if !self.taken.is_empty() => {
                self.give_back(which % self.taken.len(), from, count);
            }
            Request::TakeFromCache { which, count } if !self.caches.is_empty() => {
                let which = which % self.caches.len();
                let run = self.caches[which].take(pages(count));
                self.taken.extend(run.map(|run| (run.base.get(), count)));
            }
            Request::PutCache { which } if !self.caches.is_empty() => {
                self.put_cache(which % self.caches.len());
            }
            Request::Take { count } => self.take(count),
            Request::TakeCache => self.take_cache(),
            Request::Scavenge { below, most, align, refused } => {
                self.scavenge(below, most, 1 << align, refused);
            }
            Request::Grow { .. } | Request::GiveBack { .. } | Request::TakeFromCache { .. } => {}
            Request::PutCache { .. } => {}
        }
    }

    fn grow(&mut self, which: usize) {
        let chunk = self.ungrown.swap_remove(which);
        self.alloc.grow(page(chunk * chunk::PAGES), CHUNK_PAGES);
        self.model.put(chunk * chunk::PAGES, chunk::PAGES, State::Released);
    }

    fn take(&mut self, count: usize) {
        let expected = self.model.find(count);
        let run = self.alloc.take(pages(count));
        assert_eq!(run.map(|run| run.base.get()), expected, "{count} pages");
        if let Some(run) = run {
            let uncovered = self.model.put(run.base.get(), count, State::InUse);
            assert_eq!((run.pages, run.uncovered), (pages(count), pages(uncovered)));
            self.taken.push((run.base.get(), count));
        }
    }

    fn give_back(&mut self, which: usize, from: usize, count: usize) {
        let (base, length) = self.taken.swap_remove(which);
        let from = from % length;
        let count = count.min(length - from);
        self.alloc.give_back(page(base + from), pages(count));
        self.model.put(base + from, count, State::Free);
        let rest = [(base, from), (base + from + count, length - from - count)];
        self.taken.extend(rest.into_iter().filter(|&(_, count)| count > 0));
    }

    fn take_cache(&mut self) {
        let Some(cache) = self.alloc.take_cache() else {
            assert_eq!(self.model.find(1), None);
            return;
        };
        let lowest = self.model.find(1).unwrap();
        let base = lowest - lowest % WORD_PAGES;
        assert_eq!(cache.base(), page(base));
        let at = self.model.at(base);
        for bit in 0..WORD_PAGES {
            let state = self.model.pages[at + bit].1;
            assert_eq!(cache.free_bits() >> bit & 1 == 1, state != State::InUse);
            assert_eq!(cache.released_bits() >> bit & 1 == 1, state == State::Released);
        }
        self.model.put(base, WORD_PAGES, State::InUse);
        self.caches.push(cache);
    }

    fn put_cache(&mut self, which: usize) {
        let cache = self.caches.swap_remove(which);
        let (base, free, released) = (cache.base().get(), cache.free_bits(), cache.released_bits());
        for bit in (0..WORD_PAGES).filter(|bit| free >> bit & 1 == 1) {
            let state = if released >> bit & 1 == 1 { State::Released } else { State::Free };
            self.model.put(base + bit, 1, state);
        }
        self.alloc.put_cache(cache);
    }

    fn scavenge(&mut self, below: usize, most: usize, align: usize, refused: bool) {
        let below = self.model.pages[below % self.model.pages.len()].0 + 1;
        let expected = self.model.find_free_run(below, most, align);
        let run = take_free_run(&mut self.alloc, page(below), pages(most), pages(align));
        assert_eq!(
            run.map(|run| (run.base.get(), run.pages.get())),
            expected,
            "below {below}, groups of {align}"
        );
        let Some(run) = run else { return };
        assert_eq!(run.uncovered, Pages::ZERO);
        if refused {
            self.alloc.give_back(run.base, run.pages);
        } else {
            self.alloc.put_back_released(run.base, run.pages);
            self.model.put(run.base.get(), run.pages.get(), State::Released);
        }
    }

    fn compare_figures(&self) {
        assert_eq!(self.alloc.grown(), self.model.count(|state| state != State::NotGrown));
        assert_eq!(self.alloc.in_use(), self.model.count(|state| state == State::InUse));
        assert_eq!(
            self.alloc.free(),
            self.model.count(|state| matches!(state, State::Free | State::Released))
        );
        assert_eq!(self.alloc.released(), self.model.count(|state| state == State::Released));
    }

    fn check(&self) {
        self.compare_figures();
        self.alloc.check().unwrap();
        self.alloc.check_caches(&self.caches.iter().collect::<Vec<_>>()).unwrap();
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_sequence_of_requests_agrees_with_a_list_of_pages(requests in requests()) {
        let mut pair = Pair::new();
        for chunk in 0..3 {
            pair.apply(&Request::Grow { chunk });
        }
        for batch in requests.chunks(16) {
            batch.iter().for_each(|request| pair.apply(request));
            pair.check();
        }
    }
}
