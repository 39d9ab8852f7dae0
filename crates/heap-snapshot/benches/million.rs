//! How long a snapshot of a million objects takes, to take and to write, and what memory. One run, no statistics:
//!
//! ```sh
//! cargo bench -p heap-snapshot --bench million -- [OBJECTS] [FILE]
//! ```
//!
//! Objects are nodes of 48 bytes with three references each, one of them to the next, the others anywhere; every tenth leads to
//! a string. The file goes to memory, unless one is named. The second time is what the processor worked for it: on a machine that others use, too, the
//! first says little.
#![expect(clippy::print_stdout, reason = "it is a program")]

use heap_core::os::thread_cpu_time;
use heap_gc::{Gc, GcCell, GcStr, Heap, LayoutPolicy, Rebrand, Root, Trace, TypeMask};
use heap_snapshot::{Analysis, Limits, read, write};
use std::fs::File;
use std::time::{Duration, Instant};

/// A node, without the derive, which is in another crate.
struct Node<'gc> {
    edges: [GcCell<Option<Gc<'gc, Node<'gc>>>>; 3],
    text: GcCell<Option<Gc<'gc, GcStr>>>,
    _number: [u64; 2],
}

// SAFETY: 1: the first four words are references; the others are numbers. 2: nothing is elsewhere. 4: it needs no drop.
unsafe impl<'gc> Trace for Node<'gc> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>())
        .with(core::mem::offset_of!(Self, edges), &TypeMask::pointer().repeated(3))
        .with(core::mem::offset_of!(Self, text), &TypeMask::pointer());
}

// SAFETY: the one brand is replaced.
unsafe impl Rebrand for Node<'_> {
    type At<'gc> = Node<'gc>;
}

/// Does something, and says how long it took: by the clock, and of the processor's time.
fn timed<R>(f: impl FnOnce() -> R) -> (R, Duration, Duration) {
    let (begun, cpu) = (Instant::now(), thread_cpu_time());
    let result = f();
    (result, begun.elapsed(), thread_cpu_time().saturating_sub(cpu))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let count: usize = args.first().map_or(Ok(1_000_000), |count| count.parse())?;
    let heap = Heap::builder().gc_off().layouts(LayoutPolicy::PerType).build()?;
    let mut mutator = heap.attach()?;
    let _root: Root<Node<'static>> = mutator.enter(|mu| {
        let mut state = 1_u64;
        let mut some = Vec::new();
        let mut last = None;
        for number in 0..count {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let anywhere = |shift: u32| {
                let len = some.len() as u64;
                (len > 0).then(|| some[usize::try_from((state >> shift) % len).unwrap_or(0)])
            };
            let edges = [last, anywhere(20), anywhere(33)].map(GcCell::new);
            let text = GcCell::new((number % 10 == 0).then(|| mu.alloc_str(&number.to_string())));
            let node = mu.alloc(Node { edges, text, _number: [number as u64; 2] });
            last = Some(node);
            some.push(node);
        }
        mu.root(last.expect("there are some"))
    });
    let (snapshot, taken, taken_cpu) = timed(|| heap.snapshot());
    let snapshot = snapshot?;
    println!("{} nodes, {} edges", snapshot.len(), snapshot.edge_count());
    println!("taken    {taken:>10.3?} {taken_cpu:>10.3?}, everybody held for {:.3?}", snapshot.held());
    let mut file = Vec::new();
    let (done, written, written_cpu) = timed(|| match args.get(1) {
        Some(path) => File::create(path).and_then(|file| write(&snapshot, file)),
        None => write(&snapshot, &mut file),
    });
    done?;
    println!("written  {written:>10.3?} {written_cpu:>10.3?}, {} bytes", file.len());
    println!("together {:>10.3?} {:>10.3?}", taken + written, taken_cpu + written_cpu);
    println!("it takes {} bytes", snapshot.memory().get());
    if args.get(1).is_none() {
        let (graph, wall, cpu) = timed(|| read(&*file, &Limits::default()));
        let graph = graph?;
        println!("read     {wall:>10.3?} {cpu:>10.3?}");
        let (analysis, wall, cpu) = timed(|| Analysis::of(&graph));
        println!("analysed {wall:>10.3?} {cpu:>10.3?}, {} bytes are kept", analysis?.retained(graph.root()));
    }
    Ok(())
}
