//! A function while it is being compiled: its code so far, and the variables in scope.

use crate::object::{Capture, Value};
use crate::op::Op;
use crate::text::Text;
use std::ops::Range;
use tricolor::Gc;

/// What kind of function it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Script,
    Function,
    Method,
    Initializer,
}

/// What is known of a class when its declaration has been read. Names and globals are known by their addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Class {
    /// The global variable that it is declared as.
    pub(crate) global: Option<usize>,
    /// Whether there is a superclass, and its global variable if it is one.
    pub(crate) superclass: Option<Option<usize>>,
    /// Names and drafts.
    pub(crate) methods: Vec<(usize, usize)>,
}

/// A local variable.
struct Local<'s> {
    name: &'s [u8],
    /// The depth of its scope; None while its initializer is compiled.
    depth: Option<usize>,
    captured: bool,
}

/// A jump that does not know yet where to.
#[must_use]
pub(crate) struct Jump {
    op: usize,
    /// The book's bytes up to its end.
    bytes: usize,
}

/// A place that a loop goes back to.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    op: usize,
    bytes: usize,
}

/// Why something does not fit into a function.
pub(crate) type Excess = &'static str;

/// The most that an operand of one byte can count.
const MOST: usize = 256;
/// The most bytes to jump over.
const FARTHEST: usize = 65_535;

pub(crate) struct Draft<'s, 'gc> {
    pub(crate) kind: Kind,
    pub(crate) name: Option<Gc<'gc, Text<'gc>>>,
    pub(crate) arity: usize,
    pub(crate) scope: usize,
    pub(crate) ops: Vec<Op>,
    pub(crate) lines: Vec<u32>,
    pub(crate) constants: Vec<Value<'gc>>,
    pub(crate) captures: Vec<Capture>,
    /// Constants that are functions, and which finished drafts these are.
    pub(crate) functions: Vec<(u8, usize)>,
    /// Whether its closures are near.
    pub(crate) is_near: bool,
    /// Where the scopes are, in instructions, in which a variable was captured.
    pub(crate) scopes: Vec<Range<usize>>,
    starts: Vec<usize>,
    locals: Vec<Local<'s>>,
    bytes: usize,
    height: usize,
    /// The most values there are on the stack at any time.
    pub(crate) room: usize,
}

impl<'s, 'gc> Draft<'s, 'gc> {
    pub(crate) fn new(kind: Kind, name: Option<Gc<'gc, Text<'gc>>>) -> Self {
        let callee: &[u8] = if kind == Kind::Function { b"" } else { b"this" };
        Self {
            kind,
            name,
            arity: 0,
            scope: 0,
            ops: Vec::new(),
            lines: Vec::new(),
            constants: Vec::new(),
            captures: Vec::new(),
            functions: Vec::new(),
            is_near: false,
            scopes: Vec::new(),
            starts: Vec::new(),
            locals: vec![Local { name: callee, depth: Some(0), captured: false }],
            bytes: 0,
            height: 1,
            room: 1,
        }
    }

    /// Whether it is called with a receiver.
    pub(crate) fn is_method(&self) -> bool {
        matches!(self.kind, Kind::Method | Kind::Initializer)
    }

    pub(crate) fn emit(&mut self, op: Op, line: u32) {
        self.ops.push(op);
        self.lines.push(line);
        self.bytes += op.book_bytes();
        self.raise(op.effect());
    }

    /// Counts bytes of the book's encoding that there is no instruction for.
    pub(crate) fn count_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The stack is so much higher from here on, for a reason that no instruction has.
    pub(crate) fn raise(&mut self, by: isize) {
        self.height = self.height.saturating_add_signed(by);
        self.room = self.room.max(self.height);
    }

    pub(crate) fn constant(&mut self, value: Value<'gc>) -> Result<u8, Excess> {
        let index = u8::try_from(self.constants.len()).map_err(|_| "Too many constants in one chunk.")?;
        self.constants.push(value);
        Ok(index)
    }

    /// The address of the global variable that a constant is.
    pub(crate) fn global(&self, constant: u8) -> Option<usize> {
        match self.constants.get(usize::from(constant)) {
            Some(Value::Global(global)) => Some(Gc::addr(*global)),
            _ => None,
        }
    }

    /// Whether a constant is a global variable that has a value, from before this program.
    pub(crate) fn is_defined(&self, constant: u8) -> bool {
        matches!(self.constants.get(usize::from(constant)), Some(Value::Global(global)) if global.value.get().is_some())
    }

