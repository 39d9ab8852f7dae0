//! What the analysis says of small programs, beside what it should say, and why.

mod notation;

use heap_escape::{Analysis, Callee, Capture, Limits, Mark, Program, Shape, Tag, Target, Var, Verdict, Why};
use notation::{parse, program, verdicts};

/// What, program, verdicts.
const TABLE: &[(&str, &str, &str)] = &[
    ("a pointer that stays", "func f() {\n site s\n var p\n p := &s\n }", ""),
    ("a pointer that is returned", "func f() r {\n site s\n return &s\n }", "s: heap"),
    (
        "a copy returned by way of variables",
        "func f() r {\n site s\n var p\n var q\n p := &s\n q := p\n return q\n }",
        "s: heap",
    ),
    (
        "the order of statements does not matter",
        "func f() r {\n site s\n var p\n return p\n p = &s\n }",
        "s: heap",
    ),
    (
        "what is loaded is returned, and not the pointer",
        "func f() r {\n site s\n var p\n p := &s\n return *p\n }",
        "",
    ),
    (
        "what the object holds is returned",
        "func f() r {\n site in\n site out\n out := &in\n return out\n }",
        "in: heap",
    ),
    ("a variable whose address is returned", "func f() r {\n plain x\n return &x\n }", "x: heap"),
    ("a number that is returned", "func f() r {\n plain x\n return x\n }", ""),
    ("a global", "func f() {\n site s\n leak &s\n }", "s: heap"),
    (
        "what an object on the heap holds",
        "func f() {\n site in\n site out\n out := &in\n leak &out\n }",
        "in: heap; out: heap",
    ),
    (
        "a store through a pointer",
        "func f() {\n site in\n site out\n var p\n p := &out\n *p = &in\n }",
        "in: heap",
    ),
    ("the address of itself", "func f() {\n var x\n x := &x\n }", ""),
    ("a result with its own address", "func f() r {\n r = &r\n }", "r: heap"),
    ("a circle that stays", "func f() {\n site a\n site b\n a := &b\n b := &a\n }", ""),
    (
        "a circle that leaves",
        "func f() r {\n site a\n site b\n a := &b\n b := &a\n return &b\n }",
        "a: heap; b: heap",
    ),
    // Loops.
    (
        "a pointer kept beyond its iteration",
        "func f() {\n var p\n loop {\n site s\n p = &s\n }\n }",
        "s: heap",
    ),
    ("a pointer within its iteration", "func f() {\n loop {\n var p\n site s\n p := &s\n }\n }", ""),
    (
        "a pointer into the outer loop",
        "func f() {\n loop {\n site a\n loop {\n site b\n a = &b\n }\n }\n }",
        "b: heap",
    ),
    // Parameters.
    ("a parameter that stays", "func f(p) {\n var q\n q := p\n }", "p: does not escape"),
    ("a parameter that leaks", "func f(p) {\n leak p\n }", "p: leaks to heap"),
    (
        "what a parameter points to leaks",
        "func f(p) {\n leak *p\n }",
        "p: content leaks to heap with level 1",
    ),
    ("further inside", "func f(p) {\n leak **p\n }", "p: content leaks to heap with level 2"),
    ("a parameter that is returned", "func f(p) r {\n return p\n }", "p: leaks to result 0 with level 0"),
    ("the next of a list", "func f(p) r {\n return *p\n }", "p: leaks to result 0 with level 1"),
    (
        "two results",
        "func f(p) r, s {\n return p, *p\n }",
        "p: leaks to result 0 with level 0, leaks to result 1 with level 1",
    ),
    (
        "heap and result",
        "func f(p) r {\n leak *p\n return p\n }",
        "p: content leaks to heap with level 1, leaks to result 0 with level 0",
    ),
    ("the heap makes the result needless", "func f(p) r {\n leak p\n return *p\n }", "p: leaks to heap"),
    (
        "the sixth result is the heap",
        "func f(p) a, b, c, d, e, g {\n return p, p, p, p, p, p\n }",
        "p: leaks to heap",
    ),
    ("the address of a parameter", "func f(p) r {\n return &p\n }", "p: heap"),
    ("stored into itself", "func f(p) {\n *p = p\n }", "p: leaks to heap"),
    // Calls.
    (
        "to one that keeps it",
        "func keep(p) {\n leak p\n }\n func f() {\n site s\n call keep(&s)\n }",
        "p: leaks to heap; s: heap",
    ),
    (
        "to one that keeps what it holds",
        "func keep(p) {\n leak *p\n }\n func f() {\n site in\n site s\n s := &in\n call keep(&s)\n }",
        "p: content leaks to heap with level 1; in: heap",
    ),
    (
        "to one that looks at it",
        "func f() {\n site s\n call look(&s)\n }\n func look(p) {\n }",
        "p: does not escape",
    ),
    (
        "through one that gives it back",
        "func same(p) r {\n return p\n }\n func f() r {\n site s\n var x\n call same(&s) -> x\n return x\n }",
        "p: leaks to result 0 with level 0; s: heap",
    ),
    (
        "given back and dropped",
        "func same(p) r {\n return p\n }\n func f() {\n site s\n call same(&s) -> _\n }",
        "p: leaks to result 0 with level 0",
    ),
    (
        "more arguments than parameters",
        "func none() {\n }\n func f() {\n site s\n call none(&s)\n }",
        "s: heap",
    ),
    ("to nobody knows whom", "func f() {\n site s\n call ?(&s)\n }", "s: heap"),
    ("to itself", "func f(p) {\n site s\n call f(&s)\n }", "p: does not escape"),
    (
        "a circle of two",
        "func even(p) {\n call odd(p)\n }\n func odd(q) {\n leak *q\n call even(q)\n }",
        "p: content leaks to heap with level 1; q: content leaks to heap with level 1",
    ),
    (
        "in a circle, the result of another is the heap",
        "func a(p) r {\n call b(p) -> r\n }\n func b(q) s {\n call a(q) -> s\n return q\n }",
        "p: leaks to heap; q: leaks to heap",
    ),
    // Closures.
    ("a closure that stays", "func f() {\n var x\n closure c() {\n x = x\n }\n call [c]()\n }", ""),
    (
        "a closure that leaves has what it refers to",
        "func f() r {\n plain x\n closure c() {\n x = x\n }\n return &c\n }",
        "x: heap; c: heap",
    ),
    (
        "a closure that leaves with a copy",
        "func f(p) r {\n closure c() s {\n return p\n }\n return &c\n }",
        "p: leaks to heap; c: heap",
    ),
    (
        "a local of a closure kept outside of it",
        "func f() {\n var x\n closure c() {\n site s\n x = &s\n }\n call [c]()\n }",
        "s: heap",
    ),
    (
        "what a closure returns to its function stays there",
        "func f() {\n site s\n var x\n closure c() r {\n return &s\n }\n call [c]() -> x\n }",
        "",
    ),
    (
        "what a closure returns to somebody leaves",
        "func f() {\n site s\n var x\n closure c() r {\n return &s\n }\n var v\n v := &c\n call !v() -> x\n }",
        "s: heap",
    ),
    (
        "a closure called for nothing",
        "func f() {\n site s\n closure c() r {\n return &s\n }\n var v\n v := &c\n call !v()\n }",
        "",
    ),
    (
        "a closure called elsewhere",
        "func run(g) r {\n call !g() -> r\n }\n func f() {\n site s\n closure c() t {\n return &s\n }\n call run(&c)\n }",
        "g: does not escape; s: heap",
    ),
    ("a deferred closure", "func f() {\n plain x\n closure c() {\n x = x\n }\n defer &c\n }", ""),
    (
        "a closure deferred in a loop",
        "func f() {\n loop {\n plain x\n closure c() {\n x = x\n }\n defer &c\n }\n }",
        "x: heap; c: heap",
    ),
    (
        "a closure inside of a closure",
        "func f() r {\n plain x\n closure c() {\n closure d() {\n x = x\n }\n leak &d\n }\n call [c]()\n }",
        "x: heap; d: heap",
    ),
];

