//! Runs programs, with each variable and object where the analysis has put it, and watches.
//!
//! What is on the stack dies with its function, and in a loop with its iteration. Watched is that
//!   R1  nothing that lives on points to what dies            or there would be a pointer to what is gone
//!   R2  nothing dead is loaded or stored to                  follows from R1; looked at all the same
//!   R3  a closure's copy of a variable equals the variable   or the program would mean something else
//!
//! What nobody knows is a call that keeps its arguments in a global, calls those that are closures with whatever is global, and
//! gives something global back.

use std::collections::BTreeMap;
use std::rc::Rc;

use heap_escape::{Analysis, Capture, Var, Verdict};

use crate::notation::{Called, Code, Statement, Value};

const STEPS: usize = 3_000;
const CALLS: usize = 12;

type Word = Option<usize>;

/// A variable, an object, or the record of a closure.
struct Cell {
    name: String,
    word: Word,
    holds_references: bool,
    alive: bool,
    record: Option<Record>,
}

/// The code of a closure, and what its names mean: the cell of the variable, and the copy where there is one.
#[derive(Clone)]
struct Record {
    code: Rc<Code>,
    names: BTreeMap<String, Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    cell: usize,
    copy: Option<Word>,
}

/// The end of a run before the end of the program: it has run for long enough.
struct Enough;

struct Run {
    functions: BTreeMap<String, Rc<Code>>,
    on_heap: BTreeMap<String, bool>,
    copied: BTreeMap<String, bool>,
    cells: Vec<Cell>,
    globals: Vec<usize>,
    chance: u64,
    steps: usize,
    calls: usize,
}

struct Frame {
    names: BTreeMap<String, Seen>,
    own: Vec<usize>,
    deferred: Vec<usize>,
    results: Vec<String>,
    returned: bool,
}

/// Runs every function of the program, in an order of branches that `chance` decides. Gives the number of things that died.
pub(crate) fn run(functions: &[Code], analysis: &Analysis<'_>, chance: u64) -> usize {
    let program = analysis.program();
    let all = |of: &dyn Fn(Var) -> bool| -> BTreeMap<String, bool> {
        program.vars().map(|var| (program.name(var).to_owned(), of(var))).collect()
    };
    let mut run = Run {
        functions: functions.iter().map(|code| (code.name.clone(), Rc::new(code.clone()))).collect(),
        on_heap: all(&|var| analysis.verdict(var) == Verdict::Heap),
        copied: all(&|var| analysis.capture(var) == Some(Capture::Copy)),
        cells: Vec::new(),
        globals: Vec::new(),
        chance: chance | 1,
        steps: 0,
        calls: 0,
    };
    for code in functions {
        let given: Vec<Word> = code.params.iter().map(|_| run.global()).collect();
        if run.call(&Rc::new(code.clone()), &BTreeMap::new(), &given).is_err() {
            break;
        }
    }
    run.cells.iter().filter(|cell| !cell.alive).count()
}

impl Run {
    fn below(&mut self, count: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        usize::try_from(self.chance % 1_000_003).expect("small") % count
    }

    fn global(&mut self) -> Word {
        if self.globals.is_empty() {
            return None;
        }
        let at = self.below(self.globals.len());
        Some(self.globals[at])
    }

    fn declare(&mut self, frame: &mut Frame, name: &str, holds_references: bool, word: Word) -> usize {
        let cell = self.cells.len();
        self.cells.push(Cell { name: name.to_owned(), word, holds_references, alive: true, record: None });
        frame.names.insert(name.to_owned(), Seen { cell, copy: None });
        frame.own.push(cell);
        cell
    }

