//! Statements.

use super::{Parsed, Parser};
use crate::ast::{
    Block, Branch, Case, Comm, Expr, ExprKind, For, ForHead, Ident, If, Stmt, StmtKind, Switch, TypeSwitch,
};
use crate::source::{Fault, Pos};
use crate::token::{Op, Token};

/// What a statement without a keyword is.
enum Simple<'a> {
    Stmt(Stmt<'a>),
    /// `k, v := range x`
    Range(ForHead<'a>),
    /// `x := y.(type)`
    Guard(Option<Ident<'a>>, Expr<'a>),
}

impl<'a> Parser<'a> {
    /// A block, with its braces.
    pub(super) fn body(&mut self) -> Parsed<Block<'a>> {
        self.expect(Token::LBrace, "`{`")?;
        let stmts = self.outside_header(Self::stmts)?;
        self.expect(Token::RBrace, "`}`")?;
        Ok(Block { stmts })
    }

    fn stmts(&mut self) -> Parsed<Vec<Stmt<'a>>> {
        let mut stmts = Vec::new();
        while !matches!(self.token(), Token::RBrace | Token::Case | Token::Default | Token::End) {
            stmts.push(self.nested(Self::stmt)?);
            if self.token() == Token::RParen {
                return Err(self.unexpected("expected end of statement"));
            }
            self.end_of_line("statement")?;
        }
        Ok(stmts)
    }

    fn stmt(&mut self) -> Parsed<Stmt<'a>> {
        let pos = self.pos();
        let kind = match self.token() {
            Token::Semicolon => StmtKind::Empty,
            Token::LBrace => StmtKind::Block(self.body()?),
            Token::Const | Token::Var | Token::Type => {
                let mut decls = Vec::new();
                self.decl(&mut decls)?;
                StmtKind::Decl(decls)
            }
            Token::Return => {
                self.advance()?;
                let ends = matches!(self.token(), Token::Semicolon | Token::RBrace);
                StmtKind::Return(if ends { Vec::new() } else { self.exprs()? })
            }
            Token::If => StmtKind::If(Box::new(self.if_stmt()?)),
            Token::For => StmtKind::For(Box::new(self.for_stmt()?)),
            Token::Switch => self.switch()?,
            Token::Select => self.select()?,
            Token::Go => {
                self.advance()?;
                StmtKind::Go(self.deferred(pos)?)
            }
            Token::Defer => {
                self.advance()?;
                StmtKind::Defer(self.deferred(pos)?)
            }
            Token::Break => self.branch(Branch::Break)?,
            Token::Continue => self.branch(Branch::Continue)?,
            Token::Goto => self.branch(Branch::Goto)?,
            Token::Fallthrough => self.branch(Branch::Fallthrough)?,
            _ => return self.simple_or_label(pos),
        };
        Ok(Stmt { pos, kind })
    }

    fn branch(&mut self, branch: Branch) -> Parsed<StmtKind<'a>> {
        self.advance()?;
        let label = if self.token() == Token::Name { Some(self.ident()?) } else { None };
        Ok(StmtKind::Branch(branch, label))
    }

    fn simple_or_label(&mut self, pos: Pos) -> Parsed<Stmt<'a>> {
        let Simple::Stmt(stmt) = self.simple()? else {
            return Err(Fault::new(pos, "syntax error: range or type switch outside of its statement"));
        };
        let StmtKind::Expr(Expr { kind: ExprKind::Name(label), .. }) = stmt.kind else { return Ok(stmt) };
        if !self.accept(Token::Colon)? {
            return Ok(stmt);
        }
        let inner = if matches!(self.token(), Token::RBrace | Token::Case | Token::Default) {
            Stmt { pos: self.pos(), kind: StmtKind::Empty }
        } else {
            self.nested(Self::stmt)?
        };
        Ok(Stmt { pos, kind: StmtKind::Label(label, Box::new(inner)) })
    }

    fn simple(&mut self) -> Parsed<Simple<'a>> {
        let pos = self.pos();
        if self.accept(Token::Range)? {
            let over = self.expr()?;
            return Ok(Simple::Range(ForHead::Range { pos, lhs: Vec::new(), define: false, over }));
        }
        let mut lhs = self.exprs()?;
        let at = self.pos();
        let token = self.token();
        let single = lhs.len() == 1;
        let kind = match token {
            Token::Assign | Token::Define => {
                self.advance()?;
                let define = token == Token::Define;
                let pos = self.pos();
                if self.accept(Token::Range)? {
                    let over = self.expr()?;
                    return Ok(Simple::Range(ForHead::Range { pos, lhs, define, over }));
                }
                let mut rhs = self.exprs()?;
                if rhs.len() == 1 && matches!(rhs[0].bare().kind, ExprKind::Assert(_, None)) {
                    let name = match (&lhs[0].kind, define && single) {
                        (ExprKind::Name(name), true) => Ident { pos: lhs[0].pos, name },
                        _ => return Err(Fault::new(pos, "syntax error: invalid guard of a type switch")),
                    };
                    return Ok(Simple::Guard(Some(name), guarded(rhs.remove(0))));
                }
                StmtKind::Assign { lhs, op: None, define, rhs }
            }
            Token::AssignOp(op) if single => {
                self.advance()?;
                let rhs = vec![self.expr()?];
                StmtKind::Assign { lhs, op: Some(op), define: false, rhs }
            }
            Token::IncDec(op) if single => {
                self.advance()?;
                StmtKind::IncDec(lhs.remove(0), op)
            }
            Token::Op(Op::Arrow) if single => {
                let arrow = self.pos();
                self.advance()?;
                StmtKind::Send(arrow, lhs.remove(0), self.expr()?)
            }
            _ if single => {
                let expr = lhs.remove(0);
                if matches!(expr.bare().kind, ExprKind::Assert(_, None)) {
                    return Ok(Simple::Guard(None, guarded(expr)));
                }
                return Ok(Simple::Stmt(Stmt { pos, kind: StmtKind::Expr(expr) }));
            }
            _ => return Err(self.unexpected("expected := or = or comma")),
        };
        Ok(Simple::Stmt(Stmt { pos: at, kind }))
    }

    fn header<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.advance()?;
        let around = std::mem::replace(&mut self.in_header, true);
        let value = parse(self)?;
        self.in_header = around;
        Ok(value)
    }

    fn if_stmt(&mut self) -> Parsed<If<'a>> {
        let (init, cond) = self.header(|parser| {
            let mut init = None;
            if parser.token() != Token::Semicolon {
                init = Some(parser.simple_stmt()?);
            }
            if parser.accept(Token::Semicolon)? {
                let cond = parser.simple_stmt()?;
                return Ok((init, cond));
            }
            match init {
                Some(cond) => Ok((None, cond)),
                None => Err(parser.unexpected("expected condition")),
            }
        })?;
        let StmtKind::Expr(cond) = cond.kind else {
            return Err(Fault::new(cond.pos, "syntax error: a condition has to be an expression"));
        };
        let then = self.body()?;
        let mut other = None;
        if self.accept(Token::Else)? {
            if !matches!(self.token(), Token::If | Token::LBrace) {
                return Err(self.unexpected("expected `if` or block"));
            }
            other = Some(self.nested(Self::stmt)?);
        }
        Ok(If { init, cond, then, other })
    }

    fn simple_stmt(&mut self) -> Parsed<Stmt<'a>> {
        let pos = self.pos();
        match self.simple()? {
            Simple::Stmt(stmt) => Ok(stmt),
            Simple::Range(_) | Simple::Guard(..) => {
                Err(Fault::new(pos, "syntax error: range or type switch outside of its statement"))
            }
        }
    }

    fn for_stmt(&mut self) -> Parsed<For<'a>> {
        let head = self.header(|parser| {
            let (mut init, mut cond, mut post) = (None, None, None);
            if parser.token() == Token::LBrace {
                return Ok(ForHead::Clause { init, cond, post });
            }
            if parser.token() != Token::Semicolon {
                let pos = parser.pos();
                match parser.simple()? {
                    Simple::Range(head) => return Ok(head),
                    Simple::Guard(..) => return Err(Fault::new(pos, "syntax error: type switch in a loop")),
                    Simple::Stmt(stmt) => init = Some(stmt),
                }
            }
            if parser.token() == Token::LBrace {
                let Some(Stmt { pos, kind }) = init else {
                    return Err(parser.unexpected("expected condition"));
                };
                let StmtKind::Expr(expr) = kind else {
                    return Err(Fault::new(pos, "syntax error: expected for loop condition"));
                };
                return Ok(ForHead::Clause { init: None, cond: Some(expr), post });
            }
            parser.expect(Token::Semicolon, "`;`")?;
            if parser.token() != Token::Semicolon {
                cond = Some(parser.expr()?);
            }
            if parser.token() != Token::LBrace {
                parser.expect(Token::Semicolon, "`;`")?;
            }
            if parser.token() != Token::LBrace {
                post = Some(parser.simple_stmt()?);
            }
            Ok(ForHead::Clause { init, cond, post })
        })?;
        let body = self.body()?;
        Ok(For { head, body })
    }

    fn switch(&mut self) -> Parsed<StmtKind<'a>> {
        let (init, tag) = self.header(|parser| {
            let mut init = None;
            let mut tag = None;
            if !matches!(parser.token(), Token::LBrace | Token::Semicolon) {
                tag = Some((parser.pos(), parser.simple()?));
            }
            if parser.accept(Token::Semicolon)? {
                init = match tag.take() {
                    None => None,
                    Some((_, Simple::Stmt(stmt))) => Some(stmt),
                    Some((pos, _)) => return Err(Fault::new(pos, "syntax error: statement expected")),
                };
                if parser.token() != Token::LBrace {
                    tag = Some((parser.pos(), parser.simple()?));
                }
            }
            Ok((init, tag))
        })?;
        self.expect(Token::LBrace, "`{`")?;
        let cases = self.outside_header(Self::cases)?;
        self.expect(Token::RBrace, "`}`")?;
        match tag {
            None => Ok(StmtKind::Switch(Box::new(Switch { init, tag: None, cases }))),
            Some((_, Simple::Stmt(Stmt { kind: StmtKind::Expr(tag), .. }))) => {
                Ok(StmtKind::Switch(Box::new(Switch { init, tag: Some(tag), cases })))
            }
            Some((_, Simple::Guard(name, on))) => {
                Ok(StmtKind::TypeSwitch(Box::new(TypeSwitch { init, name, on, cases })))
            }
            Some((pos, _)) => Err(Fault::new(pos, "syntax error: switch expression expected")),
        }
    }

    fn cases(&mut self) -> Parsed<Vec<Case<'a>>> {
        let mut cases = Vec::new();
        while self.token() != Token::RBrace {
            let pos = self.pos();
            let values = if self.accept(Token::Default)? {
                None
            } else {
                self.expect(Token::Case, "`case` or `default` or `}`")?;
                Some(self.exprs()?)
            };
            self.expect(Token::Colon, "`:`")?;
            cases.push(Case { pos, values, body: self.stmts()? });
        }
        Ok(cases)
    }

    fn select(&mut self) -> Parsed<StmtKind<'a>> {
        self.advance()?;
        self.expect(Token::LBrace, "`{`")?;
        let comms = self.outside_header(|parser| {
            let mut comms = Vec::new();
            while parser.token() != Token::RBrace {
                let comm = if parser.accept(Token::Default)? {
                    None
                } else {
                    parser.expect(Token::Case, "`case` or `default` or `}`")?;
                    Some(parser.simple_stmt()?)
                };
                parser.expect(Token::Colon, "`:`")?;
                comms.push(Comm { comm, body: parser.stmts()? });
            }
            Ok(comms)
        })?;
        self.expect(Token::RBrace, "`}`")?;
        Ok(StmtKind::Select(comms))
    }
}

/// `x` of `x.(type)`.
fn guarded(guard: Expr<'_>) -> Expr<'_> {
    match guard.kind {
        ExprKind::Assert(x, None) => *x,
        ExprKind::Paren(inner) => guarded(*inner),
        kind => Expr { pos: guard.pos, kind },
    }
}
