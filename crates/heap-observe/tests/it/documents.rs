//! Promise: each path has the document that it is said to have, and what is in it is what the heap says of itself.

use crate::client::{Client, get};
use crate::openmetrics::read;
use heap_gc::{Heap, LayoutPolicy, Root};
use heap_observe::{Observer, Recorder, Watched};
use heap_profile::Profiler;
use std::io::Read;

/// A heap with objects of two size classes, of which spans with one object are left.
fn scattered(builder: heap_gc::HeapBuilder) -> (Heap, Vec<Root<[u64; 6]>>) {
    let heap = builder.gc_off().build().expect("a heap");
    let mut mutator = heap.attach().expect("attached");
    let mut kept = Vec::new();
    mutator.enter(|mu| {
        for number in 0..20_000_u64 {
            let object = mu.alloc([number; 6]);
            if number % 200 == 0 {
                kept.push(mu.root(object));
            }
            mu.alloc([number; 2]);
        }
    });
    mutator.collect();
    drop(mutator);
    (heap, kept)
}

#[test]
fn the_metrics_are_read_and_are_the_figures() {
    let (heap, _kept) = scattered(Heap::builder());
    let other = Heap::new().expect("a heap");
    let observer = Observer::builder(&heap)
        .heap(Watched::new("the \"other\"\n", &other))
        .bind("127.0.0.1:0")
        .expect("an observer");
    let reply = get(&observer, "/metrics");
    assert_eq!(
        reply.header("Content-Type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let families = read(reply.text()).unwrap_or_else(|what| panic!("{what}"));
    let of = |name: &str, label: (&str, &str)| {
        let family = &families[name];
        let has = |labels: &std::collections::BTreeMap<String, String>| {
            labels.get(label.0).is_some_and(|value| value == label.1)
        };
        let found: Vec<_> = family.samples.iter().filter(|(labels, _)| has(labels)).collect();
        assert_eq!(found.len(), 1, "{name} {label:?}: {found:?}");
        found[0].1
    };
    let (figures, spans) = (heap.figures(), heap.fragmentation());
    let main = ("heap", "main");
    assert_eq!(of("tricolor_heap_alloc_bytes", main), figures.memory.heap_alloc.get() as f64);
    assert_eq!(of("tricolor_heap_inuse_bytes", main), figures.memory.heap_inuse.get() as f64);
    assert_eq!(of("tricolor_gc_cycles", main), 1.0);
    assert_eq!(of("tricolor_gc_goal_bytes", main), f64::INFINITY);
    assert_eq!(of("tricolor_fragmentation_ratio", main), figures.memory.fragmentation());
    assert!((spans.total.lone..=100).contains(&100), "{}", spans.total.lone);
    assert_eq!(of("tricolor_class_spans_lone", ("class", "48")), spans.total.lone as f64);
    assert_eq!(of("tricolor_class_fragmentation_ratio", ("class", "48")), spans.total.ratio());
    assert!(of("tricolor_class_allocated_objects", ("class", "16")) >= 20_000.0);
    assert_eq!(of("tricolor_heap_up", ("heap", "the \"other\"\n")), 1.0);
    assert_eq!(families["process_resident_memory_bytes"].samples.len(), 1);
    assert_eq!(families["tricolor_mutator_pause_seconds"].samples.len(), 0, "it is not measured");
    assert!(heap.verify().is_empty());
}

#[test]
fn pauses_that_are_measured_are_told() {
    let heap = Heap::builder().measure_pauses(true).build().expect("a heap");
    heap.attach().expect("attached").enter(|mu| _ = mu.alloc(1_u64));
    let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    let families = read(get(&observer, "/metrics").text()).unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(families["tricolor_mutator_pause_seconds"].samples.len(), 4);
}

#[test]
fn the_picture_has_cells_classes_and_cycles() {
    let recorder = Recorder::new();
    let (heap, kept) = scattered(recorder.listen(Heap::builder().layouts(LayoutPolicy::PerType)));
    let watched = Watched::new("main", &heap).recorder(&recorder);
    let observer = Observer::builder(watched).bind("127.0.0.1:0").expect("an observer");
    let mut client = Client::new(&observer);
    let picture = client.get("/heap.json").json();
    let spans = heap.fragmentation();
    assert_eq!(picture["figures"]["lone"], spans.total.lone);
    assert_eq!(picture["figures"]["alloc"], kept.len() * 48);
    assert_eq!(picture["cycles"].as_array().map(Vec::len), Some(1));
    assert!(picture["cycles"][0]["rounds"].as_array().is_some_and(|rounds| rounds.len() >= 4));
    assert_eq!(picture["classes"][0]["size"], 48);
    assert!(picture["layouts"][0]["name"].as_str().is_some_and(|name| name.contains("u64")));

    let fields: Vec<_> = picture["map"]["fields"].as_array().expect("names").iter().collect();
    let cells = picture["map"]["cells"].as_array().expect("cells");
    let sum = |name: &str| -> u64 {
        let at = fields.iter().position(|field| *field == name).expect("a field");
        cells.iter().filter_map(|cell| cell[at].as_u64()).sum()
    };
    assert_eq!(sum("occupied"), (kept.len() * 48) as u64);
    assert_eq!(sum("spans"), spans.total.spans as u64);
    assert_eq!(sum("scan"), 0);
    assert_eq!(sum("noscan"), (spans.total.in_use().get() / 8192) as u64);

    for (cells, most) in [(1, 1), (100, 100), (0, 1), (99_999_999, 8192)] {
        let picture = client.get(&format!("/heap.json?cells={cells}")).json();
        let count = picture["map"]["cells"].as_array().map_or(0, Vec::len);
        assert!((1..=most).contains(&count), "{cells}: {count}");
    }
    assert_eq!(client.get("/heap.json?cells=many").status, 400);
}

#[test]
fn the_census_is_the_heaps() {
    let (heap, kept) = scattered(Heap::builder().layouts(LayoutPolicy::PerType));
    let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    let census = get(&observer, "/census.json").json();
    assert_eq!((&census["objects"], &census["bytes"]), (&kept.len().into(), &(kept.len() * 48).into()));
    assert_eq!(census["types"][0][1], kept.len());
    assert_eq!(census["cycle"], 1);
}

#[test]
fn profiles_are_gzip_files_or_text() {
    let profiler = Profiler::new();
    let (heap, _kept) = scattered(Heap::builder().sampler(profiler.clone(), 1));
    let watched = Watched::new("main", &heap).profiler(&profiler);
    let observer = Observer::builder(watched).bind("127.0.0.1:0").expect("an observer");
    let mut files = Vec::new();
    for path in ["/debug/pprof/heap", "/debug/pprof/allocs"] {
        let reply = get(&observer, path);
        assert_eq!((reply.status, reply.header("Content-Type")), (200, Some("application/octet-stream")));
        let mut file = Vec::new();
        flate2::read::GzDecoder::new(&reply.body[..]).read_to_end(&mut file).expect("a gzip file");
        assert!(file.windows(11).any(|text| text == b"alloc_space"), "{path}");
        files.push(file);
    }
    // They differ in what is shown first: the number of a text, in field 14.
    let [heap_file, allocs] = &files[..] else { panic!("two files") };
    let shown = |file: &[u8]| file.windows(2).find(|two| two[0] == 14 << 3 && two[1] < 10).map(|two| two[1]);
    assert_ne!(shown(heap_file), shown(allocs));

    let text = get(&observer, "/debug/pprof/heap?debug=1");
    assert!(
        text.text().lines().any(|line| line.contains("scattered") && line.ends_with(" 4800")),
        "{}",
        text.text()
    );
    let text = get(&observer, "/debug/pprof/allocs?debug=1");
    assert!(
        text.text().lines().any(|line| line.contains("[u64, 2]") && line.ends_with(" 320000")),
        "{}",
        text.text()
    );

    let without = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    let reply = get(&without, "/debug/pprof/heap");
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("no profiler"));
}

#[test]
fn the_page_and_its_parts_are_there() {
    let heap = Heap::new().expect("a heap");
    let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    let mut client = Client::new(&observer);
    for (path, kind, word) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page.css", "text/css; charset=utf-8", "prefers-color-scheme"),
        ("/page.js", "text/javascript; charset=utf-8", "fetch("),
        ("/icon.svg", "image/svg+xml", "<svg"),
    ] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.header("Content-Type")), (200, Some(kind)), "{path}");
        assert!(reply.text().contains(word), "{path}");
        assert!(reply.header("Content-Security-Policy").is_some_and(|policy| !policy.contains("unsafe")));
    }
}

#[test]
fn heaps_are_told_apart_by_name() {
    let heaps = [Heap::new().expect("a heap"), Heap::new().expect("a heap")];
    heaps[1].collect();
    let observer = Observer::builder(Watched::new("a b", &heaps[0]))
        .heap(Watched::new("ä", &heaps[1]))
        .bind("127.0.0.1:0")
        .expect("an observer");
    let mut client = Client::new(&observer);
    for (path, cycles) in [("/heap.json", 0), ("/heap.json?heap=a%20b", 0), ("/heap.json?heap=%C3%A4", 1)] {
        assert_eq!(client.get(path).json()["figures"]["cycles"], cycles, "{path}");
    }
    assert_eq!(client.get("/heap.json").json()["heaps"], serde_json::json!(["a b", "ä"]));
    for path in ["/heap.json?heap=c", "/census.json?heap=", "/nothing", "/metrics/", "/../metrics"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}
