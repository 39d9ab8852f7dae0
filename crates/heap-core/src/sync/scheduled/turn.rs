//! The turn: which thread of a schedule runs.
//!
//! A schedule's threads are real ones. Each waits for its own `go` before it runs, and only the one that has the turn
//! touches the state of the schedule (its lock is there to satisfy the compiler, and for a thread that is ending).
//!
//! | state | meaning | next |
//! |---|---|---|
//! | `Made` | its real thread is being started | `Ready`, or `Ended` if the system refused it |
//! | `Ready` | can run; the highest priority does | `Blocked`, `Ended` |
//! | `Blocked` | waits for a `Key`, perhaps not for ever | `Ready` when woken, or timed out |
//! | `Ended` | its thread-locals are destroyed, too | |
//!
//! Time stands still: a wait with a limit ends when nobody else can run, or at a point where the order changes anyway.
//! If nobody can run and nobody waits with a limit, or the points passed exceed [`Plan::limit`], the schedule is stuck, and
//! [`Plan::stuck`] is told; it does not return.

use core::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// How fine the points are at which the order may change. A schedule has one; a point that is finer than it does not count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grain {
    /// Named windows only: few points, so each is likely to be chosen.
    Window,
    /// And what a thread does next after a window, of what [`Grain::Sync`] has: a protocol is mostly wrong close to its windows.
    Near,
    /// And all locks, ordered accesses and starts of threads.
    Sync,
    /// And relaxed accesses.
    Access,
}

impl Grain {
    /// All, coarsest first.
    pub const ALL: [Self; 4] = [Self::Window, Self::Near, Self::Sync, Self::Access];
}

/// What decides a schedule.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Priorities and the choice of points.
    pub seed: u64,
    /// How often the order changes.
    pub depth: usize,
    /// Where it may.
    pub grain: Grain,
    /// Points of that grain to choose from: as many as the program is known to pass.
    pub points: u64,
    /// Points of any grain, at most.
    pub limit: u64,
    /// Told why a schedule cannot end. Its threads stay where they are: it must end the process.
    pub stuck: fn(&str) -> !,
}

/// What a schedule was.
#[derive(Clone, Default, Debug)]
pub struct Outcome {
    /// The panic of the program, or of a thread that it started: the thread's name and the message.
    pub panics: Vec<(String, String)>,
    /// Whether the program itself panicked. Its threads may still be there.
    pub failed: bool,
    /// Points passed, by grain: of that grain or coarser.
    pub points: [u64; 4],
    /// How often the turn went to another thread.
    pub switches: u64,
    /// Threads there were.
    pub threads: usize,
    /// Those that waited for nobody when the program was over. They are still there, and take part in nothing.
    pub left_behind: usize,
    /// Named windows passed.
    pub windows: BTreeMap<&'static str, u64>,
    /// Of every turn that was given away: after which point, from whom, to whom. Equal for equal schedules.
    pub fingerprint: u64,
}

/// What a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Lock(usize),
    Bell(usize),
    Thread(usize),
    Parked(usize),
    Time(usize),
}

/// Why a thread runs again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Woken {
    Called,
    TimedOut,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Made,
    Ready,
    Blocked { on: Key, timed: bool },
    Ended,
}

#[derive(Debug)]
struct Thread {
    name: String,
    priority: i64,
    status: Status,
    timed_out: bool,
    unpark_kept: bool,
    place: Arc<Place>,
}

/// Where a thread waits for its turn.
#[derive(Default, Debug)]
pub(super) struct Place {
    go: AtomicBool,
    thread: std::sync::OnceLock<std::thread::Thread>,
}

