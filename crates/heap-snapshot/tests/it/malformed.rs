//! What is no snapshot is refused, with a place, and costs no more memory than it has bytes.

use crate::{Random, text};
use heap_snapshot::{Analysis, EdgeName, Graph, Limits, Mistake, ReadError, read};
use std::io::{self, Read};

fn refused(text: &str) -> ReadError {
    read(text.as_bytes(), &Limits::default()).expect_err(text)
}

fn good() -> String {
    text(&[(8, vec![("property", 1), ("element", 2)]), (16, vec![("weak", 2)]), (24, vec![])])
}

/// What is read can be asked everything.
fn ask(graph: &Graph) {
    let analysis = Analysis::of(graph).unwrap();
    for node in 0..graph.len() as u32 {
        drop((analysis.retained(node), analysis.dominator(node), analysis.path(node)));
        let names: usize = graph.edges(node).map(|edge| edge.name.to_string().len()).sum();
        let _read = names + analysis.retainers(node).count() + graph.node(node).name.len();
    }
    drop((analysis.top(10), analysis.types().unwrap()));
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_does() {
    let text = good();
    ask(&read(text.as_bytes(), &Limits::default()).unwrap());
    for len in 0..text.len() {
        let error = refused(&text[..len]);
        assert_eq!(error.at, len as u64, "{error}");
        assert!(error.to_string().contains("at byte"));
    }
}

#[test]
fn files_with_a_byte_changed_are_refused_or_read() {
    let text = good().into_bytes();
    let (mut refused, mut random) = (0, Random(7));
    for _ in 0..20_000 {
        let mut bytes = text.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            let with = b"0123456789,[]{}\":\\ -e.xtn\xFF";
            match random.below(3) {
                0 => bytes[at] = with[random.below(with.len() as u64) as usize],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, with[random.below(with.len() as u64) as usize]),
            }
        }
        match read(&*bytes, &Limits::default()) {
            Ok(graph) => ask(&graph),
            Err(error) => {
                assert!(error.at <= bytes.len() as u64, "{error}");
                refused += 1;
            }
        }
    }
    assert!((10_000..20_000).contains(&refused), "{refused}");
}

#[test]
fn each_contradiction_is_named() {
    let text = good();
    let with = |from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        refused(&text.replace(from, to)).to_string()
    };
    for (from, to, said) in [
        ("\"node_count\":3", "\"node_count\":4", "the head says 4 nodes, and there are 3"),
        ("\"edge_count\":3", "\"edge_count\":2", "the head says 2 edges, and there are 3"),
        ("0,0,0,8,2", "0,0,0,8,3", "the nodes have 4 edges, and there are 3"),
        ("0,0,0,8,2", "1,0,0,8,2", "a node is of kind 1, of 1"),
        ("0,0,0,8,2", "0,3,0,8,2", "node 0 is called string 3 of 3"),
        ("0,2,2,24,0", "0,2,2,24,0,0", "the last row has 1 of 5 fields"),
        ("0,0,0,8,2", "0,0,0,8,-2", "a whole number should be here"),
        ("0,0,0,8,2", "0,0,0,8.5,2", "a whole number should be here"),
        ("0,0,0,8,2", "0,0,0,18446744073709551616,2", "a number below 2^64 should be here"),
        ("0,0,0,8,2", "0,0,0,8,4294967296", "the number of edges is 4294967296, which is above 32 bits"),
        ("1,0,5,", "1,0,6,", "an edge leads to 6, which is within a node"),
        ("1,0,5,", "1,0,15,", "an edge leads to node 3 of 3"),
        ("1,0,5,", "1,9,5,", "an edge is called string 9 of 3"),
        ("1,0,5,", "4,0,5,", "an edge is of kind 4, of 4"),
        ("\"to_node\"", "\"to\"", "the rows have no field `to_node`"),
        ("[\"object\"]", "[]", "no kinds are named"),
        ("\"strings\"", "\"sting\"", "`strings` is missing"),
        ("\"strings\":", "\"nodes\":[],\"strings\":", "a second `nodes`"),
        (
            "{\"snapshot\"",
            "{\"nodes\":[],\"snapshot\"",
            "`snapshot`, with the fields of rows, must come before",
        ),
        ("\"c\"]}", "\"c\"]}}", "the end of the file"),
        ("\"c\"]", "\"c\\x\"]", "an escape that exists"),
        ("\"c\"]", "\"c\n\"]", "no control character"),
        ("\"c\"]", "\"\\u12g4\"]", "four hexadecimal digits"),
    ] {
        let found = with(from, to);
        assert!(found.contains(said), "{from} -> {to}: {found}");
    }
    let root = text.replace("\"node_count\":3", "\"root_index\":15,\"node_count\":3");
    assert!(refused(&root).to_string().contains("the root is 15, which is no node"));
    let empty = self::text(&[]);
    assert!(refused(&empty).to_string().contains("there are no nodes"));
}

