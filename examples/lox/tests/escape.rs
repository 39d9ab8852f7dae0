//! What does not outlive its call may lie elsewhere, and no program can tell: the same output with the analysis, without it, and
//! checked; and the checks find each mistake in what the analysis says, and nothing else.

#[path = "support/generate.rs"]
mod generate;
#[path = "support/random.rs"]
mod random;

use lox::{Escape, Session};
use random::{Random, seeds};
use std::collections::BTreeSet;
use tricolor::{Heap, HeapBuilder};

/// What a program has printed, and how it ended.
#[derive(PartialEq, Eq, Debug)]
struct Said {
    out: String,
    error: String,
}

fn said(out: &[u8], ended: Result<(), lox::Error>) -> Said {
    let error = ended.err().map(|error| error.message()).unwrap_or_default();
    Said {
        out: String::from_utf8_lossy(out).into_owned(),
        error: String::from_utf8_lossy(&error).into_owned(),
    }
}

/// Runs a program that is known whole. Also lines whose hints were wrong, and lines whose hints were planted.
fn only(heap: &HeapBuilder, often: bool, escape: Escape, source: &str) -> (Said, Vec<u32>, Vec<u32>) {
    let session = Session::new(heap, often).expect("a session").escape(escape);
    let mut out = Vec::new();
    let (ended, session) = session.run_only(source.as_bytes(), &mut out);
    (said(&out, ended), session.wrong_hints(), session.planted_hints())
}

/// Runs programs one after the other in a session.
fn lines(escape: Escape, sources: &[&str]) -> Vec<Said> {
    let mut session = Session::new(&Heap::builder(), false).expect("a session").escape(escape);
    sources
        .iter()
        .map(|source| {
            let mut out = Vec::new();
            let ended = session.interpret(source.as_bytes(), &mut out);
            said(&out, ended)
        })
        .collect()
}

#[test]
fn generated_programs_cannot_tell() {
    let (plain, stressed) = (Heap::builder(), Heap::builder().collect_every(7).verify_every(1));
    let (mut failed, mut ended) = (0, 0);
    for seed in 0..seeds("LOX_ESCAPE_SEEDS", 400) {
        let source = generate::program(seed);
        let (off, _, _) = only(&plain, false, Escape::Off, &source);
        let (on, _, _) = only(&plain, false, Escape::On, &source);
        assert_eq!(on, off, "seed {seed}:\n{source}");
        assert_eq!(
            lines(Escape::On, &[&source]),
            [only(&plain, false, Escape::Off, &source).0],
            "seed {seed}"
        );
        let (checked, wrong, _) = only(&plain, false, Escape::Checked, &source);
        assert_eq!((checked, wrong), (on, vec![]), "seed {seed}:\n{source}");
        if seed % 4 == 0 {
            let (often, _, _) = only(&stressed, true, Escape::On, &source);
            assert_eq!(often, off, "seed {seed}, collected all the time:\n{source}");
        }
        if off.error.is_empty() {
            ended += 1;
        } else {
            failed += 1;
        }
    }
    assert!(ended > failed, "{ended} programs have run to their end, and {failed} have failed");
    println!("{ended} programs have run to their end, and {failed} have failed");
}
