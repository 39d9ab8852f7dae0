//! Notes: the reasons along a hole, for whoever asks why.

use std::rc::Rc;

use heap_escape::{Body, Mark};

use super::hole::Hole;
use super::{Lower, Record, What};
use crate::ir::{Ex, NodeKind, St, Target, TypeCase, VarId};
use crate::print::Printer;
use crate::source::Pos;
use crate::token::Op;

/// One reason, and the one before it. Number 0 is the end.
#[derive(Clone, Debug)]
pub(crate) struct Note<'c, 'a> {
    pub(crate) before: u32,
    pub(crate) of: Of<'c, 'a>,
    pub(crate) why: &'static str,
    pub(crate) pos: Pos,
}

/// What a reason is about.
#[derive(Clone, Debug)]
pub(crate) enum Of<'c, 'a> {
    Nothing,
    Expr(Ex<'a>),
    Var(VarId),
    Assign(&'c [Target<'a>], &'c [Ex<'a>]),
    Operation(Op, Ex<'a>, Ex<'a>),
    Return(&'c [(VarId, Ex<'a>)]),
    /// A word or two that are quoted as they are.
    Text(Rc<str>),
    Send(Ex<'a>, Ex<'a>),
    /// What a variable of a package gets.
    Global(Rc<str>, Ex<'a>),
    Case(&'c TypeCase<'a>),
}

impl<'c, 'a> Lower<'c, 'a> {
    /// The hole with a reason more: an expression.
    pub(super) fn because(&self, hole: Hole, x: &Ex<'a>, why: &'static str) -> Hole {
        self.noted(hole, Of::Expr(Rc::clone(x)), why, x.pos)
    }

    /// What is told next is that a closure captures this variable.
    pub(super) fn captured(&mut self, body: &mut Body<'_>, var: VarId, pos: Pos) {
        let info = &self.vars[var.0 as usize];
        let local = self.returned.get(&var).or_else(|| self.locals.get(&var)).copied();
        if let Some(local) = local {
            let (name, bytes) = (info.text().into_owned(), self.types.size(info.ty));
            let function = self.homes.get(&var).unwrap_or(&self.function);
            let what = What::Captured(local, name, bytes);
            self.records.push(Record { pos: info.pos, function: Rc::clone(function), what });
        }
        let mut notes = self.notes.borrow_mut();
        let note = u32::try_from(notes.len()).unwrap_or(0);
        notes.push(Note { before: 0, of: Of::Var(var), why: "captured by a closure", pos });
        body.at(Mark(note));
    }

    /// The hole with a reason more.
    pub(super) fn noted(&self, hole: Hole, of: Of<'c, 'a>, why: &'static str, pos: Pos) -> Hole {
        if hole.is_blank() {
            return hole;
        }
        let mut notes = self.notes.borrow_mut();
        let note = u32::try_from(notes.len()).unwrap_or(0);
        notes.push(Note { before: hole.note, of, why, pos });
        Hole { note, ..hole }
    }
}

impl<'a> Of<'_, 'a> {
    /// As it is quoted.
    pub(crate) fn text(&self, printer: &Printer<'_, 'a>) -> String {
        let list = |all: &mut dyn Iterator<Item = String>| all.collect::<Vec<_>>().join(", ");
        match self {
            Of::Nothing => String::new(),
            Of::Expr(x) => printer.text(x),
            Of::Var(var) => printer.vars[var.0 as usize].text().into_owned(),
            Of::Assign(lhs, rhs) => {
                let defines = lhs.iter().any(|target| matches!(target, Target::Var(_, true)));
                let places = list(&mut lhs.iter().map(|target| match target {
                    Target::Blank => "_".to_owned(),
                    Target::Var(var, _) => printer.vars[var.0 as usize].text().into_owned(),
                    Target::Place(place) => printer.text(place),
                }));
                let values = list(&mut rhs.iter().enumerate().map(|(i, x)| one_of(printer, i, x)));
                format!("{places} {} {values}", if defines { ":=" } else { "=" })
            }
            Of::Operation(op, a, b) => format!("{} {}= {}", printer.text(a), op.text(), printer.text(b)),
            Of::Return(values) => {
                format!(
                    "return {}",
                    list(&mut values.iter().enumerate().map(|(i, (_, x))| one_of(printer, i, x)))
                )
            }
            Of::Text(text) => (**text).to_owned(),
            Of::Send(channel, value) => format!("{} <- {}", printer.text(channel), printer.text(value)),
            Of::Global(name, x) => format!("{name} = {}", printer.text(x)),
            Of::Case(case) => {
                let types = list(&mut case.types.iter().map(|ty| printer.types.show(*ty)));
                let body = case.body.iter().filter_map(|st| statement(st, printer)).collect::<Vec<_>>();
                let head =
                    if case.types.is_empty() { "default:".to_owned() } else { format!("case {types}:") };
                if body.is_empty() { head } else { format!("{head} {}", body.join("; ")) }
            }
        }
    }
}

/// A plain statement as it is quoted; nothing for others.
fn statement<'a>(st: &St<'a>, printer: &Printer<'_, 'a>) -> Option<String> {
    match st {
        St::Expr(x) => Some(printer.text(x)),
        St::Assign { lhs, rhs, .. } => Some(Of::Assign(lhs, rhs).text(printer)),
        St::Return { values, .. } => Some(Of::Return(values).text(printer)),
        _ => None,
    }
}

/// One value of a statement as it is quoted: the first of several that a call gave is converted to its own type.
fn one_of<'a>(printer: &Printer<'_, 'a>, number: usize, x: &Ex<'a>) -> String {
    match &x.kind {
        NodeKind::Part(of, 0) if number == 0 && matches!(of.kind, NodeKind::Call(_)) => {
            printer.conversion(x.ty, &printer.text(x))
        }
        _ => printer.text(x),
    }
}
