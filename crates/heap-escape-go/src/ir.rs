//! The program with everything resolved: what the checker makes of the syntax tree.
//!
//! Each expression has its type; conversions that the language makes by itself are nodes, as are the addresses and loads of method
//! calls and embedded fields; constants are folded; names are what they name. It is near to what the Go compiler has when it begins
//! its analysis, because messages quote it.

use std::borrow::Cow;
use std::rc::Rc;

use heap_escape::Tag;

use crate::source::Pos;
use crate::token::Op;
use crate::types::Ty;
use crate::value::Value;

/// A variable of a function: a local, a parameter or a result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct VarId(pub(crate) u32);

/// A function or method, of the program or of an import.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct FuncId(pub(crate) u32);

/// A function literal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct LitId(pub(crate) u32);

/// Code that has variables of its own: a function or a literal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Owner(pub(crate) u32);

pub(crate) type Ex<'a> = Rc<Node<'a>>;

#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) pos: Pos,
    pub(crate) ty: Ty,
    pub(crate) kind: NodeKind<'a>,
}

#[derive(Debug)]
pub(crate) enum NodeKind<'a> {
    /// A constant; of an integer, whether it was written as a rune.
    Const(Value, bool),
    Nil,
    /// Something that is not understood, made of these.
    Unknown(Vec<Ex<'a>>),
    /// A type, where an expression may be one.
    Type,
    Var(VarId),
    /// A variable of a package.
    Global(Rc<str>),
    Func(FuncId),
    /// `T.m` as a value.
    MethodExpr(Ty, &'a str, Option<FuncId>),
    Lit(LitId),
    Unary(Op, Ex<'a>),
    Binary(Op, Ex<'a>, Ex<'a>),
    /// A chain of `+` on strings.
    Concat(Vec<Ex<'a>>),
    /// `&x`; whether nobody wrote it.
    Address(Ex<'a>, bool),
    /// `&T{…}`
    PointerTo(Ex<'a>),
    /// `*x`; whether nobody wrote it.
    Deref(Ex<'a>, bool),
    /// `x.f`; whether `x` is a pointer.
    Field {
        of: Ex<'a>,
        name: &'a str,
        through: bool,
    },
    Index(Ex<'a>, Ex<'a>),
    MapIndex(Ex<'a>, Ex<'a>),
    Slice(Ex<'a>, [Option<Ex<'a>>; 3]),
    /// `x.(T)`
    Assert(Ex<'a>),
    Convert {
        of: Ex<'a>,
        how: Conversion,
        implicit: bool,
    },
    Receive(Ex<'a>),
    /// `new(T)`, or `new(x)`.
    New(Ty, Option<Ex<'a>>),
    MakeSlice(Ex<'a>, Option<Ex<'a>>),
    MakeMap(Option<Ex<'a>>),
    MakeChan(Option<Ex<'a>>),
    Composite(Composite, Vec<(Option<Ex<'a>>, Ex<'a>)>),
    /// `x.m` as a value; without a function, it is found at run time.
    MethodValue(Ex<'a>, &'a str, Option<FuncId>),
    Call(Box<CallNode<'a>>),
    /// One of the values of a call, or of `x, ok`.
    Part(Ex<'a>, usize),
    /// A call of something built in; whether the last argument is spread.
    Builtin(Builtin, Vec<Ex<'a>>, bool),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Conversion {
    /// To an interface, of something that is none.
    ToInterface,
    /// Between interfaces, types with the same contents, numbers.
    Same,
    /// Between strings and slices, or from a number to a string.
    String,
    SliceToArray,
    SliceToArrayPointer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Composite {
    Struct,
    Array,
    /// Of so many elements: those that are not written are there, too.
    Slice(u64),
    Map,
    /// The slice that the arguments of a variadic call are put into.
    Arguments,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Builtin {
    Append,
    Cap,
    Clear,
    Close,
    Complex,
    Copy,
    Delete,
    Imag,
    Len,
    Make,
    Max,
    Min,
    New,
    Panic,
    Print,
    Println,
    Real,
    Recover,
    UnsafeAdd,
    UnsafeAlignof,
    UnsafeOffsetof,
    UnsafeSizeof,
    UnsafeSlice,
    UnsafeSliceData,
    UnsafeString,
    UnsafeStringData,
}

#[derive(Debug)]
pub(crate) struct CallNode<'a> {
    pub(crate) callee: CalleeNode<'a>,
    /// Of a method, with the receiver first.
    pub(crate) args: Vec<Ex<'a>>,
    pub(crate) results: Vec<Ty>,
}

#[derive(Debug)]
pub(crate) enum CalleeNode<'a> {
    Func(FuncId),
    /// A function value.
    Value(Ex<'a>),
    /// A method that is found at run time.
    Interface {
        of: Ex<'a>,
        name: &'a str,
        /// Of the selector.
        pos: Pos,
        /// Of a method of a generic function's argument: its number in the dictionary.
        bound: Option<u32>,
    },
    /// Something of which nothing is known.
    Unknown(Ex<'a>),
}

/// Where something is assigned to.
#[derive(Clone, Debug)]
pub(crate) enum Target<'a> {
    Blank,
    /// A variable, and whether this declares it.
    Var(VarId, bool),
    Place(Ex<'a>),
}

#[derive(Debug)]
pub(crate) enum St<'a> {
    Block(Vec<St<'a>>),
    Expr(Ex<'a>),
    /// `var x T`
    Declare(VarId),
    /// One value for each target.
    Assign {
        pos: Pos,
        lhs: Vec<Target<'a>>,
        rhs: Vec<Ex<'a>>,
    },
    /// `x op= y`
    AssignOp {
        pos: Pos,
        op: Op,
        lhs: Ex<'a>,
        rhs: Ex<'a>,
    },
    /// The values with the results that they are for.
    Return {
        pos: Pos,
        values: Vec<(VarId, Ex<'a>)>,
    },
    If {
        cond: Ex<'a>,
        then: Vec<St<'a>>,
        other: Vec<St<'a>>,
    },
    For {
        vars: Vec<VarId>,
        init: Vec<St<'a>>,
        cond: Option<Ex<'a>>,
        post: Vec<St<'a>>,
        body: Vec<St<'a>>,
    },
    Range(Box<Range<'a>>),
    /// A loop over a function: its body is this literal.
    RangeFunc {
        pos: Pos,
        over: Ex<'a>,
        lit: LitId,
    },
    Switch {
        tag: Option<Ex<'a>>,
        cases: Vec<SwitchCase<'a>>,
    },
    TypeSwitch {
        on: Ex<'a>,
        cases: Vec<TypeCase<'a>>,
    },
    Select(Vec<(Option<Box<St<'a>>>, Vec<St<'a>>)>),
    Send {
        pos: Pos,
        channel: Ex<'a>,
        value: Ex<'a>,
    },
    Go(Pos, Ex<'a>),
    Defer(Pos, Ex<'a>),
    Label(&'a str),
    Goto(&'a str),
}

#[derive(Debug)]
pub(crate) struct Range<'a> {
    pub(crate) pos: Pos,
    /// Of the word `range`.
    pub(crate) word: Pos,
    pub(crate) over: Ex<'a>,
    pub(crate) key: Target<'a>,
    pub(crate) value: Target<'a>,
    /// Conversions of what comes, where it is put into an interface.
    pub(crate) key_ty: Ty,
    pub(crate) value_ty: Ty,
    pub(crate) body: Vec<St<'a>>,
}

#[derive(Debug)]
pub(crate) struct SwitchCase<'a> {
    /// Nothing for `default`.
    pub(crate) values: Option<Vec<Ex<'a>>>,
    pub(crate) body: Vec<St<'a>>,
    /// Whether it goes on with the next case.
    pub(crate) falls: bool,
}

#[derive(Debug)]
pub(crate) struct TypeCase<'a> {
    /// Of the word `case` or `default`.
    pub(crate) pos: Pos,
    pub(crate) types: Vec<Ty>,
    pub(crate) var: Option<VarId>,
    pub(crate) body: Vec<St<'a>>,
}

#[derive(Debug)]
pub(crate) struct VarInfo<'a> {
    pub(crate) name: &'a str,
    /// The package that it is of, if messages name that, too.
    pub(crate) package: Option<&'a str>,
    pub(crate) pos: Pos,
    pub(crate) ty: Ty,
    pub(crate) owner: Owner,
    pub(crate) is_param: bool,
    /// The value that it was declared with.
    pub(crate) first: Option<Ex<'a>>,
    /// Whether it, or a part of it, gets a value after that.
    pub(crate) assigned: bool,
    /// What else was assigned to it, where each of those was a plain `=`.
    pub(crate) others: Vec<Ex<'a>>,
    /// Whether something else was: a part of it, one value of several, a range.
    pub(crate) odd: bool,
    pub(crate) addressed: bool,
    /// Whether its address is taken elsewhere than in `return &x`, where a loop need not make a new one for each turn.
    pub(crate) kept: bool,
    pub(crate) captured: bool,
}

impl<'a> VarInfo<'a> {
    /// As messages write it.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        match self.package {
            Some(package) => Cow::Owned(format!("{package}.{}", self.name)),
            None => Cow::Borrowed(self.name),
        }
    }
}

/// A function's body, resolved.
#[derive(Debug)]
pub(crate) struct Code<'a> {
    pub(crate) params: Vec<VarId>,
    pub(crate) results: Vec<VarId>,
    pub(crate) body: Vec<St<'a>>,
    /// Whether it is the body of a loop over a function.
    pub(crate) is_loop: bool,
}

#[derive(Debug)]
pub(crate) struct LitInfo<'a> {
    /// The package that it is of, if messages name that.
    pub(crate) package: Option<&'a str>,
    /// What it captures, and where that is mentioned first.
    pub(crate) captures: Vec<(VarId, Pos)>,
    pub(crate) code: Code<'a>,
}

/// What is known of a function.
#[derive(Debug)]
pub(crate) struct FuncInfo {
    /// As messages write it: `f`, `p.f`, `(*T).m`.
    pub(crate) text: String,
    pub(crate) ty: Ty,
    /// Of an import: where its arguments go.
    pub(crate) tags: Option<Vec<Tag>>,
    /// The function whose body it is: of an instance of a generic function, that of its shape, else itself.
    pub(crate) body: FuncId,
    /// Whether numbers that are given to it are addresses of what has to stay where it is.
    pub(crate) uintptrs: bool,
    /// Of an instance of a generic function: the name of the dictionary that it is given.
    pub(crate) dict: Option<String>,
}
