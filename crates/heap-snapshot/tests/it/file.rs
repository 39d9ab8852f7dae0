//! What is written is what the schema of V8's snapshots says, and is read back as it was.
//!
//! The schema here is what Chrome's DevTools rely on when they load a file (front_end/entrypoints/heap_snapshot_worker):
//! `edge_count` counts each node's edges, which follow those of the node before; `to_node` is a multiple of the number of node fields;
//! names are numbers of strings; the root is the first node; `(GC roots)` is below it; all numbers fit into 32 bits.

use crate::Random;
use heap_gc::{Gc, GcCell, GcSlice, Heap, LayoutPolicy, Mu, Root, Snapshot, Trace, TypeMask, WeakMap};
use heap_snapshot::{Analysis, EdgeKind, EdgeName, Graph, Limits, read, write};
use std::collections::{HashMap, HashSet};
use std::io;

/// A place for a reference.
type Place<'gc> = GcCell<Option<Gc<'gc, [u64; 2]>>>;

/// A slice of objects, a weak reference, a weak map, data.
fn snapshot() -> (Heap, Snapshot) {
    let heap = Heap::builder().gc_off().layouts(LayoutPolicy::PerType).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    type Kept = (Root<WeakMap<'static, [u64; 2], [u64; 3]>>, Root<heap_gc::Weak<'static, [u64; 2]>>);
    let mut more = Vec::new();
    let _kept: Kept = mutator.enter(|mu: &Mu<'_>| {
        let [first, second] = [1_u64, 2].map(|number| mu.alloc([number; 2]));
        let places: [Place<'_>; 3] = [Some(first), None, Some(second)].map(GcCell::new);
        more.push(mu.root(mu.alloc(places)));
        let map = mu.alloc(WeakMap::new());
        map.insert(mu, first, mu.alloc([3_u64; 3]));
        let weak = mu.alloc(mu.downgrade(second));
        (mu.root(map), mu.root(weak))
    });
    let snapshot = heap.snapshot().unwrap();
    drop(more);
    (heap, snapshot)
}

/// Some hundred objects that lead to each other anywhere, beside weak references and a weak map.
pub(crate) fn mixed() -> (Heap, Snapshot) {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut random = Random(5);
    let _kept: (Root<Row<'static>>, Root<WeakMap<'static, Named<'static>, Named<'static>>>) =
        mutator.enter(|mu| {
            let rows: Vec<Gc<'_, Row<'_>>> =
                (0..400).map(|number| mu.alloc_slice(1 + number % 3, |_| GcCell::new(None))).collect();
            let named: Vec<_> = rows.iter().map(|row| mu.alloc(Named(GcCell::new(Some(*row))))).collect();
            assert!(named.iter().all(|named| named.0.get().is_some()));
            let map = mu.alloc(WeakMap::new());
            for row in &rows {
                for cell in row.iter() {
                    if random.below(3) > 0 {
                        cell.set(mu, Some(named[random.below(400) as usize]));
                    }
                }
                if random.below(8) == 0 {
                    let [key, value] = [0; 2].map(|_| named[random.below(400) as usize]);
                    map.insert(mu, key, value);
                }
            }
            (mu.root(rows[0]), mu.root(map))
        });
    let snapshot = heap.snapshot().unwrap();
    assert!(snapshot.len() > 100);
    (heap, snapshot)
}

type Row<'gc> = GcSlice<GcCell<Option<Gc<'gc, Named<'gc>>>>>;

/// A reference to a slice of them.
struct Named<'gc>(GcCell<Option<Gc<'gc, Row<'gc>>>>);

// SAFETY: 1: its one word is a reference. 2: nothing is elsewhere. 4: it needs no drop.
unsafe impl Trace for Named<'_> {
    const MASK: TypeMask = TypeMask::pointer();
}

// SAFETY: the one brand is replaced.
unsafe impl heap_gc::Rebrand for Named<'_> {
    type At<'gc> = Named<'gc>;
}