    /// The address of the name that a constant is, which is the name's own.
    pub(crate) fn text(&self, constant: u8) -> usize {
        match self.constants.get(usize::from(constant)) {
            Some(Value::Text(text)) => Gc::addr(*text),
            _ => 0,
        }
    }

    /// The address of the global variable that was just read, if one was.
    pub(crate) fn last_global(&self) -> Option<usize> {
        match self.ops.last() {
            Some(Op::GetGlobal(constant)) => self.global(*constant),
            _ => None,
        }
    }

    /// Emits a jump forwards.
    pub(crate) fn jump(&mut self, op: Op, line: u32) -> Jump {
        self.emit(op, line);
        Jump { op: self.ops.len() - 1, bytes: self.bytes }
    }

    /// A branch, whose popping the book counts as an instruction of its own, on both ways.
    pub(crate) fn branch(&mut self, line: u32) -> Jump {
        let jump = self.jump(Op::Branch(0), line);
        self.count_bytes(1);
        jump
    }

    /// Lets a jump lead here.
    pub(crate) fn land(&mut self, jump: &Jump) -> Result<(), Excess> {
        let distance = u16::try_from(self.ops.len() - jump.op - 1).unwrap_or(u16::MAX);
        if let Op::Jump(to) | Op::JumpIfFalse(to) | Op::Branch(to) = &mut self.ops[jump.op] {
            *to = distance;
        }
        if self.bytes - jump.bytes > FARTHEST { Err("Too much code to jump over.") } else { Ok(()) }
    }

    /// Here is where a loop starts.
    pub(crate) fn start(&self) -> Start {
        Start { op: self.ops.len(), bytes: self.bytes }
    }

    /// Emits a jump back.
    pub(crate) fn loop_to(&mut self, start: Start, line: u32) -> Result<(), Excess> {
        let distance = u16::try_from(self.ops.len() + 1 - start.op).unwrap_or(u16::MAX);
        self.emit(Op::Loop(distance), line);
        if self.bytes - start.bytes > FARTHEST { Err("Loop body too large.") } else { Ok(()) }
    }

    /// Declares a local variable, whose value will be the next on the stack.
    pub(crate) fn add_local(&mut self, name: &'s [u8]) -> Result<(), Excess> {
        if self.locals.len() == MOST {
            return Err("Too many local variables in function.");
        }
        self.locals.push(Local { name, depth: None, captured: false });
        Ok(())
    }

    /// Whether the innermost scope has a variable of this name.
    pub(crate) fn has_in_scope(&self, name: &[u8]) -> bool {
        let scope = self.scope;
        let own = |local: &&Local<'_>| local.depth.is_none_or(|depth| depth >= scope);
        self.locals.iter().rev().take_while(own).any(|local| local.name == name)
    }

    /// The last local variable can be used from here on.
    pub(crate) fn define_last(&mut self) {
        if self.scope > 0
            && let Some(last) = self.locals.last_mut()
        {
            last.depth = Some(self.scope);
        }
    }

    pub(crate) fn begin_scope(&mut self) {
        self.scope += 1;
        self.starts.push(self.ops.len());
    }

    /// Leaves a scope; its variables go.
    pub(crate) fn end_scope(&mut self, line: u32) {
        self.scope -= 1;
        let mut captures = false;
        while let Some(local) =
            self.locals.pop_if(|local| local.depth.is_some_and(|depth| depth > self.scope))
        {
            captures |= local.captured;
            self.emit(if local.captured { Op::CloseUpvalue } else { Op::Pop }, line);
        }
        if let Some(start) = self.starts.pop().filter(|_| captures) {
            self.scopes.push(start..self.ops.len());
        }
    }

    /// The place of a variable in the frame, and whether it can be used already.
    pub(crate) fn local(&self, name: &[u8]) -> Option<(u8, bool)> {
        let index = self.locals.iter().rposition(|local| local.name == name)?;
        Some((u8::try_from(index).ok()?, self.locals[index].depth.is_some()))
    }

    /// A function inside captures this variable.
    pub(crate) fn capture_local(&mut self, index: u8) {
        self.locals[usize::from(index)].captured = true;
    }

    /// The index of an upvalue, which is made if it is new.
    pub(crate) fn upvalue(&mut self, capture: Capture) -> Result<u8, Excess> {
        if let Some(index) = self.captures.iter().position(|&known| known == capture) {
            return Ok(u8::try_from(index).unwrap_or(0));
        }
        let index =
            u8::try_from(self.captures.len()).map_err(|_| "Too many closure variables in function.")?;
        self.captures.push(capture);
        Ok(index)
    }
}
