//! The instructions. One is four bytes: a number for what to do, and its operands.
//!
//! Jumps count instructions. The limits of the language count bytes, as the book's encoding has them, so the compiler
//! keeps both counts: [`Op::book_bytes`].

use tricolor::Trace;

/// One instruction. A `u8` is a place in the frame, a constant, an upvalue or a number of arguments.
#[derive(Trace, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Constant(u8),
    Nil,
    True,
    False,
    Pop,
    GetLocal(u8),
    SetLocal(u8),
    GetGlobal(u8),
    DefineGlobal(u8),
    SetGlobal(u8),
    GetUpvalue(u8),
    SetUpvalue(u8),
    GetProperty(u8),
    SetProperty(u8),
    GetSuper(u8),
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Not,
    Negate,
    Print,
    /// Goes on so many instructions later.
    Jump(u16),
    /// The same if the value on top is falsey, which stays.
    JumpIfFalse(u16),
    /// The same, and the value is popped.
    Branch(u16),
    /// Goes back so many instructions.
    Loop(u16),
    Call(u8),
    /// The name's constant, and the number of arguments.
    Invoke(u8, u8),
    SuperInvoke(u8, u8),
    Closure(u8),
    CloseUpvalue,
    Return,
    Class(u8),
    Inherit,
    Method(u8),
    // The rest stands in for others when it is known what outlives a call: see `escape.rs`.
    /// The call has so many places in the yard.
    Room(u8),
    /// Returns, and gives so many places back.
    ReturnNear(u8),
    /// A closure of this constant, so many places below the top of the yard.
    NearClosure(u8, u8),
    /// A call with so many arguments, which makes an instance: so many places below the top of the yard, for so many fields.
    CallNear(u8, u8, u8),
    /// A captured value that never changes.
    GetCopy(u8),
    /// The same in a near closure.
    GetNearCopy(u8),
    /// A captured variable on the stack, in a near closure.
    GetPlace(u8),
    SetPlace(u8),
    /// A captured variable that is not, in a near closure.
    GetNearCell(u8),
    SetNearCell(u8),
    /// A closure of this constant and this site, which is expected not to outlive its call.
    ClosureWatched(u8, u16),
    /// A call with so many arguments, which makes an instance of this site.
    CallWatched(u8, u16),
    /// Closes an upvalue, after which no watched closure that has captured it is expected.
    CloseWatched,
    /// Returns, after which no object that was watched in this call is expected.
    ReturnWatched,
}

impl Op {
    /// The bytes that the book's encoding of this instruction has, without a closure's list of upvalues.
    pub(crate) fn book_bytes(self) -> usize {
        match self {
            Self::Nil
            | Self::True
            | Self::False
            | Self::Pop
            | Self::Equal
            | Self::Greater
            | Self::Less
            | Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::Not
            | Self::Negate
            | Self::Print
            | Self::CloseUpvalue
            | Self::Return
            | Self::ReturnNear(_)
            | Self::CloseWatched
            | Self::ReturnWatched
            | Self::Inherit => 1,
            Self::Constant(_)
            | Self::GetLocal(_)
            | Self::SetLocal(_)
            | Self::GetGlobal(_)
            | Self::DefineGlobal(_)
            | Self::SetGlobal(_)
            | Self::GetUpvalue(_)
            | Self::SetUpvalue(_)
            | Self::GetProperty(_)
            | Self::SetProperty(_)
            | Self::GetSuper(_)
            | Self::NotEqual
            | Self::GreaterEqual
            | Self::LessEqual
            | Self::Call(_)
            | Self::Closure(_)
            | Self::NearClosure(..)
            | Self::ClosureWatched(..)
            | Self::CallNear(..)
            | Self::CallWatched(..)
            | Self::GetCopy(_)
            | Self::GetNearCopy(_)
            | Self::GetPlace(_)
            | Self::SetPlace(_)
            | Self::GetNearCell(_)
            | Self::SetNearCell(_)
            | Self::Class(_)
            | Self::Method(_) => 2,
            Self::Room(_) => 0,
            Self::Jump(_)
            | Self::JumpIfFalse(_)
            | Self::Branch(_)
            | Self::Loop(_)
            | Self::Invoke(..)
            | Self::SuperInvoke(..) => 3,
        }
    }

    /// By how much the instruction makes the stack higher.
    pub(crate) fn effect(self) -> isize {
        match self {
            Self::Constant(_)
            | Self::Nil
            | Self::True
            | Self::False
            | Self::GetLocal(_)
            | Self::GetGlobal(_)
            | Self::GetUpvalue(_)
            | Self::GetCopy(_)
            | Self::GetNearCopy(_)
            | Self::GetPlace(_)
            | Self::GetNearCell(_)
            | Self::Closure(_)
            | Self::NearClosure(..)
            | Self::ClosureWatched(..)
            | Self::Class(_) => 1,
            Self::SetLocal(_)
            | Self::SetGlobal(_)
            | Self::SetUpvalue(_)
            | Self::SetPlace(_)
            | Self::SetNearCell(_)
            | Self::Room(_)
            | Self::GetProperty(_)
            | Self::Not
            | Self::Negate
            | Self::Jump(_)
            | Self::JumpIfFalse(_)
            | Self::Loop(_) => 0,
            Self::Pop
            | Self::DefineGlobal(_)
            | Self::SetProperty(_)
            | Self::GetSuper(_)
            | Self::Equal
            | Self::NotEqual
            | Self::Greater
            | Self::GreaterEqual
            | Self::Less
            | Self::LessEqual
            | Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::Print
            | Self::Branch(_)
            | Self::CloseUpvalue
            | Self::CloseWatched
            | Self::Return
            | Self::ReturnNear(_)
            | Self::ReturnWatched
            | Self::Inherit
            | Self::Method(_) => -1,
            Self::Call(count)
            | Self::CallNear(count, ..)
            | Self::CallWatched(count, _)
            | Self::Invoke(_, count) => -isize::from(count),
            Self::SuperInvoke(_, count) => -isize::from(count) - 1,
        }
    }
}

const _: () = assert!(size_of::<Op>() == 4);
