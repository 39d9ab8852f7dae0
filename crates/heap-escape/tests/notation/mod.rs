//! Small programs, as text and as trees: what tests are written in, what they generate, and what they run.
//!
//! ```text
//!   func name(a, b) r, s {      a function with parameters and results
//!     var x                     a variable that can hold a reference; `plain x` one that cannot
//!     site s                    an allocation; `&s` is its pointer
//!     x := v        x = v       the first value; another value
//!     *v = v                    a store through a pointer
//!     leak v                    to a global
//!     loop {  …  }
//!     closure c(a) r {  …  }    a function literal; `&c` is its value
//!     call f(v, v) -> x, _      f: a function, `[c]` a closure known, `v` preceded by `!` a value, `?` unknown
//!     return v, v
//!     defer v
//!   }
//!   v:  &x  x  *x  **x
//! ```
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;

use heap_escape::{
    Analysis, Body, Callee, Closure, Function, Kind, Limits, Program, Shape, Source, Target, Var,
};
use heap_escape::{Verdict, Why};

/// `derefs` loads of a variable; -1 is its address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) derefs: i32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Called {
    Function(String),
    Closure(String),
    Value(Value),
    Unknown,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Code {
    pub(crate) name: String,
    pub(crate) params: Vec<String>,
    pub(crate) results: Vec<String>,
    pub(crate) body: Vec<Statement>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Statement {
    Var(String),
    Plain(String),
    Site(String),
    Init(String, Value),
    Assign(String, Value),
    Store(Value, Value),
    Leak(Value),
    Loop(Vec<Statement>),
    Closure(Code),
    Call(Called, Vec<Value>, Vec<Option<String>>),
    Return(Vec<Value>),
    Defer(Value),
}

/// The functions of a text.
pub(crate) fn parse(text: &str) -> Vec<Code> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut functions = Vec::new();
    while let Some(line) = lines.next() {
        let head = line.strip_prefix("func ").unwrap_or_else(|| panic!("no function: {line}"));
        functions.push(code(head, &mut lines));
    }
    functions
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

fn code<'a>(head: &str, lines: &mut impl Iterator<Item = &'a str>) -> Code {
    let (name, rest) = head.split_once('(').expect("(");
    let (params, results) = rest.split_once(')').expect(")");
    let results = words(results.trim().trim_end_matches('{'));
    Code { name: name.to_owned(), params: words(params), results, body: block(lines) }
}

fn block<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Statement> {
    let mut body = Vec::new();
    while let Some(line) = lines.next() {
        if line == "}" {
            return body;
        }
        let (word, rest) = line.split_once(' ').expect("a word and more");
        body.push(match word {
            "var" => Statement::Var(rest.to_owned()),
            "plain" => Statement::Plain(rest.to_owned()),
            "site" => Statement::Site(rest.to_owned()),
            "leak" => Statement::Leak(value(rest)),
            "loop" => Statement::Loop(block(lines)),
            "closure" => Statement::Closure(code(rest, lines)),
            "call" => call(rest),
            "return" => Statement::Return(words(rest).iter().map(|word| value(word)).collect()),
            "defer" => Statement::Defer(value(rest)),
            _ => {
                let (to, from) = line.split_once('=').expect("=");
                match (to.trim().strip_suffix(':'), to.trim().strip_prefix('*')) {
                    (Some(to), _) => Statement::Init(to.trim().to_owned(), value(from)),
                    (None, Some(to)) => Statement::Store(value(to), value(from)),
                    (None, None) => Statement::Assign(to.trim().to_owned(), value(from)),
                }
            }
        });
    }
    panic!("a block does not end")
}

fn call(text: &str) -> Statement {
    let (callee, rest) = text.split_once('(').expect("(");
    let (args, results) = rest.split_once(')').expect(")");
    let callee = match callee.chars().next() {
        Some('?') => Called::Unknown,
        Some('!') => Called::Value(value(&callee[1..])),
        Some('[') => Called::Closure(callee.trim_matches(['[', ']']).to_owned()),
        _ => Called::Function(callee.to_owned()),
    };
    let results = words(results.trim().trim_start_matches("->"));
    let results = results.into_iter().map(|word| (word != "_").then_some(word)).collect();
    Statement::Call(callee, words(args).iter().map(|word| value(word)).collect(), results)
}

fn value(text: &str) -> Value {
    let text = text.trim();
    match text.strip_prefix('&') {
        Some(name) => Value { name: name.to_owned(), derefs: -1 },
        None => {
            let name = text.trim_start_matches('*');
            let derefs = i32::try_from(text.len() - name.len()).expect("few stars");
            Value { name: name.to_owned(), derefs }
        }
    }
}

