//! Checks in which a thread is held in a window, a named point of the heap's code, until another has done what is dangerous there.

use crate::released;
use crate::scenes::{Item, Place, item, look, look_along, path, set};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::core::sync::watched;
use tricolor::core::units::Bytes;
use tricolor::{Event, GcCell, GcSlice, Heap, Root, Scavenge, Trace};

/// A thread that is to be held, once.
struct Holding {
    window: &'static str,
    thread: &'static str,
    tell: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
}

static HOLDING: Mutex<Vec<Holding>> = Mutex::new(Vec::new());

/// See [`hold`].
struct Held {
    told: mpsc::Receiver<()>,
    let_go: mpsc::Sender<()>,
}

/// The thread of that name is held the next time it comes into a window, until this is let go or dropped.
fn hold(window: &'static str, thread: &'static str) -> Held {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| watched::watch(pass));
    let ((tell, told), (let_go, go)) = (mpsc::channel(), mpsc::channel());
    HOLDING.lock().expect("nobody panics with it").push(Holding { window, thread, tell, go });
    Held { told, let_go }
}

fn pass(window: &'static str) {
    let mut all = HOLDING.lock().expect("nobody panics with it");
    let here = thread::current();
    let held = all.iter().position(|held| held.window == window && here.name() == Some(held.thread));
    let held = held.map(|at| all.remove(at));
    drop(all);
    if let Some(held) = held
        && held.tell.send(()).is_ok()
    {
        held.go.recv().ok();
    }
}

impl Held {
    fn wait(&self) {
        self.told.recv_timeout(Duration::from_secs(60)).expect("the thread comes into the window");
    }

    fn let_go(self) {
        self.let_go.send(()).ok();
    }
}

/// Something that two threads write to, though not at the same time.
#[derive(Trace)]
struct Board<'gc> {
    place: Place<'gc>,
}

// SAFETY: the checks below order all that their threads do to a board, by channels.
unsafe impl Send for Board<'_> {}
// SAFETY: as above.
unsafe impl Sync for Board<'_> {}

/// The root table is looked at in pieces. Between two, what a root in the second leads to is cloned into the first, and the
/// root is dropped.
pub(crate) fn clone_between_two_pieces() {
    let (stage, mut mutator, root) = set();
    let free = root.clone();
    let _many: Vec<Root<Item<'static>>> = (0..3000).map(|_| root.clone()).collect();
    let hidden: Root<Item<'static>> = mutator.enter(|mu| mu.root(path(mu, 5)));
    drop(free);
    let held = hold("roots: between two pieces", "collector");
    let mut cycle = stage.begin();
    cycle.until("settled");
    cycle.go_on();
    held.wait();
    let cloned = hidden.clone();
    drop(hidden);
    held.let_go();
    cycle.finish();
    mutator.enter(|mu| look_along(Some(cloned.get(mu)), [5, 6]));
}

