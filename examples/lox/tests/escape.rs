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
    for seed in 0..seeds("LOX_ESCAPE_SEEDS", 300) {
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
        if seed % 8 == 0 {
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

#[test]
fn programs_that_follow_each_other_cannot_tell() {
    // What was a closure or a class once may be another thing in the next program, and a failed one leaves nothing behind.
    let sources = [
        "class A { init(x) { this.x = x; } get() { return this.x; } } fun use(a) { return a.get(); }
         fun make() { var n = 0; fun next() { n = n + 1; return n; } return use(A(next() + next())); } print make();",
        "fun outer() { var a = 1; fun inner() { a = a + 1; nil.x; } inner(); } outer();",
        "var kept; fun use(a) { kept = a; return 5; } print make(); print kept.get();",
        "fun A(x) { fun get() { return x; } kept = get; return get; } print make(); print kept();",
        "class B < nil {}",
        "{ var x = 1; fun f() { return x; } print f(); x = 2; print f(); }",
    ];
    let off = lines(Escape::Off, &sources);
    assert_eq!(lines(Escape::On, &sources), off);
    assert_eq!(lines(Escape::Checked, &sources), off);
    assert_eq!(off[0].out, "3\n");
    assert_eq!((off[2].out.as_str(), off[3].out.as_str()), ("5\n3\n", "5\n3\n"));
    assert_eq!(off[5].out, "1\n2\n");
}

#[test]
fn a_name_that_meant_something_before_is_not_what_its_declaration_says() {
    let sources = [
        "print clock() >= 0; class clock { init() { this.x = 1; } } print clock().x; fun use() { return clock(); } print use();",
        "fun use() { return clock(); } use(); fun clock() { return 5; } print use();",
        "class A { m(a) { return 1; } } fun f() { return A().m(A()); } print f(); A = f; print A == f;",
        "fun f(x) { return x; } fun g() { fun h() { return 3; } return f(h); } print g()(); f = g; print f() == f;",
    ];
    for source in sources {
        let (off, _, _) = only(&Heap::builder(), false, Escape::Off, source);
        assert_eq!(only(&Heap::builder(), false, Escape::On, source).0, off, "{source}");
        assert_eq!(only(&Heap::builder(), false, Escape::Checked, source), (off, vec![], vec![]), "{source}");
    }
    // A program that is the last, and not the only one: another class has a method of the same name, which keeps what it is given.
    let first = "var kept; class A { m(x) { kept = x; } } var a = A();";
    let last = "class B { init(n) { this.n = n; } m(x) {} } fun f() { a.m(B(7)); } f(); print kept.n;";
    for escape in [Escape::Off, Escape::On, Escape::Checked] {
        let mut session = Session::new(&Heap::builder(), false).expect("a session").escape(escape);
        let mut out = Vec::new();
        session.interpret(first.as_bytes(), &mut out).expect("it runs");
        let (ended, session) = session.run_only(last.as_bytes(), &mut out);
        assert!(ended.is_ok() && session.wrong_hints().is_empty());
        assert_eq!(out, b"7\n");
    }
}

/// A function of a program with one site on a line of its own.
struct Case {
    /// The lines; the one with the site has `@`, which is taken away.
    lines: &'static [&'static str],
    /// Whether what the site makes is still found when its call is over, or it makes another.
    outlives: bool,
}

const fn case(outlives: bool, lines: &'static [&'static str]) -> Case {
    Case { lines, outlives }
}

