//! Programs at random: closures in loops, methods, inheritance, and values that go wherever values can go.
//!
//! Each expression is a number, a function of one number, or an object; so most programs run to their end. What calls something
//! uses up fuel, so all of them end.

use crate::random::Random;

/// What an expression is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Number,
    Function,
    Object,
}

const TYPES: [Type; 3] = [Type::Number, Type::Function, Type::Object];

/// What all programs begin with.
const PRELUDE: &str = "var fuel = 400;
fun twice(x) { return x + x; }
fun same(x) { return x; }
fun run(f, x) { if (fuel < 0) return 0; return f(x); }
class Base {
  init(n) { this.n = n; this.f = twice; this.next = nil; }
  get() { return this.n; }
  set(n) { this.n = n; return this; }
  setf(f) { this.f = f; return this; }
  call(x) { if (fuel < 0) return 0; return this.f(x); }
  add(x) { return this.n + x; }
  self() { return this; }
  link(o) { this.next = o; return this; }
  follow() { if (this.next == nil) return this; return this.next; }
  adder() { fun inner(x) { this.n = this.n + 1; return this.n + x; } return inner; }
}
class Derived < Base {
  init(n) { super.init(n); this.m = n; }
  get() { return super.get() + this.m; }
  add(x) { var up = super.add; return up(x) + this.m; }
}
class Plain { set(n) { this.n = n; return this.n; } }
var gNumber = 1;
var gFunction = twice;
var gObject = Base(7);
";

/// A generator, with the variables in scope.
struct Generator {
    random: Random,
    text: String,
    scope: Vec<(String, Type)>,
    /// Functions of the program that may be called: name, and what it gives for a number, a function and an object.
    functions: Vec<(String, Type)>,
    names: usize,
    depth: usize,
}

/// A program of a seed.
pub(crate) fn program(seed: u64) -> String {
    let mut generator = Generator {
        random: Random::new(seed),
        text: String::from(PRELUDE),
        scope: ["Number", "Function", "Object"]
            .iter()
            .zip(TYPES)
            .map(|(name, kind)| (format!("g{name}"), kind))
            .collect(),
        functions: Vec::new(),
        names: 0,
        depth: 0,
    };
    for _ in 0..3 + generator.random.below(3) {
        generator.function();
    }
    for _ in 0..4 + generator.random.below(6) {
        generator.statement();
    }
    generator.text.push_str("print gNumber; print gFunction(1); print gObject.get(); print gObject;\n");
    generator.text
}

impl Generator {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn say(&mut self, text: &str) {
        self.text.push_str(&"  ".repeat(self.depth));
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn variable(&mut self, kind: Type) -> String {
        let all: Vec<&String> =
            self.scope.iter().filter(|(_, of)| *of == kind).map(|(name, _)| name).collect();
        // The latest more often than others.
        let far = self.random.below(all.len()).min(self.random.below(all.len()));
        all[all.len() - 1 - far].clone()
    }

    fn expression(&mut self, kind: Type, deep: usize) -> String {
        let of = |this: &mut Self, kind| this.expression(kind, deep + 1);
        let choice = if deep > 2 { 0 } else { self.random.below(10) };
        match (kind, choice) {
            (Type::Number, 0) if deep > 2 => format!("{}", self.random.below(9)),
            (_, 0..3) => self.variable(kind),
            (Type::Number, 3) => format!("({} + {})", of(self, Type::Number), of(self, Type::Number)),
            (Type::Number, 4) => format!("run({}, {})", of(self, Type::Function), of(self, Type::Number)),
            (Type::Number, 5) => format!("{}.get()", of(self, Type::Object)),
            (Type::Number, 6) => format!("{}.call({})", of(self, Type::Object), of(self, Type::Number)),
            (Type::Number, 7) => format!("{}.n", of(self, Type::Object)),
            (Type::Number, 8) => format!("Plain().set({})", of(self, Type::Number)),
            (Type::Function, 3) => format!("{}.add", of(self, Type::Object)),
            (Type::Function, 4) => format!("{}.f", of(self, Type::Object)),
            (Type::Function, 5) => format!("{}.adder()", of(self, Type::Object)),
            (Type::Function, 6) => format!("same({})", of(self, Type::Function)),
            (Type::Function, 7) => format!("({} or twice)", of(self, Type::Function)),
            (Type::Object, 3) => format!("Base({})", of(self, Type::Number)),
            (Type::Object, 4) => format!("Derived({})", of(self, Type::Number)),
            (Type::Object, 5) => format!("{}.self()", of(self, Type::Object)),
            (Type::Object, 6) => format!("same({})", of(self, Type::Object)),
            (Type::Object, 7) => format!("{}.follow()", of(self, Type::Object)),
            (Type::Object, 8) => format!("(nil or {})", of(self, Type::Object)),
            _ => {
                let able: Vec<String> = self
                    .functions
                    .iter()
                    .filter(|(_, gives)| *gives == kind)
                    .map(|(name, _)| name.clone())
                    .collect();
                if able.is_empty() {
                    return self.variable(kind);
                }
                let name = self.random.one(&able).clone();
                let arguments = TYPES.map(|kind| of(self, kind));
                format!("{name}({})", arguments.join(", "))
            }
        }
    }

