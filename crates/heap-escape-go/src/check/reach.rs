//! What types lead to.
//!
//! The compiler reads the declaration of every type that the code it compiles has to do with, and with it what the type is made of and
//! the parameters and results of its methods, so it reads the types in these, too. Of each instance of a generic type that it comes to
//! this way it makes all methods, and tells of them.

use std::collections::HashSet;

use super::generic::OF_INSTANCE;
use super::{Checked, Checker, Home, Need, Obj, State, What, Written};
use crate::types::{Kind, Ty};

impl<'a> Checker<'a> {
    /// What is checked has to do with this type.
    pub(super) fn see(&self, ty: Ty) {
        self.seen.borrow_mut().insert(ty);
    }

    /// What was seen until now is needed by the function that is checked, or by what the program declares.
    pub(super) fn need_seen(&mut self) {
        let mut types: Vec<Ty> = self.seen.take().into_iter().collect();
        types.sort_unstable();
        if let Some(body) = self.body {
            let shaped = types.iter().copied().filter(|ty| self.types.has_shape(*ty)).collect();
            self.dictionaries.insert(body, shaped);
        }
        for ty in types {
            self.need(Need::Type(ty));
        }
    }

    /// What was seen before a declaration was resolved. What an import's is made of is no business of who names it.
    pub(super) fn see_again(&mut self, seen: HashSet<Ty>, home: Home) {
        if self.packages[home.package].what == What::Program {
            self.seen.borrow_mut().extend(seen);
        } else {
            self.seen.replace(seen);
        }
    }

    /// The types of what the program declares are needed.
    pub(super) fn need_declared(&mut self, slots: &[usize]) {
        for slot in slots {
            match &self.slots[*slot].state {
                State::Done(Obj::Type(ty) | Obj::Global(_, ty)) => self.see(*ty),
                State::Done(Obj::Func(func)) => self.see(self.funcs[func.0 as usize].ty),
                _ => {}
            }
        }
        self.need_seen();
    }

    /// Makes the methods of all instances that the needed types lead to.
    pub(super) fn reach(&mut self) -> Checked<()> {
        self.fill_dictionaries();
        while let Some(ty) = self.to_reach.pop() {
            for next in self.behind(ty)? {
                if self.reached.insert(next) {
                    self.to_reach.push(next);
                }
            }
        }
        // What was seen on the way is not what the code has to do with.
        self.seen.take();
        Ok(())
    }

    /// What the code of an instance has to do with, for the arguments that the shapes stand for: the compiler puts these types into
    /// the dictionary of the instance.
    fn fill_dictionaries(&mut self) {
        for func in std::mem::take(&mut self.to_fill) {
            let body = self.funcs[func.0 as usize].body;
            let Some(stand_for) = self.stand_for.get(&func).cloned() else { continue };
            let Some(types) = self.dictionaries.get(&body).cloned() else {
                self.to_fill.push(func);
                continue;
            };
            // In code of shapes itself, or where one shape stands for several types, it is not known which they are.
            let is_clear = stand_for.iter().all(|(shape, arg)| {
                !self.types.has_shape(*arg) && stand_for.iter().all(|(s, a)| s != shape || a == arg)
            });
            if !is_clear {
                continue;
            }
            let argument = |_: &Kind<'a>, ty: Ty| {
                let found = stand_for.iter().find(|(shape, _)| *shape == ty);
                found.map(|(_, arg)| Some(*arg))
            };
            for ty in types {
                if let Some(ty) = self.replace(ty, &argument, 0)
                    && self.reached.insert(ty)
                {
                    self.to_reach.push(ty);
                }
            }
        }
    }

    /// The types that a type leads to in one step.
    fn behind(&mut self, ty: Ty) -> Checked<Vec<Ty>> {
        Ok(match self.types.kind(ty).clone() {
            Kind::Basic(_) | Kind::Param(_) => Vec::new(),
            Kind::Pointer(of) | Kind::Slice(of) | Kind::Array(of, _) | Kind::Chan(_, of) => vec![of],
            Kind::Alias(_, of) => vec![of],
            Kind::Map(key, value) => vec![key, value],
            Kind::Struct(fields) => fields.iter().map(|field| field.ty).collect(),
            Kind::Func(func) => func.params.iter().chain(&func.results).copied().collect(),
            Kind::Interface(inner) => inner.methods.iter().map(|(_, ty)| *ty).collect(),
            Kind::Tuple(parts) => parts.to_vec(),
            Kind::Named(id) => {
                let named = self.types.named(id);
                let mut types: Vec<Ty> = named.underlying.iter().chain(&named.args).copied().collect();
                if let Some(generic) = self.instance_of.get(&ty).copied() {
                    self.methods_of_reached(ty, generic, &mut types)?;
                } else {
                    let slots: Vec<u32> = named.methods.iter().map(|(_, slot, _)| *slot).collect();
                    for slot in slots {
                        types.extend(self.signature_of_method(slot));
                    }
                }
                types
            }
        })
    }

    fn methods_of_reached(&mut self, ty: Ty, generic: usize, types: &mut Vec<Ty>) -> Checked<()> {
        let what = self.packages[self.generics[generic].home.package].what;
        if what == What::Table || self.has_param(ty, 0) {
            return Ok(());
        }
        for number in 0..self.generics[generic].methods.len() {
            match self.method_of_instance(ty, u32::try_from(number).unwrap_or(0)) {
                Ok(func) => types.push(self.funcs[func.0 as usize].ty),
                // What is wrong with an import is not told.
                Err(_) if what == What::Source => return Ok(()),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// The methods of imports that the analysis may find behind an interface, where it sees what was put into that.
    pub(super) fn methods_behind_interfaces(&mut self) -> Checked<()> {
        self.in_interfaces.sort_unstable();
        self.in_interfaces.dedup();
        let mut looked_at = HashSet::new();
        let mut types = self.in_interfaces.clone();
        let mut found = Vec::new();
        while let Some(ty) = types.pop() {
            let ty = self.types.pointee(ty).unwrap_or(ty);
            if !looked_at.insert(ty) {
                continue;
            }
            if let Some(id) = self.types.as_named(ty) {
                let methods = self.types.named(id).methods.iter();
                let wanted = methods.filter(|(name, number, _)| {
                    number & OF_INSTANCE == 0
                        && matches!(self.slots[*number as usize].state, State::New)
                        && self.dynamic.contains(name)
                });
                found.extend(wanted.map(|(_, number, _)| *number as usize));
            }
            if let Kind::Struct(fields) = self.types.under(ty) {
                types.extend(fields.iter().filter(|field| field.embedded).map(|field| field.ty));
            }
        }
        for slot in found {
            let pos = self.slots[slot].written.pos();
            self.resolve(slot, pos)?;
        }
        Ok(())
    }

    /// The type of a method, by its declaration; its body is not looked at for that.
    fn signature_of_method(&mut self, slot: u32) -> Option<Ty> {
        let slot = self.slots.get(slot as usize)?;
        let (Written::Func(decl), home) = (slot.written, slot.home) else { return None };
        if self.packages[home.package].what == What::Table {
            return None;
        }
        // A mistake in it is told where the method itself is looked at.
        self.elsewhere(home, |checker| checker.signature(&decl.signature)).ok()
    }
}