/// What sites do with what they make. The analysis puts each of these into the heap; not each has to be there.
const CASES: &[Case] = &[
    case(true, &["fun #(n) {", "@kept = Box(n);", "}", "#(1);"]),
    case(true, &["fun #(n) {", "var a = nil;", "@a = Box(n);", "return a;", "}", "kept = #(1);"]),
    case(true, &["fun #(n) {", "@kept.item = Box(n);", "}", "kept = Box(0); #(1);"]),
    case(true, &["fun #(n) {", "var a;", "@a = Box(n);", "fun get() { return a; } kept = get; }", "#(1);"]),
    case(true, &["fun #(n) {", "@kept = Box(n).get;", "}", "#(1);"]),
    case(true, &["fun #(n) {", "@fun add(x) { return x + n; }", "kept = add; }", "#(1);"]),
    case(true, &["fun #(n) {", "@fun next() { n = n + 1; return n; }", "return next; }", "kept = #(1);"]),
    case(true, &["fun #() {", "var last; for (var i = 0; i < 2; i = i + 1)", "@last = Box(i);", "}", "#();"]),
    case(
        true,
        &[
            "fun #() {",
            "var last; for (var i = 0; i < 2; i = i + 1) {",
            "@fun get() { i = i + 1; return i; }",
            "last = get; } last(); }",
            "#();",
        ],
    ),
    // The closure is gone when its call is over; but its variable was, before.
    case(
        true,
        &[
            "fun #() {",
            "var f; { var x = 1;",
            "@fun up() { x = x + 1; return x; }",
            "f = up; } f(); }",
            "#();",
        ],
    ),
    // In a loop that turns once, on a way that is not taken, forgotten before the end, in something that is forgotten with it.
    case(
        false,
        &["fun #() {", "var last; for (var i = 0; i < 1; i = i + 1)", "@last = Box(i);", "}", "#();"],
    ),
    case(false, &["fun #(n) {", "if (n > 1)", "@kept = Box(n);", "}", "#(1);"]),
    case(false, &["fun #(n) {", "@kept = Box(n);", "kept = nil; }", "#(1);"]),
    case(false, &["fun #(n) {", "var a = Box(n);", "@a.item = Box(n);", "return a.item.get(); }", "#(1);"]),
    case(false, &["fun #(n) {", "var f = same;", "@f(Box(n));", "}", "#(1);"]),
    case(false, &["fun #(n) {", "@fun add(x) { return x + n; }", "kept = add; kept = nil; }", "#(1);"]),
];

#[test]
fn each_planted_mistake_is_found_and_nothing_else() {
    let (mut planted, mut found, mut harmless) = (0, 0, 0);
    for seed in 0..seeds("LOX_MUTATION_SEEDS", 60) {
        let mut random = Random::new(seed);
        let mut lines: Vec<String> = vec![
            "var kept; fun same(x) { return x; }".to_owned(),
            "class Box { init(n) { this.item = n; } get() { return this.item; } }".to_owned(),
        ];
        // The script's own functions are in global variables at its end. Their sites are where they end.
        let mut truth = BTreeSet::from([1]);
        for number in 0..12 {
            let case = random.one(CASES);
            for line in case.lines {
                lines.push(line.replace('#', &format!("f{number}")).replace('@', ""));
                if line.contains('@') && case.outlives {
                    truth.insert(u32::try_from(lines.len()).expect("a line"));
                }
            }
            truth.insert(u32::try_from(lines.len() - 1).expect("a line"));
            // What was kept is kept until here, and not by the next one.
            lines.push("kept = nil;".to_owned());
        }
        let source = lines.join("\n");
        let (plain, wrong, none) = only(&Heap::builder(), false, Escape::Checked, &source);
        assert_eq!((wrong, none), (vec![], vec![]), "without a mistake, of seed {seed}:\n{source}");
        let (checked, wrong, mistakes) = only(&Heap::builder(), false, Escape::Planted(seed), &source);
        assert_eq!(checked, plain, "a wrong hint costs nothing, of seed {seed}:\n{source}");
        assert_eq!(plain.error, "", "{source}");
        let mistakes: BTreeSet<u32> = mistakes.into_iter().collect();
        let wrong: BTreeSet<u32> = wrong.into_iter().collect();
        let expected: BTreeSet<u32> = mistakes.intersection(&truth).copied().collect();
        assert_eq!(wrong, expected, "seed {seed}, with mistakes in {mistakes:?}:\n{source}");
        planted += mistakes.len();
        found += wrong.len();
        harmless += mistakes.len() - wrong.len();
    }
    println!("{planted} hints planted: {found} wrong, all found; {harmless} harmless, none named");
    assert!(found > 100 && harmless > 50, "{planted} hints planted, {found} found, {harmless} harmless");
}
