//! Promise: V8's own files are read. Needs Node; says so where there is none.

use heap_snapshot::{Analysis, EdgeKind, EdgeName, Limits, read};
use std::process::Command;
use std::{env, fs};

/// Keeps a thousand objects in an array, and in a weak map a large array by one of them.
const PROGRAM: &str = "
    globalThis.keptHere = Array.from({length: 1000}, (_, number) => ({number, text: 'é \"' + number}));
    globalThis.weakly = new WeakMap([[keptHere[0], {large: new Array(100000).fill(0.5)}]]);
    require('v8').writeHeapSnapshot(process.argv[1]);
";

#[test]
fn what_node_writes_is_read() {
    let path = env::temp_dir().join(format!("heap-snapshot-node-{}", std::process::id()));
    let Ok(done) = Command::new("node").args(["-e", PROGRAM]).arg(&path).output() else {
        println!("SKIPPED: Node is not installed");
        return;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let bytes = fs::read(&path).unwrap();
    drop(fs::remove_file(&path));
    let graph = read(&*bytes, &Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let analysis = Analysis::of(&graph).unwrap();
    let kept = graph.numbers().find_map(|node| {
        let mut edges = graph.edges(node);
        edges.find(|edge| edge.name == EdgeName::Name("keptHere") && edge.kind == EdgeKind::Property)
    });
    let kept = kept.expect("a global").to;
    // A thousand objects with a number, a text and a header each.
    assert!(analysis.retained(kept) > 1000 * 24, "{}", analysis.retained(kept));
    assert!(analysis.retained(graph.root()) >= analysis.retained(kept));
    let path = analysis.path(kept).expect("it is kept");
    assert!(path.windows(2).all(|steps| steps[0].edge.to == steps[1].from));
    let dominated = (0..graph.len() as u32).filter(|&node| analysis.dominator(node) == Some(kept)).count();
    assert!(dominated >= 1, "{dominated}");
    // The floats of the large array: 800 kB in one node.
    let top = analysis.top(20);
    assert!(top.iter().any(|&node| (800_000..2_000_000).contains(&analysis.retained(node))));
    assert!(analysis.types().unwrap().iter().any(|sum| sum.name == "string" && sum.objects > 1000));
    println!("{} nodes of V8", graph.len());
}