pub(crate) fn written(snapshot: &Snapshot) -> String {
    let mut file = Vec::new();
    write(snapshot, &mut file).unwrap();
    String::from_utf8(file).unwrap()
}

/// The numbers of a list in the text.
fn numbers(text: &str, list: &str) -> Vec<u64> {
    let from = text.find(&format!("\"{list}\":[")).expect(list) + list.len() + 4;
    let upto = from + text[from..].find(']').expect("its end");
    text[from..upto].split(',').filter_map(|number| number.trim().parse().ok()).collect()
}

#[test]
fn a_file_keeps_to_the_schema() {
    let (_heap, snapshot) = snapshot();
    let text = written(&snapshot);
    let head = concat!(
        r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"#,
        r#""node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","#,
        r#""concatenated string","sliced string","symbol","bigint","object shape"],"string","number","number","number","#,
        r#""number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","#,
        r#""internal","hidden","shortcut","weak"],"string_or_number","node"]},"#,
    );
    assert!(text.starts_with(head), "{}", &text[..900]);
    let order = ["\"snapshot\"", "\"nodes\"", "\"edges\"", "\"samples\"", "\"locations\"", "\"strings\""];
    assert!(order.map(|key| text.find(key).unwrap()).is_sorted(), "a loader looks for them in this order");
    let (nodes, edges) = (numbers(&text, "nodes"), numbers(&text, "edges"));
    let strings = text[text.find("\"strings\":[").unwrap()..].matches(['\n']).count();
    assert!(nodes.len().is_multiple_of(7) && edges.len().is_multiple_of(3));
    let counts = format!("\"node_count\":{},\"edge_count\":{},", nodes.len() / 7, edges.len() / 3);
    assert!(text.contains(&counts), "{counts}");
    let mut counted = 0;
    let mut ids = HashSet::new();
    for node in nodes.chunks(7) {
        assert!(node[0] < 15 && node[1] < strings as u64 && node[5..] == [0, 0], "{node:?}");
        assert!(ids.insert(node[2]), "an id is another's, too");
        counted += node[4];
    }
    assert_eq!(counted * 3, edges.len() as u64);
    for edge in edges.chunks(3) {
        assert!(edge[0] < 7 && edge[2].is_multiple_of(7) && edge[2] < nodes.len() as u64, "{edge:?}");
        assert!(edge[0] == 1 || edge[1] < strings as u64, "{edge:?}");
    }
    assert!(nodes.iter().chain(&edges).all(|number| u32::try_from(*number).is_ok()));
    // A root without a name, and what DevTools look for below it.
    assert_eq!(nodes[..2], [9, 0]);
    assert_eq!(edges[..3], [1, 0, 7]);
    assert!(text.contains("\"strings\":[\"\",\n\"(GC roots)\""));
}

#[test]
fn what_is_read_is_what_was_written() {
    let (_heap, snapshot) = snapshot();
    let text = written(&snapshot);
    let graph = read(text.as_bytes(), &Limits::default()).unwrap();
    let groups = snapshot.roots().len();
    assert_eq!(graph.len(), 2 + groups + snapshot.len());
    for (number, node) in snapshot.nodes().enumerate() {
        let at = (2 + groups + number) as u32;
        let found = graph.node(at);
        assert_eq!(
            (found.id, found.name, found.size),
            (u64::from(node.id), node.label, node.size.get() as u64)
        );
        let wanted: Vec<_> = snapshot
            .edges(number)
            .iter()
            .map(|edge| ((2 + groups) as u32 + edge.to, edge.kind.is_weak()))
            .collect();
        let edges: Vec<_> = graph.edges(at).map(|edge| (edge.to, edge.kind == EdgeKind::Weak)).collect();
        assert_eq!(edges, wanted);
    }
    let roots: Vec<u32> = snapshot.roots()[0].targets.iter().map(|to| (2 + groups) as u32 + to).collect();
    assert!(graph.edges(2).map(|edge| edge.to).eq(roots));
    assert_eq!(graph.node(2).name, "(Root handles)");
    // Every node is kept by the root, also without weak edges: that is what a snapshot has.
    let analysis = Analysis::of(&graph).unwrap();
    assert!((0..graph.len() as u32).all(|node| analysis.path(node).is_some()));
    let total: u64 = snapshot.nodes().map(|node| node.size.get() as u64).sum();
    assert_eq!(analysis.retained(0), total);
}

