//! The programs, as the lab meets them: what they print, and how they end when they cannot.

use std::process::{Command, Output};

use serde_json::Value;

const BOEHM: &str = env!("CARGO_BIN_EXE_peers-boehm");
const GC_ARENA: &str = env!("CARGO_BIN_EXE_peers-gc-arena");
const BOXES: [&str; 2] = [env!("CARGO_BIN_EXE_peers-mimalloc"), env!("CARGO_BIN_EXE_peers-system")];
/// The exit codes of a shape that a program does not have, and of a memory manager that is not on the machine.
const OTHER_SHAPES: i32 = 2;
const ABSENT: i32 = 3;

fn run(program: &str, args: &str) -> Output {
    Command::new(program).args(args.split(' ')).output().expect("the program starts")
}

/// What it prints; nothing where its library is not installed.
fn figures(program: &str, args: &str) -> Option<Value> {
    let output = run(program, args);
    if program == BOEHM && output.status.code() == Some(ABSENT) {
        return None;
    }
    assert!(output.status.success(), "{program} {args}: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("one object"))
}

#[test]
fn every_program_counts_the_nodes_of_the_same_trees() {
    // Depth 6: the stretch tree, the one that lives, 64 of depth 4 and 16 of depth 6.
    let nodes = 255 + 127 + 64 * 31 + 16 * 127;
    for program in [BOEHM, GC_ARENA].into_iter().chain(BOXES) {
        if let Some(figures) = figures(program, "trees 6") {
            assert_eq!(figures["objects"], nodes, "{program}");
        }
    }
}

#[test]
fn every_program_allocates_as_many_bytes() {
    for program in [BOEHM, GC_ARENA].into_iter().chain(BOXES) {
        if let Some(figures) = figures(program, "alloc n1k gc") {
            assert_eq!(figures["objects"], 2 << 20, "{program}");
            assert!(figures["cpu_ns_per_op"].as_f64().is_some_and(|ns| ns > 0.0), "{figures}");
            // Two GiB were allocated, and let go.
            assert!(figures["peak_rss_bytes"].as_u64().is_none_or(|bytes| bytes < 256 << 20), "{figures}");
        }
    }
}

#[test]
fn collectors_keep_what_is_alive() {
    for shape in ["ptr3", "int3", "list", "listr", "tree"] {
        for program in [BOEHM, GC_ARENA] {
            if let Some(figures) = figures(program, &format!("mark {shape} 10000 2")) {
                let objects = figures["objects"].as_u64().expect("a number");
                assert!((10_000..10_010).contains(&objects), "{program} {shape}: {objects}");
                assert_eq!(figures["cycles"], 2);
            }
        }
    }
}

#[test]
fn what_a_program_does_not_have_is_told_apart_from_a_failure() {
    for args in ["mark ring 10 1", "alloc n17 gc", "sort"] {
        for program in [BOEHM, GC_ARENA].into_iter().chain(BOXES) {
            let code = run(program, args).status.code();
            let absent = program == BOEHM && code == Some(ABSENT);
            assert!(code == Some(OTHER_SHAPES) || absent, "{program} {args}: {code:?}");
        }
    }
}
