//! Declarations and statements.

use super::Compiler;
use crate::draft::{Class, Draft, Jump, Kind as FunctionKind, Start};
use crate::object::Value;
use crate::op::Op;
use crate::scanner::Kind;

/// The most parameters of a function.
const MOST_PARAMETERS: usize = 255;

impl<'s> Compiler<'_, 's, '_> {
    pub(super) fn declaration(&mut self) {
        if self.take(Kind::Class) {
            self.class();
        } else if self.take(Kind::Fun) {
            let global = self.declare("Expect function name.");
            self.draft().define_last();
            self.function(FunctionKind::Function);
            self.define(global);
        } else if self.take(Kind::Var) {
            self.var();
        } else {
            self.statement();
        }
        if self.panics {
            self.synchronize();
        }
    }

    /// A name that is declared; the constant of the global variable if it is one.
    fn declare(&mut self, message: &str) -> Option<u8> {
        self.expect(Kind::Identifier, message);
        self.declare_local();
        let is_global = self.draft().scope == 0;
        is_global.then(|| self.global_constant(self.previous.text))
    }

    /// Declares the local variable whose name was just taken, if this is not the outermost scope.
    fn declare_local(&mut self) {
        let name = self.previous.text;
        if self.draft().scope == 0 {
            return;
        }
        if self.draft().has_in_scope(name) {
            self.error("Already a variable with this name in this scope.");
        }
        self.add_local(name);
    }

    fn add_local(&mut self, name: &'s [u8]) {
        let fits = self.draft().add_local(name);
        self.fit(fits);
    }

    /// The declared variable has the value on top of the stack.
    fn define(&mut self, global: Option<u8>) {
        match global {
            Some(global) => self.emit(Op::DefineGlobal(global)),
            None => self.draft().define_last(),
        }
    }

    fn begin_scope(&mut self) {
        self.draft().begin_scope();
    }

    fn end_scope(&mut self) {
        let line = self.previous.line;
        self.draft().end_scope(line);
    }

    fn block(&mut self) {
        while !self.is_at(Kind::RightBrace) && !self.is_at(Kind::End) {
            self.declaration();
        }
        self.expect(Kind::RightBrace, "Expect '}' after block.");
    }

    /// A function from its parameters on; its closure is left on the stack.
    fn function(&mut self, kind: FunctionKind) {
        self.nest(|this| this.function_here(kind));
    }

    fn function_here(&mut self, kind: FunctionKind) {
        let name = self.text(self.previous.text);
        self.drafts.push(Draft::new(kind, name));
        self.begin_scope();
        self.expect(Kind::LeftParen, "Expect '(' after function name.");
        if !self.is_at(Kind::RightParen) {
            loop {
                self.draft().arity += 1;
                if self.draft().arity > MOST_PARAMETERS {
                    self.error_at(self.current, "Can't have more than 255 parameters.");
                }
                self.declare("Expect parameter name.");
                self.draft().raise(1);
                self.define(None);
                if !self.take(Kind::Comma) {
                    break;
                }
            }
        }
        self.expect(Kind::RightParen, "Expect ')' after parameters.");
        self.expect(Kind::LeftBrace, "Expect '{' before function body.");
        self.block();
        let (draft, upvalues) = self.finish();
        // The function is made when all are known: see `Compiler::make`.
        let constant = self.constant(Value::NIL);
        self.draft().functions.push((constant, draft));
        self.emit(Op::Closure(constant));
        // The book has two bytes for each of them here.
        self.draft().count_bytes(2 * upvalues);
    }

    fn class(&mut self) {
        self.expect(Kind::Identifier, "Expect class name.");
        let name = self.previous.text;
        let constant =
            if self.draft().scope == 0 { self.global_constant(name) } else { self.name_constant(name) };
        self.declare_local();
        self.emit(Op::Class(constant));
        let is_global = self.draft().scope == 0;
        self.define(is_global.then_some(constant));
        self.classes.push(false);
        let mut known =
            Class { global: is_global.then(|| self.draft().global(constant)).flatten(), ..Class::default() };
        let inherits = self.take(Kind::Less);
        if inherits {
            self.expect(Kind::Identifier, "Expect superclass name.");
            self.variable(self.previous.text, false);
            known.superclass = Some(self.draft().last_global());
            if self.previous.text == name {
                self.error("A class can't inherit from itself.");
            }
            self.begin_scope();
            self.add_local(b"super");
            self.define(None);
            self.variable(name, false);
            self.emit(Op::Inherit);
            if let Some(innermost) = self.classes.last_mut() {
                *innermost = true;
            }
        }
        self.variable(name, false);
        self.expect(Kind::LeftBrace, "Expect '{' before class body.");
        while !self.is_at(Kind::RightBrace) && !self.is_at(Kind::End) {
            let method = self.method();
            known.methods.push(method);
        }
        self.expect(Kind::RightBrace, "Expect '}' after class body.");
        self.emit(Op::Pop);
        if inherits {
            self.end_scope();
        }
        self.classes.pop();
        self.known.push(known);
    }

