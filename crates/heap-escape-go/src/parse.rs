//! The parser: from tokens to a syntax tree, by recursive descent.
//!
//! It stops at the first mistake. How high a tree it makes is bounded ([`NESTING`]), so that whoever walks one may recurse:
//! `depth` counts how deep the parser is, `tallest` how high the tree is that was made last, for chains such as `1 + 1 + …` grow
//! high without depth.

mod expr;
mod stmt;
mod types;

use std::rc::Rc;

use crate::ast::{ConstSpec, Decl, Expr, File, FuncDecl, Ident, Import, TypeSpec, VarSpec};
use crate::lex::Lexer;
use crate::source::{Fault, Pos};
use crate::token::{Op, Token};

/// How deep constructs may be nested. More needs a larger stack ([`STACK`](mod@crate::analyse)).
pub(crate) const NESTING: u32 = 2000;

type Parsed<T> = Result<T, Fault>;

/// The type and the values of a line of constants.
type Values<'a> = (Option<Rc<Expr<'a>>>, Rc<[Expr<'a>]>);

/// Parses the text of a file.
///
/// # Errors
/// The first mistake.
pub(crate) fn file(text: &str, base: Pos) -> Parsed<File<'_>> {
    let mut parser = Parser { lexer: Lexer::new(text, base), depth: 0, tallest: 0, in_header: false };
    parser.lexer.advance()?;
    parser.file()
}

/// The paths that a file imports, with their quotes, and at which byte they stand; nothing of what comes after a mistake.
pub(crate) fn imports(text: &str) -> Vec<(usize, &str)> {
    let mut lexer = Lexer::new(text, Pos::default());
    let mut found = Vec::new();
    let mut importing = false;
    while lexer.advance().is_ok() {
        match lexer.token {
            Token::Import => importing = true,
            Token::String if importing => found.push((lexer.pos().0 as usize, lexer.lit)),
            Token::Const | Token::Var | Token::Type | Token::Func | Token::End => break,
            _ => {}
        }
    }
    found
}

#[derive(Debug)]
struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: u32,
    tallest: u32,
    /// In the header of an `if`, `for` or `switch`, where `T {` is no composite literal.
    in_header: bool,
}

impl<'a> Parser<'a> {
    fn token(&self) -> Token {
        self.lexer.token
    }

    fn pos(&self) -> Pos {
        self.lexer.pos()
    }

    fn advance(&mut self) -> Parsed<()> {
        self.lexer.advance()
    }

    fn accept(&mut self, token: Token) -> Parsed<bool> {
        let is = self.token() == token;
        if is {
            self.advance()?;
        }
        Ok(is)
    }

    fn expect(&mut self, token: Token, text: &str) -> Parsed<Pos> {
        let pos = self.pos();
        if self.accept(token)? { Ok(pos) } else { Err(self.unexpected(&format!("expected {text}"))) }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let found = match self.token() {
            Token::End => "end of file".to_owned(),
            Token::Semicolon if self.lexer.lit.is_empty() => "newline".to_owned(),
            _ => format!("`{}`", self.lexer.lit.chars().take(40).collect::<String>()),
        };
        Fault::new(self.pos(), format!("syntax error: unexpected {found}, {expected}"))
    }

