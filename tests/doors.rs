//! The doors: what a library of this workspace may reach only through one place.
//!
//! Synchronisation goes through `heap_core::sync` (so that loom can stand in for it), the operating system through
//! `heap_core::os` (so that a simulated one can), the thread pool through one file of heap-gc. Libraries do not
//! print and do not read the environment. [`DOORS`] is the list. Test modules are exempt: a test may use a thread
//! of its own.
//!
//! `unsafe` is a door as well: `docs/unsafe.md` lists every file that contains it, with the number of places and
//! what they rest on. `BLESS=1 cargo test --test doors` rewrites the numbers; the words are written by hand.

#[path = "support/files.rs"]
mod files;
#[path = "support/rust.rs"]
mod rust;

use files::{TextFile, files_under, read, root};
use rust::{Path, masked, paths, tokens};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The crates on which a heap in production stands.
const HEAP: &[&str] = &["crates/heap-core/src/", "crates/heap-scav/src/", "crates/heap-gc/src/", "src/"];
/// Every crate that is a library.
const LIBRARIES: &[&str] = &[
    "crates/heap-core/src/",
    "crates/heap-scav/src/",
    "crates/heap-gc/src/",
    "crates/heap-derive/src/",
    "crates/heap-escape/src/",
    "crates/heap-escape-go/src/",
    "crates/heap-testkit/src/",
    "src/",
];

/// Something that is reached through one place.
struct Door {
    /// What lies behind it.
    name: &'static str,
    /// The sources that must not go round it.
    of: &'static [&'static str],
    /// The files (or, ending in `/`, folders) that are the door.
    at: &'static [&'static str],
    /// Files that name what is behind it only to implement a trait of ours for types that users have.
    names_types: &'static [&'static str],
    /// Path prefixes that lead through it. A part `x!` is a macro called `x`; a leading `…::` matches anywhere.
    behind: &'static [&'static str],
    /// Longer paths that are harmless, although a prefix of theirs is behind the door.
    harmless: &'static [&'static str],
}

const DOORS: &[Door] = &[
    Door {
        name: "synchronisation",
        of: HEAP,
        at: &["crates/heap-core/src/sync.rs", "crates/heap-core/src/sync/"],
        names_types: &["crates/heap-gc/src/trace.rs"],
        behind: &[
            "std::sync",
            "core::sync",
            "alloc::sync",
            "std::thread",
            "thread_local!",
            "std::thread_local",
            "parking_lot",
            "loom",
            "shuttle",
            "crossbeam",
        ],
        harmless: &["heap_core::sync::thread_local", "crate::sync::thread_local"],
    },
    Door {
        name: "the operating system",
        of: HEAP,
        at: &["crates/heap-core/src/os.rs", "crates/heap-core/src/os/"],
        names_types: &[],
        behind: &[
            "libc",
            "nix",
            "rustix",
            "std::alloc",
            "core::alloc",
            "std::os",
            "std::fs",
            "std::net",
            "std::process",
            "…::mmap",
            "…::munmap",
            "…::mremap",
            "…::madvise",
            "…::mprotect",
        ],
        harmless: &[
            "std::alloc::Layout",
            "std::alloc::LayoutError",
            "core::alloc::Layout",
            "core::alloc::LayoutError",
            "std::process::abort",
        ],
    },
    Door {
        name: "assembly",
        of: HEAP,
        at: &["crates/heap-core/src/racy.rs", "crates/heap-core/src/racy/"],
        names_types: &[],
        behind: &[
            "core::arch::asm",
            "std::arch::asm",
            "core::arch::naked_asm",
            "core::arch::global_asm",
            "asm!",
        ],
        harmless: &[],
    },
    Door {
        name: "the thread pool",
        of: HEAP,
        at: &["crates/heap-gc/src/workers.rs"],
        names_types: &[],
        behind: &["rayon", "rayon_core"],
        harmless: &[],
    },
    Door {
        name: "the terminal",
        of: LIBRARIES,
        at: &["crates/heap-testkit/src/bin/"],
        names_types: &[],
        behind: &[
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "dbg!",
            "std::io::stdout",
            "std::io::stderr",
            "std::io::stdin",
        ],
        harmless: &[],
    },
    Door {
        name: "the environment",
        of: LIBRARIES,
        at: &["crates/heap-testkit/src/bin/"],
        names_types: &[],
        behind: &["std::env"],
        harmless: &[],
    },
];