    fn call(
        &mut self,
        code: &Rc<Code>,
        captured: &BTreeMap<String, Seen>,
        args: &[Word],
    ) -> Result<Vec<Word>, Enough> {
        if self.calls == CALLS {
            return Ok(vec![None; code.results.len()]);
        }
        self.calls += 1;
        let mut frame = Frame {
            names: captured.clone(),
            own: Vec::new(),
            deferred: Vec::new(),
            results: code.results.clone(),
            returned: false,
        };
        for (i, name) in code.params.iter().enumerate() {
            self.declare(&mut frame, name, true, args.get(i).copied().flatten());
        }
        for name in &code.results {
            self.declare(&mut frame, name, true, None);
        }
        self.block(&code.body, &mut frame)?;
        while let Some(record) = frame.deferred.pop() {
            self.call_value(Some(record), &[])?;
        }
        let results: Vec<Word> =
            code.results.iter().map(|name| self.cells[frame.names[name].cell].word).collect();
        self.die(&frame.own, &results, &[]);
        self.calls -= 1;
        Ok(results)
    }

    fn call_value(&mut self, value: Word, args: &[Word]) -> Result<Vec<Word>, Enough> {
        let Some(at) = value else { return Ok(Vec::new()) };
        let cell = &self.cells[at];
        let Some(record) = cell.record.clone() else { return Ok(Vec::new()) };
        assert!(cell.alive, "R2: {} is called, and dead", cell.name);
        self.call(&record.code, &record.names, args)
    }

    /// The scope of these cells ends. Those on the stack are gone.
    fn die(&mut self, own: &[usize], in_hand: &[Word], deferred: &[usize]) {
        for cell in own {
            let cell = &mut self.cells[*cell];
            cell.alive = self.on_heap[&cell.name];
        }
        let gone = |word: &Word| word.is_some_and(|at| own.contains(&at) && !self.cells[at].alive);
        for word in in_hand {
            assert!(!gone(word), "R1: {} is returned, and gone", self.cells[word.unwrap_or(0)].name);
        }
        for at in deferred.iter().chain(&self.globals) {
            assert!(!gone(&Some(*at)), "R1: {} is kept, and gone", self.cells[*at].name);
        }
        for cell in self.cells.iter().filter(|cell| cell.alive) {
            assert!(
                !gone(&cell.word),
                "R1: {} points to {}",
                cell.name,
                self.cells[cell.word.unwrap_or(0)].name
            );
            for (name, seen) in cell.record.iter().flat_map(|record| &record.names) {
                let word = seen.copy.unwrap_or(Some(seen.cell));
                assert!(!gone(&word), "R1: the closure {} has captured {name}", cell.name);
            }
        }
    }

    fn block(&mut self, block: &[Statement], frame: &mut Frame) -> Result<(), Enough> {
        for statement in block {
            self.steps += 1;
            if self.steps > STEPS {
                return Err(Enough);
            }
            self.statement(statement, frame)?;
            if frame.returned {
                break;
            }
        }
        Ok(())
    }

    fn value(&self, value: &Value, frame: &Frame) -> Word {
        let seen = frame.names[&value.name];
        if value.derefs < 0 {
            return Some(seen.cell);
        }
        let mut word = self.cells[seen.cell].word;
        if let Some(copy) = seen.copy {
            assert_eq!(copy, word, "R3: the copy of {} differs", value.name);
        } else {
            assert!(self.cells[seen.cell].alive, "R2: {} is loaded, and dead", value.name);
        }
        for _ in 0..value.derefs {
            let at = word?;
            assert!(self.cells[at].alive, "R2: {} is loaded, and dead", self.cells[at].name);
            word = self.cells[at].word;
        }
        word
    }

    fn put(&mut self, at: usize, word: Word) {
        let cell = &mut self.cells[at];
        assert!(cell.alive, "R2: {} is stored to, and dead", cell.name);
        if cell.holds_references {
            cell.word = word;
        }
    }

