//! Expressions, by precedence.

#![expect(clippy::wildcard_enum_match_arm, reason = "most tokens mean nothing where an operator may stand")]

use super::Compiler;
use crate::draft::Jump;
use crate::object::{Capture, Value};
use crate::op::Op;
use crate::scanner::Kind;

/// How tightly an operator binds, the loosest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Precedence {
    None,
    Assignment,
    Or,
    And,
    Equality,
    Comparison,
    Term,
    Factor,
    Unary,
    Call,
}

/// How tightly a token binds when it stands after an expression.
fn infix(kind: Kind) -> Precedence {
    match kind {
        Kind::LeftParen | Kind::Dot => Precedence::Call,
        Kind::Slash | Kind::Star => Precedence::Factor,
        Kind::Minus | Kind::Plus => Precedence::Term,
        Kind::Greater | Kind::GreaterEqual | Kind::Less | Kind::LessEqual => Precedence::Comparison,
        Kind::BangEqual | Kind::EqualEqual => Precedence::Equality,
        Kind::And => Precedence::And,
        Kind::Or => Precedence::Or,
        _ => Precedence::None,
    }
}

/// The instruction of a binary operator, and how tightly its right side binds.
fn binary(kind: Kind) -> Option<(Op, Precedence)> {
    Some(match kind {
        Kind::BangEqual => (Op::NotEqual, Precedence::Comparison),
        Kind::EqualEqual => (Op::Equal, Precedence::Comparison),
        Kind::Greater => (Op::Greater, Precedence::Term),
        Kind::GreaterEqual => (Op::GreaterEqual, Precedence::Term),
        Kind::Less => (Op::Less, Precedence::Term),
        Kind::LessEqual => (Op::LessEqual, Precedence::Term),
        Kind::Plus => (Op::Add, Precedence::Factor),
        Kind::Minus => (Op::Subtract, Precedence::Factor),
        Kind::Star => (Op::Multiply, Precedence::Unary),
        Kind::Slash => (Op::Divide, Precedence::Unary),
        _ => return None,
    })
}