    fn ident(&mut self) -> Parsed<Ident<'a>> {
        let ident = Ident { pos: self.pos(), name: self.lexer.lit };
        self.expect(Token::Name, "name")?;
        Ok(ident)
    }

    /// Something that is one level deeper than what it is in.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > NESTING {
            return Err(self.too_deep());
        }
        let around = std::mem::take(&mut self.tallest);
        let value = parse(self)?;
        self.grow()?;
        self.tallest = self.tallest.max(around);
        self.depth -= 1;
        Ok(value)
    }

    /// The tree that was made last gets a node on top.
    fn grow(&mut self) -> Parsed<()> {
        self.tallest += 1;
        if self.tallest > NESTING { Err(self.too_deep()) } else { Ok(()) }
    }

    fn too_deep(&self) -> Fault {
        Fault::new(self.pos(), format!("nested too deeply: more than {NESTING} levels"))
    }

    /// The end of a statement or declaration: a semicolon, unless what it is in ends here.
    fn end_of_line(&mut self, what: &str) -> Parsed<()> {
        if matches!(self.token(), Token::RParen | Token::RBrace | Token::End)
            || self.accept(Token::Semicolon)?
        {
            return Ok(());
        }
        Err(self.unexpected(&format!("expected end of {what}")))
    }

    fn file(&mut self) -> Parsed<File<'a>> {
        self.expect(Token::Package, "`package`")?;
        let package = self.ident()?;
        self.end_of_line("package clause")?;
        let mut file = File { package, imports: Vec::new(), decls: Vec::new() };
        while self.accept(Token::Import)? {
            self.group(|parser, _| {
                let name = match parser.token() {
                    Token::Name => Some(parser.ident()?),
                    Token::Dot => {
                        let pos = parser.pos();
                        parser.advance()?;
                        Some(Ident { pos, name: "." })
                    }
                    _ => None,
                };
                let (pos, path) = (parser.pos(), parser.lexer.lit);
                parser.expect(Token::String, "path of an import")?;
                file.imports.push(Import { name, pos, path });
                Ok(())
            })?;
            self.end_of_line("import")?;
        }
        while self.token() != Token::End {
            if self.accept(Token::Func)? {
                let decl = self.func_decl()?;
                file.decls.push(Decl::Func(decl));
            } else {
                self.decl(&mut file.decls)?;
            }
            if self.token() == Token::RBrace || self.token() == Token::RParen {
                return Err(self.unexpected("expected declaration"));
            }
            self.end_of_line("declaration")?;
        }
        Ok(file)
    }

    /// One line, or a list of them in parentheses. The lines are numbered.
    fn group(&mut self, mut line: impl FnMut(&mut Self, u32) -> Parsed<()>) -> Parsed<()> {
        if !self.accept(Token::LParen)? {
            return line(self, 0);
        }
        let mut number = 0;
        while self.token() != Token::RParen {
            line(self, number)?;
            number += 1;
            if !matches!(self.token(), Token::RParen | Token::Semicolon) {
                return Err(self.unexpected("expected end of line or `)`"));
            }
            self.accept(Token::Semicolon)?;
        }
        self.advance()
    }

    /// A `const`, `var` or `type` declaration.
    fn decl(&mut self, decls: &mut Vec<Decl<'a>>) -> Parsed<()> {
        let token = self.token();
        if !matches!(token, Token::Const | Token::Var | Token::Type) {
            return Err(self.unexpected("expected declaration"));
        }
        self.advance()?;
        let mut last = None;
        self.group(|parser, number| {
            parser.lexer.pragmas.clear();
            let decl = match token {
                Token::Const => Decl::Const(parser.const_spec(number, &mut last)?),
                Token::Var => Decl::Var(parser.var_spec()?),
                _ => Decl::Type(parser.type_spec()?),
            };
            decls.push(decl);
            Ok(())
        })
    }

    fn names(&mut self) -> Parsed<Vec<Ident<'a>>> {
        let mut names = vec![self.ident()?];
        while self.accept(Token::Comma)? {
            names.push(self.ident()?);
        }
        Ok(names)
    }

    fn const_spec(&mut self, iota: u32, last: &mut Option<Values<'a>>) -> Parsed<ConstSpec<'a>> {
        let names = self.names()?;
        if !matches!(self.token(), Token::Semicolon | Token::RParen | Token::End) {
            let ty = if self.token() == Token::Assign { None } else { Some(Rc::new(self.ty()?)) };
            self.expect(Token::Assign, "`=`")?;
            *last = Some((ty, Rc::from(self.exprs()?)));
        }
        let Some((ty, values)) = last.clone() else { return Err(self.unexpected("expected `=`")) };
        Ok(ConstSpec { names, iota, ty, values })
    }

    fn var_spec(&mut self) -> Parsed<VarSpec<'a>> {
        let pos = self.pos();
        let names = self.names()?;
        let ty = if self.token() == Token::Assign { None } else { Some(self.ty()?) };
        let values = if self.accept(Token::Assign)? { self.exprs()? } else { Vec::new() };
        Ok(VarSpec { pos, names, ty, values })
    }

    fn type_spec(&mut self) -> Parsed<TypeSpec<'a>> {
        let name = self.ident()?;
        let params = if self.token() == Token::LBracket && self.begins_type_params()? {
            self.advance()?;
            self.type_params()?
        } else {
            Vec::new()
        };
        let alias = self.accept(Token::Assign)?;
        let ty = self.ty()?;
        Ok(TypeSpec { name, params, alias, ty })
    }

    /// Whether the `[` here begins a list of type parameters, and not the type of an array or slice.
    fn begins_type_params(&self) -> Parsed<bool> {
        let mut ahead = self.lexer.clone();
        ahead.advance()?;
        if ahead.token != Token::Name {
            return Ok(false);
        }
        ahead.advance()?;
        Ok(match ahead.token {
            Token::Name
            | Token::Comma
            | Token::LBracket
            | Token::Interface
            | Token::Func
            | Token::Map
            | Token::Chan
            | Token::Struct
            | Token::Op(Op::Tilde) => true,
            Token::Op(Op::Mul) => {
                // `[P *T]` or `[N * M]`: a constraint goes on with a comma or a `|`.
                ahead.advance()?;
                while matches!(ahead.token, Token::Name | Token::Dot | Token::Op(Op::Mul)) {
                    ahead.advance()?;
                }
                matches!(ahead.token, Token::Comma | Token::Op(Op::Or))
            }
            _ => false,
        })
    }

    fn func_decl(&mut self) -> Parsed<FuncDecl<'a>> {
        let pragmas = std::mem::take(&mut self.lexer.pragmas);
        let mut recv = None;
        if self.token() == Token::LParen {
            let pos = self.pos();
            self.advance()?;
            let mut params = self.params(Token::RParen)?;
            recv = params.pop();
            if recv.is_none() || !params.is_empty() {
                return Err(Fault::new(pos, "a method has exactly one receiver"));
            }
        }
        let name = self.ident()?;
        let type_params = if self.accept(Token::LBracket)? { self.type_params()? } else { Vec::new() };
        let signature = self.signature()?;
        let body = if self.token() == Token::LBrace { Some(self.body()?) } else { None };
        self.lexer.pragmas.clear();
        Ok(FuncDecl { name, recv, type_params, signature, body, pragmas })
    }
}
