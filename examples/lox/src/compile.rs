//! The compiler: one pass over the tokens, instructions as it goes.
//!
//! A precedence table decides how expressions are read; a stack of [`Draft`]s holds the functions that are not finished.
//! After an error nothing is reported until the next statement begins, and compiling goes on only to find more errors.
//! It runs inside one `enter`, so what it has made so far needs no root.

mod expression;
mod statement;

use crate::draft::{Class, Draft, Excess, Kind as FunctionKind};
use crate::escape::{self, Asked};
use crate::object::{Closure, Function, Value};
use crate::op::Op;
use crate::scanner::{Kind, Scanner, Token};
use crate::text::Text;
use crate::world::{MOST_FRAMES, World};
use tricolor::{AllocError, Gc, Mu};

/// Why there is no function.
pub(crate) enum Failure {
    /// The errors in the source, one a line.
    Source(Vec<u8>),
    /// There is no memory for the function.
    Memory,
}

/// Expressions and statements inside each other. More are refused, since each takes some of the interpreter's own stack.
const MOST_NESTED: usize = 1000;

struct Compiler<'a, 's, 'gc> {
    mu: &'a Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    scanner: Scanner<'s>,
    previous: Token<'s>,
    current: Token<'s>,
    errors: Vec<u8>,
    /// An error was reported in this statement.
    panics: bool,
    refused: bool,
    /// The functions around this place, the innermost last.
    drafts: Vec<Draft<'s, 'gc>>,
    /// The functions that are finished: those inside others before them.
    shelf: Vec<Draft<'s, 'gc>>,
    /// The classes that are finished.
    known: Vec<Class>,
    /// The classes around this place, and whether each has a superclass.
    classes: Vec<bool>,
    nested: usize,
}

/// Compiles a script to a function without parameters.
pub(crate) fn compile<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    source: &[u8],
    asked: &mut Asked,
) -> Result<Gc<'gc, Function<'gc>>, Failure> {
    let nothing = Token { kind: Kind::End, text: b"", line: 1 };
    let mut compiler = Compiler {
        mu,
        world,
        scanner: Scanner::new(source),
        previous: nothing,
        current: nothing,
        errors: Vec::new(),
        panics: false,
        refused: false,
        drafts: vec![Draft::new(FunctionKind::Script, None)],
        shelf: Vec::new(),
        known: Vec::new(),
        classes: Vec::new(),
        nested: 0,
    };
    compiler.advance();
    while !compiler.take(Kind::End) {
        compiler.declaration();
    }
    compiler.finish();
    if compiler.refused {
        return Err(Failure::Memory);
    }
    if !compiler.errors.is_empty() {
        return Err(Failure::Source(compiler.errors));
    }
    let room = escape::place(&mut compiler.shelf, &compiler.known, asked);
    world.reserve(mu, room * MOST_FRAMES).map_err(|_| Failure::Memory)?;
    compiler.make().map_err(|_| Failure::Memory)
}

/// Tokens.
impl<'s> Compiler<'_, 's, '_> {
    fn advance(&mut self) {
        self.previous = self.current;
        loop {
            self.current = self.scanner.token();
            if self.current.kind != Kind::Error {
                return;
            }
            let message = String::from_utf8_lossy(self.current.text).into_owned();
            self.error_at(self.current, &message);
        }
    }

    fn is_at(&self, kind: Kind) -> bool {
        self.current.kind == kind
    }

    fn take(&mut self, kind: Kind) -> bool {
        let is_at = self.is_at(kind);
        if is_at {
            self.advance();
        }
        is_at
    }

    fn expect(&mut self, kind: Kind, message: &str) {
        if !self.take(kind) {
            self.error_at(self.current, message);
        }
    }

    fn error(&mut self, message: &str) {
        self.error_at(self.previous, message);
    }

    fn error_at(&mut self, token: Token<'s>, message: &str) {
        if self.panics {
            return;
        }
        self.panics = true;
        self.errors.extend_from_slice(format!("[line {}] Error", token.line).as_bytes());
        if token.kind == Kind::End {
            self.errors.extend_from_slice(b" at end");
        } else if token.kind != Kind::Error {
            self.errors.extend_from_slice(b" at '");
            self.errors.extend_from_slice(token.text);
            self.errors.push(b'\'');
        }
        self.errors.extend_from_slice(format!(": {message}\n").as_bytes());
    }

