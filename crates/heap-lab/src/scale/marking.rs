//! Marking by several workers: a simulation of discrete events.
//!
//! ```text
//!   worker 0   ████████████░████████████████      █ works    ░ looks about    · sleeps
//!   worker 1   ····████████████░░····███████
//!                  ▲ woken       ▲ dry: hungry
//! ```
//! A worker that has nothing takes a batch from the queue; if there is none it is *hungry*, looks about for
//! [`Costs::look_ns`], and then sleeps. While more are hungry than batches are queued, who has enough puts the oldest half of it
//! into the queue, at its next object, and wakes one who sleeps, who comes after [`Costs::wake_ns`] and may find that somebody was quicker.
//! Marking is over when nobody has anything. Between two events every worker goes on at the same rate: at full speed as long as
//! all together ask less of memory than its ceiling, else more slowly, in proportion.
//!
//! Invariants
//!   M1  every object is visited once
//!   M2  at no time do the workers together move more bytes than the ceiling allows

use super::costs::{Costs, ShapeCosts};
use super::work::{Batch, PIECE, Pattern, Work};
use serde::Serialize;

/// What marking took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Marked {
    /// From the beginning to the last object.
    pub(crate) wall_ns: f64,
    /// Processor time of all workers, looking about included.
    pub(crate) cpu_ns: f64,
    /// The same of the worker that had most.
    pub(crate) busiest_ns: f64,
    /// Objects visited.
    pub(crate) objects: u64,
    /// Batches that changed hands.
    pub(crate) batches: u64,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    /// Scans.
    Working,
    /// Has nothing, and looks about since then; it sleeps when it has looked long enough.
    Looking { since: f64 },
    /// Has nothing, has looked about, and sleeps.
    Sleeping,
    /// Comes then: with a batch, or to see whether there is one.
    Coming { at: f64 },
}

#[derive(Clone, Debug)]
struct Worker {
    work: Work,
    doing: Doing,
    /// Time it has to work that was too short for an object; negative after it has woken somebody.
    carry: f64,
    cpu_ns: f64,
}

impl Worker {
    /// Whether it has nothing and would take a batch.
    fn waits(&self) -> bool {
        self.doing != Doing::Working && self.work.is_empty()
    }

    /// Goes to sleep, if it looks about; that has cost it time.
    fn stop_looking(&mut self, now: f64, look: f64) {
        if let Doing::Looking { since } = self.doing {
            self.cpu_ns += (now - since).min(look);
            self.doing = Doing::Sleeping;
        }
    }
}

struct Marking<'c> {
    costs: &'c Costs,
    shape: &'c ShapeCosts,
    now: f64,
    workers: Vec<Worker>,
    queue: Vec<Batch>,
    objects: u64,
    batches: u64,
    /// Who is asked first for a batch: everybody in turns.
    next: usize,
}

/// Objects above which marking is not simulated to its end: by then it goes on at the same rate. For an array some rounds of a piece for
/// each worker, for a tree some hundred times the objects that the ways down have.
fn steady(pattern: Pattern, workers: usize) -> u64 {
    match pattern {
        Pattern::Array | Pattern::NoscanArray => (workers as u64 * 4 * PIECE).max(1 << 20),
        Pattern::Tree => (workers as u64 * (1 << 17)).max(1 << 24),
        Pattern::List => 1 << 20,
    }
}

/// How so many workers get on with a walk of any length: simulated as far as the rate still changes, and from there on at the rate of
/// the second half.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    costs: Costs,
    shape: ShapeCosts,
    pattern: Pattern,
    workers: usize,
    ceiling: f64,
    /// Objects from which on the rate is steady, half of them marked, and all of them.
    steady: u64,
    half: Marked,
    whole: Marked,
}

impl Pace {
    /// The pace of so many workers, under a ceiling of bytes a nanosecond.
    pub(crate) fn of(
        costs: &Costs,
        shape: &ShapeCosts,
        pattern: Pattern,
        workers: usize,
        ceiling: f64,
    ) -> Self {
        let steady = steady(pattern, workers);
        let of = |objects| simulate(costs, shape, pattern, objects, workers, ceiling);
        let (half, whole) = (of(steady / 2), of(steady));
        let (costs, shape) = (costs.clone(), *shape);
        Self { costs, shape, pattern, workers, ceiling, steady, half, whole }
    }

    /// Marking of that many objects.
    pub(crate) fn mark(&self, objects: u64) -> Marked {
        if objects <= self.steady {
            return simulate(&self.costs, &self.shape, self.pattern, objects, self.workers, self.ceiling);
        }
        // In halves of the simulated walk.
        let more = (objects - self.steady) as f64 / (self.steady - self.steady / 2) as f64;
        let on = |half: f64, whole: f64| whole + more * (whole - half).max(0.0);
        let (half, whole) = (&self.half, &self.whole);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturating, and positive"
        )]
        let batches = on(half.batches as f64, whole.batches as f64) as u64;
        Marked {
            wall_ns: on(half.wall_ns, whole.wall_ns),
            cpu_ns: on(half.cpu_ns, whole.cpu_ns),
            busiest_ns: on(half.busiest_ns, whole.busiest_ns),
            objects,
            batches,
        }
    }
}