/// A mutator whose roots are not taken has the only reference to an object, and stores it into a black one, which another
/// mutator has made.
pub(crate) fn stored_by_another() {
    let (stage, mut mutator, _root) = set();
    let ((ask, asked), (give, given)) = (mpsc::channel::<()>(), mpsc::channel::<Root<Board<'static>>>());
    let heap = stage.heap.clone();
    let other = thread::spawn(move || {
        let mut mutator = heap.attach().unwrap();
        asked.recv().unwrap();
        give.send(mutator.enter(|mu| mu.root(mu.alloc(Board { place: Place::default() })))).unwrap();
    });
    let (cycle, board) = mutator.enter(|mu| {
        let hidden = path(mu, 5);
        let mut cycle = stage.begin();
        cycle.until_inside(mu, "settled");
        cycle.until_wanted_outside(mu);
        ask.send(()).unwrap();
        let board = given.recv().unwrap();
        board.get(mu).place.set(mu, Some(hidden));
        (cycle, board)
    });
    cycle.finish();
    other.join().unwrap();
    mutator.enter(|mu| look_along(board.get(mu).place.get(), [5, 6]));
}

/// A mutator is held between its barrier and its store. Another, which has not heard of the cycle, stores into the same place
/// and takes out again what it stored, when its roots are taken. Then the first stores.
pub(crate) fn store_in_two_steps() {
    let (stage, mut mutator, _root) = set();
    let board: Root<Board<'static>> =
        mutator.enter(|mu| mu.root(mu.alloc(Board { place: GcCell::new(Some(path(mu, 20))) })));
    let ((ask, asked), (tell, told)) = (mpsc::channel::<()>(), mpsc::channel::<()>());
    let (heap, theirs) = (stage.heap.clone(), board.clone());
    let storer = thread::Builder::new().name("storer".into()).spawn(move || {
        let mut mutator = heap.attach().unwrap();
        asked.recv().unwrap();
        mutator.enter(|mu| {
            theirs.get(mu).place.set(mu, None);
            tell.send(()).unwrap();
        });
    });
    let held = hold("barrier: shaded, before the store", "storer");
    let cycle = mutator.enter(|mu| {
        let hidden = path(mu, 5);
        let mut cycle = stage.begin();
        cycle.until_inside(mu, "began");
        cycle.until_wanted_outside(mu);
        ask.send(()).unwrap();
        held.wait();
        board.get(mu).place.set(mu, Some(hidden));
        cycle.until_inside(mu, "barrier on");
        cycle.until_wanted_outside(mu);
        cycle
    });
    let holder: Root<Item<'static>> = mutator.enter(|mu| {
        let hidden = board.get(mu).place.get();
        held.let_go();
        told.recv().unwrap();
        mu.root(item(mu, 9, hidden))
    });
    cycle.finish();
    storer.unwrap().join().unwrap();
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, 5, 6]));
}

/// A mutator comes while something is in another's barrier's buffer, and needs memory.
pub(crate) fn sweep_before_the_end() {
    let (stage, mut mutator, root) = set();
    let other: Root<Item<'static>> = mutator.enter(|mu| mu.root(item(mu, 7, None)));
    // So that no mutator has the items' span.
    mutator.collect();
    let mut cycle = stage.begin();
    cycle.until("roots");
    mutator.enter(|mu| {
        let hidden = root.get(mu).next.take(mu);
        other.get(mu).next.set(mu, hidden);
    });
    cycle.until("dry");
    let heap = stage.heap.clone();
    let come = thread::spawn(move || {
        heap.attach().unwrap().enter(|mu| {
            for name in 0..1000 {
                look(item(mu, name, None), name);
            }
        });
    });
    come.join().unwrap();
    cycle.finish();
    mutator.enter(|mu| look_along(Some(other.get(mu)), [7, 1, 2]));
}

/// A mutator that has not heard of the new generation takes a span from its list that another is sweeping.
pub(crate) fn taken_while_claimed() {
    let (stage, mut mutator, root) = set();
    mutator.collect();
    // With a span of another layout in its hands it stays with the generation it knows.
    mutator.enter(|mu| {
        let _other = mu.alloc([1_u64; 20]);
    });
    let mut cycle = stage.begin();
    cycle.until("marked");
    let held = hold("claim: before settling", "sweeper");
    let heap = stage.heap.clone();
    let sweeper = thread::Builder::new().name("sweeper".into()).spawn(move || {
        heap.attach().unwrap().enter(|mu| {
            let _other = mu.alloc([1_u64; 30]);
        });
    });
    held.wait();
    let holder: Root<Item<'static>> = mutator.enter(|mu| mu.root(item(mu, 9, Some(root.get(mu)))));
    held.let_go();
    sweeper.unwrap().join().unwrap();
    cycle.finish();
    let found = stage.heap.verify();
    assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, 0, 1, 2]));
}

