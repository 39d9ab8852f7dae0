//! Hunting a leak: two censuses say what grows, a snapshot says what keeps it.
//!
//! A server has sessions. Closing one takes it out of the table, and forgets that a log of recent events leads to it: the log is cut
//! by a rule that never applies. The program grows, and no line of it looks wrong.
//!
//! ```sh
//! cargo run --release --example leak -- leak.heapsnapshot
//! ```
//!
//! writes the snapshot, which Chrome's DevTools open (Memory → Load), and `heap-lab snapshot leak.heapsnapshot` reads.

use heap_snapshot::{Analysis, Limits, read, write};
use tricolor::{Gc, GcBytes, GcMap, GcVec, Heap, LayoutPolicy, Mu, Root, Trace};

/// Somebody who is served, with what was received.
#[derive(Trace)]
struct Session<'gc> {
    number: u64,
    received: Gc<'gc, GcBytes>,
}

/// Something that happened to a session.
#[derive(Trace)]
struct Event<'gc> {
    session: Gc<'gc, Session<'gc>>,
    severity: u64,
}

#[derive(Trace)]
struct Server<'gc> {
    sessions: GcMap<'gc, u64, Gc<'gc, Session<'gc>>>,
    recent: GcVec<'gc, Gc<'gc, Event<'gc>>>,
}

/// Sessions that are open at a time.
const OPEN: u64 = 100;
/// Events that the log should have at most.
const RECENT: usize = 1000;

/// A session comes, and the oldest goes.
fn serve<'gc>(mu: &Mu<'gc>, server: Gc<'gc, Server<'gc>>, number: u64) {
    let session = mu.alloc(Session { number, received: mu.alloc_bytes(&[0; 500]) });
    server.sessions.insert(mu, number, session);
    server.recent.push(mu, mu.alloc(Event { session, severity: 0 }));
    if let Some(oldest) = number.checked_sub(OPEN) {
        let closed = server.sessions.remove(mu, &oldest);
        assert!(closed.is_some_and(|closed| closed.number == oldest && closed.received.len() == 500));
    }
    // The mistake: the log is cut when it is too long, but only of severe events.
    if server.recent.len() > RECENT {
        server.recent.retain(mu, |event| event.severity == 0);
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A layout for each type, so that types have names.
    let heap = Heap::builder().layouts(LayoutPolicy::PerType).build()?;
    let mut mutator = heap.attach()?;
    let server: Root<Server<'static>> =
        mutator.enter(|mu| mu.root(mu.alloc(Server { sessions: GcMap::new(), recent: GcVec::new() })));
    let mut run = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            mutator.enter(|mu| serve(mu, server.get(mu), number));
        }
        mutator.collect();
    };

    // What grows? Two censuses, with as many open sessions at both: what is more at the second was not let go.
    run(0..2000);
    let before = heap.census();
    run(2000..4000);
    let growth = heap.census().since(&before);
    for kind in growth.iter().take(4) {
        println!("{:+9} bytes {:+6} objects of {}", kind.bytes, kind.objects, kind.label);
    }
    // Of its type, and no array of references to it.
    let is_session = |label: &str| label.contains("::Session") && !label.starts_with('[');
    let sessions = growth.iter().find(|kind| is_session(&kind.label));
    assert_eq!(sessions.map(|kind| kind.objects), Some(2000), "every session that was closed is still there");

    // What keeps them? A snapshot; everybody is held for it.
    let snapshot = heap.snapshot()?;
    let mut file = Vec::new();
    write(&snapshot, &mut file)?;
    if let Some(path) = std::env::args().nth(1).filter(|path| path.ends_with(".heapsnapshot")) {
        std::fs::write(path, &file)?;
    }
    let graph = read(&*file, &Limits::default())?;
    let analysis = Analysis::of(&graph)?;
    println!("\nwhat retains most:");
    for node in analysis.top(3) {
        println!("{:9} bytes by {}", analysis.retained(node), graph.node(node).name);
    }
    // A session that was closed: the way to it from the root says what to look at.
    let closed = graph
        .numbers()
        .find(|&node| is_session(graph.node(node).name) && analysis.retainers(node).count() == 1);
    let path =
        closed.and_then(|closed| analysis.path(closed)).ok_or("no session is kept by one thing alone")?;
    println!("\na closed session is kept by way of:");
    for step in &path {
        println!("  {} → {}", step.edge.name, graph.node(step.edge.to).name);
    }
    let by = graph.node(path[path.len() - 1].from).name;
    assert!(by.contains("::Event"), "the log keeps it, and not the table: {by}");
    Ok(())
}
