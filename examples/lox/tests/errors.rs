//! Every message, its line, and its exit code.

#[path = "support/session.rs"]
mod session;

use session::run;

#[test]
fn errors_of_the_compiler() {
    let table = [
        ("print", "[line 1] Error at end: Expect expression."),
        ("print 1", "[line 1] Error at end: Expect ';' after value."),
        ("1", "[line 1] Error at end: Expect ';' after expression."),
        ("(1;", "[line 1] Error at ';': Expect ')' after expression."),
        ("a + b = 1;", "[line 1] Error at '=': Invalid assignment target."),
        ("f() = 1;", "[line 1] Error at '=': Invalid assignment target."),
        ("var 1;", "[line 1] Error at '1': Expect variable name."),
        ("var a 1;", "[line 1] Error at '1': Expect ';' after variable declaration."),
        ("{ var a; var a; }", "[line 1] Error at 'a': Already a variable with this name in this scope."),
        ("fun f(a, a) {}", "[line 1] Error at 'a': Already a variable with this name in this scope."),
        ("{ var a = a; }", "[line 1] Error at 'a': Can't read local variable in its own initializer."),
        ("{", "[line 1] Error at end: Expect '}' after block."),
        ("if true", "[line 1] Error at 'true': Expect '(' after 'if'."),
        ("if (true", "[line 1] Error at end: Expect ')' after condition."),
        ("while true", "[line 1] Error at 'true': Expect '(' after 'while'."),
        ("while (true {}", "[line 1] Error at '{': Expect ')' after condition."),
        ("for 1", "[line 1] Error at '1': Expect '(' after 'for'."),
        ("for (;1)", "[line 1] Error at ')': Expect ';' after loop condition."),
        ("for (;;1 {}", "[line 1] Error at '{': Expect ')' after for clauses."),
        ("fun 1() {}", "[line 1] Error at '1': Expect function name."),
        ("fun f {}", "[line 1] Error at '{': Expect '(' after function name."),
        ("fun f(1) {}", "[line 1] Error at '1': Expect parameter name."),
        ("fun f(a {}", "[line 1] Error at '{': Expect ')' after parameters."),
        ("fun f() 1", "[line 1] Error at '1': Expect '{' before function body."),
        ("f(1;", "[line 1] Error at ';': Expect ')' after arguments."),
        ("return 1;", "[line 1] Error at 'return': Can't return from top-level code."),
        ("fun f() { return 1 }", "[line 1] Error at '}': Expect ';' after return value."),
        (
            "class A { init() { return 1; } }",
            "[line 1] Error at 'return': Can't return a value from an initializer.",
        ),
        ("class {}", "[line 1] Error at '{': Expect class name."),
        ("class A < 1 {}", "[line 1] Error at '1': Expect superclass name."),
        ("class A < A {}", "[line 1] Error at 'A': A class can't inherit from itself."),
        ("class A 1", "[line 1] Error at '1': Expect '{' before class body."),
        ("class A {", "[line 1] Error at end: Expect '}' after class body."),
        ("class A { 1", "[line 1] Error at '1': Expect method name."),
        ("a.1;", "[line 1] Error at '1': Expect property name after '.'."),
        ("this;", "[line 1] Error at 'this': Can't use 'this' outside of a class."),
        ("fun f() { this.a = 1; }", "[line 1] Error at 'this': Can't use 'this' outside of a class."),
        ("super.a;", "[line 1] Error at 'super': Can't use 'super' outside of a class."),
        (
            "class A { f() { super.f(); } }",
            "[line 1] Error at 'super': Can't use 'super' in a class with no superclass.",
        ),
        ("class A < B { f() { super; } }", "[line 1] Error at ';': Expect '.' after 'super'."),
        ("class A < B { f() { super.1; } }", "[line 1] Error at '1': Expect superclass method name."),
        ("\n\"open\n", "[line 3] Error: Unterminated string."),
        ("\n\n?;", "[line 3] Error: Unexpected character."),
    ];
    for (source, message) in table {
        let (code, out, errors) = run(source);
        assert_eq!((code, out.as_str()), (65, ""), "{source}");
        assert_eq!(errors.lines().next(), Some(message), "{source}");
    }
}