    /// A method; its name, by its constant's address, and its draft.
    fn method(&mut self) -> (usize, usize) {
        self.expect(Kind::Identifier, "Expect method name.");
        let name = self.previous.text;
        let constant = self.name_constant(name);
        self.function(if name == b"init" { FunctionKind::Initializer } else { FunctionKind::Method });
        self.emit(Op::Method(constant));
        (self.draft().text(constant), self.shelf.len().saturating_sub(1))
    }

    fn var(&mut self) {
        let global = self.declare("Expect variable name.");
        if self.take(Kind::Equal) {
            self.expression();
        } else {
            self.emit(Op::Nil);
        }
        self.expect(Kind::Semicolon, "Expect ';' after variable declaration.");
        self.define(global);
    }

    fn statement(&mut self) {
        self.nest(Self::statement_here);
    }

    fn statement_here(&mut self) {
        if self.take(Kind::Print) {
            self.expression();
            self.expect(Kind::Semicolon, "Expect ';' after value.");
            self.emit(Op::Print);
        } else if self.take(Kind::For) {
            self.for_loop();
        } else if self.take(Kind::If) {
            self.condition();
        } else if self.take(Kind::Return) {
            self.return_value();
        } else if self.take(Kind::While) {
            self.while_loop();
        } else if self.take(Kind::LeftBrace) {
            self.begin_scope();
            self.block();
            self.end_scope();
        } else {
            self.expression_statement();
        }
    }

    fn expression_statement(&mut self) {
        self.expression();
        self.expect(Kind::Semicolon, "Expect ';' after expression.");
        self.emit(Op::Pop);
    }

    fn branch(&mut self) -> Jump {
        let line = self.previous.line;
        self.draft().branch(line)
    }

    /// Lets a branch lead here, where the book pops the condition.
    fn land_branch(&mut self, branch: &Jump) {
        self.land(branch);
        self.draft().count_bytes(1);
    }

    fn loop_to(&mut self, start: Start) {
        let line = self.previous.line;
        let fits = self.draft().loop_to(start, line);
        self.fit(fits);
    }

    fn condition(&mut self) {
        self.expect(Kind::LeftParen, "Expect '(' after 'if'.");
        self.expression();
        self.expect(Kind::RightParen, "Expect ')' after condition.");
        let otherwise = self.branch();
        self.statement();
        let line = self.previous.line;
        let end = self.draft().jump(Op::Jump(0), line);
        self.land_branch(&otherwise);
        if self.take(Kind::Else) {
            self.statement();
        }
        self.land(&end);
    }

    fn while_loop(&mut self) {
        let start = self.draft().start();
        self.expect(Kind::LeftParen, "Expect '(' after 'while'.");
        self.expression();
        self.expect(Kind::RightParen, "Expect ')' after condition.");
        let exit = self.branch();
        self.statement();
        self.loop_to(start);
        self.land_branch(&exit);
    }

    fn for_loop(&mut self) {
        self.begin_scope();
        self.expect(Kind::LeftParen, "Expect '(' after 'for'.");
        if self.take(Kind::Var) {
            self.var();
        } else if !self.take(Kind::Semicolon) {
            self.expression_statement();
        }
        let mut start = self.draft().start();
        let mut exit = None;
        if !self.take(Kind::Semicolon) {
            self.expression();
            self.expect(Kind::Semicolon, "Expect ';' after loop condition.");
            exit = Some(self.branch());
        }
        if !self.take(Kind::RightParen) {
            let line = self.previous.line;
            let body = self.draft().jump(Op::Jump(0), line);
            let increment = self.draft().start();
            self.expression();
            self.emit(Op::Pop);
            self.expect(Kind::RightParen, "Expect ')' after for clauses.");
            self.loop_to(start);
            start = increment;
            self.land(&body);
        }
        self.statement();
        self.loop_to(start);
        if let Some(exit) = exit {
            self.land_branch(&exit);
        }
        self.end_scope();
    }

    fn return_value(&mut self) {
        if self.draft().kind == FunctionKind::Script {
            self.error("Can't return from top-level code.");
        }
        if self.take(Kind::Semicolon) {
            self.emit_return();
            return;
        }
        if self.draft().kind == FunctionKind::Initializer {
            self.error("Can't return a value from an initializer.");
        }
        self.expression();
        self.expect(Kind::Semicolon, "Expect ';' after return value.");
        self.emit(Op::Return);
    }
}
