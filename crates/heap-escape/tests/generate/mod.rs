//! Generated programs: a list of numbers decides everything, so that a shorter list is a smaller program.

use crate::notation::{Called, Code, Statement, Value};

/// The most statements of a block, and the most blocks inside of each other.
const STATEMENTS: usize = 7;
const NESTED: usize = 3;
const FUNCTIONS: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Reference,
    Plain,
    Closure { results: usize },
}

struct Generator<'a> {
    choices: std::slice::Iter<'a, u16>,
    names: usize,
    scope: Vec<(String, Sort)>,
    signatures: Vec<(usize, usize)>,
    results: usize,
}

/// Four functions that call each other in every way.
pub(crate) fn functions(choices: &[u16]) -> Vec<Code> {
    let mut generator = Generator {
        choices: choices.iter(),
        names: 0,
        scope: Vec::new(),
        signatures: Vec::new(),
        results: 0,
    };
    for _ in 0..FUNCTIONS {
        let signature = (generator.below(3), generator.below(3));
        generator.signatures.push(signature);
    }
    (0..FUNCTIONS)
        .map(|i| {
            let (params, results) = generator.signatures[i];
            generator.code(format!("f{i}"), params, results, 0)
        })
        .collect()
}

impl Generator<'_> {
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().copied().unwrap_or(0)) % count
    }

    fn name(&mut self, letter: &str) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    fn named(&mut self, letter: &str, count: usize) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|_| self.name(letter)).collect();
        self.scope.extend(names.iter().map(|name| (name.clone(), Sort::Reference)));
        names
    }

    fn code(&mut self, name: String, params: usize, results: usize, nested: usize) -> Code {
        let outside = self.scope.len();
        let outer_results = std::mem::replace(&mut self.results, results);
        let params = self.named("p", params);
        let results = self.named("r", results);
        let body = self.block(nested);
        self.scope.truncate(outside);
        self.results = outer_results;
        Code { name, params, results, body }
    }

    fn block(&mut self, nested: usize) -> Vec<Statement> {
        let outside = self.scope.len();
        let count = self.below(STATEMENTS) + 1;
        let block = (0..count).map(|_| self.statement(nested)).collect();
        self.scope.truncate(outside);
        block
    }

    fn value(&mut self) -> Option<Value> {
        if self.scope.is_empty() {
            return None;
        }
        // Mostly what was declared lately.
        let back = self.below(self.scope.len()).min(self.below(self.scope.len()));
        let (name, sort) = self.scope[self.scope.len() - 1 - back].clone();
        let derefs = match sort {
            Sort::Reference => [-1, -1, 0, 0, 1, 2][self.below(6)],
            Sort::Plain | Sort::Closure { .. } => -1,
        };
        Some(Value { name, derefs })
    }

    fn values(&mut self, count: usize) -> Vec<Value> {
        (0..count).filter_map(|_| self.value()).collect()
    }

    fn reference(&mut self) -> Option<String> {
        let known: Vec<usize> =
            (0..self.scope.len()).filter(|i| self.scope[*i].1 == Sort::Reference).collect();
        if known.is_empty() {
            return None;
        }
        let at = known[self.below(known.len())];
        Some(self.scope[at].0.clone())
    }

    fn targets(&mut self, count: usize) -> Vec<Option<String>> {
        (0..count).map(|_| if self.below(4) == 0 { None } else { self.reference() }).collect()
    }

    fn declared(&mut self, statement: fn(String) -> Statement, sort: Sort) -> Statement {
        let name = self.name("v");
        self.scope.push((name.clone(), sort));
        statement(name)
    }

    fn statement(&mut self, nested: usize) -> Statement {
        self.chosen(nested).unwrap_or_else(|| self.declared(Statement::Site, Sort::Reference))
    }

    fn chosen(&mut self, nested: usize) -> Option<Statement> {
        Some(match self.below(17) {
            0 => return None,
            1 => self.declared(Statement::Var, Sort::Reference),
            2 => self.declared(Statement::Plain, Sort::Plain),
            3 | 4 => Statement::Init(self.reference()?, self.value()?),
            5 | 6 => Statement::Assign(self.reference()?, self.value()?),
            7 => {
                let to = Value { name: self.reference()?, derefs: 0 };
                Statement::Store(to, self.value()?)
            }
            8 => Statement::Leak(self.value()?),
            9 if nested < NESTED => Statement::Loop(self.block(nested + 1)),
            10 | 11 if nested < NESTED => {
                let (name, params, results) = (self.name("c"), self.below(2), self.below(2));
                let code = self.code(name.clone(), params, results, nested + 1);
                self.scope.push((name, Sort::Closure { results }));
                Statement::Closure(code)
            }
            12 | 13 => {
                let function = self.below(FUNCTIONS);
                let (params, results) = self.signatures[function];
                let args = self.values(params);
                Statement::Call(Called::Function(format!("f{function}")), args, self.targets(results))
            }
            14 => {
                let known = |(name, sort): &(String, Sort)| match sort {
                    Sort::Closure { results } => Some((name.clone(), *results)),
                    Sort::Reference | Sort::Plain => None,
                };
                let known: Vec<_> = self.scope.iter().filter_map(known).collect();
                if known.is_empty() {
                    return None;
                }
                let (name, results) = known[self.below(known.len())].clone();
                let args = self.values(1);
                Statement::Call(Called::Closure(name), args, self.targets(results))
            }
            15 => {
                let args = self.values(1);
                let callee = if self.below(3) == 0 { Called::Unknown } else { Called::Value(self.value()?) };
                let results = self.below(2);
                Statement::Call(callee, args, self.targets(results))
            }
            _ if self.below(4) == 0 => Statement::Defer(self.value()?),
            _ => {
                let results = self.results;
                Statement::Return(self.values(results))
            }
        })
    }
}