impl Place {
    fn go(&self) {
        self.go.store(true, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn wait(&self) {
        while !self.go.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }
}

#[derive(Debug)]
struct State {
    random: u64,
    threads: Vec<Thread>,
    /// Numbers of points at which the order changes; the next one is the last.
    changes: Vec<u64>,
    /// Priority of the last thread that was sent behind all others.
    lowest: i64,
    /// Waits that timed out since anything else happened.
    idle: u64,
    /// The program has returned.
    is_ending: bool,
    /// Threads that waited for nobody then.
    left_behind: usize,
    switches: u64,
    fingerprint: u64,
    windows: BTreeMap<&'static str, u64>,
    panics: Vec<(String, String)>,
}

/// A schedule that is running.
#[derive(Debug)]
pub(super) struct Schedule {
    plan: Plan,
    state: parking_lot::Mutex<State>,
    /// Points passed, by grain exactly. Written by who has the turn.
    passed: [AtomicU64; 4],
    /// Of those, the ones that count. The next change is at `change`.
    counted: AtomicU64,
    change: AtomicU64,
    /// All points, and the number at which the running thread has had the turn for too long.
    all: AtomicU64,
    unfair: AtomicU64,
    /// Somebody with a higher priority can run.
    overtaken: AtomicBool,
    /// Threads that wait for anything.
    waiting: AtomicUsize,
    /// The process is about to end, and with it this thread's membership.
    is_stuck: AtomicBool,
}

/// Points a thread may pass without giving the turn away, if another can run: it may be waiting for that one in a loop.
const PATIENCE: u64 = 50_000;
/// Points after a window that are near to it.
const NEAR: u32 = 6;
/// Waits that time out in a row before the schedule is taken for stuck.
const IDLE: u64 = 5_000;
/// The same when the program has returned.
const IDLE_AT_THE_END: u64 = 50;

thread_local! {
    static MEMBER: RefCell<Option<Member>> = const { RefCell::new(None) };
}

/// A thread's membership. It is the first thread-local of its thread that needs a destructor, so it goes last: the
/// destructors of the others still run within the schedule.
struct Member {
    schedule: Arc<Schedule>,
    own: usize,
    /// Points that are still [near](Grain::Near) to a window.
    near: Cell<u32>,
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.own != 0 && !self.schedule.is_stuck.load(Ordering::Relaxed) {
            self.schedule.end(self.own);
        }
    }
}

/// What the calling thread does in its schedule, if it has one.
pub(super) fn with<R>(f: impl FnOnce(&Arc<Schedule>, usize) -> R) -> Option<R> {
    with_member(|member| f(&member.schedule, member.own))
}

#[inline]
fn with_member<R>(f: impl FnOnce(&Member) -> R) -> Option<R> {
    MEMBER.try_with(|member| member.try_borrow().ok()?.as_ref().map(f)).ok().flatten()
}

/// A point of that grain.
#[inline]
pub(super) fn point(grain: Grain) {
    with_member(|member| {
        let near = member.near.get();
        let is_near = grain == Grain::Sync && near > 0;
        if is_near {
            member.near.set(near - 1);
        }
        member.schedule.point(if is_near { Grain::Near } else { grain }, member.own);
    });
}

/// A named window.
pub(in crate::sync) fn window(name: &'static str) {
    with_member(|member| {
        member.near.set(NEAR);
        *member.schedule.state.lock().windows.entry(name).or_default() += 1;
        member.schedule.point(Grain::Window, member.own);
    });
}

/// Whether the calling thread belongs to a schedule.
#[must_use]
pub fn is_scheduled() -> bool {
    with(|_, _| ()).is_some()
}

impl State {
    /// splitmix64.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % bound.max(1) as u64).unwrap_or(0)
    }

    /// A priority above those of all change points.
    fn priority(&mut self) -> i64 {
        i64::try_from(self.draw() >> 32).unwrap_or(0) + (1 << 32)
    }

    fn send_behind(&mut self, thread: usize) {
        self.lowest -= 1;
        self.threads[thread].priority = self.lowest;
    }