#[test]
fn verdicts_are_as_the_table_says() {
    for (what, text, expected) in TABLE {
        let program = program(&parse(text));
        assert_eq!(verdicts(&program.analyse()), *expected, "{what}:\n{text}");
        assert_eq!(verdicts(&program.analyse_naively()), *expected, "{what}, by the naive solver:\n{text}");
    }
}

fn named(analysis: &Analysis<'_>, name: &str) -> Var {
    let program = analysis.program();
    program.vars().find(|var| program.name(*var) == name).expect("there is one")
}

#[test]
fn a_reason_is_the_way_to_what_outlives_it() {
    let program = program(&parse("func f() r {\n site s\n var p\n var q\n p := &s\n q := p\n return q\n }"));
    let analysis = program.analyse();
    let reason = analysis.reason(named(&analysis, "s")).expect("it is on the heap");
    assert_eq!(reason.to_string(), "flow: p ← &s (assign)\nflow: q ← p (assign)\nflow: r ← q (return)");
    assert!(!reason.is_cut());
    assert!(analysis.reason(named(&analysis, "p")).is_none());
}

#[test]
fn everything_on_the_heap_has_a_reason_that_begins_with_its_address() {
    for (what, text, _) in TABLE {
        let program = program(&parse(text));
        let analysis = program.analyse();
        for var in program.vars().filter(|var| analysis.verdict(*var) == Verdict::Heap) {
            let reason = analysis.reason(var).unwrap_or_else(|| panic!("{what}: no reason"));
            let first = reason.steps().next().expect("a step");
            assert_eq!(first.from, var, "{what}");
        }
    }
}

