//! Source that is broken, endless or nested without end: a mistake with a place, or lines, and never a panic or an overflow.

use heap_escape_go::{Diagnostic, Line, Options, Source, analyse};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

/// What [`analyse`] says when it has panicked.
const PANICKED: &str = "the analysis has a mistake of its own";

fn run(text: &str) -> Result<Vec<Line>, Diagnostic> {
    let source = Source { path: "x.go".to_owned(), text: text.to_owned() };
    let said = analyse(&[source], &Options::default());
    if let Err(mistake) = &said {
        assert_ne!(mistake.words, PANICKED, "{}", text.chars().take(2000).collect::<String>());
        assert!(mistake.line > 0, "no place: {mistake}");
        let lines = text.split('\n').count();
        assert!(usize::try_from(mistake.line).unwrap() <= lines, "a place past the end: {mistake}");
    }
    said
}

fn program(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name);
    std::fs::read_to_string(path).unwrap()
}

const PROGRAMS: &[&str] =
    &["pointers.go", "closures.go", "generic.go", "low.go", "flow.go", "text.go", "putoff.go", "shapes.go"];

#[test]
fn every_beginning_of_a_program() {
    for name in &PROGRAMS[..2] {
        let text = program(name);
        for (end, _) in text.char_indices().step_by(3) {
            drop(run(&text[..end]));
        }
    }
}

#[test]
fn a_program_without_one_of_its_lines() {
    for name in PROGRAMS {
        let text = program(name);
        let lines: Vec<&str> = text.lines().collect();
        for gone in (0..lines.len()).step_by(2) {
            let mut rest = lines.clone();
            rest.remove(gone);
            drop(run(&rest.join("\n")));
        }
    }
}