#[test]
fn every_error_of_a_source_is_reported_and_nothing_runs() {
    let (code, out, errors) = run("print 1;\nvar 2;\nprint 3;\nprint (4;\n");
    let expected =
        "[line 2] Error at '2': Expect variable name.\n[line 4] Error at ';': Expect ')' after expression.\n";
    assert_eq!((code, out.as_str(), errors.as_str()), (65, "", expected));
}

#[test]
fn errors_of_programs() {
    let table = [
        ("print a;", "Undefined variable 'a'."),
        ("a = 1;", "Undefined variable 'a'."),
        ("-nil;", "Operand must be a number."),
        ("1 - nil;", "Operands must be numbers."),
        ("true * 1;", "Operands must be numbers."),
        ("1 / \"1\";", "Operands must be numbers."),
        ("nil < 1;", "Operands must be numbers."),
        ("nil <= 1;", "Operands must be numbers."),
        ("nil > 1;", "Operands must be numbers."),
        ("nil >= 1;", "Operands must be numbers."),
        ("if (\"a\" < \"b\") print 1;", "Operands must be numbers."),
        ("1 + \"1\";", "Operands must be two numbers or two strings."),
        ("nil + nil;", "Operands must be two numbers or two strings."),
        ("nil();", "Can only call functions and classes."),
        ("\"text\"();", "Can only call functions and classes."),
        ("class A {} A()();", "Can only call functions and classes."),
        ("class A {} var a = A(); a.f = 1; a.f();", "Can only call functions and classes."),
        ("fun f(a, b) {} f(1);", "Expected 2 arguments but got 1."),
        ("fun f() {} f(1, 2, 3);", "Expected 0 arguments but got 3."),
        ("class A {} A(1);", "Expected 0 arguments but got 1."),
        ("class A { init(a) {} } A();", "Expected 1 arguments but got 0."),
        ("class A { f(a) {} } A().f();", "Expected 1 arguments but got 0."),
        ("class A { f(a) {} } var f = A().f; f();", "Expected 1 arguments but got 0."),
        ("class A {} var a = A(); a.f = A; a.f(1);", "Expected 0 arguments but got 1."),
        ("nil.a;", "Only instances have properties."),
        ("class A {} A.a;", "Only instances have properties."),
        ("nil.a = 1;", "Only instances have fields."),
        ("nil.a();", "Only instances have methods."),
        ("class A {} A().a;", "Undefined property 'a'."),
        ("class A {} A().a();", "Undefined property 'a'."),
        ("class A {} class B < A { f() { super.f(); } } B().f();", "Undefined property 'f'."),
        ("class A {} class B < A { f() { super.f; } } B().f();", "Undefined property 'f'."),
        ("var A = 1; class B < A {}", "Superclass must be a class."),
        ("fun f() { f(); } f();", "Stack overflow."),
    ];
    for (source, message) in table {
        let (code, _, errors) = run(source);
        assert_eq!((code, errors.lines().next()), (70, Some(message)), "{source}");
        assert_eq!(errors.lines().last(), Some("[line 1] in script"), "{source}");
    }
}

#[test]
fn the_trace_has_every_call_with_its_line() {
    let source = "class A {\n  init() {\n    this.f();\n  }\n  f() {\n    fun g() {\n      nil.x;\n    }\n    g();\n  }\n}\n\
                  class B < A {\n  init() {\n    super.init();\n  }\n}\nprint 1;\nB();\nprint 2;\n";
    let expected = "Only instances have properties.\n[line 7] in g()\n[line 9] in f()\n[line 3] in init()\n[line 14] in init()\n\
                    [line 18] in script\n";
    assert_eq!(run(source), (70, "1\n".to_owned(), expected.to_owned()));
}

#[test]
fn after_an_error_the_session_goes_on_with_its_globals() {
    let mut session = lox::Session::new(&tricolor::Heap::builder(), false).expect("a session");
    let mut out = Vec::new();
    session
        .interpret(b"var a = 1; fun f() { var x = 2; fun g() { return x; } h(g); }", &mut out)
        .expect("it runs");
    for _ in 0..3 {
        session.interpret(b"a = a + 1; f();", &mut out).expect_err("`h` is not defined");
        session.interpret(b"print (a;", &mut out).expect_err("a parenthesis is missing");
    }
    session.interpret(b"print a; fun h(g) { print g(); } f();", &mut out).expect("it runs");
    assert_eq!(String::from_utf8_lossy(&out), "4\n2\n");
}
