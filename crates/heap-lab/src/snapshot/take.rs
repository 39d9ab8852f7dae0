//! Taking a snapshot of a workload, to have one to look at.

use crate::choice::choices;
use crate::error::LabError;
use crate::unit::digits;
use heap_snapshot::write;
use std::fs::File;
use std::path::Path;
use tricolor::{Gc, GcCell, GcMap, GcStr, GcVec, Heap, LayoutPolicy, Mu, Mutator, Root, Trace};

choices! {
    /// What a heap is filled with.
    Workload, "workload" {
        /// Sessions by their number, each with a text, and a list of listeners that keeps those that were closed.
        Leak = "leak",
        /// A list.
        List = "list",
        /// A binary tree.
        Tree = "tree",
    }
}

/// Somebody who is served.
#[derive(Trace)]
struct Session<'gc> {
    number: u64,
    text: Gc<'gc, GcStr>,
}

/// Wants to be told of something, and keeps a session for it.
#[derive(Trace)]
struct Listener<'gc> {
    session: Gc<'gc, Session<'gc>>,
}

/// Sessions that are open, and everybody who ever listened.
#[derive(Trace)]
struct Server<'gc> {
    sessions: GcMap<'gc, u64, Gc<'gc, Session<'gc>>>,
    listeners: GcVec<'gc, Gc<'gc, Listener<'gc>>>,
}

/// A link of a list, or a node of a tree.
#[derive(Trace)]
struct Link<'gc> {
    to: [GcCell<Option<Gc<'gc, Link<'gc>>>>; 2],
    number: u64,
}

/// Roots that keep the workload alive.
struct Kept {
    _server: Option<Root<Server<'static>>>,
    _link: Option<Root<Link<'static>>>,
}

/// Fills a heap, takes a snapshot, and writes it. Says what was done.
///
/// # Errors
/// When the heap is refused, or the file cannot be written.
pub(super) fn take(path: &Path, workload: Workload, objects: usize) -> Result<String, LabError> {
    let file = File::create(path).map_err(LabError::io("write", path))?;
    let heap = Heap::builder().layouts(LayoutPolicy::PerType).build()?;
    let mut mutator = heap.attach()?;
    let _kept = fill(&mut mutator, workload, objects);
    mutator.collect();
    let snapshot = heap.snapshot().map_err(|error| LabError::Heap(error.to_string()))?;
    write(&snapshot, file).map_err(LabError::io("write", path))?;
    Ok(format!(
        "{}: {} objects and {} references; everybody was held for {:.1} ms\n",
        path.display(),
        digits(snapshot.len() as f64),
        digits(snapshot.edge_count() as f64),
        snapshot.held().as_secs_f64() * 1e3,
    ))
}

fn fill(mutator: &mut Mutator, workload: Workload, objects: usize) -> Kept {
    mutator.enter(|mu| match workload {
        Workload::Leak => Kept { _server: Some(mu.root(server(mu, objects))), _link: None },
        Workload::List => Kept { _server: None, _link: Some(mu.root(list(mu, objects))) },
        Workload::Tree => Kept { _server: None, _link: Some(mu.root(tree(mu, objects))) },
    })
}

/// Of ten sessions nine were closed, and forgotten by all but their listeners.
fn server<'gc>(mu: &Mu<'gc>, objects: usize) -> Gc<'gc, Server<'gc>> {
    let server = mu.alloc(Server { sessions: GcMap::new(), listeners: GcVec::new() });
    for number in 0..objects as u64 / 3 {
        let text = mu.alloc_str(&format!("what session {number} was about"));
        let session = mu.alloc(Session { number, text });
        debug_assert_eq!((session.number, session.text), (number, text));
        if number % 10 == 0 {
            server.sessions.insert(mu, number, session);
        }
        let listener = mu.alloc(Listener { session });
        debug_assert_eq!(listener.session.number, number);
        server.listeners.push(mu, listener);
    }
    server
}

fn link<'gc>(mu: &Mu<'gc>, to: [Option<Gc<'gc, Link<'gc>>>; 2], number: usize) -> Gc<'gc, Link<'gc>> {
    let link = mu.alloc(Link { to: to.map(GcCell::new), number: number as u64 });
    debug_assert_eq!((link.number, link.to[0].get().is_some()), (number as u64, to[0].is_some()));
    link
}

fn list<'gc>(mu: &Mu<'gc>, objects: usize) -> Gc<'gc, Link<'gc>> {
    (1..objects).fold(link(mu, [None, None], 0), |next, number| link(mu, [Some(next), None], number))
}

/// Complete, level by level from below.
fn tree<'gc>(mu: &Mu<'gc>, objects: usize) -> Gc<'gc, Link<'gc>> {
    let mut row: Vec<_> =
        (0..objects.div_ceil(2).max(1)).map(|number| link(mu, [None, None], number)).collect();
    while row.len() > 1 {
        let pairs = row.chunks(2).enumerate();
        row = pairs.map(|(number, pair)| link(mu, [Some(pair[0]), pair.get(1).copied()], number)).collect();
    }
    row[0]
}
