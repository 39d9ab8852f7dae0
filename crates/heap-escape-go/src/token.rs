//! Tokens.

/// A token, without its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    End,
    Name,
    Int,
    Float,
    Imaginary,
    Char,
    String,
    /// An operator that stands between or before operands.
    Op(Op),
    /// `op=`
    AssignOp(Op),
    /// `++`, `--`
    IncDec(Op),
    Assign,
    Define,
    LParen,
    RParen,
    LBracket,
    RBracket,
    LBrace,
    RBrace,
    Comma,
    Semicolon,
    Colon,
    Dot,
    DotDotDot,
    Break,
    Case,
    Chan,
    Const,
    Continue,
    Default,
    Defer,
    Else,
    Fallthrough,
    For,
    Func,
    Go,
    Goto,
    If,
    Import,
    Interface,
    Map,
    Package,
    Range,
    Return,
    Select,
    Struct,
    Switch,
    Type,
    Var,
}

/// An operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    OrOr,
    AndAnd,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Sub,
    Or,
    Xor,
    Mul,
    Div,
    Rem,
    And,
    AndNot,
    Shl,
    Shr,
    /// `!`
    Not,
    /// `<-`
    Arrow,
    /// `~`
    Tilde,
}

impl Op {
    /// How strongly a binary operator binds; 0 if it is none.
    pub(crate) fn strength(self) -> u8 {
        match self {
            Op::OrOr => 1,
            Op::AndAnd => 2,
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => 3,
            Op::Add | Op::Sub | Op::Or | Op::Xor => 4,
            Op::Mul | Op::Div | Op::Rem | Op::And | Op::AndNot | Op::Shl | Op::Shr => 5,
            Op::Not | Op::Arrow | Op::Tilde => 0,
        }
    }

    pub(crate) fn is_comparison(self) -> bool {
        self.strength() == 3
    }

    pub(crate) fn is_shift(self) -> bool {
        matches!(self, Op::Shl | Op::Shr)
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Op::OrOr => "||",
            Op::AndAnd => "&&",
            Op::Eq => "==",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
            Op::Add => "+",
            Op::Sub => "-",
            Op::Or => "|",
            Op::Xor => "^",
            Op::Mul => "*",
            Op::Div => "/",
            Op::Rem => "%",
            Op::And => "&",
            Op::AndNot => "&^",
            Op::Shl => "<<",
            Op::Shr => ">>",
            Op::Not => "!",
            Op::Arrow => "<-",
            Op::Tilde => "~",
        }
    }
}

/// The keyword that `word` is, or [`Token::Name`].
pub(crate) fn word(word: &str) -> Token {
    match word {
        "break" => Token::Break,
        "case" => Token::Case,
        "chan" => Token::Chan,
        "const" => Token::Const,
        "continue" => Token::Continue,
        "default" => Token::Default,
        "defer" => Token::Defer,
        "else" => Token::Else,
        "fallthrough" => Token::Fallthrough,
        "for" => Token::For,
        "func" => Token::Func,
        "go" => Token::Go,
        "goto" => Token::Goto,
        "if" => Token::If,
        "import" => Token::Import,
        "interface" => Token::Interface,
        "map" => Token::Map,
        "package" => Token::Package,
        "range" => Token::Range,
        "return" => Token::Return,
        "select" => Token::Select,
        "struct" => Token::Struct,
        "switch" => Token::Switch,
        "type" => Token::Type,
        "var" => Token::Var,
        _ => Token::Name,
    }
}
