//! What is one too many, and what is just not.

#[path = "support/session.rs"]
mod session;

use lox::Options;
use session::{run, run_with};
use std::fmt::Write as _;

/// So many pieces, each made from its number.
fn pieces(count: usize, between: &str, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect::<Vec<_>>().join(between)
}

fn fails(source: &str, message: &str) {
    let (code, _, errors) = run(source);
    assert_eq!((code, errors.lines().next()), (65, Some(message)));
}

fn prints(source: &str, expected: &str) {
    assert_eq!(run(source), (0, expected.to_owned(), String::new()));
}

#[test]
fn a_function_has_256_constants() {
    let source =
        |count| format!("fun f() {{ {}; }} f(); print \"ran\";", pieces(count, "; ", |i| i.to_string()));
    prints(&source(256), "ran\n");
    fails(&source(257), "[line 1] Error at '256': Too many constants in one chunk.");
    // The same constant again counts again.
    let same =
        |count| format!("fun f() {{ {}; }} f(); print \"ran\";", pieces(count, "; ", |_| "x".to_owned()));
    fails(&same(257), "[line 1] Error at 'x': Too many constants in one chunk.");
}

#[test]
fn a_function_has_256_local_variables_with_itself() {
    let source =
        |count| format!("fun f() {{ {} print v0; }} f();", pieces(count, " ", |i| format!("var v{i};")));
    prints(&source(255), "nil\n");
    fails(&source(256), "[line 1] Error at 'v255': Too many local variables in function.");
}

#[test]
fn a_function_captures_256_variables() {
    let source = |second: usize| {
        let outer = pieces(200, " ", |i| format!("var a{i} = 1;"));
        let middle = pieces(second, " ", |i| format!("var b{i} = 1;"));
        let sum =
            [pieces(200, "; ", |i| format!("a{i}")), pieces(second, "; ", |i| format!("b{i}"))].join("; ");
        format!(
            "fun f() {{ {outer} fun g() {{ {middle} fun h() {{ {sum}; return a199 + b0; }} return h(); }} return g(); }} print f();"
        )
    };
    prints(&source(56), "2\n");
    fails(&source(57), "[line 1] Error at 'b56': Too many closure variables in function.");
}

#[test]
fn a_call_has_255_arguments() {
    let source = |count| {
        let names = pieces(count, ", ", |i| format!("p{i}"));
        let values = pieces(count, ", ", |_| "nil".to_owned());
        format!("fun f({names}) {{ return p0; }}\nprint f({values});")
    };
    prints(&source(255), "nil\n");
    fails(&source(256), "[line 1] Error at 'p255': Can't have more than 255 parameters.");
    let call = format!("f({});", pieces(256, ", ", |_| "nil".to_owned()));
    fails(&call, "[line 1] Error at 'nil': Can't have more than 255 arguments.");
}

#[test]
fn jumps_reach_65535_bytes_of_the_books_encoding() {
    // `nil;` is two bytes there. The branch's pop is one; the jump at the end of the branch three; the loop's jump three.
    let body = |count| pieces(count, " ", |_| "nil;".to_owned());
    prints(&format!("if (false) {{ {} }} print \"over\";", body(32_765)), "over\n");
    fails(
        &format!("if (false) {{ {} }}", body(32_766)),
        "[line 1] Error at '}': Too much code to jump over.",
    );
    // Back over the condition (one), the branch (three), its pop (one), the body, and the loop's jump itself (three).
    prints(&format!("while (false) {{ {} }} print \"over\";", body(32_763)), "over\n");
    fails(&format!("while (false) {{ {} }}", body(32_764)), "[line 1] Error at '}': Loop body too large.");
}

#[test]
fn calls_are_63_deep_and_the_script() {
    let source =
        |depth| format!("fun f(n) {{ if (n > 1) return f(n - 1); return \"bottom\"; }} print f({depth});");
    prints(&source(63), "bottom\n");
    let (code, _, errors) = run(&source(64));
    assert_eq!((code, errors.lines().count(), errors.lines().next()), (70, 65, Some("Stack overflow.")));
}