    /// Skips to where a statement may begin.
    fn synchronize(&mut self) {
        self.panics = false;
        let begins =
            [Kind::Class, Kind::Fun, Kind::Var, Kind::For, Kind::If, Kind::While, Kind::Print, Kind::Return];
        while !self.is_at(Kind::End) {
            if self.previous.kind == Kind::Semicolon || begins.contains(&self.current.kind) {
                return;
            }
            self.advance();
        }
    }

    /// Runs `inner` one level deeper, if there are not too many.
    fn nest(&mut self, inner: impl FnOnce(&mut Self)) {
        if self.nested == MOST_NESTED {
            self.error_at(self.current, "Too much nesting.");
            // Goes past the token, so that every loop over tokens ends.
            self.advance();
            return;
        }
        self.nested += 1;
        inner(self);
        self.nested -= 1;
    }
}

/// Code.
impl<'s, 'gc> Compiler<'_, 's, 'gc> {
    /// The innermost function.
    fn draft(&mut self) -> &mut Draft<'s, 'gc> {
        let last = self.drafts.len() - 1;
        &mut self.drafts[last]
    }

    fn emit(&mut self, op: Op) {
        let line = self.previous.line;
        self.draft().emit(op, line);
    }

    /// The result, or its default and an error.
    fn fit<T: Default>(&mut self, fits: Result<T, Excess>) -> T {
        fits.unwrap_or_else(|excess| {
            self.error(excess);
            T::default()
        })
    }

    /// What was allocated, if it was.
    fn have<T>(&mut self, allocated: Result<T, AllocError>) -> Option<T> {
        self.refused |= allocated.is_err();
        allocated.ok()
    }

    fn constant(&mut self, value: Value<'gc>) -> u8 {
        let fits = self.draft().constant(value);
        self.fit(fits)
    }

    fn text(&mut self, bytes: &[u8]) -> Option<Gc<'gc, Text<'gc>>> {
        let text = self.world.strings.intern(self.mu, bytes);
        self.have(text)
    }

    /// The constant for a name of a property or a method.
    fn name_constant(&mut self, name: &[u8]) -> u8 {
        let value = self.text(name).map_or(Value::NIL, Value::Text);
        self.constant(value)
    }

    /// The constant for a global variable.
    fn global_constant(&mut self, name: &[u8]) -> u8 {
        let global = self.text(name).and_then(|name| {
            let global = self.world.global(self.mu, name);
            self.have(global)
        });
        self.constant(global.map_or(Value::NIL, Value::Global))
    }

    fn emit_return(&mut self) {
        let is_initializer = self.draft().kind == FunctionKind::Initializer;
        self.emit(if is_initializer { Op::GetLocal(0) } else { Op::Nil });
        self.emit(Op::Return);
    }

    /// Ends the innermost function; where it is on the shelf, and how many upvalues it has.
    fn finish(&mut self) -> (usize, usize) {
        self.emit_return();
        let Some(draft) = self.drafts.pop() else { return (0, 0) };
        let upvalues = draft.captures.len();
        self.shelf.push(draft);
        (self.shelf.len() - 1, upvalues)
    }

    /// Makes all functions; the last is the script.
    fn make(&mut self) -> Result<Gc<'gc, Function<'gc>>, AllocError> {
        let mu = self.mu;
        let mut made: Vec<Value<'gc>> = Vec::with_capacity(self.shelf.len());
        for draft in &mut self.shelf {
            for &(constant, inner) in &draft.functions {
                draft.constants[usize::from(constant)] = made[inner];
            }
            let function = mu.try_alloc(Function {
                name: draft.name,
                code: mu.try_alloc_slice(draft.ops.len(), |index| draft.ops[index])?,
                constants: mu.try_alloc_slice(draft.constants.len(), |index| draft.constants[index])?,
                lines: mu.try_alloc_slice(draft.lines.len(), |index| draft.lines[index])?,
                captures: mu.try_alloc_slice(draft.captures.len(), |index| draft.captures[index])?,
                arity: draft.arity,
                room: draft.room,
            })?;
            // What runs for a near closure, which has its variables elsewhere.
            let upvalues = self.world.no_upvalues;
            made.push(if draft.is_near {
                Value::Closure(mu.try_alloc(Closure { function, upvalues })?)
            } else {
                Value::Function(function)
            });
        }
        let Some(Value::Function(script)) = made.pop() else { unreachable!("the script is a function") };
        Ok(script)
    }
}