    fn first(&self) -> Option<usize> {
        (0..self.threads.len())
            .filter(|&thread| self.threads[thread].status == Status::Ready)
            .max_by_key(|&thread| self.threads[thread].priority)
    }

    /// Ends one wait that has a limit, if there is any.
    fn time_out(&mut self, waiting: &AtomicUsize) -> bool {
        let timed = |thread: &Thread| matches!(thread.status, Status::Blocked { timed: true, .. });
        let count = self.threads.iter().filter(|thread| timed(thread)).count();
        let chosen = self.below(count);
        let Some(thread) = self.threads.iter_mut().filter(|thread| timed(thread)).nth(chosen) else {
            return false;
        };
        thread.status = Status::Ready;
        thread.timed_out = true;
        waiting.fetch_sub(1, Ordering::Relaxed);
        true
    }

    fn told(&self) -> String {
        use core::fmt::Write as _;
        let mut text = String::new();
        for (number, thread) in self.threads.iter().enumerate() {
            if thread.status != Status::Ended {
                write!(text, "\n  thread {number} {:?}: {:?}", thread.name, thread.status).ok();
            }
        }
        text
    }
}

impl Schedule {
    #[inline]
    fn point(&self, grain: Grain, own: usize) {
        let up = |counter: &AtomicU64| {
            let now = counter.load(Ordering::Relaxed) + 1;
            counter.store(now, Ordering::Relaxed);
            now
        };
        up(&self.passed[grain as usize]);
        let is_unfair = up(&self.all) >= self.unfair.load(Ordering::Relaxed);
        let changes = grain <= self.plan.grain && up(&self.counted) >= self.change.load(Ordering::Relaxed);
        let overtaken = grain <= Grain::Sync && self.overtaken.load(Ordering::Relaxed);
        if is_unfair || changes || overtaken {
            self.reorder(own, changes, is_unfair);
        }
    }

    #[cold]
    fn reorder(&self, own: usize, changes: bool, is_unfair: bool) {
        let mut state = self.state.lock();
        if changes {
            let left = state.changes.len();
            state.changes.pop();
            self.change.store(state.changes.last().copied().unwrap_or(u64::MAX), Ordering::Relaxed);
            state.threads[own].priority = i64::try_from(left).unwrap_or(i64::MAX);
            // As good a moment as any for a wait to have lasted long enough.
            if state.draw() & 3 == 0 {
                state.time_out(&self.waiting);
            }
        }
        if is_unfair {
            state.send_behind(own);
        }
        self.give_away(state, own);
    }

