//! Types, parameters, fields.

use std::rc::Rc;

use super::{Parsed, Parser};
use crate::ast::{Direction, Expr, ExprKind, Field, Ident, Member, Param, Signature};
use crate::source::Fault;
use crate::token::{Op, Token};

impl<'a> Parser<'a> {
    /// A type.
    pub(super) fn ty(&mut self) -> Parsed<Expr<'a>> {
        match self.try_ty()? {
            Some(ty) => Ok(ty),
            None => Err(self.unexpected("expected type")),
        }
    }

    /// A type, if one begins here.
    pub(super) fn try_ty(&mut self) -> Parsed<Option<Expr<'a>>> {
        self.nested(Self::any_ty)
    }

    fn any_ty(&mut self) -> Parsed<Option<Expr<'a>>> {
        let pos = self.pos();
        let kind = match self.token() {
            Token::Name => return self.type_name().map(Some),
            Token::Op(Op::Mul) => {
                self.advance()?;
                ExprKind::Star(Box::new(self.ty()?))
            }
            Token::LParen => {
                self.advance()?;
                let ty = self.ty()?;
                self.expect(Token::RParen, "`)`")?;
                ExprKind::Paren(Box::new(ty))
            }
            Token::LBracket => {
                self.advance()?;
                if self.accept(Token::RBracket)? {
                    ExprKind::SliceOf(Box::new(self.ty()?))
                } else {
                    let length = if self.accept(Token::DotDotDot)? {
                        None
                    } else {
                        Some(Box::new(self.outside_header(Self::expr)?))
                    };
                    self.expect(Token::RBracket, "`]`")?;
                    ExprKind::Array(length, Box::new(self.ty()?))
                }
            }
            Token::Map => {
                self.advance()?;
                self.expect(Token::LBracket, "`[`")?;
                let key = self.ty()?;
                self.expect(Token::RBracket, "`]`")?;
                ExprKind::Map(Box::new(key), Box::new(self.ty()?))
            }
            Token::Chan => {
                self.advance()?;
                let direction =
                    if self.accept(Token::Op(Op::Arrow))? { Direction::Send } else { Direction::Both };
                ExprKind::Chan(direction, Box::new(self.ty()?))
            }
            Token::Op(Op::Arrow) => {
                self.advance()?;
                self.expect(Token::Chan, "`chan`")?;
                ExprKind::Chan(Direction::Receive, Box::new(self.ty()?))
            }
            Token::Func => {
                self.advance()?;
                ExprKind::Func(Box::new(self.signature()?))
            }
            Token::Struct => self.struct_ty()?,
            Token::Interface => self.interface_ty()?,
            _ => return Ok(None),
        };
        Ok(Some(Expr { pos, kind }))
    }

    fn type_name(&mut self) -> Parsed<Expr<'a>> {
        let name = self.ident()?;
        let mut ty = Expr { pos: name.pos, kind: ExprKind::Name(name.name) };
        if self.token() == Token::Dot {
            let pos = self.pos();
            self.advance()?;
            let name = self.ident()?;
            ty = Expr { pos, kind: ExprKind::Selector(Box::new(ty), name) };
        }
        if self.token() == Token::LBracket {
            let pos = self.pos();
            self.advance()?;
            let mut args = Vec::new();
            while self.token() != Token::RBracket {
                args.push(self.ty()?);
                if !self.accept(Token::Comma)? {
                    break;
                }
            }
            self.expect(Token::RBracket, "`]`")?;
            ty = Expr { pos, kind: ExprKind::Index(Box::new(ty), args) };
        }
        Ok(ty)
    }

    /// Parameters and results.
    pub(super) fn signature(&mut self) -> Parsed<Signature<'a>> {
        let pos = self.pos();
        self.expect(Token::LParen, "`(`")?;
        let params = self.params(Token::RParen)?;
        let results = if self.accept(Token::LParen)? {
            self.params(Token::RParen)?
        } else {
            match self.try_ty()? {
                Some(ty) => vec![Param { name: None, ty: Rc::new(ty), dots: None }],
                None => Vec::new(),
            }
        };
        Ok(Signature { pos, params, results })
    }

    /// Parameters, after the bracket. A list has names for all or for none; which of the two, its end shows.
    pub(super) fn params(&mut self, close: Token) -> Parsed<Vec<Param<'a>>> {
        let mut list = Vec::new();
        while self.token() != close {
            list.push(self.param(close)?);
            if !self.accept(Token::Comma)? {
                break;
            }
        }
        self.expect(close, "`)`")?;
        if list.iter().all(|param| param.name.is_none()) {
            return Ok(list);
        }
        // `a, b T, c U`: what stands alone is a name, and has the type that follows.
        let mut following: Option<Rc<Expr<'a>>> = None;
        for param in list.iter_mut().rev() {
            if param.name.is_some() {
                following = Some(Rc::clone(&param.ty));
                continue;
            }
            let (ExprKind::Name(name), Some(ty), None) = (&param.ty.kind, &following, param.dots) else {
                return Err(Fault::new(param.ty.pos, "syntax error: mixed named and unnamed parameters"));
            };
            param.name = Some(Ident { pos: param.ty.pos, name });
            param.ty = Rc::clone(ty);
        }
        Ok(list)
    }

    /// A parameter, or the name of one whose type is that of a later one.
    fn param(&mut self, close: Token) -> Parsed<Param<'a>> {
        let mut name = None;
        if self.token() == Token::Name {
            let before = self.lexer.clone();
            let ident = self.ident()?;
            let is_type = match self.token() {
                Token::Comma | Token::Dot => true,
                Token::LBracket => self.is_instance()?,
                token => token == close,
            };
            if is_type {
                self.lexer = before;
            } else {
                name = Some(ident);
            }
        }
        let pos = self.pos();
        let dots = self.accept(Token::DotDotDot)?.then_some(pos);
        let ty = Rc::new(self.ty()?);
        Ok(Param { name, ty, dots })
    }

    /// Whether `T[` begins an instance `T[A]`, and not a name `T` before an array or slice type.
    fn is_instance(&self) -> Parsed<bool> {
        let mut ahead = self.lexer.clone();
        let (mut open, mut inside) = (0_u32, false);
        loop {
            match ahead.token {
                Token::LBracket => open += 1,
                Token::RBracket if open == 1 => break,
                Token::RBracket => open -= 1,
                Token::End => return Ok(false),
                _ => inside = true,
            }
            ahead.advance()?;
        }
        ahead.advance()?;
        let ends = matches!(
            ahead.token,
            Token::Comma | Token::RParen | Token::RBracket | Token::Semicolon | Token::RBrace | Token::String
        );
        Ok(inside && ends)
    }

    /// Type parameters, after the bracket.
    pub(super) fn type_params(&mut self) -> Parsed<Vec<Param<'a>>> {
        let mut params: Vec<Param<'a>> = Vec::new();
        while self.token() != Token::RBracket {
            let mut names = vec![self.ident()?];
            while self.accept(Token::Comma)? {
                names.push(self.ident()?);
            }
            let constraint = Rc::new(self.constraint()?);
            for name in names {
                let ty = Rc::clone(&constraint);
                params.push(Param { name: Some(name), ty, dots: None });
            }
            if !self.accept(Token::Comma)? {
                break;
            }
        }
        self.expect(Token::RBracket, "`]`")?;
        Ok(params)
    }

    /// `~int | string`
    fn constraint(&mut self) -> Parsed<Expr<'a>> {
        let mut left = self.term()?;
        while self.token() == Token::Op(Op::Or) {
            let pos = self.pos();
            self.advance()?;
            let right = self.term()?;
            self.grow()?;
            left = Expr { pos, kind: ExprKind::Binary(Op::Or, Box::new(left), Box::new(right)) };
        }
        Ok(left)
    }

    fn term(&mut self) -> Parsed<Expr<'a>> {
        let pos = self.pos();
        if self.accept(Token::Op(Op::Tilde))? {
            let ty = self.ty()?;
            return Ok(Expr { pos, kind: ExprKind::Unary(Op::Tilde, Box::new(ty)) });
        }
        self.ty()
    }

    fn struct_ty(&mut self) -> Parsed<ExprKind<'a>> {
        self.advance()?;
        self.expect(Token::LBrace, "`{`")?;
        let mut fields = Vec::new();
        while self.token() != Token::RBrace {
            let before = fields.len();
            self.fields(&mut fields)?;
            if self.token() == Token::String {
                let tag = self.lexer.lit;
                fields[before..].iter_mut().for_each(|field| field.tag = Some(tag));
                self.advance()?;
            }
            self.end_of_line("field")?;
            if self.token() == Token::End || self.token() == Token::RParen {
                return Err(self.unexpected("expected `}`"));
            }
        }
        self.advance()?;
        Ok(ExprKind::Struct(fields))
    }

    fn fields(&mut self, fields: &mut Vec<Field<'a>>) -> Parsed<()> {
        if self.token() == Token::Name {
            // `a, b T`, `T`, `p.T` or `T[A]`: an embedded type ends the line or goes on with a dot; `a [n]T` is a field.
            let before = self.lexer.clone();
            let first = self.ident()?;
            let embedded = match self.token() {
                Token::Dot | Token::Semicolon | Token::RBrace | Token::String => true,
                Token::LBracket => self.is_instance()?,
                _ => false,
            };
            if !embedded {
                let mut names = vec![first];
                while self.accept(Token::Comma)? {
                    names.push(self.ident()?);
                }
                let ty = Rc::new(self.ty()?);
                for name in names {
                    let ty = Rc::clone(&ty);
                    fields.push(Field { name, embedded: false, ty, tag: None });
                }
                return Ok(());
            }
            self.lexer = before;
        }
        let ty = self.ty()?;
        let Some(name) = embedded_name(&ty) else {
            return Err(Fault::new(ty.pos, "syntax error: an embedded field has to be the name of a type"));
        };
        fields.push(Field { name, embedded: true, ty: Rc::new(ty), tag: None });
        Ok(())
    }

    fn interface_ty(&mut self) -> Parsed<ExprKind<'a>> {
        self.advance()?;
        self.expect(Token::LBrace, "`{`")?;
        let mut members = Vec::new();
        while self.token() != Token::RBrace {
            let before = self.lexer.clone();
            if self.token() == Token::Name {
                let name = self.ident()?;
                if self.token() == Token::LParen {
                    members.push(Member::Method(name, self.signature()?));
                    self.end_of_line("method")?;
                    continue;
                }
                self.lexer = before;
            }
            members.push(Member::Embedded(self.constraint()?));
            self.end_of_line("type")?;
            if self.token() == Token::End || self.token() == Token::RParen {
                return Err(self.unexpected("expected `}`"));
            }
        }
        self.advance()?;
        Ok(ExprKind::Interface(members))
    }
}

/// The name of an embedded field: that of its type, without package, pointer and arguments.
fn embedded_name<'a>(ty: &Expr<'a>) -> Option<Ident<'a>> {
    match &ty.kind {
        ExprKind::Name(name) => Some(Ident { pos: ty.pos, name }),
        ExprKind::Selector(_, name) => Some(*name),
        ExprKind::Star(ty) | ExprKind::Paren(ty) | ExprKind::Index(ty, _) => embedded_name(ty),
        _ => None,
    }
}