/// A mutator has left, has read the call for the last round of a cycle, and is held. The collector answers for it, in that round
/// and in those of the next cycle. Then the mutator comes to answer.
pub(crate) fn old_call() {
    let (stage, mutator, _root) = set();
    drop(mutator);
    let ((tell, told), (go_on, go)) = (mpsc::channel::<()>(), mpsc::channel::<()>());
    let heap = stage.heap.clone();
    let late = thread::Builder::new().name("late".into()).spawn(move || {
        let mut mutator = heap.attach().unwrap();
        let root: Root<Item<'static>> = mutator.enter(|mu| mu.root(item(mu, 0, None)));
        tell.send(()).unwrap();
        go.recv().unwrap();
        mutator.enter(|mu| {
            tell.send(()).unwrap();
            while !mu.should_yield() {
                thread::yield_now();
            }
        });
        mutator.enter(|mu| {
            // Past the run that it had when it was answered for.
            for name in 0..2000 {
                look(item(mu, name, None), name);
            }
            root.get(mu).next.set(mu, Some(path(mu, 1)));
        });
        tell.send(()).unwrap();
        go.recv().unwrap();
        mutator.enter(|mu| look_along(Some(root.get(mu)), 0..3));
    });
    told.recv().unwrap();
    let mut cycle = stage.begin();
    cycle.until("marked");
    go_on.send(()).unwrap();
    told.recv().unwrap();
    let held = hold("handshake: called, before it is answered", "late");
    cycle.go_on();
    held.wait();
    cycle.finish();
    let mut cycle = stage.begin();
    cycle.until("dry");
    held.let_go();
    told.recv().unwrap();
    cycle.finish();
    go_on.send(()).unwrap();
    late.unwrap().join().unwrap();
}

/// A heap has grown far past its goal in one stay, and nearly all of it is dead. The collector is held in its sweeping. When the next
/// cycle is due, who allocates sweeps for it, and not only what he needs himself.
pub(crate) fn sweeping_is_helped() {
    let builder = Heap::builder().least_heap(16 << 20).workers(1).collect_at_least_every(None);
    let heap = builder.scavenge(Scavenge::OnRequest).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut allocate = |mebibytes: u64| {
        mutator.enter(|mu| (0..mebibytes << 10).for_each(|number| _ = mu.alloc([number; 128])));
    };
    let held = hold("sweep: swept, on no list yet", "tricolor-collect");
    let cycles = heap.figures().cycles;
    allocate(64);
    while heap.figures().cycles == cycles {
        thread::sleep(Duration::from_millis(1));
    }
    held.wait();
    let (before, spans) = (heap.figures().memory.spans_swept, heap.figures().memory.spans);
    assert!(spans >= 8000, "{spans} spans");
    // The next cycle is due after 12 MiB or so.
    allocate(24);
    let swept = heap.figures().memory.spans_swept - before;
    held.let_go();
    assert!(
        swept >= spans / 4 * 3,
        "{swept} of {spans} spans are swept, the others are left to the collector"
    );
}

/// A heap has a cycle of its own and falls idle. The collector is held in its sweeping until the scavenger has looked, twice, and
/// has found nothing.
pub(crate) fn swept_late() {
    let begun = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&begun);
    let listener =
        move |event: &Event| _ = counted.fetch_add(u32::from(matches!(event, Event::Began { .. })), SeqCst);
    let heap = Heap::builder().least_heap(1 << 20).on_event(listener).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let kept: Root<GcSlice<u8>> = mutator.enter(|mu| mu.root(mu.alloc_slice(64 << 20, |_| 1_u8)));
    mutator.collect();
    drop(kept);
    let held = hold("sweep: swept, on no list yet", "tricolor-collect");
    let cycles = heap.figures().cycles;
    let before = begun.load(SeqCst);
    while begun.load(SeqCst) == before {
        mutator.enter(|mu| (0..100_u64).for_each(|number| _ = mu.alloc([number; 1000])));
    }
    // An allocation from here on might sweep what the collector is to sweep.
    while heap.figures().cycles == cycles {
        mutator.safepoint();
        thread::yield_now();
    }
    drop(mutator);
    held.wait();
    // The scavenger's second walk begins half a second after the cycle, and takes its time.
    let background = || heap.figures().scavenge.background;
    let mut before = background();
    loop {
        thread::sleep(Duration::from_secs(2));
        match background() {
            same if same == before => break,
            more => before = more,
        }
    }
    held.let_go();
    let grows = || background() - before >= Bytes::mib(32);
    assert!(released::comes_true(grows), "what was swept late is not released");
}
