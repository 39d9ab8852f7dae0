//! Instructions per operation, counted by valgrind: the figures that do not move with the weather.
//!
//! For every case this program runs itself twice under `callgrind`, once with few operations and once with many, and
//! divides the difference. What start-up and tear-down cost cancels out. Without valgrind it says so and ends well.

#[path = "support/trees.rs"]
mod trees;

use foldhash::fast::FixedState;
use std::cell::Cell;
use std::hint::black_box;
use std::ops::Range;
use std::process::Command;
use trees::{tree, tree_fill, tree_in};
use tricolor::{Arena, Frame, Gc, GcCell, GcMap, GcVec, Heap, Mu, Pool, Trace, raw};

type Numbers<'gc> = GcMap<'gc, u64, u64, FixedState>;
type Peer = hashbrown::HashMap<u64, u64, FixedState>;

#[derive(Trace)]
struct S16<'gc> {
    next: Option<Gc<'gc, u64>>,
    value: u64,
}

#[derive(Trace)]
struct S64<'gc> {
    next: Option<Gc<'gc, u64>>,
    values: [u64; 7],
}

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
}

#[derive(Trace)]
struct Link<'gc> {
    next: Option<Gc<'gc, Link<'gc>>>,
    value: u64,
}

#[derive(Trace)]
struct S96<'gc> {
    next: Option<Gc<'gc, u64>>,
    values: [u64; 11],
}

#[derive(Trace)]
enum Expr<'gc> {
    Number(u64),
    Sum(Gc<'gc, Expr<'gc>>, Gc<'gc, Expr<'gc>>),
}

fn expr<'gc>(depth: u64, alloc: &mut impl FnMut(Expr<'gc>) -> Gc<'gc, Expr<'gc>>) -> Gc<'gc, Expr<'gc>> {
    if depth == 0 {
        return alloc(Expr::Number(depth));
    }
    let (left, right) = (expr(depth - 1, alloc), expr(depth - 1, alloc));
    alloc(Expr::Sum(left, right))
}

/// Operations of a round, where a case has rounds.
const ROUND: usize = 10_000;

/// A case: its name, what one operation is, and how to do a number of them.
type Case = (&'static str, &'static str, fn(usize));