/// Whether a file or folder of `list` holds `path`.
fn lies_in(path: &str, list: &[&str]) -> bool {
    list.iter().any(|place| if place.ends_with('/') { path.starts_with(place) } else { path == *place })
}

/// Whether the file is a test module.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

fn leads_through(path: &Path, prefix: &str) -> bool {
    if let Some(name) = prefix.strip_suffix('!') {
        return path.called_as_macro && path.parts.last().is_some_and(|last| last == name);
    }
    if let Some(name) = prefix.strip_prefix("…::") {
        return path.parts.iter().any(|part| part == name);
    }
    // A lone word is no way through: `loom` in `cfg(loom)` is a flag, `libc` may be a variable.
    let alone = path.parts.len() == 1;
    let mut parts = path.parts.iter();
    !alone && prefix.split("::").all(|part| parts.next().is_some_and(|own| own == part))
}

/// What goes round a door in one file: line and words.
fn round(door: &Door, path: &str, source: &str) -> Vec<String> {
    let exempt = lies_in(path, door.at) || lies_in(path, door.names_types) || is_test(path);
    if exempt || !lies_in(path, door.of) {
        return Vec::new();
    }
    let mut wrong: Vec<(usize, String)> = paths(source)
        .iter()
        .filter(|path| !path.inside.iter().any(|module| module == "tests"))
        .filter(|path| door.behind.iter().any(|prefix| leads_through(path, prefix)))
        .filter(|path| !door.harmless.iter().any(|prefix| leads_through(path, prefix)))
        .map(|path| (path.line, path.parts.join("::")))
        .collect();
    wrong.extend(whole_crates(door, source));
    wrong.sort();
    wrong
        .into_iter()
        .map(|(line, words)| format!("{path}:{line}: `{words}` goes round the door of {}", door.name))
        .collect()
}

/// `use loom;` and `extern crate loom;`, where a whole crate behind the door is brought in by one word.
fn whole_crates(door: &Door, source: &str) -> Vec<(usize, String)> {
    let tokens = tokens(&masked(source));
    tokens
        .windows(3)
        .filter(|three| {
            matches!(three[0].text.as_str(), "use" | "crate") && matches!(three[2].text.as_str(), ";" | "as")
        })
        .filter(|three| door.behind.contains(&three[1].text.as_str()))
        .map(|three| (three[1].line, three[1].text.clone()))
        .collect()
}

fn library_sources() -> Vec<TextFile> {
    let mut sources = Vec::new();
    for folder in LIBRARIES {
        sources.extend(files_under(folder.trim_end_matches('/'), ".rs"));
    }
    sources
}

