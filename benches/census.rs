//! What a census costs: of ten million objects, some of whose neighbours have died, when all is swept, and when it has to sweep
//! what a cycle has just left. The median and the longest of some rounds are printed.

use std::time::{Duration, Instant};
use tricolor::{Gc, Heap, LayoutPolicy, Reason, Root, Trace};

const OBJECTS: u64 = 10_000_000;
const IN_A_LIST: u64 = 10_000;
const ROUNDS: usize = 11;

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
    numbers: [u64; 5],
}

fn told(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    println!("{what}: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().layouts(LayoutPolicy::PerType).build()?;
    let mut mutator = heap.attach()?;
    let mut lists: Vec<Root<_>> = Vec::new();
    for list in 0..OBJECTS / IN_A_LIST {
        lists.push(mutator.enter(|mu| {
            let mut next = None;
            for number in 0..IN_A_LIST {
                next = Some(mu.alloc(Node { next, numbers: [list * IN_A_LIST + number; 5] }));
                if number % 16 == 0 {
                    mu.alloc([number; 6]);
                }
            }
            mu.root(next.expect("a list has objects"))
        }));
    }
    mutator.collect();
    let census = heap.census();
    println!("{} objects, {} in {} layouts", census.total.objects, census.total.bytes, census.layouts.len());

    let mut swept = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        assert_eq!(heap.census(), census);
        swept.push(begun.elapsed());
    }
    told("all swept", &mut swept);

    // A cycle that the heap begins by itself sweeps later: garbage until there is one.
    let mut unswept = Vec::new();
    while unswept.len() < ROUNDS {
        let before = heap.figures().cycles;
        while heap.figures().cycles == before {
            mutator.enter(|mu| (0..1000).for_each(|number| _ = mu.alloc([number; 64])));
        }
        let begun = Instant::now();
        let census = heap.census();
        unswept.push(begun.elapsed());
        let last = heap.figures().last_cycle.map(|cycle| cycle.reason);
        assert!(census.total.objects >= OBJECTS && last != Some(Reason::Asked));
    }
    told("just marked, to be swept", &mut unswept);
    Ok(())
}
