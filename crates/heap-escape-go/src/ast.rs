//! The syntax tree.
//!
//! Types are expressions, as in the grammar of the language it is often not known which of the two something is. The place of a
//! node is the one that messages name: of a binary operator, a selector or an assignment its own token, of a call, an index or a
//! composite literal the opening bracket, of everything else its first token.

use std::rc::Rc;

use crate::source::Pos;
use crate::token::Op;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ident<'a> {
    pub(crate) pos: Pos,
    pub(crate) name: &'a str,
}

#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) package: Ident<'a>,
    pub(crate) imports: Vec<Import<'a>>,
    pub(crate) decls: Vec<Decl<'a>>,
}

#[derive(Debug)]
pub(crate) struct Import<'a> {
    pub(crate) name: Option<Ident<'a>>,
    /// Of the path.
    pub(crate) pos: Pos,
    /// With its quotes.
    pub(crate) path: &'a str,
}

#[derive(Debug)]
pub(crate) enum Decl<'a> {
    Const(ConstSpec<'a>),
    Var(VarSpec<'a>),
    Type(TypeSpec<'a>),
    Func(FuncDecl<'a>),
}

#[derive(Debug)]
pub(crate) struct ConstSpec<'a> {
    pub(crate) names: Vec<Ident<'a>>,
    /// The number of the line in its group.
    pub(crate) iota: u32,
    /// A line without values has those, and the type, of the last line that has some.
    pub(crate) ty: Option<Rc<Expr<'a>>>,
    pub(crate) values: Rc<[Expr<'a>]>,
}

#[derive(Debug)]
pub(crate) struct VarSpec<'a> {
    pub(crate) pos: Pos,
    pub(crate) names: Vec<Ident<'a>>,
    pub(crate) ty: Option<Expr<'a>>,
    pub(crate) values: Vec<Expr<'a>>,
}

#[derive(Debug)]
pub(crate) struct TypeSpec<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) params: Vec<Param<'a>>,
    pub(crate) alias: bool,
    pub(crate) ty: Expr<'a>,
}

#[derive(Debug)]
pub(crate) struct FuncDecl<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) recv: Option<Param<'a>>,
    pub(crate) type_params: Vec<Param<'a>>,
    pub(crate) signature: Signature<'a>,
    pub(crate) body: Option<Block<'a>>,
    pub(crate) pragmas: Vec<&'a str>,
}

#[derive(Debug)]
pub(crate) struct Signature<'a> {
    /// Of the first parenthesis.
    pub(crate) pos: Pos,
    pub(crate) params: Vec<Param<'a>>,
    pub(crate) results: Vec<Param<'a>>,
}

/// A parameter, a result, a type parameter.
#[derive(Debug)]
pub(crate) struct Param<'a> {
    pub(crate) name: Option<Ident<'a>>,
    pub(crate) ty: Rc<Expr<'a>>,
    /// The dots of one that takes several values.
    pub(crate) dots: Option<Pos>,
}

#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) embedded: bool,
    pub(crate) ty: Rc<Expr<'a>>,
    pub(crate) tag: Option<&'a str>,
}

#[derive(Debug)]
pub(crate) enum Member<'a> {
    Method(Ident<'a>, Signature<'a>),
    Embedded(Expr<'a>),
}

#[derive(Debug)]
pub(crate) struct Expr<'a> {
    pub(crate) pos: Pos,
    pub(crate) kind: ExprKind<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lit {
    Int,
    Float,
    Imaginary,
    Char,
    String,
}

/// Which ends of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Direction {
    Both,
    Send,
    Receive,
}