#[test]
fn nothing_goes_round_a_door() {
    let sources = library_sources();
    assert!(sources.len() > 25, "only {} files were found: the test looks at the wrong place", sources.len());
    let mut wrong = Vec::new();
    for door in DOORS {
        for file in &sources {
            wrong.extend(round(door, &file.path, &file.text));
        }
    }
    assert!(wrong.is_empty(), "{} ways round a door:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_door_of_synchronisation_is_used() {
    // The same search, with the door taken off its hinges, must find what is behind it.
    let door = &DOORS[0];
    let shut = Door { at: &[], ..*door };
    let file = "crates/heap-core/src/sync.rs";
    assert!(!round(&shut, file, &read(file)).is_empty(), "nothing lies behind {file}");
}

mod planted {
    use super::{DOORS, round};

    const FILE: &str = "crates/heap-gc/src/mark.rs";

    fn found_in(file: &str, source: &str) -> Vec<String> {
        DOORS.iter().flat_map(|door| round(door, file, source)).collect()
    }

    #[test]
    fn every_prefix_of_every_door_is_found() {
        for door in DOORS {
            for prefix in door.behind {
                let source = if prefix.ends_with('!') {
                    format!("fn f() {{\n    {prefix}(x);\n}}")
                } else {
                    format!("use a::B;\nuse {}::thing;", prefix.replace('…', "anything"))
                };
                let found = found_in(FILE, &source);
                assert_eq!(found.len(), 1, "{prefix}: {found:?}");
                assert!(found[0].starts_with("crates/heap-gc/src/mark.rs:2:"), "{found:?}");
                assert!(found[0].ends_with(door.name), "{found:?}");
            }
        }
    }

    #[test]
    fn groups_renames_and_full_paths_are_seen_through() {
        assert_eq!(found_in(FILE, "use std::{mem, sync::{Arc, Mutex}};").len(), 2);
        assert_eq!(found_in(FILE, "use std::thread as t;").len(), 1);
        assert_eq!(found_in(FILE, "fn f() -> ::std::sync::Arc<u8> { todo() }").len(), 1);
        assert_eq!(found_in(FILE, "use parking_lot;").len(), 1);
        assert_eq!(found_in(FILE, "extern crate loom;").len(), 1);
        assert_eq!(found_in(FILE, "fn f() { std::println!(\"x\"); }").len(), 1);
    }

    #[test]
    fn harmless_neighbours_are_not_reported() {
        let source = "use std::alloc::Layout; #[cfg(loom)] mod a; use heap_core::sync::thread; fn f(libc: u8) {}\n\
                      // std::sync\nconst A: &str = \"std::thread\"; fn g() { std::process::abort() }\n\
                      impl A { fn print(&self) { self.println(); env!(\"CARGO_PKG_NAME\"); } }";
        assert!(found_in(FILE, source).is_empty(), "{:?}", found_in(FILE, source));
    }

    #[test]
    fn doors_and_tests_may_reach_behind() {
        assert!(found_in("crates/heap-core/src/sync.rs", "pub use std::sync::Arc;").is_empty());
        assert!(found_in("crates/heap-core/src/os/linux.rs", "fn f() { libc::mmap(); }").is_empty());
        assert!(found_in("crates/heap-gc/src/workers.rs", "use rayon::ThreadPool;").is_empty());
        assert!(found_in("crates/heap-gc/src/mark/tests.rs", "use std::thread;").is_empty());
        assert!(found_in(FILE, "mod tests { use std::thread; }").is_empty());
        assert!(found_in("crates/heap-testkit/src/run.rs", "use std::thread;").is_empty());
        assert_eq!(found_in("crates/heap-testkit/src/run.rs", "fn f() { println!(\"x\"); }").len(), 1);
    }
}

// ---------------------------------------------------------------------------------------------- the unsafe ledger

const LEDGER: &str = "docs/unsafe.md";
const TABLE_HEAD: &str =
    "| file | blocks | functions | impls and traits | rests on |\n| --- | ---: | ---: | ---: | --- |\n";
/// What a blessed row says until somebody writes down what it rests on.
const UNWRITTEN: &str = "(not written down)";

/// How often a file says `unsafe`, by what follows.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Count {
    blocks: usize,
    functions: usize,
    impls: usize,
}

fn count_unsafe(source: &str) -> Count {
    let mut count = Count::default();
    let tokens = tokens(&masked(source));
    for (at, token) in tokens.iter().enumerate() {
        if token.text != "unsafe" {
            continue;
        }
        let next = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        match next(1) {
            "{" => count.blocks += 1,
            "impl" | "trait" => count.impls += 1,
            // `unsafe fn(…)` without a name is a type, not a function.
            "fn" if next(2) != "(" => count.functions += 1,
            "extern" if next(2) != "fn" || next(3) != "(" => count.functions += 1,
            _ => {}
        }
    }
    count
}