impl<'s, 'gc> Compiler<'_, 's, 'gc> {
    pub(super) fn expression(&mut self) {
        self.parse(Precedence::Assignment);
    }

    fn parse(&mut self, precedence: Precedence) {
        self.nest(|this| this.parse_here(precedence));
    }

    fn parse_here(&mut self, precedence: Precedence) {
        self.advance();
        let may_assign = precedence <= Precedence::Assignment;
        if !self.prefix(may_assign) {
            self.error("Expect expression.");
            return;
        }
        while precedence <= infix(self.current.kind) {
            self.advance();
            self.after(may_assign);
        }
        if may_assign && self.take(Kind::Equal) {
            self.error("Invalid assignment target.");
        }
    }

    /// What begins with the token just taken, if an expression does.
    fn prefix(&mut self, may_assign: bool) -> bool {
        let token = self.previous;
        match token.kind {
            Kind::LeftParen => {
                self.expression();
                self.expect(Kind::RightParen, "Expect ')' after expression.");
            }
            Kind::Minus => {
                self.parse(Precedence::Unary);
                self.emit(Op::Negate);
            }
            Kind::Bang => {
                self.parse(Precedence::Unary);
                self.emit(Op::Not);
            }
            Kind::Identifier => self.variable(token.text, may_assign),
            Kind::String => {
                let text = self.text(&token.text[1..token.text.len() - 1]);
                self.emit_constant(text.map_or(Value::NIL, Value::Text));
            }
            Kind::Number => {
                let number = std::str::from_utf8(token.text).ok().and_then(|text| text.parse().ok());
                self.emit_constant(Value::from(number.unwrap_or(f64::NAN)));
            }
            Kind::Nil => self.emit(Op::Nil),
            Kind::True => self.emit(Op::True),
            Kind::False => self.emit(Op::False),
            Kind::This if self.classes.is_empty() => self.error("Can't use 'this' outside of a class."),
            Kind::This => self.variable(token.text, false),
            Kind::Super => self.superclass_method(),
            _ => return false,
        }
        true
    }

    /// What goes on after an expression with the token just taken.
    fn after(&mut self, may_assign: bool) {
        let kind = self.previous.kind;
        match kind {
            Kind::LeftParen => {
                let count = self.arguments();
                self.emit(Op::Call(count));
            }
            Kind::Dot => self.property(may_assign),
            Kind::And => {
                let line = self.previous.line;
                let end = self.draft().jump(Op::JumpIfFalse(0), line);
                self.emit(Op::Pop);
                self.parse(Precedence::And);
                self.land(&end);
            }
            Kind::Or => {
                let line = self.previous.line;
                let otherwise = self.draft().jump(Op::JumpIfFalse(0), line);
                let end = self.draft().jump(Op::Jump(0), line);
                self.land(&otherwise);
                self.emit(Op::Pop);
                self.parse(Precedence::Or);
                self.land(&end);
            }
            _ => {
                if let Some((op, right)) = binary(kind) {
                    self.parse(right);
                    self.emit(op);
                }
            }
        }
    }

    fn emit_constant(&mut self, value: Value<'gc>) {
        let constant = self.constant(value);
        self.emit(Op::Constant(constant));
    }

    /// Lets a jump lead here.
    pub(super) fn land(&mut self, jump: &Jump) {
        let fits = self.draft().land(jump);
        self.fit(fits);
    }

    /// The arguments after a parenthesis; how many there are.
    fn arguments(&mut self) -> u8 {
        let mut count = 0_u8;
        if !self.is_at(Kind::RightParen) {
            loop {
                self.expression();
                match count.checked_add(1) {
                    Some(more) => count = more,
                    None => self.error("Can't have more than 255 arguments."),
                }
                if !self.take(Kind::Comma) {
                    break;
                }
            }
        }
        self.expect(Kind::RightParen, "Expect ')' after arguments.");
        count
    }

    fn property(&mut self, may_assign: bool) {
        self.expect(Kind::Identifier, "Expect property name after '.'.");
        let name = self.name_constant(self.previous.text);
        if may_assign && self.take(Kind::Equal) {
            self.expression();
            self.emit(Op::SetProperty(name));
        } else if self.take(Kind::LeftParen) {
            let count = self.arguments();
            self.emit(Op::Invoke(name, count));
        } else {
            self.emit(Op::GetProperty(name));
        }
    }

    fn superclass_method(&mut self) {
        match self.classes.last() {
            None => self.error("Can't use 'super' outside of a class."),
            Some(false) => self.error("Can't use 'super' in a class with no superclass."),
            Some(true) => {}
        }
        self.expect(Kind::Dot, "Expect '.' after 'super'.");
        self.expect(Kind::Identifier, "Expect superclass method name.");
        let name = self.name_constant(self.previous.text);
        self.variable(b"this", false);
        if self.take(Kind::LeftParen) {
            let count = self.arguments();
            self.variable(b"super", false);
            self.emit(Op::SuperInvoke(name, count));
        } else {
            self.variable(b"super", false);
            self.emit(Op::GetSuper(name));
        }
    }

    /// A variable that is read, or assigned to if that may be.
    pub(super) fn variable(&mut self, name: &'s [u8], may_assign: bool) {
        let innermost = self.drafts.len() - 1;
        let (get, set) = if let Some(local) = self.local(innermost, name) {
            (Op::GetLocal(local), Op::SetLocal(local))
        } else if let Some(upvalue) = self.upvalue(innermost, name) {
            (Op::GetUpvalue(upvalue), Op::SetUpvalue(upvalue))
        } else {
            let global = self.global_constant(name);
            (Op::GetGlobal(global), Op::SetGlobal(global))
        };
        if may_assign && self.take(Kind::Equal) {
            self.expression();
            self.emit(set);
        } else {
            self.emit(get);
        }
    }

    /// A local variable of one of the functions around this place.
    fn local(&mut self, draft: usize, name: &[u8]) -> Option<u8> {
        let (index, is_usable) = self.drafts[draft].local(name)?;
        if !is_usable {
            self.error("Can't read local variable in its own initializer.");
        }
        Some(index)
    }

    /// An upvalue of one of the functions, if a function around it has the variable.
    fn upvalue(&mut self, draft: usize, name: &[u8]) -> Option<u8> {
        let around = draft.checked_sub(1)?;
        let capture = if let Some(local) = self.local(around, name) {
            self.drafts[around].capture_local(local);
            Capture::Local(local)
        } else {
            Capture::Upvalue(self.upvalue(around, name)?)
        };
        let fits = self.drafts[draft].upvalue(capture);
        Some(self.fit(fits))
    }
}