#[test]
fn a_reason_says_where() {
    let mut program = Program::new(Limits::default());
    let f = program.declare("f");
    let site = program.define(f, |body| {
        body.at(Mark(3));
        let site = body.site("s", Shape::plain(8));
        body.at(Mark(7));
        body.leak(site.address(), Why::Other("send"));
        site
    });
    assert_eq!(program.mark(site), Mark(3));
    let analysis = program.analyse();
    let step = analysis.reason(site).expect("it leaks").steps().next().expect("a step");
    assert_eq!((step.mark, step.why, step.to, step.derefs), (Mark(7), Why::Other("send"), None, -1));
}

#[test]
fn a_very_long_way_is_cut() {
    let mut program = Program::new(Limits::default());
    let f = program.declare("f");
    let site = program.define(f, |body| {
        let result = body.result("r", Shape::references(8));
        let site = body.site("s", Shape::plain(8));
        let mut value = site.address();
        for _ in 0..10_000 {
            let next = body.variable("x", Shape::references(8));
            body.init(next, value);
            value = next.value();
        }
        body.assign(result, value);
        site
    });
    let analysis = program.analyse();
    assert!(analysis.reason(site).expect("it leaks").is_cut());
}

#[test]
fn sizes_are_limits() {
    let limits = Limits { variable: 100, site: 50, ..Limits::default() };
    let mut program = Program::new(limits);
    let f = program.declare("f");
    let vars = program.define(f, |body| {
        let strict = Shape { align: 64, ..Shape::plain(8) };
        [
            body.variable("v100", Shape::plain(100)),
            body.variable("v101", Shape::plain(101)),
            body.site("s50", Shape::plain(50)),
            body.site("s51", Shape::plain(51)),
            body.variable("strict", strict),
            body.param("p", Shape::plain(1000)),
        ]
    });
    let analysis = program.analyse();
    let heap: Vec<&str> = vars
        .iter()
        .filter(|var| analysis.verdict(**var) == Verdict::Heap)
        .map(|var| program.name(*var))
        .collect();
    assert_eq!(heap, ["v101", "s51", "strict"]);
    assert_eq!(
        analysis.reason(vars[3]).expect("why").to_string(),
        "flow: {heap} ← &s51 (too large for stack)"
    );
}

#[test]
fn a_small_variable_that_does_not_change_any_more_is_copied() {
    let mut program = Program::new(Limits::default());
    let f = program.declare("f");
    let vars = program.define(f, |body| {
        let names = ["same", "before", "after", "addressed", "large", "late", "unused"];
        let shape = |name| Shape::references(if name == "large" { 136 } else { 8 });
        let vars = names.map(|name| body.variable(name, shape(name)));
        body.changed(vars[1]);
        body.closure("c", Shape::references(64), |body| {
            for var in &vars[..6] {
                body.leak(var.value(), Why::Assign);
            }
        });
        body.changed(vars[2]);
        body.write(vars[3].address());
        body.init(vars[5], vars[0]);
        vars
    });
    let analysis = program.analyse();
    let (copy, reference) = (Some(Capture::Copy), Some(Capture::Reference));
    let expected = [copy, copy, reference, reference, reference, reference, None];
    assert_eq!(vars.map(|var| analysis.capture(var)), expected);
}

#[test]
fn what_is_assigned_in_a_loop_before_a_closure_in_it_is_not_copied() {
    let mut program = Program::new(Limits::default());
    let f = program.declare("f");
    let [outside, begun, inside] = program.define(f, |body| {
        let outside = body.variable("outside", Shape::references(8));
        let begun = body.variable("begun", Shape::references(8));
        body.in_loop(|body| {
            let inside = body.variable("inside", Shape::references(8));
            body.changed(outside);
            body.changed(inside);
            body.init(begun, outside);
            body.closure("c", Shape::references(64), |body| {
                body.leak(outside, Why::Assign);
                body.leak(begun, Why::Assign);
                body.leak(inside, Why::Assign);
            });
            [outside, begun, inside]
        })
    });
    let analysis = program.analyse();
    assert_eq!(analysis.capture(outside), Some(Capture::Reference));
    assert_eq!(analysis.capture(begun), Some(Capture::Reference));
    assert_eq!(analysis.capture(inside), Some(Capture::Copy));
}