/// What the names of a function mean, innermost scope last.
#[derive(Default)]
struct Scope {
    vars: Vec<(String, Var)>,
    closures: Vec<(String, Closure)>,
}

impl Scope {
    fn var(&self, name: &str) -> Var {
        let found = self.vars.iter().rev().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no variable {name}")).1
    }

    fn source(&self, value: &Value) -> Source {
        let var = self.var(&value.name);
        if value.derefs < 0 {
            return var.address();
        }
        (0..value.derefs).fold(var.value(), |source, _| source.load())
    }
}

/// A program with these functions.
pub(crate) fn program(functions: &[Code]) -> Program {
    let mut program = Program::new(Limits::default());
    let known: BTreeMap<&str, Function> =
        functions.iter().map(|code| (code.name.as_str(), program.declare(&code.name))).collect();
    for code in functions {
        program.define(known[code.name.as_str()], |body| record(body, code, &known, &mut Scope::default()));
    }
    program
}

fn record(body: &mut Body<'_>, code: &Code, known: &BTreeMap<&str, Function>, scope: &mut Scope) {
    let outside = (scope.vars.len(), scope.closures.len());
    for name in &code.params {
        scope.vars.push((name.clone(), body.param(name, Shape::references(8))));
    }
    for name in &code.results {
        scope.vars.push((name.clone(), body.result(name, Shape::references(8))));
    }
    statements(body, &code.body, known, scope);
    scope.vars.truncate(outside.0);
    scope.closures.truncate(outside.1);
}

fn statements(body: &mut Body<'_>, list: &[Statement], known: &BTreeMap<&str, Function>, scope: &mut Scope) {
    for statement in list {
        match statement {
            Statement::Var(name) => {
                let var = body.variable(name, Shape::references(8));
                scope.vars.push((name.clone(), var));
            }
            Statement::Plain(name) => {
                let var = body.variable(name, Shape::plain(8));
                scope.vars.push((name.clone(), var));
            }
            Statement::Site(name) => {
                let var = body.site(name, Shape::references(8));
                scope.vars.push((name.clone(), var));
            }
            Statement::Init(name, value) => body.init(scope.var(name), scope.source(value)),
            Statement::Assign(name, value) => body.assign(scope.var(name), scope.source(value)),
            Statement::Store(to, value) => body.store(scope.source(to), scope.source(value)),
            Statement::Leak(value) => body.leak(scope.source(value), Why::Other("global")),
            Statement::Loop(inner) => body.in_loop(|body| {
                let outside = (scope.vars.len(), scope.closures.len());
                statements(body, inner, known, scope);
                scope.vars.truncate(outside.0);
                scope.closures.truncate(outside.1);
            }),
            Statement::Closure(code) => {
                let shape = Shape::references(16);
                let (closure, ()) = body.closure(&code.name, shape, |body| record(body, code, known, scope));
                scope.vars.push((code.name.clone(), closure.site()));
                scope.closures.push((code.name.clone(), closure));
            }
            Statement::Call(callee, args, results) => {
                let callee = match callee {
                    Called::Function(name) => Callee::Function(known[name.as_str()]),
                    Called::Closure(name) => {
                        let found = scope.closures.iter().rev().find(|(known, _)| known == name);
                        Callee::Closure(found.unwrap_or_else(|| panic!("no closure {name}")).1)
                    }
                    Called::Value(value) => Callee::Value(scope.source(value)),
                    Called::Unknown => Callee::Unknown,
                };
                let args: Vec<Source> = args.iter().map(|value| scope.source(value)).collect();
                let target = |name: &Option<String>| match name {
                    Some(name) => Target::Assign(scope.var(name)),
                    None => Target::Unused,
                };
                let results: Vec<Target> = results.iter().map(target).collect();
                body.call(&[callee], &args, &results);
            }
            Statement::Return(values) => {
                let values: Vec<Source> = values.iter().map(|value| scope.source(value)).collect();
                body.give_back(&values);
            }
            Statement::Defer(value) => body.defer(scope.source(value)),
        }
    }
}

/// All verdicts in one text: `x: heap` for what is on the heap, and the tag of every parameter.
pub(crate) fn verdicts(analysis: &Analysis<'_>) -> String {
    let program = analysis.program();
    let mut lines = Vec::new();
    for var in program.vars() {
        if analysis.verdict(var) == Verdict::Heap {
            lines.push(format!("{}: heap", program.name(var)));
        } else if program.kind(var) == Kind::Parameter {
            lines.push(format!("{}: {}", program.name(var), analysis.tag(var)));
        }
    }
    lines.join("; ")
}