#[derive(Debug)]
pub(crate) enum ExprKind<'a> {
    Name(&'a str),
    Lit(Lit, &'a str),
    Composite(Option<Box<Expr<'a>>>, Vec<Element<'a>>),
    FuncLit(Box<FuncLit<'a>>),
    Paren(Box<Expr<'a>>),
    Selector(Box<Expr<'a>>, Ident<'a>),
    Index(Box<Expr<'a>>, Vec<Expr<'a>>),
    Slice(Box<Expr<'a>>, [Option<Box<Expr<'a>>>; 3]),
    /// `x.(T)`; without a type, `x.(type)`.
    Assert(Box<Expr<'a>>, Option<Box<Expr<'a>>>),
    Call(Box<Call<'a>>),
    Star(Box<Expr<'a>>),
    Address(Box<Expr<'a>>),
    Unary(Op, Box<Expr<'a>>),
    Binary(Op, Box<Expr<'a>>, Box<Expr<'a>>),
    /// Without a length, `[...]T`.
    Array(Option<Box<Expr<'a>>>, Box<Expr<'a>>),
    SliceOf(Box<Expr<'a>>),
    Map(Box<Expr<'a>>, Box<Expr<'a>>),
    Chan(Direction, Box<Expr<'a>>),
    Func(Box<Signature<'a>>),
    Struct(Vec<Field<'a>>),
    Interface(Vec<Member<'a>>),
}

#[derive(Debug)]
pub(crate) struct Element<'a> {
    pub(crate) key: Option<Expr<'a>>,
    pub(crate) value: Expr<'a>,
}

#[derive(Debug)]
pub(crate) struct FuncLit<'a> {
    pub(crate) signature: Signature<'a>,
    pub(crate) body: Block<'a>,
}

#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) fun: Expr<'a>,
    pub(crate) args: Vec<Expr<'a>>,
    /// `f(x...)`
    pub(crate) spread: bool,
}

#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) stmts: Vec<Stmt<'a>>,
}

#[derive(Debug)]
pub(crate) struct Stmt<'a> {
    pub(crate) pos: Pos,
    pub(crate) kind: StmtKind<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Branch {
    Break,
    Continue,
    Goto,
    Fallthrough,
}

#[derive(Debug)]
pub(crate) enum StmtKind<'a> {
    Empty,
    Block(Block<'a>),
    Expr(Expr<'a>),
    /// The place of `<-`, the channel and the value.
    Send(Pos, Expr<'a>, Expr<'a>),
    IncDec(Expr<'a>, Op),
    Assign {
        lhs: Vec<Expr<'a>>,
        op: Option<Op>,
        define: bool,
        rhs: Vec<Expr<'a>>,
    },
    Decl(Vec<Decl<'a>>),
    Return(Vec<Expr<'a>>),
    If(Box<If<'a>>),
    For(Box<For<'a>>),
    Switch(Box<Switch<'a>>),
    TypeSwitch(Box<TypeSwitch<'a>>),
    Select(Vec<Comm<'a>>),
    Go(Expr<'a>),
    Defer(Expr<'a>),
    Label(&'a str, Box<Stmt<'a>>),
    Branch(Branch, Option<Ident<'a>>),
}

#[derive(Debug)]
pub(crate) struct If<'a> {
    pub(crate) init: Option<Stmt<'a>>,
    pub(crate) cond: Expr<'a>,
    pub(crate) then: Block<'a>,
    pub(crate) other: Option<Stmt<'a>>,
}

#[derive(Debug)]
pub(crate) struct For<'a> {
    pub(crate) head: ForHead<'a>,
    pub(crate) body: Block<'a>,
}

#[derive(Debug)]
pub(crate) enum ForHead<'a> {
    Clause {
        init: Option<Stmt<'a>>,
        cond: Option<Expr<'a>>,
        post: Option<Stmt<'a>>,
    },
    Range {
        /// Of the word `range`.
        pos: Pos,
        lhs: Vec<Expr<'a>>,
        define: bool,
        over: Expr<'a>,
    },
}

#[derive(Debug)]
pub(crate) struct Switch<'a> {
    pub(crate) init: Option<Stmt<'a>>,
    pub(crate) tag: Option<Expr<'a>>,
    pub(crate) cases: Vec<Case<'a>>,
}

#[derive(Debug)]
pub(crate) struct TypeSwitch<'a> {
    pub(crate) init: Option<Stmt<'a>>,
    pub(crate) name: Option<Ident<'a>>,
    pub(crate) on: Expr<'a>,
    pub(crate) cases: Vec<Case<'a>>,
}

#[derive(Debug)]
pub(crate) struct Case<'a> {
    /// Of the word `case` or `default`.
    pub(crate) pos: Pos,
    /// Nothing for `default`.
    pub(crate) values: Option<Vec<Expr<'a>>>,
    pub(crate) body: Vec<Stmt<'a>>,
}

#[derive(Debug)]
pub(crate) struct Comm<'a> {
    /// Nothing for `default`.
    pub(crate) comm: Option<Stmt<'a>>,
    pub(crate) body: Vec<Stmt<'a>>,
}

impl<'a> Expr<'a> {
    /// This expression without parentheses around it.
    pub(crate) fn bare(&self) -> &Expr<'a> {
        let mut at = self;
        while let ExprKind::Paren(inner) = &at.kind {
            at = inner;
        }
        at
    }
}
