//! The bodies of functions, and their parameters.

use std::time::Instant;

use super::{Bodyless, Checked, Checker, Obj, Pending, What};
use crate::ast::{FuncDecl, Param, Signature};
use crate::ir::{Code, FuncId, Owner, VarId};
use crate::source::Fault;
use crate::types::Ty;

impl<'a> Checker<'a> {
    /// Checks the bodies that are still to be checked, and those that they need, in the order in which they were found.
    pub(super) fn bodies(&mut self) -> Checked<()> {
        loop {
            let next = std::mem::take(&mut self.pending);
            let boxed = std::mem::take(&mut self.boxed);
            if next.is_empty() && boxed.is_empty() && self.to_reach.is_empty() {
                return Ok(());
            }
            for pending in next {
                self.some_body(pending)?;
            }
            for ty in boxed {
                self.methods_of_boxed(ty)?;
            }
            self.reach()?;
            if self.pending.is_empty() && self.boxed.is_empty() {
                self.methods_behind_interfaces()?;
            }
        }
    }

    /// A body, which may be one of an import: what is wrong with that is not told.
    fn some_body(&mut self, pending: Pending<'a>) -> Checked<()> {
        let of_import = self.packages[pending.home.package].what == What::Source;
        if of_import && self.until.is_some_and(|until| Instant::now() > until) {
            return Err(Fault::new(pending.decl.name.pos, "what is imported takes too much time"));
        }
        let is_instance = !pending.bound.is_empty();
        let around = (self.busy_aliases, self.body.replace(pending.func));
        let checked = self.body(pending);
        if is_instance || !of_import {
            self.need_seen();
        } else {
            // No lines will ever be wanted of it.
            self.seen.take();
        }
        (self.busy_aliases, self.body) = around;
        if checked.is_err() && of_import {
            // Without code, it counts as unknown.
            (self.owner, self.in_return) = (Owner(0), false);
            return Ok(());
        }
        checked
    }

    pub(super) fn bodyless(&mut self, func: FuncId, decl: &'a FuncDecl<'a>, recv: Option<Ty>) {
        let types =
            self.types.func(self.funcs[func.0 as usize].ty).map_or_else(Vec::new, |f| f.params.clone());
        let named = |param: &Param<'a>| {
            let name = param.name.map(|name| name.name);
            (name, param.name.map_or(param.ty.pos, |name| name.pos))
        };
        let receiver = decl.recv.iter().zip(recv).map(|(param, ty)| (named(param).0, named(param).1, ty));
        let rest =
            decl.signature.params.iter().zip(types).map(|(param, ty)| (named(param).0, named(param).1, ty));
        let params = receiver.chain(rest).collect();
        let has = |pragma: &str| decl.pragmas.contains(&pragma);
        let told = self.told.contains(&func);
        self.bodyless.push(Bodyless { func, params, noescape: has("//go:noescape"), told });
    }

    fn body(&mut self, pending: Pending<'a>) -> Checked<()> {
        let Pending { func, decl, home, bound, recv } = pending;
        let Some(block) = &decl.body else { return Ok(()) };
        self.owner = self.new_owner(None, None);
        self.results.clear();
        self.bound_methods.clear();
        self.bound = bound.iter().map(|(_, ty)| *ty).collect();
        let code = self.elsewhere(home, |checker| {
            for (name, ty) in bound {
                checker.declare(name, Obj::Type(ty));
            }
            let mut params = Vec::new();
            if let (Some(param), Some(recv)) = (&decl.recv, recv) {
                params.push(checker.param(param, recv));
            }
            let results = checker.params(&decl.signature, &mut params)?;
            let body = checker.stmts(&block.stmts)?;
            Ok(Code { params, results, body, is_loop: false })
        })?;
        self.codes.push((func, code));
        Ok(())
    }

    /// Declares parameters and results of what is checked.
    pub(super) fn params(
        &mut self,
        signature: &'a Signature<'a>,
        params: &mut Vec<VarId>,
    ) -> Checked<Vec<VarId>> {
        // The names of parameters mean nothing in their types.
        let mut types = Vec::new();
        for param in signature.params.iter().chain(&signature.results) {
            let ty = self.ty(&param.ty)?;
            types.push(if param.dots.is_some() { self.types.slice(ty) } else { ty });
        }
        let mut types = types.into_iter();
        for (param, ty) in signature.params.iter().zip(&mut types) {
            params.push(self.param(param, ty));
        }
        let mut results = Vec::new();
        self.results.clear();
        for (result, ty) in signature.results.iter().zip(types) {
            let var = self.param(result, ty);
            results.push(var);
            self.results.push((var, ty));
        }
        Ok(results)
    }

    fn param(&mut self, param: &'a Param<'a>, ty: Ty) -> VarId {
        // A parameter without a name is where its type is, and that begins with the dots.
        let unnamed = param.dots.unwrap_or(param.ty.pos);
        let (name, pos) = param.name.map_or(("", unnamed), |name| (name.name, name.pos));
        let var = self.new_var(name, pos, ty, true);
        if !name.is_empty() {
            self.declare(name, Obj::Var(var));
        }
        var
    }
}
