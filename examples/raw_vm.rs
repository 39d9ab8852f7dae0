//! A stack machine whose values are one word each: a double, or a pair on the heap, boxed in a NaN. It uses the raw layer, as a
//! language runtime does; the letters in brackets are duties of `tricolor::raw`.
//!
//! Run with `cargo run --example raw_vm`.

use core::cell::Cell;
use core::ptr::with_exposed_provenance_mut;
use tricolor::raw::{Inside, Kind, Layout, Mutator};
use tricolor::{Decoder, Heap};

/// A double, or `PAIR` with the address of a pair.
#[derive(Clone, Copy)]
struct Value(u64);

const PAIR: u64 = 0xFFFC << 48;
const NIL: Value = Value(PAIR);

impl Value {
    fn number(self) -> f64 {
        f64::from_bits(self.0)
    }

    fn is_pair(self) -> bool {
        self.0 & PAIR == PAIR && self.0 != NIL.0
    }

    /// The words of a pair.
    fn words(self) -> *mut u64 {
        assert!(self.is_pair(), "{:#x} is no pair", self.0);
        with_exposed_provenance_mut(usize::try_from(self.0 ^ PAIR).expect("an address"))
    }
}

#[derive(Clone, Copy)]
enum Op {
    /// Pushes a number.
    Number(f64),
    /// Pushes the empty list.
    Nil,
    /// Pushes what is at that place of the stack, from the bottom.
    Load(usize),
    /// Pops what goes there.
    Store(usize),
    /// Pops two numbers, pushes their sum.
    Add,
    /// Pops a tail and a head, pushes the pair of them.
    Pair,
    /// Pops a pair, pushes its head.
    Head,
    /// Pops a pair, pushes its tail.
    Tail,
    /// Pops, and goes to that place of the code if it was the number 0 or the empty list.
    Unless(usize),
    Jump(usize),
    Halt,
}

struct Machine<'m> {
    inside: Inside<'m>,
    kind: Kind,
    /// All of it is registered. Above the top are old values, which an ambiguous range may have.
    stack: &'m [Cell<u64>],
    top: usize,
}

impl<'m> Machine<'m> {
    fn push(&mut self, value: Value) {
        self.stack[self.top].set(value.0);
        self.top += 1;
    }

    fn pop(&mut self) -> Value {
        self.top -= 1;
        Value(self.stack[self.top].get())
    }

    fn pair(&mut self) -> Value {
        let (tail, head) = (self.pop(), self.pop());
        // SAFETY: [R3] the kind is this heap's. An allocation is no safepoint: `head` and `tail` need not be in the stack.
        let pair =
            unsafe { self.inside.alloc(&self.kind) }.expect("there is no limit").cast::<u64>().as_ptr();
        // SAFETY: [R5] both words of a new pair, which nobody else knows.
        unsafe { pair.cast::<[u64; 2]>().write([head.0, tail.0]) };
        Value(PAIR | pair.expose_provenance() as u64)
    }

    fn run(&mut self, code: &[Op]) -> Value {
        let mut at = 0;
        loop {
            at += 1;
            match code[at - 1] {
                Op::Number(number) => self.push(Value(number.to_bits())),
                Op::Nil => self.push(NIL),
                Op::Load(place) => self.push(Value(self.stack[place].get())),
                Op::Store(place) => self.stack[place].set(self.pop().0),
                Op::Add => {
                    let sum = self.pop().number() + self.pop().number();
                    self.push(Value(sum.to_bits()));
                }
                Op::Pair => {
                    let pair = self.pair();
                    self.push(pair);
                }
                Op::Head | Op::Tail => {
                    let word = self.pop().words().wrapping_add(usize::from(matches!(code[at - 1], Op::Tail)));
                    // SAFETY: a word of a pair.
                    self.push(Value(unsafe { self.inside.read_ambiguous(word) }));
                }
                Op::Unless(to) => {
                    let value = self.pop();
                    at = if value.0 == NIL.0 || value.number() == 0.0 { to } else { at };
                }
                Op::Jump(to) => {
                    at = to;
                    // SAFETY: [R1] all that the machine has is in its stack; [R5, R6] pairs are filled when they are made.
                    unsafe { self.inside.poll() };
                }
                Op::Halt => return self.pop(),
            }
        }
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    use Op::{Add, Halt, Head, Jump, Load, Nil, Number, Pair, Store, Tail, Unless};
    let heap = Heap::builder().least_heap(1 << 20).decoder(Decoder::NAN_BOX).build()?;
    let kind = Layout::new("pair", 16).ambiguous(0).ambiguous(1).register(&heap)?;
    // Before the mutator, so that it goes after it. In cells, since a collector may look while the machine has it.
    let stack = vec![Cell::new(0); 256];
    let mut mutator = Mutator::attach(&heap)?;
    let inside = mutator.enter();
    // SAFETY: [R2] the stack outlives the mutator, and only the machine writes to it, inside.
    let _for_good = unsafe { inside.add_ambiguous(stack.as_ptr().cast(), stack.len()) };
    // In the stack, 0: how often still; 1: a list; 2: a sum; 3: a number.
    #[rustfmt::skip]
    let code = [
        Number(1000.0), Nil, Number(0.0), Number(0.0),
        /*  4 */ Load(0), Unless(37), Nil, Store(1), Number(300.0), Store(3),
        /* 10 */ Load(3), Unless(21), Load(3), Load(1), Pair, Store(1), Load(3), Number(-1.0), Add, Store(3), Jump(10),
        /* 21 */ Load(1), Unless(32), Load(1), Head, Load(2), Add, Store(2), Load(1), Tail, Store(1), Jump(21),
        /* 32 */ Load(0), Number(-1.0), Add, Store(0), Jump(4),
        /* 37 */ Load(2), Halt,
    ];
    let sum = Machine { inside, kind, stack: &stack, top: 0 }.run(&code).number();
    assert_eq!(sum, 1000.0 * 300.0 * 301.0 / 2.0);
    println!("the sum of all is {sum}, after {} cycles", mutator.figures().cycles);
    Ok(())
}
