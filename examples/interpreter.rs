//! How an interpreter is laid out: tasks as objects, bytecode in slices, safepoints and events between them.
//!
//! Everything a task has is in the heap (its stack, its variables, where it is), so a slice can end after any
//! instruction. A slice ends when its instructions are used up, or when the collector would like to see this thread.
//!
//! Run with `cargo run --example interpreter`.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use tricolor::{Gc, GcCell, GcVec, Heap, Mu, Root, Trace};

/// Instructions between two looks at the events. More of them cost less and answer later.
const SLICE: u32 = 10_000;

#[derive(Clone, Copy, Debug)]
enum Op {
    Push(i64),
    Load(usize),
    Store(usize),
    Add,
    Cons,
    Head,
    Tail,
    /// Goes on there if the value on top is nil or zero.
    Unless(usize),
    Jump(usize),
    Return,
}

/// A value of the language. The collector looks at its words and finds out which are references.
#[derive(Trace, Clone, Copy)]
enum Value<'gc> {
    Nil,
    Number(i64),
    Pair(Gc<'gc, (Value<'gc>, Value<'gc>)>),
}

#[derive(Trace)]
struct Task<'gc> {
    code: &'static [Op],
    next: GcCell<usize>,
    stack: GcVec<'gc, Value<'gc>>,
    variables: [GcCell<Value<'gc>>; 3],
}

/// Builds the list of 1 to n and adds it up: variable 0 is n, 1 the list, 2 the sum.
#[rustfmt::skip]
const SUM: &[Op] = {
    use Op::*;
    &[
        Load(0), Unless(11), Load(0), Load(1), Cons, Store(1), Load(0), Push(-1), Add, Store(0), Jump(0),
        Load(1), Unless(22), Load(1), Head, Load(2), Add, Store(2), Load(1), Tail, Store(1), Jump(11), // 11
        Load(2), Return, // 22
    ]
};

impl<'gc> Task<'gc> {
    fn new(mu: &Mu<'gc>, n: i64) -> Gc<'gc, Self> {
        let variables = [Value::Number(n), Value::Nil, Value::Number(0)].map(GcCell::new);
        mu.alloc(Self { code: SUM, next: GcCell::new(0), stack: GcVec::new(), variables })
    }

    fn pop(&self, mu: &Mu<'gc>) -> Value<'gc> {
        self.stack.pop(mu).expect("the code is well formed")
    }

    fn number(&self, mu: &Mu<'gc>) -> i64 {
        let Value::Number(number) = self.pop(mu) else { panic!("the code is well formed") };
        number
    }

    fn pair(&self, mu: &Mu<'gc>) -> Gc<'gc, (Value<'gc>, Value<'gc>)> {
        let Value::Pair(pair) = self.pop(mu) else { panic!("the code is well formed") };
        pair
    }

    /// Runs a slice. The result, if that was the last.
    fn run(&self, mu: &Mu<'gc>) -> Option<i64> {
        for _ in 0..SLICE {
            if mu.should_yield() {
                break;
            }
            let at = self.next.get();
            self.next.set(mu, at + 1);
            let push = |value| self.stack.push(mu, value);
            match self.code[at] {
                Op::Push(number) => push(Value::Number(number)),
                Op::Load(variable) => push(self.variables[variable].get()),
                Op::Store(variable) => self.variables[variable].set(mu, self.pop(mu)),
                Op::Add => push(Value::Number(self.number(mu).wrapping_add(self.number(mu)))),
                Op::Cons => {
                    let tail = self.pop(mu);
                    push(Value::Pair(mu.alloc((self.pop(mu), tail))));
                }
                Op::Head => push(self.pair(mu).0),
                Op::Tail => push(self.pair(mu).1),
                Op::Unless(there) if matches!(self.pop(mu), Value::Nil | Value::Number(0)) => {
                    self.next.set(mu, there);
                }
                Op::Unless(_) => {}
                Op::Jump(there) => self.next.set(mu, there),
                Op::Return => return Some(self.number(mu)),
            }
        }
        None
    }
}

/// Runs what the events ask for, a slice of each task in turn, until there are no more events.
fn serve(heap: &Heap, events: &Receiver<i64>) -> Result<(Vec<i64>, u32), Box<dyn std::error::Error>> {
    let mut mutator = heap.attach()?;
    let mut tasks: VecDeque<Root<Task<'static>>> = VecDeque::new();
    let (mut results, mut slices) = (Vec::new(), 0);
    loop {
        let event = match events.try_recv() {
            // Nothing to run: wait, and say so to the collector.
            Err(TryRecvError::Empty) if tasks.is_empty() => mutator.park(|| events.recv()).ok(),
            Err(TryRecvError::Empty) => None,
            other => other.ok(),
        };
        if let Some(n) = event {
            tasks.push_back(mutator.enter(|mu| mu.root(Task::new(mu, n))));
        }
        let Some(task) = tasks.pop_front() else { return Ok((results, slices)) };
        slices += 1;
        match mutator.enter(|mu| task.get(mu).run(mu)) {
            Some(result) => results.push(result),
            None => tasks.push_back(task),
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().least_heap(256 << 10).build()?;
    let (sender, events) = mpsc::channel();
    let asked = [10_000, 3, 20_000, 0, 5_000];
    let (mut results, slices) = std::thread::scope(|threads| {
        threads.spawn(move || asked.iter().try_for_each(|&n| sender.send(n)));
        serve(&heap, &events)
    })?;
    let mut expected = asked.map(|n| n * (n + 1) / 2);
    results.sort_unstable();
    expected.sort_unstable();
    assert_eq!(results, expected);
    assert!(slices >= 35_000 * 20 / SLICE, "long tasks run in many slices: {slices}");
    heap.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0, "the tasks are done");
    println!("{} tasks in {slices} slices, {} collections", results.len(), heap.figures().cycles);
    Ok(())
}
