//! What a recorder costs: instructions for each allocation, counted by valgrind, without one, with one that is stopped, and with one
//! that records. The program runs itself under `callgrind`, once with few operations and once with many, and divides the
//! difference. Without valgrind it says so and ends well. The loop collects for each 100,000 objects and does nothing else; `pages`
//! are objects of one page, each of which is a refill.

use heap_gc::{Heap, Mu};
use heap_trace::Recorder;
use std::hint::black_box;
use std::process::Command;

/// What a heap has.
const CASES: [&str; 3] = ["without", "stopped", "recording"];
/// What is allocated, and how many of them are in one collection.
const SHAPES: [(&str, usize); 3] = [("16", 100_000), ("512", 100_000), ("pages", 2_000)];

fn run(case: &str, shape: &str, operations: usize) {
    let recorder = Recorder::new(1 << 20);
    let builder = Heap::builder().gc_off().own_threads(false);
    let builder = if case == "without" { builder } else { recorder.record(builder, "measured") };
    if case == "recording" {
        recorder.start();
    }
    let heap = builder.build().expect("address space");
    let (_, at_once) = SHAPES.iter().find(|known| known.0 == shape).expect("a shape of this program");
    let counts = (operations, *at_once);
    match shape {
        "16" => rounds(&heap, counts, |mu, number| _ = black_box(mu.alloc([number; 2]))),
        "512" => rounds(&heap, counts, |mu, number| _ = black_box(mu.alloc([number; 64]))),
        _ => rounds(&heap, counts, |mu, number| _ = black_box(mu.alloc([number; 1024]))),
    }
}

/// So many allocations, with a collection for each `at_once` of them.
fn rounds(heap: &Heap, (operations, at_once): (usize, usize), alloc: impl Fn(&Mu<'_>, u64)) {
    let mut mutator = heap.attach().expect("a fresh heap");
    for _ in 0..operations / at_once {
        mutator.enter(|mu| (0..at_once as u64).for_each(|number| alloc(mu, number)));
        mutator.collect();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, case, shape, operations] = args.as_slice()
        && flag == "--case"
    {
        return run(case, shape, operations.parse().expect("a number"));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIPPED: valgrind is not installed (Debian: apt-get install valgrind)");
        return;
    }
    println!("{:<6} {:<10} {:>12} {:>8}", "bytes", "recorder", "instr/op", "more");
    for (shape, at_once) in SHAPES {
        let mut without = None;
        for case in CASES {
            let (few, many) = (2 * at_once, 12 * at_once);
            let counts =
                (instructions(&args[0], case, shape, few), instructions(&args[0], case, shape, many));
            let (Some(less), Some(more)) = counts else {
                println!("{shape:<6} {case:<10} {:>12}", "failed");
                continue;
            };
            let each = (more - less) / (many - few) as f64;
            let base = *without.get_or_insert(each);
            println!("{shape:<6} {case:<10} {each:>12.3} {:>7.3}%", (each / base - 1.0) * 100.0);
        }
    }
}

/// Instructions of one run of a case, by callgrind's own total.
fn instructions(program: &str, case: &str, shape: &str, operations: usize) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--case", case, shape])
        .arg(operations.to_string())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