    /// Sends the calling thread behind all others.
    pub(super) fn yield_now(&self, own: usize) {
        let mut state = self.state.lock();
        state.send_behind(own);
        self.all.store(self.all.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if state.first() == Some(own) {
            // It may be waiting, in a loop, for one that sleeps.
            state.time_out(&self.waiting);
        }
        self.give_away(state, own);
    }

    /// Gives the turn to whom it belongs, and returns when the calling thread has it again.
    fn give_away(&self, mut state: parking_lot::MutexGuard<'_, State>, own: usize) {
        let passed = self.all.load(Ordering::Relaxed);
        if passed > self.plan.limit {
            self.stuck(&format!("no end within {} points:{}", self.plan.limit, state.told()));
        }
        let next = self.next(&mut state);
        self.overtaken.store(false, Ordering::Relaxed);
        self.unfair.store(passed + PATIENCE, Ordering::Relaxed);
        if next == own {
            return;
        }
        self.note(&mut state, own, next);
        let (own, next) = (Arc::clone(&state.threads[own].place), Arc::clone(&state.threads[next].place));
        drop(state);
        next.go();
        own.wait();
    }

    fn note(&self, state: &mut State, own: usize, next: usize) {
        state.switches += 1;
        for part in [self.all.load(Ordering::Relaxed), own as u64, next as u64] {
            state.fingerprint =
                (state.fingerprint ^ part).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
        }
    }

    fn stuck(&self, why: &str) -> ! {
        self.is_stuck.store(true, Ordering::Relaxed);
        (self.plan.stuck)(why)
    }

    fn next(&self, state: &mut State) -> usize {
        if let Some(first) = state.first() {
            return first;
        }
        state.idle += 1;
        if state.is_ending && state.idle > IDLE_AT_THE_END {
            return self.leave_behind(state);
        }
        if state.idle > IDLE {
            self.stuck(&format!("only waits with a limit go on:{}", state.told()));
        }
        if state.time_out(&self.waiting)
            && let Some(first) = state.first()
        {
            return first;
        }
        if state.is_ending {
            return self.leave_behind(state);
        }
        self.stuck(&format!("nobody can run:{}", state.told()));
    }

    /// The program is over and its last threads wait for nobody: so be it. The turn is the program's.
    fn leave_behind(&self, state: &mut State) -> usize {
        let count = state.threads.iter().skip(1).filter(|thread| thread.status != Status::Ended).count();
        state.left_behind = count;
        state.threads[0].status = Status::Ready;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        0
    }

    /// Waits until the key is called, or, if `timed`, until there is nothing else to do.
    pub(super) fn block(&self, own: usize, on: Key, timed: bool) -> Woken {
        let mut state = self.state.lock();
        state.threads[own].status = Status::Blocked { on, timed };
        state.threads[own].timed_out = false;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.give_away(state, own);
        if self.state.lock().threads[own].timed_out { Woken::TimedOut } else { Woken::Called }
    }

    /// Lets run who waits for the key: all, or one of them.
    pub(super) fn call(&self, own: usize, key: Key, all: bool) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.state.lock();
        let waits = |thread: &Thread| matches!(thread.status, Status::Blocked { on, .. } if on == key);
        let count = state.threads.iter().filter(|thread| waits(thread)).count();
        if count == 0 {
            return;
        }
        state.idle = 0;
        let chosen = if all { 0 } else { state.below(count) };
        let running = state.threads[own].priority;
        let most = if all { count } else { 1 };
        for thread in state.threads.iter_mut().filter(|thread| waits(thread)).skip(chosen).take(most) {
            thread.status = Status::Ready;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if thread.priority > running {
                self.overtaken.store(true, Ordering::Relaxed);
            }
        }
    }

    /// A thread to be, and where it will wait for its turn.
    pub(super) fn make(&self, name: Option<&str>) -> (usize, Arc<Place>) {
        let mut state = self.state.lock();
        let place = Arc::new(Place::default());
        let priority = state.priority();
        state.threads.push(Thread {
            name: name.unwrap_or_default().to_owned(),
            priority,
            status: Status::Made,
            timed_out: false,
            unpark_kept: false,
            place: Arc::clone(&place),
        });
        (state.threads.len() - 1, place)
    }