#[test]
fn edges_have_the_names_that_are_promised() {
    let (_heap, snapshot) = snapshot();
    let graph: Graph = read(written(&snapshot).as_bytes(), &Limits::default()).unwrap();
    let mut names: HashMap<(String, String), usize> = HashMap::new();
    for node in 0..graph.len() as u32 {
        for edge in graph.edges(node) {
            *names.entry((format!("{:?}", edge.kind), edge.name.to_string())).or_default() += 1;
        }
    }
    let of = |kind: &str, name: &str| names.get(&(kind.into(), name.into())).copied().unwrap_or(0);
    assert!(of("Property", "+0") >= 1 && of("Property", "+16") == 1, "{names:?}");
    assert_eq!(of("Internal", "weakly keyed value"), 1);
    let weak = ["target", "key", "value"].map(|name| of("Weak", name));
    assert_eq!(weak, [1; 3], "{names:?}");
    assert!(matches!(graph.edges(0).next().map(|edge| edge.name), Some(EdgeName::Index(0))));
}

/// A type with a name that a file has to escape.
struct Quoted<'gc, const NAME: char>(GcCell<Option<Gc<'gc, u64>>>);

// SAFETY: 1: its mask is its field's. 2: nothing is elsewhere. 4: it needs no drop.
unsafe impl<'gc, const NAME: char> Trace for Quoted<'gc, NAME> {
    const MASK: TypeMask = <GcCell<Option<Gc<'gc, u64>>> as Trace>::MASK;
}

// SAFETY: the one brand is replaced.
unsafe impl<const NAME: char> heap_gc::Rebrand for Quoted<'_, NAME> {
    type At<'gc> = Quoted<'gc, NAME>;
}

#[test]
fn names_are_quoted() {
    let heap = Heap::builder().layouts(LayoutPolicy::PerType).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let roots: (Root<Quoted<'static, '"'>>, Root<Quoted<'static, '\\'>>, Root<Quoted<'static, 'é'>>) =
        mutator.enter(|mu| {
            (
                mu.root(mu.alloc(Quoted(GcCell::new(None)))),
                mu.root(mu.alloc(Quoted(GcCell::new(None)))),
                mu.root(mu.alloc(Quoted(GcCell::new(None)))),
            )
        });
    mutator.enter(|mu| assert!(roots.0.get(mu).0.get().is_none()));
    let snapshot = heap.snapshot().unwrap();
    let graph = read(written(&snapshot).as_bytes(), &Limits::default()).unwrap();
    let labels: Vec<&str> = snapshot.nodes().map(|node| node.label).collect();
    let names: Vec<&str> = (3..graph.len() as u32).map(|node| graph.node(node).name).collect();
    assert_eq!(names, labels);
    assert!(
        labels.iter().any(|label| label.contains('"')) && labels.iter().any(|label| label.contains('\\'))
    );
}

#[test]
fn an_empty_heap_is_a_file_and_a_full_disk_is_an_error() {
    let heap = Heap::new().unwrap();
    let snapshot = heap.snapshot().unwrap();
    let graph = read(written(&snapshot).as_bytes(), &Limits::default()).unwrap();
    assert_eq!((graph.len(), graph.edge_count()), (2, 1));
    assert!(Analysis::of(&graph).unwrap().top(5).is_empty());
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(write(&snapshot, Full).unwrap_err().kind(), io::ErrorKind::StorageFull);
}
