//! Any bytes as a Go file: lines or a mistake with a place, and never a panic, an overflow, a hang or memory without bound.
#![no_main]

use heap_escape_go::{Options, Source, analyse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let lines = text.split('\n').count();
    // One half with the reasons, which are made of other code.
    let options = Options { explain: bytes.len() % 2 == 1, ..Options::default() };
    match analyse(&[Source { path: "x.go".to_owned(), text }], &options) {
        Ok(said) => said.iter().for_each(|line| drop(line.to_string())),
        Err(mistake) => {
            assert!(mistake.line > 0, "no place: {mistake}");
            assert!(usize::try_from(mistake.line).is_ok_and(|line| line <= lines), "past the end: {mistake}");
        }
    }
});