    /// The system has started the thread (or refused it).
    pub(super) fn made(&self, own: usize, thread: usize, real: Option<std::thread::Thread>) {
        let mut state = self.state.lock();
        let Some(real) = real else {
            state.threads[thread].status = Status::Ended;
            return;
        };
        state.threads[thread].place.thread.get_or_init(|| real);
        state.threads[thread].status = Status::Ready;
        state.idle = 0;
        if state.threads[thread].priority > state.threads[own].priority {
            self.overtaken.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a thread has ended.
    pub(super) fn has_ended(&self, thread: usize) -> bool {
        self.state.lock().threads[thread].status == Status::Ended
    }

    /// Keeps a call for a thread that is not parked; says whether there was one.
    pub(super) fn keep_unpark(&self, thread: usize, kept: bool) -> bool {
        core::mem::replace(&mut self.state.lock().threads[thread].unpark_kept, kept)
    }

    fn end(&self, own: usize) {
        self.call(own, Key::Thread(own), true);
        let mut state = self.state.lock();
        state.threads[own].status = Status::Ended;
        state.idle = 0;
        let next = self.next(&mut state);
        self.overtaken.store(false, Ordering::Relaxed);
        self.unfair.store(self.all.load(Ordering::Relaxed) + PATIENCE, Ordering::Relaxed);
        self.note(&mut state, own, next);
        let next = Arc::clone(&state.threads[next].place);
        drop(state);
        next.go();
    }

    /// The first thing a new thread does.
    pub(super) fn join_in(self: Arc<Self>, own: usize, place: &Place) {
        MEMBER.with(|member| *member.borrow_mut() = Some(Member { schedule: self, own, near: Cell::new(0) }));
        place.wait();
    }

    /// Notes that a thread panicked.
    pub(super) fn panicked(&self, own: usize, panic: &(dyn core::any::Any + Send)) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic of an unknown type");
        let mut state = self.state.lock();
        let name = state.threads[own].name.clone();
        state.panics.push((name, text.to_owned()));
    }
}

/// Runs a program and all threads it starts, and waits for them.
///
/// # Panics
/// If the calling thread belongs to a schedule already.
pub fn run(plan: &Plan, program: impl FnOnce()) -> Outcome {
    assert!(!is_scheduled(), "a schedule inside a schedule");
    let mut state = State {
        random: plan.seed,
        threads: Vec::new(),
        changes: Vec::new(),
        lowest: 0,
        idle: 0,
        is_ending: false,
        left_behind: 0,
        switches: 0,
        fingerprint: 0xCBF2_9CE4_8422_2325,
        windows: BTreeMap::new(),
        panics: Vec::new(),
    };
    state.changes = (0..plan.depth).map(|_| 1 + state.draw() % plan.points.max(1)).collect();
    state.changes.sort_unstable_by(|a, b| b.cmp(a));
    let schedule = Arc::new(Schedule {
        plan: *plan,
        change: AtomicU64::new(state.changes.last().copied().unwrap_or(u64::MAX)),
        state: parking_lot::Mutex::new(state),
        passed: [const { AtomicU64::new(0) }; 4],
        counted: AtomicU64::new(0),
        all: AtomicU64::new(0),
        unfair: AtomicU64::new(PATIENCE),
        overtaken: AtomicBool::new(false),
        waiting: AtomicUsize::new(0),
        is_stuck: AtomicBool::new(false),
    });
    let (own, place) = schedule.make(Some("program"));
    place.thread.get_or_init(std::thread::current);
    schedule.state.lock().threads[own].status = Status::Ready;
    let member = Member { schedule: Arc::clone(&schedule), own, near: Cell::new(0) };
    MEMBER.with(|place| *place.borrow_mut() = Some(member));
    let result = catch_unwind(AssertUnwindSafe(program));
    if let Err(panic) = &result {
        schedule.panicked(own, &**panic);
    } else {
        schedule.state.lock().is_ending = true;
        let threads = || schedule.state.lock().threads.len();
        let is_left = || schedule.state.lock().left_behind > 0;
        for thread in (0..).take_while(|&thread| thread < threads()).skip(1) {
            while !is_left() && !schedule.has_ended(thread) {
                schedule.block(own, Key::Thread(thread), false);
            }
        }
    }
    MEMBER.with(|member| member.borrow_mut().take());
    let mut state = schedule.state.lock();
    let exactly = |grain: Grain| schedule.passed[grain as usize].load(Ordering::Relaxed);
    let windows = exactly(Grain::Window);
    let near = windows + exactly(Grain::Near);
    let sync = near + exactly(Grain::Sync);
    Outcome {
        panics: core::mem::take(&mut state.panics),
        failed: result.is_err(),
        points: [windows, near, sync, sync + exactly(Grain::Access)],
        switches: state.switches,
        threads: state.threads.len(),
        left_behind: state.left_behind,
        windows: core::mem::take(&mut state.windows),
        fingerprint: state.fingerprint,
    }
}