/// The unsafe files of the crates, in order of path.
fn unsafe_files() -> BTreeMap<String, Count> {
    let sources = files_under("crates", ".rs").into_iter().chain(files_under("src", ".rs"));
    sources
        .filter(|file| file.path.starts_with("src/") || file.path.split('/').nth(2) == Some("src"))
        .filter(|file| !is_test(&file.path))
        .map(|file| (file.path, count_unsafe(&file.text)))
        .filter(|(_, count)| *count != Count::default())
        .collect()
}

/// The words of the ledger's last column, by file.
fn ledger_words(ledger: &str) -> BTreeMap<String, String> {
    let rows = ledger.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [file, _, _, _, words] = cells[..] else { return None };
        Some((file.trim_matches('`').to_owned(), words.to_owned()))
    })
    .collect()
}

/// The ledger's text around its table.
fn around_table(ledger: &str) -> (&str, &str) {
    let start = ledger
        .find(TABLE_HEAD)
        .unwrap_or_else(|| panic!("{LEDGER} has no table of this form:\n{TABLE_HEAD}"));
    let rows = &ledger[start + TABLE_HEAD.len()..];
    let length: usize =
        rows.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    (&ledger[..start], &rows[length..])
}

/// The ledger as it should be: its own words, today's files and numbers.
fn corrected(ledger: &str, files: &BTreeMap<String, Count>) -> String {
    let words = ledger_words(ledger);
    let (before, after) = around_table(ledger);
    let mut out = format!("{before}{TABLE_HEAD}");
    for (file, Count { blocks, functions, impls }) in files {
        let words = words.get(file).map_or(UNWRITTEN, String::as_str);
        writeln!(out, "| `{file}` | {blocks} | {functions} | {impls} | {words} |")
            .expect("writing to a string");
    }
    out + after
}

#[test]
fn the_ledger_lists_exactly_the_unsafe_files() {
    let ledger = read(LEDGER);
    let files = unsafe_files();
    let right = corrected(&ledger, &files);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(LEDGER), &right).expect("writing the ledger");
    } else {
        let old: Vec<&str> = ledger.lines().collect();
        let new: Vec<&str> = right.lines().collect();
        let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}\n"));
        let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}\n"));
        let difference: String = gone.chain(come).collect();
        assert!(ledger == right, "{LEDGER} is not up to date (BLESS=1 corrects the numbers):\n{difference}");
    }
    assert!(!right.contains(UNWRITTEN), "{LEDGER}: say what the new files rest on");
}

mod counted {
    use super::{Count, LEDGER, TABLE_HEAD, UNWRITTEN, corrected, count_unsafe};
    use std::collections::BTreeMap;

    #[test]
    fn blocks_functions_and_impls_are_told_apart() {
        let source = "unsafe fn f(g: unsafe fn(u8)) { unsafe { g(1) }; unsafe { g(2) } }\n\
                      unsafe impl Send for A {} unsafe trait T {} pub unsafe extern \"C\" fn h() {}\n\
                      // unsafe { no }\nconst A: &str = \"unsafe { no }\"; #![forbid(unsafe_code)]";
        assert_eq!(count_unsafe(source), Count { blocks: 2, functions: 2, impls: 2 });
    }

    #[test]
    fn blessing_keeps_words_drops_rows_and_marks_new_ones() {
        let old = format!(
            "# {LEDGER}\n\n{TABLE_HEAD}| `a.rs` | 1 | 0 | 0 | I1 |\n| `b.rs` | 1 | 0 | 0 | I2 |\n\nend\n"
        );
        let count = Count { blocks: 3, functions: 0, impls: 0 };
        let files = BTreeMap::from([("a.rs".to_owned(), count), ("c.rs".to_owned(), count)]);
        let rows = format!("| `a.rs` | 3 | 0 | 0 | I1 |\n| `c.rs` | 3 | 0 | 0 | {UNWRITTEN} |\n");
        assert_eq!(corrected(&old, &files), format!("# {LEDGER}\n\n{TABLE_HEAD}{rows}\nend\n"));
    }
}