#[test]
fn the_stack_overflows_by_values_before_it_is_too_small() {
    // Each call has 255 arguments and as many values on the stack when it calls the next.
    let nils = pieces(254, ", ", |_| "nil".to_owned());
    let names = pieces(254, ", ", |i| format!("p{i}"));
    let deep = |calls: usize| {
        format!(
            "fun f(n, {names}) {{ if (n < 1) return 1; return g({nils}, f(n - 1, {nils})); }}\n\
             fun g({names}, r) {{ return r + 1; }}\nprint f({calls}, {nils});"
        )
    };
    prints(&deep(20), "21\n");
    let (code, _, errors) = run(&deep(60));
    assert_eq!((code, errors.lines().next()), (70, Some("Stack overflow.")));
}

#[test]
fn a_script_that_needs_more_than_the_stack_has_overflows_it() {
    let source = |depth: usize| {
        let nils = pieces(250, ", ", |_| "nil".to_owned());
        let call = format!("f({nils}, ").repeat(depth);
        let names = pieces(251, ", ", |i| format!("p{i}"));
        format!("fun f({names}) {{ return p250; }}\nprint {call}7{};", ")".repeat(depth))
    };
    prints(&source(60), "7\n");
    assert_eq!(run(&source(66)), (70, String::new(), "Stack overflow.\n[line 1] in script\n".to_owned()));
}

#[test]
fn nesting_that_is_too_deep_is_an_error_and_no_crash() {
    prints(&format!("print {}1{};", "(".repeat(900), ")".repeat(900)), "1\n");
    let many = 100_000;
    let sources = [
        format!("print {}1{};", "(".repeat(many), ")".repeat(many)),
        format!("print {}1;", "-".repeat(many)),
        format!("{}{}", "{".repeat(many), "}".repeat(many)),
        "if (true) ".repeat(many),
        "fun f() { ".repeat(many),
        "class A { f() { ".repeat(many),
        format!("{{ var a; {}1; }}", "a = ".repeat(many)),
        "nil(".repeat(many),
    ];
    for source in sources {
        let (code, _, errors) = run(&source);
        assert_eq!(code, 65);
        assert!(errors.contains("Too much nesting."), "{errors}");
    }
}

#[test]
fn a_heap_that_is_full_is_a_runtime_error() {
    let limited = Options { memory_limit: Some(4 << 20), ..Options::default() };
    let sources = [
        ("class A {}\nvar a;\nwhile (true) {\n  var b = A(); b.next = a; a = b;\n}", 4),
        ("var a = \"x\";\nwhile (true) a = a + a;", 2),
        ("class A { f() {} }\nvar a = A();\nwhile (true) { var b = A(); b.f = a.f; b.a = a; a = b; }", 3),
        ("fun f(a) { fun g() { return a; } return g; }\nvar a;\nwhile (true) a = f(a);", 3),
        ("var a;\nwhile (true) { class A { init(a) { this.a = a; } } a = A(a); }", 2),
    ];
    for (source, line) in sources {
        let (code, _, errors) = run_with(&limited, source.as_bytes());
        let mut lines = errors.lines();
        assert_eq!((code, lines.next()), (70, Some("Out of memory.")), "{source}");
        assert_eq!(lines.last(), Some(format!("[line {line}] in script").as_str()), "{source}");
    }
}

#[test]
fn garbage_does_not_fill_a_limited_heap() {
    let limited = Options { memory_limit: Some(4 << 20), ..Options::default() };
    let source = "class A { init(a) { this.a = a; } }\nvar kept = A(nil);\nfor (var i = 0; i < 100000; i = i + 1) kept = A(A(i));\n\
                  print kept.a.a;";
    assert_eq!(run_with(&limited, source.as_bytes()), (0, "99999\n".to_owned(), String::new()));
}

#[test]
fn a_source_too_large_for_the_heap_is_a_runtime_error() {
    let limited = Options { memory_limit: Some(1 << 20), ..Options::default() };
    let mut source = String::new();
    for i in 0..40_000 {
        writeln!(source, "fun function_{i}() {{}}").expect("strings take everything");
        if i % 200 == 199 {
            source.push_str("fun f() {");
        }
    }
    source.push_str(&"}".repeat(200));
    let (code, _, errors) = run_with(&limited, source.as_bytes());
    assert_eq!((code, errors.as_str()), (70, "Out of memory.\n"));
}
