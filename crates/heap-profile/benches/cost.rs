//! What a profiler costs: instructions for each allocation, counted by valgrind, without one, with one that is off, and at three
//! means. The program runs itself under `callgrind`, once with few operations and once with many, and divides the difference.
//! Without valgrind it says so and ends well.

use heap_gc::Heap;
use heap_profile::Profiler;
use std::hint::black_box;
use std::process::Command;

/// A mean, or no profiler at all.
const CASES: [(&str, Option<usize>); 5] = [
    ("without", None),
    ("off", Some(0)),
    ("512 KiB", Some(512 << 10)),
    ("64 KiB", Some(64 << 10)),
    ("1 KiB", Some(1 << 10)),
];

/// Sizes of what is allocated.
const SIZES: [usize; 3] = [16, 64, 512];

fn run(mean: Option<usize>, size: usize, operations: usize) {
    let builder = Heap::builder().gc_off().own_threads(false);
    let builder = match mean {
        Some(mean) => builder.sampler(Profiler::new(), mean),
        None => builder,
    };
    let heap = builder.build().expect("address space");
    let mut mutator = heap.attach().expect("a fresh heap");
    for _ in 0..operations / 100_000 {
        mutator.enter(|mu| {
            for number in 0..100_000_u64 {
                match size {
                    16 => _ = black_box(mu.alloc([number; 2])),
                    64 => _ = black_box(mu.alloc([number; 8])),
                    _ => _ = black_box(mu.alloc([number; 64])),
                }
            }
        });
        mutator.collect();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, mean, size, operations] = args.as_slice()
        && flag == "--case"
    {
        let (_, mean) = CASES.iter().find(|case| case.0 == mean).expect("a case of this program");
        return run(*mean, size.parse().expect("a size"), operations.parse().expect("a number"));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("SKIPPED: valgrind is not installed (Debian: apt-get install valgrind)");
        return;
    }
    println!("{:<6} {:<10} {:>12} {:>8}", "bytes", "mean", "instr/op", "more");
    for size in SIZES {
        let mut without = None;
        for (name, _) in CASES {
            let (few, many) = (200_000, 1_200_000);
            let counts = (instructions(&args[0], name, size, few), instructions(&args[0], name, size, many));
            let (Some(less), Some(more)) = counts else {
                println!("{size:<6} {name:<10} {:>12}", "failed");
                continue;
            };
            let each = (more - less) / (many - few) as f64;
            let base = *without.get_or_insert(each);
            println!("{size:<6} {name:<10} {each:>12.2} {:>7.2}%", (each / base - 1.0) * 100.0);
        }
    }
}

/// Instructions of one run of a case, by callgrind's own total.
fn instructions(program: &str, case: &str, size: usize, operations: usize) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--case", case])
        .args([size.to_string(), operations.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