#[test]
fn a_function_that_is_elsewhere_is_known_by_its_tags() {
    let mut program = Program::new(Limits::default());
    let copy = program.external("copy", &[Tag::NOWHERE, Tag::NOWHERE.to_heap(1)]);
    let nobody = program.declare("nobody");
    let f = program.declare("f");
    let sites = program.define(f, |body| {
        let sites =
            ["to", "from", "inside", "third", "given"].map(|name| body.site(name, Shape::references(8)));
        body.init(sites[1], sites[2].address());
        let args = [sites[0].address(), sites[1].address(), sites[3].address()];
        body.call(&[Callee::Function(copy)], &args, &[Target::Unused]);
        body.call(&[Callee::Function(nobody)], &[sites[4].address()], &[]);
        sites
    });
    let analysis = program.analyse();
    let stack = sites.map(|site| analysis.verdict(site) == Verdict::Stack);
    assert_eq!(stack, [true, true, false, false, false]);
    assert_eq!(analysis.tags(copy).map(|tags| tags.len()), Some(2));
    assert_eq!(analysis.tags(nobody), None);
}

#[test]
fn one_of_several_callees_is_enough_to_leak() {
    let mut program = Program::new(Limits::default());
    let [keeps, looks, f] = ["keeps", "looks", "f"].map(|name| program.declare(name));
    program.define(keeps, |body| {
        let p = body.param("p", Shape::references(8));
        body.leak(p, Why::Assign);
    });
    program.define(looks, |body| body.param("p", Shape::references(8)));
    let (one, both) = program.define(f, |body| {
        let (one, both) = (body.site("one", Shape::plain(8)), body.site("both", Shape::plain(8)));
        body.call(&[Callee::Function(looks)], &[one.address()], &[]);
        body.call(&[Callee::Function(looks), Callee::Function(keeps)], &[both.address()], &[]);
        (one, both)
    });
    let analysis = program.analyse();
    assert_eq!((analysis.verdict(one), analysis.verdict(both)), (Verdict::Stack, Verdict::Heap));
}

#[test]
fn a_list_that_grows_in_a_loop_is_not_on_the_heap_for_the_loop() {
    let mut program = Program::new(Limits::default());
    let f = program.declare("f");
    let (each, lasting) = program.define(f, |body| {
        let list = body.variable("list", Shape::references(24));
        body.in_loop(|body| {
            let (each, lasting) =
                (body.site("each", Shape::plain(8)), body.lasting_site("lasting", Shape::plain(8)));
            body.assign(list, each.address());
            body.assign(list, lasting.address());
            (each, lasting)
        })
    });
    let analysis = program.analyse();
    assert_eq!((analysis.verdict(each), analysis.verdict(lasting)), (Verdict::Heap, Verdict::Stack));
}

#[test]
fn what_is_written_is_known() {
    let program = program(&parse(
        "func set(p) {\n *p = p\n }\n func f() {\n site a\n site b\n var x\n x := &a\n *x = x\n x = &b\n }",
    ));
    let analysis = program.analyse();
    assert!(analysis.is_written(named(&analysis, "a")));
    let mut looks = Program::new(Limits::default());
    let f = looks.declare("f");
    let [read, written] = looks.define(f, |body| {
        let sites = ["read", "written"].map(|name| body.site(name, Shape::plain(8)));
        body.write(sites[1].address());
        sites
    });
    let analysis = looks.analyse();
    assert_eq!((analysis.is_written(read), analysis.is_written(written)), (false, true));
    assert_eq!(analysis.verdict(written), Verdict::Stack);
}

#[test]
#[should_panic(expected = "`x` is not a variable of this function")]
fn a_variable_of_another_function_is_refused() {
    let mut program = Program::new(Limits::default());
    let (f, g) = (program.declare("f"), program.declare("g"));
    let x = program.define(f, |body| body.variable("x", Shape::plain(8)));
    program.define(g, |body| body.leak(x, Why::Assign));
}

#[test]
#[should_panic(expected = "`f` is defined twice")]
fn a_second_definition_is_refused() {
    let mut program = Program::new(Limits::default());
    let f = program.declare("f");
    program.define(f, |_| ());
    program.define(f, |_| ());
}

#[test]
fn a_chain_of_a_hundred_thousand_calls_needs_no_stack() {
    let mut program = Program::new(Limits::default());
    let functions: Vec<_> = (0..100_000).map(|_| program.declare("f")).collect();
    let mut first = None;
    for (i, function) in functions.iter().enumerate() {
        let p = program.define(*function, |body| {
            let p = body.param("p", Shape::references(8));
            match functions.get(i + 1) {
                Some(next) => body.call(&[Callee::Function(*next)], &[p.value()], &[]),
                None => body.leak(p.load(), Why::Assign),
            }
            p
        });
        first.get_or_insert(p);
    }
    let analysis = program.analyse();
    assert_eq!(analysis.tag(first.expect("there are functions")).heap(), Some(1));
}