const CASES: [Case; 51] = [
    ("alloc_n8", "allocation of 8 bytes in a tiny block, with refills and cycles", |n| {
        rounds(n, |mu, i| {
            black_box(mu.alloc(i));
        });
    }),
    ("alloc_n16", "allocation of 16 noscan bytes, with refills and cycles", |n| {
        rounds(n, |mu, i| {
            black_box(mu.alloc([i, i]));
        });
    }),
    ("alloc_s16", "allocation of 16 bytes with a reference, with refills and cycles", |n| {
        rounds(n, |mu, i| {
            black_box(mu.alloc(S16 { next: None, value: i as u64 }));
        });
    }),
    ("alloc_s64", "allocation of 64 bytes with a reference, with refills and cycles", |n| {
        rounds(n, |mu, i| {
            black_box(mu.alloc(S64 { next: None, values: [i as u64; 7] }));
        });
    }),
    ("frame_n16", "allocation of 16 bytes in a frame, a part of 1000 allocations and a reset", |n| {
        frames(n, |f, i| {
            black_box(f.alloc([i, i]));
        });
    }),
    ("frame_s16", "the same of a reference and a number", |n| {
        frames(n, |f, i| {
            black_box(f.alloc((None::<Gc<'_, u64>>, i)));
        });
    }),
    ("bump_n16", "the same of two numbers by a bump pointer and its end, in memory as a frame's are", |n| {
        let mut bytes = vec![[0_usize; 2]; 1000];
        let first = bytes.as_mut_ptr();
        let bump = black_box(Bump { next: Cell::new(first), end: first.wrapping_add(1000) });
        for _ in 0..n / 1000 {
            (0..1000).for_each(|i| {
                black_box(bump.alloc([i, i]));
            });
            bump.next.set(first);
        }
    }),
    ("frame", "opening and ending a frame with one value", |n| {
        let heap = Heap::new().expect("address space");
        heap.attach().expect("a fresh heap").enter(|mu| {
            (0..n).for_each(|i| {
                mu.frame(|f| {
                    black_box(f.alloc([i, i]));
                });
            });
        });
    }),
    ("arena_s16", "the same 16 bytes from an arena of 10 000, with chunks and cycles", |n| {
        rounds_in_arena(n, |value| S16 { next: None, value });
    }),
    ("arena_s64", "the same 64 bytes from an arena of 10 000, with chunks and cycles", |n| {
        rounds_in_arena(n, |value| S64 { next: None, values: [value; 7] });
    }),
    ("fill_s16", "the same 16 bytes from a chunk of 10 000 that is lent", |n| {
        rounds_in_fill(n, |value| S16 { next: None, value });
    }),
    ("fill_s64", "the same 64 bytes from a chunk of 10 000 that is lent", |n| {
        rounds_in_fill(n, |value| S64 { next: None, values: [value; 7] });
    }),
    ("list", "node of 16 bytes at the front of a list of 1000, with refills and cycles", |n| {
        rounds_of_thousand(n, |mu| {
            let node = |last, value| Some(mu.alloc(Link { next: last, value }));
            black_box((0..1000).fold(None, node).map(|link| (link.next, link.value)));
        });
    }),
    ("arena_list", "the same node from an arena of 1000, with chunks and cycles", |n| {
        rounds_of_thousand(n, |mu| {
            let mut arena = Arena::new(mu, 1000);
            let node = |last, value| Some(arena.alloc(mu, Link { next: last, value }));
            black_box((0..1000).fold(None, node).map(|link| (link.next, link.value)));
        });
    }),
    ("fill_list", "the same node from a chunk of 1000 that is lent", |n| {
        rounds_of_thousand(n, |mu| {
            Arena::new(mu, 1000).fill(mu, |fill| {
                let node = |last, value| Some(fill.alloc(Link { next: last, value }));
                black_box((0..1000).fold(None, node).map(|link| (link.next, link.value)));
            });
        });
    }),
    ("tree", "node of 16 bytes of a tree of 1023, made by a recursion, with refills and cycles", |n| {
        rounds_of_thousand(n, |mu| {
            black_box(tree(mu, 9).left);
        });
    }),
    ("arena_tree", "the same node from an arena of 1023, with chunks and cycles", |n| {
        rounds_of_thousand(n, |mu| {
            black_box(tree_in(mu, &mut Arena::new(mu, 1023), 9).right);
        });
    }),
    ("fill_tree", "the same node from a chunk of 1023 that is lent", |n| {
        rounds_of_thousand(n, |mu| {
            black_box(Arena::new(mu, 1023).fill(mu, |fill| tree_fill(fill, 9)).right);
        });
    }),
    (
        "expr",
        "node of a tree of 1023 that is an enum of 24 bytes, made by a recursion, with refills and cycles",
        |n| {
            rounds_of_thousand(n, |mu| {
                black_box(matches!(*expr(9, &mut |expr| mu.alloc(expr)), Expr::Number(_)));
            });
        },
    ),
    ("arena_expr", "the same node from an arena of 1023, with chunks and cycles", |n| {
        rounds_of_thousand(n, |mu| {
            let mut arena = Arena::new(mu, 1023);
            black_box(matches!(*expr(9, &mut |expr| arena.alloc(mu, expr)), Expr::Number(_)));
        });
    }),
    ("fill_expr", "the same node from a chunk of 1023 that is lent", |n| {
        rounds_of_thousand(n, |mu| {
            Arena::new(mu, 1023).fill(mu, |fill| {
                black_box(matches!(*expr(9, &mut |expr| fill.alloc(expr)), Expr::Number(_)));
            });
        });
    }),
    ("alloc_s96", "allocation of 96 bytes with a reference, with refills and cycles", |n| {
        rounds(n, |mu, i| {
            black_box(mu.alloc(S96 { next: None, values: [i as u64; 11] }));
        });
    }),
    ("arena_s96", "the same 96 bytes from an arena of 10 000, with chunks and cycles", |n| {
        rounds_in_arena(n, |value| S96 { next: None, values: [value; 11] });
    }),
    ("fill_s96", "the same 96 bytes from a chunk of 10 000 that is lent", |n| {
        rounds_in_fill(n, |value| S96 { next: None, values: [value; 11] });
    }),
    ("enter", "entering and leaving a heap", |n| {
        let heap = Heap::new().expect("address space");
        let mut m = heap.attach().expect("a fresh heap");
        (0..n).for_each(|_| assert!(!m.enter(|mu| black_box(mu.should_yield()))));
    }),
    ("store", "store of a reference into a GcCell", |n| {
        let heap = Heap::new().expect("address space");
        heap.attach().expect("a fresh heap").enter(|mu| {
            let cell = mu.alloc(GcCell::new(None));
            let target = mu.alloc(1_u64);
            (0..n).for_each(|_| cell.set(mu, black_box(Some(target))));
        });
    }),
    ("pool_lend", "loan of a buffer from a pool that has one, and its return", |n| {
        let heap = Heap::new().expect("address space");
        let pool: Pool<Vec<u8>> = Pool::new(&heap);
        heap.attach().expect("a fresh heap").enter(|mu| {
            (0..n).for_each(|_| {
                black_box(&*pool.lend(mu, || Vec::with_capacity(1024)));
            });
        });
    }),
    ("vec_push", "push of a reference onto a GcVec that has room, a part of 1000 pushes and a clear", |n| {
        vectors(n, |mu, items, target| items.push(mu, target));
    }),
    (
        "vec_grow",
        "push of a reference onto a GcVec that grows from nothing to 1000, with refills and cycles",
        |n| {
            rounds_of_thousand(n, |mu| {
                let items = GcVec::new();
                let target = mu.alloc(1_u64);
                (0..1000).for_each(|_| items.push(mu, black_box(target)));
                black_box(items.len());
            });
        },
    ),
    ("vec_back", "the same, and the vector is given back", |n| {
        rounds_of_thousand(n, |mu| {
            let items = GcVec::new();
            let target = mu.alloc(1_u64);
            (0..1000).for_each(|_| items.push(mu, black_box(target)));
            black_box(items.len());
            items.give_back(mu);
        });
    }),
    ("std_grow", "the same with a Vec, which is dropped", |n| {
        rounds_of_thousand(n, |mu| {
            let mut items = Vec::new();
            let target = mu.alloc(1_u64);
            (0..1000).for_each(|_| items.push(black_box(target)));
            black_box(items.len());
        });
    }),
    ("vec_get", "get of a reference from a GcVec", |n| {
        vectors(n, |_, items, _| {
            black_box(items.get(black_box(0)));
        });
    }),
    ("vec_set", "set of a reference in a GcVec", |n| {
        vectors(n, |mu, items, target| items.set(mu, black_box(0), target));
    }),
    ("vec_pop", "push and pop of a reference", |n| {
        vectors(n, |mu, items, target| {
            items.push(mu, target);
            black_box(items.pop(mu));
        });
    }),
    ("vec_iter", "step of an iterator over 1000 references", |n| {
        let heap = Heap::new().expect("address space");
        heap.attach().expect("a fresh heap").enter(|mu| {
            let items = GcVec::new();
            items.resize(mu, 1000, mu.alloc(1_u64));
            (0..n / 1000).for_each(|_| {
                items.iter().for_each(|item| {
                    black_box(item);
                });
            });
        });
    }),
    ("raw_frame", "the same as raw_alloc in a frame, which is closed after each thousand", |n| {
        let heap = Heap::builder().workers(1).build().expect("address space");
        let kind = raw::Layout::new("pair", 16).exact(0).register(&heap).expect("room for a layout");
        let mut m = raw::Mutator::attach(&heap).expect("a fresh heap");
        let inside = m.enter();
        let stays = raw::EscapeHint::Stays(raw::Site(0));
        for _ in 0..n / 1000 {
            let frame = inside.open_frame();
            for _ in 0..1000 {
                // SAFETY: R3: a kind of this heap. R5, R6, R9: it is clear, and not used.
                black_box(unsafe { inside.alloc_hinted(&kind, stays) }.expect("there is memory"));
                // SAFETY: R1: nothing is used after it.
                unsafe { inside.poll() };
            }
            // SAFETY: R9: as above.
            unsafe { inside.close_frame(frame) };
        }
    }),
    ("raw_alloc", "raw allocation of 16 bytes with a reference, with refills and cycles, and a poll", |n| {
        let heap = Heap::builder().workers(1).build().expect("address space");
        let kind = raw::Layout::new("pair", 16).exact(0).register(&heap).expect("room for a layout");
        let mut m = raw::Mutator::attach(&heap).expect("a fresh heap");
        let inside = m.enter();
        for _ in 0..n {
            // SAFETY: R3: a kind of this heap. R6: it is clear.
            let object = unsafe { inside.alloc(&kind) }.expect("there is no limit");
            black_box(object);
            // SAFETY: R1: nothing is used after.
            unsafe { inside.poll() };
        }
    }),
    ("raw_poll", "poll of a raw mutator that is not wanted", |n| {
        let heap = Heap::new().expect("address space");
        let mut m = raw::Mutator::attach(&heap).expect("a fresh heap");
        let inside = m.enter();
        // SAFETY: R1: nothing is held.
        (0..n).for_each(|_| unsafe { inside.poll() });
    }),
    ("raw_write", "store of a reference on the raw layer", |n| {
        let heap = Heap::new().expect("address space");
        let kind = raw::Layout::new("pair", 16).exact(0).register(&heap).expect("room for a layout");
        let mut m = raw::Mutator::attach(&heap).expect("a fresh heap");
        let inside = m.enter();
        // SAFETY: R3: a kind of this heap. R6: it is clear.
        let object = unsafe { inside.alloc(&kind) }.expect("there is no limit").cast();
        // SAFETY: R4: the first word of the object, which may lead to itself.
        (0..n).for_each(|_| unsafe { inside.write(object.as_ptr(), black_box(object.as_ptr().cast())) });
    }),
    ("map_get", "get of a number that is in a GcMap of 1000, each in turn", |n| {
        maps(n, |_, map, key| {
            black_box(map.get(&key));
        });
    }),
    ("peer_get", "the same with hashbrown's", |n| {
        peers(n, |map, key| {
            black_box(map.get(&key));
        });
    }),
    ("map_miss", "get of a number that is not there", |n| {
        maps(n, |_, map, key| {
            black_box(map.get(&(key + 1000)));
        });
    }),
    ("peer_miss", "the same with hashbrown's", |n| {
        peers(n, |map, key| {
            black_box(map.get(&(key + 1000)));
        });
    }),
    ("map_set", "insert of a number that is there", |n| {
        maps(n, |mu, map, key| {
            black_box(map.insert(mu, key, black_box(key)));
        });
    }),
    ("peer_set", "the same with hashbrown's", |n| {
        peers(n, |map, key| {
            black_box(map.insert(key, black_box(key)));
        });
    }),
    ("map_churn", "insert of a number that is not there, and remove of it", |n| {
        maps(n, |mu, map, key| {
            map.insert(mu, key + 1000, black_box(key));
            black_box(map.remove(mu, &(key + 1000)));
        });
    }),
    ("peer_churn", "the same with hashbrown's", |n| {
        peers(n, |map, key| {
            map.insert(key + 1000, black_box(key));
            black_box(map.remove(&(key + 1000)));
        });
    }),
    ("map_grow", "insert into a GcMap that grows from nothing to 1000, with refills and cycles", |n| {
        rounds_of_thousand(n, |mu| {
            let map = Numbers::default();
            (0..1000).for_each(|key| {
                map.insert(mu, black_box(key), key);
            });
            black_box(map.len());
        });
    }),
    ("peer_grow", "the same with hashbrown's", |n| {
        rounds_of_thousand(n, |_| {
            let mut map = Peer::default();
            (0..1000).for_each(|key| {
                map.insert(black_box(key), key);
            });
            black_box(map.len());
        });
    }),
    ("mark_list", "one node of a list in one cycle: building it, marking it once, sweeping it once", |n| {
        let heap = Heap::builder().workers(1).gc_off().build().expect("address space");
        let mut m = heap.attach().expect("a fresh heap");
        let root = m.enter(|mu| {
            let mut node = mu.alloc(Node { next: GcCell::new(None), value: 0 });
            for value in 1..n as u64 {
                node = mu.alloc(Node { next: GcCell::new(Some(node)), value });
            }
            mu.root(node)
        });
        m.collect();
        drop(root);
    }),
    ("arena_mark", "the same node from an arena of 10 000", |n| {
        let heap = Heap::builder().workers(1).gc_off().build().expect("address space");
        let mut m = heap.attach().expect("a fresh heap");
        let root = m.enter(|mu| {
            let mut arena = Arena::new(mu, 10_000);
            let mut node = arena.alloc(mu, Node { next: GcCell::new(None), value: 0 });
            for value in 1..n as u64 {
                node = arena.alloc(mu, Node { next: GcCell::new(Some(node)), value });
            }
            mu.root(node)
        });
        m.collect();
        drop(root);
    }),
];

/// The least that an allocation can be.
struct Bump {
    next: Cell<*mut [usize; 2]>,
    end: *mut [usize; 2],
}

impl Bump {
    #[inline(always)]
    fn alloc(&self, value: [usize; 2]) -> *mut [usize; 2] {
        let at = self.next.get();
        assert!(at < self.end, "a thousand at most");
        self.next.set(at.wrapping_add(1));
        // SAFETY: below the end of a vector that the program has, aligned as its elements are.
        unsafe { at.write(value) };
        at
    }
}

/// Allocations in a frame; after a thousand it is reset.
fn frames(operations: usize, one: impl Fn(&Frame<'_>, usize)) {
    let heap = Heap::new().expect("address space");
    heap.attach().expect("a fresh heap").enter(|mu| {
        mu.frame(|f| {
            for _ in 0..operations / 1000 {
                (0..1000).for_each(|i| one(f, i));
                f.reset();
            }
        });
    });
}

/// Operations in rounds of ten thousand, each of which gets their numbers.
fn in_rounds(operations: usize, round: impl Fn(&Mu<'_>, Range<usize>)) {
    let heap = Heap::builder().workers(1).build().expect("address space");
    let mut m = heap.attach().expect("a fresh heap");
    for start in (0..operations).step_by(ROUND) {
        m.enter(|mu| round(mu, start..operations.min(start + ROUND)));
    }
}

fn rounds(operations: usize, one: impl Fn(&Mu<'_>, usize)) {
    in_rounds(operations, |mu, numbers| numbers.for_each(|i| one(mu, i)));
}

/// Objects of one type in an arena for as many as a round makes.
fn rounds_in_arena<T: Trace + 'static>(operations: usize, make: impl Fn(u64) -> T) {
    in_rounds(operations, |mu, numbers| {
        let mut arena = Arena::new(mu, ROUND);
        numbers.for_each(|i| {
            black_box(arena.alloc(mu, make(i as u64)));
        });
    });
}

/// The same, with the chunk lent.
fn rounds_in_fill<T: Trace + 'static>(operations: usize, make: impl Fn(u64) -> T) {
    in_rounds(operations, |mu, numbers| {
        Arena::new(mu, ROUND).fill(mu, |fill| {
            numbers.for_each(|i| {
                black_box(fill.alloc(make(i as u64)));
            });
        });
    });
}

/// Operations on a vector in the heap that has one element at least; after a thousand it is cleared.
fn vectors(operations: usize, one: impl for<'gc> Fn(&Mu<'gc>, &GcVec<'gc, Gc<'gc, u64>>, Gc<'gc, u64>)) {
    let heap = Heap::new().expect("address space");
    heap.attach().expect("a fresh heap").enter(|mu| {
        let (items, target) = (mu.alloc(GcVec::with_capacity(mu, 1001)), mu.alloc(1_u64));
        for _ in 0..operations / 1000 {
            items.push(mu, target);
            (0..1000).for_each(|_| one(mu, &items, black_box(target)));
            items.clear(mu);
        }
    });
}

/// Operations on a map in the heap that has the numbers below 1000.
fn maps(operations: usize, one: impl for<'gc> Fn(&Mu<'gc>, &Numbers<'gc>, u64)) {
    let heap = Heap::new().expect("address space");
    heap.attach().expect("a fresh heap").enter(|mu| {
        let map = mu.alloc(Numbers::with_capacity_and_hasher(mu, 1500, FixedState::default()));
        map.extend(mu, (0..1000).map(|key| (key, key)));
        (0..operations).for_each(|at| one(mu, &map, black_box(at as u64 % 1000)));
    });
}

/// The same with the peer's.
fn peers(operations: usize, one: impl Fn(&mut Peer, u64)) {
    let mut map = Box::new(Peer::with_capacity_and_hasher(1500, FixedState::default()));
    map.extend((0..1000).map(|key| (key, key)));
    (0..operations).for_each(|at| one(&mut map, black_box(at as u64 % 1000)));
}

/// The mutator runs the cycles between two rounds, so that as many of them come in every run of the case.
fn rounds_of_thousand(operations: usize, thousand: impl Fn(&Mu<'_>)) {
    let heap = Heap::builder().own_threads(false).build().expect("address space");
    let mut m = heap.attach().expect("a fresh heap");
    (0..operations / 1000).for_each(|_| m.enter(&thousand));
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, name, operations] = args.as_slice()
        && flag == "--case"
    {
        let (_, _, run) = CASES.iter().find(|case| case.0 == name).expect("a case of this program");
        return run(operations.parse().expect("a number"));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIPPED: valgrind is not installed (Debian: apt-get install valgrind)");
        return;
    }
    println!("{:<12} {:>12}  one operation is", "case", "instr/op");
    for (name, what, _) in CASES {
        let (few, many) = (200_000, 1_200_000);
        match (instructions(&args[0], name, few), instructions(&args[0], name, many)) {
            (Some(less), Some(more)) => {
                println!("{name:<12} {:>12.2}  {what}", (more - less) / (many - few) as f64);
            }
            _ => println!("{name:<12} {:>12}  {what}", "failed"),
        }
    }
}

/// Instructions of one run of a case, by callgrind's own total.
fn instructions(program: &str, case: &str, operations: usize) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--case", case])
        .arg(operations.to_string())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