/// Simulates marking of that many objects by so many workers, under a ceiling of bytes a nanosecond.
fn simulate(
    costs: &Costs,
    shape: &ShapeCosts,
    pattern: Pattern,
    objects: u64,
    workers: usize,
    ceiling: f64,
) -> Marked {
    let worker = |index: usize| Worker {
        work: if index == 0 { Work::whole(pattern, objects) } else { Work::none(pattern) },
        // Helpers are woken one after the other, and find nothing yet.
        doing: if index == 0 {
            Doing::Working
        } else {
            Doing::Coming { at: costs.wake_ns + costs.wake_call_ns * (index - 1) as f64 }
        },
        carry: 0.0,
        cpu_ns: 0.0,
    };
    let mut marking = Marking {
        costs,
        shape,
        now: 0.0,
        workers: (0..workers.max(1)).map(worker).collect(),
        queue: Vec::new(),
        objects: 0,
        batches: 0,
        next: 0,
    };
    marking.run(ceiling);
    let cpu = |worker: &Worker| worker.cpu_ns;
    Marked {
        wall_ns: marking.now,
        cpu_ns: marking.workers.iter().map(cpu).sum(),
        busiest_ns: marking.workers.iter().map(cpu).fold(0.0, f64::max),
        objects: marking.objects,
        batches: marking.batches,
    }
}

impl Marking<'_> {
    fn run(&mut self, ceiling: f64) {
        loop {
            self.settle();
            self.feed();
            let busy = self.count(|doing| doing == Doing::Working);
            let coming = self.workers.iter().filter_map(|worker| match worker.doing {
                Doing::Coming { at } if !worker.work.is_empty() || busy > 0 || !self.queue.is_empty() => {
                    Some(at - self.now)
                }
                Doing::Coming { .. } | Doing::Working | Doing::Looking { .. } | Doing::Sleeping => None,
            });
            let slower = self.slower(busy, ceiling);
            let step = coming.chain(self.next_event(slower)).fold(f64::INFINITY, f64::min);
            if !step.is_finite() {
                break;
            }
            self.advance(step.max(0.0), slower);
        }
        // Who still looks about has nothing to look for.
        for worker in &mut self.workers {
            worker.stop_looking(self.now, self.costs.look_ns);
        }
    }

    fn count(&self, is: impl Fn(Doing) -> bool) -> usize {
        self.workers.iter().filter(|worker| is(worker.doing)).count()
    }

    /// By how much so many workers are slowed down by each other.
    fn slower(&self, busy: usize, ceiling: f64) -> f64 {
        let each = self.shape.moved_bytes / self.shape.ns_per_object();
        (busy as f64 * each / ceiling).max(1.0)
    }

    /// Who is dry, has come, or looks about takes a batch, or goes to look about or to sleep.
    fn settle(&mut self) {
        let (now, look, handover) = (self.now, self.costs.look_ns, self.costs.handover_ns);
        for worker in &mut self.workers {
            let then = match worker.doing {
                Doing::Working if worker.work.is_empty() => {
                    worker.carry = 0.0;
                    Doing::Looking { since: now }
                }
                Doing::Coming { at } if at <= now && worker.work.is_empty() => Doing::Sleeping,
                Doing::Coming { at } if at <= now => {
                    worker.doing = Doing::Working;
                    continue;
                }
                Doing::Looking { since } if now - since > look => {
                    worker.stop_looking(now, look);
                    continue;
                }
                Doing::Looking { .. } => worker.doing,
                Doing::Working | Doing::Sleeping | Doing::Coming { .. } => continue,
            };
            if let Some(batch) = self.queue.pop() {
                worker.stop_looking(now, look);
                worker.work.add(batch);
                worker.doing = Doing::Coming { at: now + handover };
            } else {
                worker.doing = then;
            }
        }
    }

    /// Whoever has enough gives, as long as more are hungry than batches are queued.
    fn feed(&mut self) {
        let count = self.workers.len();
        let waiting = self.workers.iter().filter(|worker| worker.waits()).count();
        while waiting > self.queue.len() {
            let giver = (0..count).map(|index| (self.next + index) % count).find_map(|index| {
                let worker = &mut self.workers[index];
                let batch = (worker.doing == Doing::Working).then(|| worker.work.give()).flatten()?;
                Some((index, batch))
            });
            let Some((giver, batch)) = giver else { break };
            self.next = (giver + 1) % count;
            self.batches += 1;
            self.queue.push(batch);
            self.workers[giver].carry -= self.costs.handover_ns;
            let sleeper = self.workers.iter_mut().find(|worker| worker.doing == Doing::Sleeping);
            if let Some(sleeper) = sleeper {
                sleeper.doing = Doing::Coming { at: self.now + self.costs.wake_ns };
                self.workers[giver].carry -= self.costs.wake_call_ns;
            }
        }
        // Who looks about is quicker than who was woken.
        if !self.queue.is_empty() {
            self.settle();
        }
    }

    /// How long until something happens on a worker that works.
    fn next_event(&self, slower: f64) -> Option<f64> {
        let (word, object) = (self.shape.word_ns, self.shape.object_ns);
        let somebody_hungry = self.workers.iter().filter(|worker| worker.waits()).count() > self.queue.len();
        self.workers
            .iter()
            .filter(|worker| worker.doing == Doing::Working)
            .map(|worker| {
                let work = &worker.work;
                // A word of an array leads to an object that is scanned, too.
                let dry = work.words() as f64 * self.shape.ns_per_object() + work.objects() as f64 * object;
                let gives = somebody_hungry.then(|| work.gives_after(word, object)).flatten();
                // Never less than an object: something has to have happened.
                (gives.map_or(dry, |gives| gives.min(dry)) - worker.carry).max(word.max(object) * 0.5)
                    * slower
            })
            .min_by(f64::total_cmp)
    }

    fn advance(&mut self, step: f64, slower: f64) {
        self.now += step;
        let (word, object) = (self.shape.word_ns, self.shape.object_ns);
        for worker in self.workers.iter_mut().filter(|worker| worker.doing == Doing::Working) {
            let (visited, left) = worker.work.run(worker.carry + step / slower, word, object);
            worker.carry = left;
            worker.cpu_ns += step;
            self.objects += visited;
        }
    }
}

#[cfg(test)]
mod tests;
