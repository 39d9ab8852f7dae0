//! Expressions.

use super::{Parsed, Parser};
use crate::ast::{Call, Direction, Element, Expr, ExprKind, FuncLit, Lit};
use crate::source::{Fault, Pos};
use crate::token::{Op, Token};

impl<'a> Parser<'a> {
    pub(super) fn expr(&mut self) -> Parsed<Expr<'a>> {
        self.nested(|parser| parser.binary(1))
    }

    pub(super) fn exprs(&mut self) -> Parsed<Vec<Expr<'a>>> {
        let mut exprs = vec![self.expr()?];
        while self.accept(Token::Comma)? {
            exprs.push(self.expr()?);
        }
        Ok(exprs)
    }

    /// What stands between brackets, where a composite literal is one also in the header of a statement.
    pub(super) fn outside_header<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let around = std::mem::replace(&mut self.in_header, false);
        let value = parse(self)?;
        self.in_header = around;
        Ok(value)
    }

    /// Operands and binary operators that bind at least with `strength`.
    fn binary(&mut self, strength: u8) -> Parsed<Expr<'a>> {
        let mut left = self.unary()?;
        loop {
            let Token::Op(op) = self.token() else { return Ok(left) };
            if op.strength() < strength.max(1) {
                return Ok(left);
            }
            let pos = self.pos();
            self.advance()?;
            let right = self.nested(|parser| parser.binary(op.strength() + 1))?;
            self.grow()?;
            left = Expr { pos, kind: ExprKind::Binary(op, Box::new(left), Box::new(right)) };
        }
    }

    fn unary(&mut self) -> Parsed<Expr<'a>> {
        let pos = self.pos();
        let Token::Op(op) = self.token() else { return self.primary() };
        let kind = match op {
            Op::Mul => {
                self.advance()?;
                ExprKind::Star(Box::new(self.nested(Self::unary)?))
            }
            Op::And => {
                self.advance()?;
                ExprKind::Address(Box::new(self.nested(Self::unary)?))
            }
            Op::Add | Op::Sub | Op::Not | Op::Xor | Op::Tilde => {
                self.advance()?;
                ExprKind::Unary(op, Box::new(self.nested(Self::unary)?))
            }
            Op::Arrow => {
                self.advance()?;
                if self.token() == Token::Chan {
                    // `<-chan T` is a type; its beginning looked like a receive.
                    self.advance()?;
                    ExprKind::Chan(Direction::Receive, Box::new(self.ty()?))
                } else {
                    ExprKind::Unary(op, Box::new(self.nested(Self::unary)?))
                }
            }
            _ => return Err(self.unexpected("expected expression")),
        };
        let expr = Expr { pos, kind };
        if let ExprKind::Chan(..) = expr.kind { self.suffixes(expr) } else { Ok(expr) }
    }

    fn primary(&mut self) -> Parsed<Expr<'a>> {
        let operand = self.operand()?;
        self.suffixes(operand)
    }

    fn operand(&mut self) -> Parsed<Expr<'a>> {
        let pos = self.pos();
        let lit = |lit: Lit, parser: &mut Self| {
            let kind = ExprKind::Lit(lit, parser.lexer.lit);
            parser.advance()?;
            Ok(Expr { pos, kind })
        };
        match self.token() {
            Token::Name => {
                let kind = ExprKind::Name(self.lexer.lit);
                self.advance()?;
                Ok(Expr { pos, kind })
            }
            Token::Int => lit(Lit::Int, self),
            Token::Float => lit(Lit::Float, self),
            Token::Imaginary => lit(Lit::Imaginary, self),
            Token::Char => lit(Lit::Char, self),
            Token::String => lit(Lit::String, self),
            Token::LParen => {
                self.advance()?;
                let inner = self.outside_header(Self::expr)?;
                self.expect(Token::RParen, "`)`")?;
                Ok(Expr { pos, kind: ExprKind::Paren(Box::new(inner)) })
            }
            Token::Func => {
                self.advance()?;
                let signature = self.signature()?;
                if self.token() != Token::LBrace {
                    return Ok(Expr { pos, kind: ExprKind::Func(Box::new(signature)) });
                }
                let body = self.outside_header(|parser| parser.nested(Self::body))?;
                Ok(Expr { pos, kind: ExprKind::FuncLit(Box::new(FuncLit { signature, body })) })
            }
            Token::LBracket | Token::Struct | Token::Map | Token::Chan | Token::Interface => self.ty(),
            _ => Err(self.unexpected("expected expression")),
        }
    }

    /// Selectors, calls, indices and all else that follows an operand.
    fn suffixes(&mut self, operand: Expr<'a>) -> Parsed<Expr<'a>> {
        let mut x = operand;
        loop {
            let pos = self.pos();
            let kind = match self.token() {
                Token::Dot => {
                    self.advance()?;
                    if self.accept(Token::LParen)? {
                        let ty = if self.accept(Token::Type)? { None } else { Some(Box::new(self.ty()?)) };
                        self.expect(Token::RParen, "`)`")?;
                        ExprKind::Assert(Box::new(x), ty)
                    } else {
                        let name = self.ident()?;
                        ExprKind::Selector(Box::new(x), name)
                    }
                }
                Token::LBracket => {
                    self.advance()?;
                    self.outside_header(|parser| parser.index(x))?
                }
                Token::LParen => {
                    self.advance()?;
                    self.outside_header(|parser| parser.call(x))?
                }
                Token::LBrace if self.is_literal_type(&x) => {
                    let elements = self.elements()?;
                    ExprKind::Composite(Some(Box::new(x)), elements)
                }
                _ => return Ok(x),
            };
            self.grow()?;
            x = Expr { pos, kind };
        }
    }

    /// Whether what follows `x` in braces is its value.
    fn is_literal_type(&self, x: &Expr<'a>) -> bool {
        match &x.kind {
            ExprKind::Array(..) | ExprKind::SliceOf(_) | ExprKind::Map(..) | ExprKind::Struct(_) => true,
            ExprKind::Name(_) => !self.in_header,
            ExprKind::Selector(of, _) => !self.in_header && matches!(of.kind, ExprKind::Name(_)),
            ExprKind::Index(of, _) => !self.in_header && self.is_literal_type(of),
            _ => false,
        }
    }

    fn index(&mut self, x: Expr<'a>) -> Parsed<ExprKind<'a>> {
        let mut parts = [None, None, None];
        if self.token() != Token::Colon {
            let first = self.expr()?;
            if self.token() != Token::Colon {
                let mut args = vec![first];
                while self.accept(Token::Comma)? {
                    if self.token() == Token::RBracket {
                        break;
                    }
                    args.push(self.expr()?);
                }
                self.expect(Token::RBracket, "`]`")?;
                return Ok(ExprKind::Index(Box::new(x), args));
            }
            parts[0] = Some(Box::new(first));
        }
        for part in &mut parts[1..] {
            if !self.accept(Token::Colon)? {
                break;
            }
            if !matches!(self.token(), Token::Colon | Token::RBracket) {
                *part = Some(Box::new(self.expr()?));
            }
        }
        self.expect(Token::RBracket, "`]`")?;
        Ok(ExprKind::Slice(Box::new(x), parts))
    }

    fn call(&mut self, fun: Expr<'a>) -> Parsed<ExprKind<'a>> {
        let (mut args, mut spread) = (Vec::new(), false);
        while self.token() != Token::RParen {
            args.push(self.expr()?);
            spread |= self.accept(Token::DotDotDot)?;
            if !self.accept(Token::Comma)? {
                break;
            }
        }
        self.expect(Token::RParen, "`)`")?;
        Ok(ExprKind::Call(Box::new(Call { fun, args, spread })))
    }

    /// The elements of a composite literal, with the braces.
    fn elements(&mut self) -> Parsed<Vec<Element<'a>>> {
        self.expect(Token::LBrace, "`{`")?;
        self.outside_header(|parser| {
            let mut elements = Vec::new();
            while parser.token() != Token::RBrace {
                let mut element = Element { key: None, value: parser.element()? };
                if parser.accept(Token::Colon)? {
                    let value = parser.element()?;
                    element.key = Some(std::mem::replace(&mut element.value, value));
                }
                elements.push(element);
                if !parser.accept(Token::Comma)? {
                    break;
                }
            }
            parser.expect(Token::RBrace, "`}`")?;
            Ok(elements)
        })
    }

    fn element(&mut self) -> Parsed<Expr<'a>> {
        if self.token() != Token::LBrace {
            return self.expr();
        }
        let pos = self.pos();
        let elements = self.nested(Self::elements)?;
        Ok(Expr { pos, kind: ExprKind::Composite(None, elements) })
    }

    /// The operand of `go` and `defer`.
    pub(super) fn deferred(&mut self, pos: Pos) -> Parsed<Expr<'a>> {
        let call = self.expr()?;
        match call.bare().kind {
            ExprKind::Call(_) => Ok(call),
            _ => Err(Fault::new(pos, "syntax error: expression in defer or go must be a function call")),
        }
    }
}