/// The words, numbers and signs of a text, with the white space after each.
fn tokens(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut all = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let goes_on = before.is_some_and(|before| {
            c.is_whitespace() || (is_word(before) && is_word(c)) || (before.is_whitespace() && start == at)
        });
        if !goes_on && at > start {
            all.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    all.push(&text[start..]);
    all
}

/// Runs it with the reasons, which are made of other code.
fn explained(text: &str) {
    let source = Source { path: "x.go".to_owned(), text: text.to_owned() };
    if let Err(mistake) = analyse(&[source], &Options { explain: true, ..Options::default() }) {
        assert_ne!(mistake.words, PANICKED, "{}", text.chars().take(2000).collect::<String>());
        assert!(mistake.line > 0, "no place: {mistake}");
    }
}

#[test]
fn a_program_without_one_of_its_tokens_or_with_one_twice() {
    for (offset, name) in PROGRAMS.iter().enumerate() {
        let text = program(name);
        let tokens = tokens(&text);
        assert_eq!(tokens.concat(), text);
        for at in (offset..tokens.len()).step_by(7) {
            let mut changed = tokens.clone();
            changed.remove(at);
            explained(&changed.concat());
            changed.insert(at, tokens[at]);
            changed.insert(at, tokens[at]);
            explained(&changed.concat());
        }
    }
}

#[test]
fn a_program_with_a_byte_that_is_no_text() {
    for name in PROGRAMS {
        let text = program(name);
        for at in (0..text.len()).step_by(97) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 0x80;
            explained(&String::from_utf8_lossy(&bytes));
            bytes[at] = 0;
            explained(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn instances_and_aliases_without_end_are_a_mistake_or_lines() {
    let texts = [
        "type T[A any] struct{ next *T[T[A]] }\nvar x T[int]",
        "type A = B\ntype B = A\nvar x A",
        "type A = struct{ b B }\ntype B struct{ a A }\nvar x A",
        "type C[T C[T]] interface{ m() T }\nfunc f[T C[T]](x T) T { return x.m() }\nfunc g() { f(1) }",
        "type C[T any] interface{ m() C[C[T]] }\nfunc f[T C[T]](x T) { f(x.m()) }\ntype n int\nfunc (n) m() n { return 1 }\nfunc g() { f(n(1)) }",
        "func f[T any](x T) { f([]T{x}) }\nfunc g() { f(1) }",
        "func f[T any](x T) { type l[A any] struct{ a A }; f(l[T]{x}) }\nfunc g() { f(1) }",
        "type S[T any] struct{ v T }\nfunc (s S[T]) m() S[S[T]] { return S[S[T]]{s} }\nvar x any = S[int]{}",
        "type E struct{ *E }\ntype I interface{ m() }\nfunc f() { var i I = E{}; i.m(); defer i.m() }",
        "type I interface{ m() I }\nfunc f() { var i, j I; i = j.(I); j = i.(I); i.m(); j.m() }",
    ];
    for text in texts {
        explained(&format!("package p\n{text}\n"));
    }
    let line = "//line :4294967295:4294967295\n//line a:0\n//line :\n//line \n";
    explained(&format!("package p\n{line}func f() *int {{ x := 1; return &x }}\n"));
}

/// Constructs that contain themselves: what begins them, what is inside, and what ends them.
const NESTED: &[(&str, &str, &str, &str)] = &[
    ("package p\nvar x = ", "(", "1", ")"),
    ("package p\nvar x = ", "- ", "1", ""),
    ("package p\nvar x = ", "f(", "1", ")"),
    ("package p\nvar x = ", "a[", "1", "]"),
    ("package p\nvar x = ", "*", "p", ""),
    ("package p\nvar x = ", "[]int{", "1", "}"),
    ("package p\nvar x = ", "[]T{{", "1", "}}"),
    ("package p\nvar x ", "[]", "int", ""),
    ("package p\nvar x ", "*", "int", ""),
    ("package p\nvar x ", "map[int]", "int", ""),
    ("package p\nvar x ", "func(", "int", ")"),
    ("package p\nvar x ", "func() ", "int", ""),
    ("package p\nvar x ", "struct{ a ", "int", "}"),
    ("package p\nvar x ", "interface{ m(", "int", ") }"),
    ("package p\nvar x ", "chan ", "int", ""),
    ("package p\nvar x ", "T[", "int", "]"),
    ("package p\nfunc f() { ", "{ ", "", " }"),
    ("package p\nfunc f() { ", "if a { ", "", " }"),
    ("package p\nfunc f() { ", "if a { } else ", "{ }", ""),
    ("package p\nfunc f() { ", "for { ", "", " }"),
    ("package p\nfunc f() { ", "switch { case a: ", "", " }"),
    ("package p\nfunc f() { ", "select { case <-a: ", "", " }"),
    ("package p\nfunc f() { ", "func() { ", "", " }()"),
    ("package p\nfunc f() { x := ", "func() int { return ", "1", " }()"),
    ("package p\nfunc f() { ", "l: ", "return", ""),
];

#[test]
fn nesting_without_end_is_a_mistake_with_a_place() {
    for (start, open, inside, close) in NESTED {
        for depth in [10, 1_000, 100_000] {
            let text = format!("{start}{}{inside}{}\n", open.repeat(depth), close.repeat(depth));
            let said = run(&text);
            if depth == 100_000 {
                let mistake = said.expect_err(open);
                assert!(mistake.words.contains("nested too deeply"), "{open}: {mistake}");
            }
        }
    }
}

#[test]
fn what_is_nested_as_deep_as_may_be_is_analysed() {
    // Each level of these is one of the tree; the program is right, so all of it is gone through.
    let deep = 900;
    let parens = format!("package p\nvar x any = {}1{}\n", "(".repeat(deep), ")".repeat(deep));
    assert!(run(&parens).is_ok());
    let sum = format!("package p\nfunc f(s string) string {{ return s{} }}\n", " + s".repeat(deep));
    assert_eq!(run(&sum).unwrap().len(), 2);
    let blocks =
        format!("package p\nfunc f() {{ {}x := 1; _ = &x{} }}\n", "{ ".repeat(deep), " }".repeat(deep));
    assert!(run(&blocks).is_ok());
    let calls = format!(
        "package p\nfunc g(p *int) *int {{ return p }}\nfunc f(p *int) *int {{ return {}p{} }}\n",
        "g(".repeat(600),
        ")".repeat(600)
    );
    assert_eq!(run(&calls).unwrap().len(), 2);
    let pointers = format!("package p\nvar x {}int\nfunc f() any {{ return x }}\n", "*".repeat(deep));
    assert!(run(&pointers).is_ok());
}

#[test]
fn chains_without_end_are_a_mistake_with_a_place() {
    for (start, link) in
        [("package p\nvar x = 1", " + 1"), ("package p\nvar x = a", ".b"), ("package p\nvar x = f", "()")]
    {
        let mistake = run(&format!("{start}{}\n", link.repeat(200_000))).expect_err(link);
        assert!(mistake.words.contains("nested too deeply"), "{link}: {mistake}");
    }
}

#[test]
fn declarations_that_need_each_other_backwards() {
    let mut text = String::from("package p\n");
    for i in 0..20_000 {
        writeln!(text, "const c{i} = c{} + 1", i + 1).unwrap();
    }
    text.push_str("const c20000 = 1\n");
    let mistake = run(&text).unwrap_err();
    assert!(mistake.words.contains("nested too deeply"), "{mistake}");
    let mut text = String::from("package p\n");
    for i in (0..20_000).rev() {
        writeln!(
            text,
            "const c{i} = {}",
            if i == 19_999 { "1".to_owned() } else { format!("c{} + 1", i + 1) }
        )
        .unwrap();
    }
    assert!(run(&text).is_ok());
}

#[test]
fn declarations_in_circles() {
    for text in [
        "package p\nconst a = b\nconst b = a\n",
        "package p\nvar a = b\nvar b = a\n",
        "package p\ntype a b\ntype b a\nvar x a\nfunc f() any { return x }\n",
        "package p\ntype t struct { a t }\nfunc f(x t) any { return x }\n",
        "package p\ntype t [2]t\nfunc f(x t) any { return &x }\n",
        "package p\ntype t[a any] struct { x *t[[]a] }\nvar x t[int]\n",
        "package p\nfunc f[a any](x a) { f([]a{x}) }\nfunc g() { f(1) }\n",
        "package p\ntype i interface { i }\nvar x i\n",
        "package p\ntype t struct { *t }\nfunc f(x t) { x.y() }\n",
    ] {
        drop(run(text));
    }
}

#[test]
fn a_large_program() {
    let mut text = String::from("package p\n");
    for i in 0..4_000 {
        writeln!(
            text,
            "func f{i}(p *int) *int {{ x := 1; if *p > {i} {{ return &x }}; return f{}(p) }}",
            i + 1
        )
        .unwrap();
    }
    text.push_str("func f4000(p *int) *int { return p }\n");
    assert_eq!(run(&text).unwrap().len(), 8_001);
}

#[test]
fn a_long_line_and_a_long_string() {
    let text = format!("package p\nvar s = \"{}\"\nfunc f() any {{ return s }}\n", "x".repeat(5_000_000));
    assert_eq!(run(&text).unwrap().len(), 1);
    let line = format!("package p\nfunc f(p *int) {{ {}}}\n", "_ = p; ".repeat(100_000));
    assert_eq!(run(&line).unwrap().len(), 1);
}

#[test]
fn nothing_at_all() {
    assert!(run("").is_err());
    assert!(run("package").is_err());
    assert!(run("package p").unwrap().is_empty());
    assert!(analyse(&[], &Options::default()).unwrap().is_empty());
}

#[test]
fn numbers_at_their_ends() {
    for text in [
        "package p\nconst a = 1 << 1000 >> 998\nvar x = a\n",
        "package p\nvar x = 1 / 0\n",
        "package p\nvar x [1 << 62]int\n",
        "package p\nvar x [-1]int\n",
        "package p\nvar x = [...]int{1 << 60: 1}\n",
        "package p\ntype t [1 << 49][1 << 49]struct { a, b int }\nfunc f() any { var x t; return &x }\n",
        "package p\nvar x = 1e1000000\nvar y = 0x1p-5000\nvar z = 99999999999999999999999999999999999999999999\n",
        "package p\nvar x = '\\400'\nvar y = \"\\xzz\\u12\"\n",
        "package p\nfunc f(n int) any { return make([]int, 1 << 62) }\n",
        "package p\nvar x = -170141183460469231731687303715884105728 / -1\n",
    ] {
        drop(run(text));
    }
}

/// Pieces of programs, to be put together in ways that nobody means.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "func",
        "f",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "x",
        ":=",
        "=",
        "1",
        "\"s\"",
        "return",
        "if",
        "for",
        "range",
        "switch",
        "case",
        ":",
        "default",
        ";",
        "\n",
        ",",
        ".",
        "*",
        "&",
        "<-",
        "go",
        "defer",
        "type",
        "struct",
        "interface",
        "map",
        "chan",
        "var",
        "const",
        "iota",
        "...",
        "+",
        "==",
        "!",
        "int",
        "any",
        "nil",
        "append",
        "make",
        "new",
        "len",
        "~",
        "goto",
        "l",
        "select",
        "else",
        "break",
        "T",
        "x.y",
        "func() {",
        "}()",
        "p",
        "panic",
        "copy",
        "'a'",
        "1.5",
        "unsafe",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn tokens_in_any_order(pieces in prop::collection::vec(piece(), 0..60)) {
        drop(run(&format!("package p\n{}\n", pieces.join(" "))));
        drop(run(&format!("package p\nfunc f(p *int, x T) {{\n{}\n}}\ntype T struct{{ y *int }}\n", pieces.join(" "))));
    }

    #[test]
    fn any_text(text in "\\PC*") {
        drop(run(&text));
        drop(run(&format!("package p\nfunc f() {{ {text} }}\n")));
    }

    /// A program in which one piece is replaced by another: the likeliest way to something that parses and is wrong.
    #[test]
    fn a_program_with_a_piece_exchanged(which in 0..PROGRAMS.len(), at in 0.0..1.0_f64, length in 0..12_usize, with in piece()) {
        let text = program(PROGRAMS[which]);
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
        let start = (at * starts.len() as f64) as usize;
        let end = (start + length).min(starts.len() - 1);
        let changed = format!("{}{with}{}", &text[..starts[start]], &text[starts[end]..]);
        drop(run(&changed));
    }
}