    /// A function of the program with three parameters.
    fn function(&mut self) {
        let (name, gives) = (self.name(), *self.random.one(&TYPES));
        self.say(&format!("fun {name}(a, f, o) {{"));
        let before = self.scope.len();
        let parameters = ["a", "f", "o"].iter().zip(TYPES).map(|(name, kind)| ((*name).to_owned(), kind));
        self.scope.extend(parameters);
        self.depth += 1;
        let default = ["a", "f", "o"][TYPES.iter().position(|kind| *kind == gives).expect("one of them")];
        self.say(&format!("fuel = fuel - 1; if (fuel < 0) return {default};"));
        for _ in 0..2 + self.random.below(4) {
            self.statement();
        }
        let result = self.expression(gives, 0);
        self.say(&format!("return {result};"));
        self.depth -= 1;
        self.scope.truncate(before);
        self.say("}");
        self.functions.push((name, gives));
    }

    fn block(&mut self, head: &str, loop_variable: Option<String>) {
        self.say(&format!("{head} {{"));
        let before = self.scope.len();
        self.depth += 1;
        if let Some(name) = loop_variable {
            // It may be assigned in the body.
            self.say("fuel = fuel - 1;");
            self.scope.push((name, Type::Number));
        }
        for _ in 0..1 + self.random.below(4) {
            self.statement();
        }
        self.depth -= 1;
        self.scope.truncate(before);
        self.say("}");
    }

    fn statement(&mut self) {
        let kind = *self.random.one(&TYPES);
        match self.random.below(if self.depth < 4 { 16 } else { 10 }) {
            0..3 => {
                let (name, value) = (self.name(), self.expression(kind, 0));
                self.say(&format!("var {name} = {value};"));
                self.scope.push((name, kind));
            }
            3 | 4 => {
                let (name, value) = (self.variable(kind), self.expression(kind, 0));
                self.say(&format!("{name} = {value};"));
            }
            5 => {
                let value = self.expression(Type::Number, 0);
                self.say(&format!("print {value};"));
            }
            6 => {
                let (one, other) = (self.expression(Type::Object, 1), self.expression(Type::Object, 1));
                self.say(&format!("print {one} == {other}; print {one};"));
            }
            7 => {
                let (object, number) = (self.expression(Type::Object, 1), self.expression(Type::Number, 1));
                let method = *self.random.one(&["set", "add"]);
                self.say(&format!("{object}.{method}({number});"));
            }
            8 => {
                let (object, function) =
                    (self.expression(Type::Object, 1), self.expression(Type::Function, 1));
                self.say(&format!("{object}.setf({function});"));
            }
            9 => {
                let (object, other) = (self.expression(Type::Object, 1), self.expression(Type::Object, 1));
                self.say(&format!("{object}.link({other});"));
            }
            10 | 11 => {
                let name = self.name();
                let turns = 1 + self.random.below(3);
                self.block(
                    &format!("for (var {name} = 0; fuel > 0 and {name} < {turns}; {name} = {name} + 1)"),
                    Some(name),
                );
            }
            12 => self.block("", None),
            13 => {
                let (one, other) = (self.expression(Type::Number, 1), self.expression(Type::Number, 1));
                self.block(&format!("if ({one} < {other})"), None);
            }
            _ => {
                // A function inside, which may capture anything in scope, and itself.
                let name = self.name();
                self.say(&format!("fun {name}(x) {{"));
                let before = self.scope.len();
                self.scope.push(("x".to_owned(), Type::Number));
                self.depth += 1;
                self.say("fuel = fuel - 1; if (fuel < 0) return 0;");
                if self.random.below(3) == 0 {
                    self.scope.push((name.clone(), Type::Function));
                }
                for _ in 0..1 + self.random.below(3) {
                    self.statement();
                }
                let result = self.expression(Type::Number, 0);
                self.say(&format!("return {result};"));
                self.depth -= 1;
                self.scope.truncate(before);
                self.say("}");
                self.scope.push((name, Type::Function));
            }
        }
    }
}