    fn statement(&mut self, statement: &Statement, frame: &mut Frame) -> Result<(), Enough> {
        match statement {
            Statement::Var(name) | Statement::Site(name) => drop(self.declare(frame, name, true, None)),
            Statement::Plain(name) => drop(self.declare(frame, name, false, None)),
            Statement::Init(name, value) | Statement::Assign(name, value) => {
                let word = self.value(value, frame);
                self.put(frame.names[name].cell, word);
            }
            Statement::Store(to, value) => {
                let word = self.value(value, frame);
                if let Some(at) = self.value(to, frame) {
                    self.put(at, word);
                }
            }
            Statement::Leak(value) => self.globals.extend(self.value(value, frame)),
            Statement::Loop(inner) => {
                for _ in 0..self.below(4) {
                    let (names, own) = (frame.names.clone(), std::mem::take(&mut frame.own));
                    self.block(inner, frame)?;
                    frame.names = names;
                    let inside = std::mem::replace(&mut frame.own, own);
                    if frame.returned {
                        frame.own.extend(inside);
                        break;
                    }
                    let deferred = frame.deferred.clone();
                    self.die(&inside, &[], &deferred);
                }
            }
            Statement::Closure(code) => {
                let mut names = BTreeMap::new();
                for name in named_in(code) {
                    // What is not in the frame is declared inside of the closure.
                    let Some(seen) = frame.names.get(&name) else { continue };
                    let word = seen.copy.unwrap_or(self.cells[seen.cell].word);
                    let copy = self.copied[&name].then_some(word);
                    names.insert(name, Seen { cell: seen.cell, copy });
                }
                let cell = self.declare(frame, &code.name, false, None);
                self.cells[cell].record = Some(Record { code: Rc::new(code.clone()), names });
            }
            Statement::Call(callee, args, results) => {
                let args: Vec<Word> = args.iter().map(|value| self.value(value, frame)).collect();
                let given = match callee {
                    Called::Function(name) => {
                        let code = self.functions[name].clone();
                        self.call(&code, &BTreeMap::new(), &args)?
                    }
                    Called::Closure(name) => self.call_value(Some(frame.names[name].cell), &args)?,
                    Called::Value(value) => {
                        let value = self.value(value, frame);
                        self.call_value(value, &args)?
                    }
                    Called::Unknown => {
                        self.globals.extend(args.iter().flatten());
                        for closure in args {
                            let given = self.global();
                            let back = self.call_value(closure, &[given])?;
                            self.globals.extend(back.iter().flatten());
                        }
                        vec![self.global()]
                    }
                };
                for (name, word) in results.iter().zip(given) {
                    if let Some(name) = name {
                        self.put(frame.names[name].cell, word);
                    }
                }
            }
            Statement::Return(values) => {
                // All are evaluated before one is assigned.
                let words: Vec<Word> = values.iter().map(|value| self.value(value, frame)).collect();
                for (name, word) in frame.results.clone().iter().zip(words) {
                    self.put(frame.names[name].cell, word);
                }
                frame.returned = self.below(2) == 0;
            }
            Statement::Defer(value) => frame.deferred.extend(self.value(value, frame)),
        }
        Ok(())
    }
}

/// The names in a closure, and in those inside of it.
fn named_in(code: &Code) -> Vec<String> {
    fn walk(block: &[Statement], names: &mut Vec<String>) {
        for statement in block {
            match statement {
                Statement::Var(_) | Statement::Plain(_) | Statement::Site(_) => {}
                Statement::Init(name, value) | Statement::Assign(name, value) => {
                    names.extend([name.clone(), value.name.clone()]);
                }
                Statement::Store(to, value) => names.extend([to.name.clone(), value.name.clone()]),
                Statement::Leak(value) | Statement::Defer(value) => names.push(value.name.clone()),
                Statement::Loop(inner) => walk(inner, names),
                Statement::Closure(code) => walk(&code.body, names),
                Statement::Call(callee, args, results) => {
                    match callee {
                        Called::Closure(name) => names.push(name.clone()),
                        Called::Value(value) => names.push(value.name.clone()),
                        Called::Function(_) | Called::Unknown => {}
                    }
                    names.extend(args.iter().map(|value| value.name.clone()));
                    names.extend(results.iter().flatten().cloned());
                }
                Statement::Return(values) => names.extend(values.iter().map(|value| value.name.clone())),
            }
        }
    }
    let mut names = Vec::new();
    walk(&code.body, &mut names);
    names
}