#[test]
fn fields_may_lie_in_any_order_and_what_is_not_known_is_skipped() {
    let text = r#" { "before" : [ { } , [ ] , {"a":[1,-2.5e3,true,false,null,"\"]"]} ] ,
        "snapshot":{"more":{"x":1},"root_index":6,"meta":{"edge_types":["node",["new","element"],"string"],
        "node_types":["number","number","string","number","number",["odd","object"]],"more":[[]],
        "edge_fields":["to_node","type","name_or_index"],
        "node_fields":["id","edge_count","name","other","self_size","type"]}},
        "strings":["\u0061\ud83d\ude00\n","\ud800","\ud800\ud83d\ude00","\udc00\ud800\t/é"],
        "nodes":[7,0,1,0,5,0,9,2,0,0,11,1],"edges":[0,0,2,0,1,12345]} "#;
    let graph = read(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!((graph.root(), graph.len(), graph.edge_count(), graph.is_empty()), (1, 2, 2, false));
    let root = graph.node(1);
    assert_eq!((root.id, root.name, root.kind, root.size), (9, "a😀\n", "object", 11));
    assert_eq!((graph.node(0).name, graph.node(0).kind), ("\u{fffd}", "odd"));
    let names: Vec<_> = graph.edges(1).map(|edge| edge.name).collect();
    assert_eq!(names, [EdgeName::Name("\u{fffd}😀"), EdgeName::Index(12_345)]);
    assert_eq!(graph.find(9), Some(1));
    assert_eq!(graph.find(8), None);
    ask(&graph);
}

#[test]
fn no_file_takes_more_than_it_may() {
    let text = good();
    let limits = Limits::default();
    let what = |limits: Limits| {
        let error = read(text.as_bytes(), &limits).unwrap_err();
        let Mistake::TooLarge { what, .. } = error.what else { panic!("{error}") };
        what
    };
    assert_eq!(what(Limits { bytes: 100, ..limits }), "bytes");
    assert_eq!(what(Limits { nodes: 2, ..limits }), "nodes");
    assert_eq!(what(Limits { edges: 2, ..limits }), "edges");
    assert_eq!(what(Limits { strings: 2, ..limits }), "bytes of strings");
    let exactly = Limits { bytes: text.len() as u64, nodes: 3, edges: 3, strings: 3 };
    assert!(read(text.as_bytes(), &exactly).is_ok());
    // What it says of itself reserves nothing.
    let boasts = text.replace("\"node_count\":3", "\"node_count\":18446744073709551615");
    assert!(refused(&boasts).to_string().contains("the head says"));
    // Nesting costs no stack.
    for opening in ["[", "{\"a\":", "[{\"a\":["] {
        let deep = format!("{{\"x\":{}", opening.repeat(1_000_000));
        assert!(refused(&deep).to_string().contains("levels of nesting"));
    }
    let many = format!("{{\"snapshot\":{{\"meta\":{{\"node_fields\":[{}\"a\"]}}}}}}", "\"a\",".repeat(100));
    assert!(refused(&many).to_string().contains("more than 64 words in a list"));
}

#[test]
fn what_the_system_refuses_is_said() {
    struct Broken(usize);
    impl Read for Broken {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => {
                    to[..2].copy_from_slice(b"{ ");
                    Ok(2)
                }
                _ => Err(io::Error::other("the disk is gone")),
            }
        }
    }
    let error = read(Broken(0), &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "at byte 2: the disk is gone");
    assert!(std::error::Error::source(&error).is_some());
}
