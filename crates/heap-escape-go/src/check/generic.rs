//! Generic types and functions.
//!
//! An instance has the types that its arguments give it. The body of a generic function is checked once for each *shape*: all
//! arguments with the same underlying type have one, and all pointers have one, as in the Go compiler, which messages show.

use std::rc::Rc;

use heap_escape::Tag;

use super::{Checked, Checker, Home, Need, Obj, What};
use crate::ast::{Expr, ExprKind, FuncDecl, Param};
use crate::ir::{Ex, FuncId, FuncInfo, NodeKind};
use crate::source::{Fault, Pos};
use crate::types::{Basic, Kind, Named, Ty};

/// How many instances there may be, of types, functions and methods: code whose instances need ever more others has no end. More than
/// ten times what the largest packages of the standard library have.
const INSTANCES: u32 = 50_000;

/// With how many nodes of code in all there may be another one. They take about a gigabyte.
const NODES: u32 = 8_000_000;

/// In the number of a method: it is that of an instance, with the number of the method in its generic type.
pub(super) const OF_INSTANCE: u32 = 1 << 31;

impl<'a> Checker<'a> {
    /// `T[A]`, if `T` is a generic type.
    pub(super) fn instance(&mut self, of: &'a Expr<'a>, args: &'a [Expr<'a>]) -> Checked<Option<Ty>> {
        let obj = match &of.bare().kind {
            ExprKind::Name(name) => self.lookup(name, of.pos)?,
            ExprKind::Selector(package, name) => match package.kind {
                ExprKind::Name(package_name) => match self.lookup(package_name, package.pos)? {
                    Obj::Package(number) => match self.member(number, *name)? {
                        Some(obj) => obj,
                        None => return Ok(None),
                    },
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let Obj::Generic(number) = obj else { return Ok(None) };
        let mut types = Vec::new();
        for arg in args {
            types.push(self.ty(arg)?);
        }
        self.instance_type(number, types, of.pos).map(Some)
    }

    pub(super) fn instance_type(&mut self, number: usize, args: Vec<Ty>, pos: Pos) -> Checked<Ty> {
        if let Some(ty) = self.generics[number].instances.get(&args).copied() {
            self.need_methods(ty);
            return Ok(ty);
        }
        let (spec, home) = (self.generics[number].spec, self.generics[number].home);
        self.one_more(pos)?;
        if args.len() != spec.params.len() {
            return Err(Fault::new(pos, "wrong number of type arguments"));
        }
        if args.iter().any(|arg| self.is_nested(*arg, 0)) {
            return Err(Fault::new(pos, "instantiation cycle"));
        }
        let methods = self.generics[number].methods.iter().enumerate().map(|(i, decl)| {
            let pointer =
                decl.recv.as_ref().is_some_and(|recv| matches!(recv.ty.bare().kind, ExprKind::Star(_)));
            (decl.name.name, OF_INSTANCE | u32::try_from(i).unwrap_or(0), pointer)
        });
        let methods: Vec<_> = methods.collect();
        // In a generic function, what is declared there is of shapes, too.
        let around = self.generics[number].around.clone();
        let mut shown = args.clone();
        if !around.is_empty() {
            let any = self.types.unaliased(Ty::ANY);
            for arg in &mut shown {
                *arg = self.shape(*arg, any, &[]);
            }
        }
        let ty = self.types.add_named(Named {
            name: Rc::from(spec.name.name),
            package: self.origin(home.package),
            args: shown,
            around,
            local: 0,
            underlying: None,
            methods,
            shape: None,
        });
        self.generics[number].instances.insert(args.clone(), ty);
        self.instance_of.insert(ty, number);
        self.need_methods(ty);
        let underlying = self.deeper(pos, |checker| {
            checker.elsewhere(home, |checker| {
                checker.scope.clone_from(&checker.generics[number].scope);
                for (param, arg) in spec.params.iter().zip(args) {
                    if let Some(name) = param.name {
                        checker.declare(name.name, Obj::Type(arg));
                    }
                }
                checker.ty(&spec.ty)
            })
        })?;
        self.set_underlying(ty, underlying);
        Ok(ty)
    }

    /// The methods of an instance are made, called or not, where they have bodies.
    fn need_methods(&mut self, ty: Ty) {
        let home = self.instance_of.get(&ty).map(|generic| self.generics[*generic].home);
        let has_bodies = home.is_some_and(|home| self.packages[home.package].what != What::Table);
        if has_bodies && !self.boxed_once.contains(&ty) && !self.has_param(ty, 0) && !self.types.has_shape(ty)
        {
            self.need(Need::Methods(ty));
        }
    }

    /// The function of an instance is used.
    fn need_body(&mut self, func: FuncId) -> FuncId {
        self.need(Need::Body(self.funcs[func.0 as usize].body));
        self.need(Need::Dict(func));
        func
    }

    /// There is to be an instance more.
    fn one_more(&mut self, pos: Pos) -> Checked<()> {
        self.instances += 1;
        if self.instances > INSTANCES || self.nodes.get() > NODES {
            return Err(Fault::new(pos, "instantiation cycle, or too many instances of generic code"));
        }
        Ok(())
    }

    /// Whether instances are nested in a type so deeply that it will never end.
    fn is_nested(&self, ty: Ty, depth: u32) -> bool {
        match self.types.kind(ty) {
            _ if depth > 30 => true,
            Kind::Named(id) => {
                let named = self.types.named(*id);
                // A shape is of what it is the shape of.
                let inner = named.underlying.filter(|_| named.shape.is_some());
                named.args.iter().chain(&inner).any(|arg| self.is_nested(*arg, depth + 1))
            }
            Kind::Pointer(of) | Kind::Slice(of) | Kind::Array(of, _) | Kind::Chan(_, of) => {
                self.is_nested(*of, depth + 1)
            }
            Kind::Map(key, value) => self.is_nested(*key, depth + 1) || self.is_nested(*value, depth + 1),
            Kind::Func(func) => {
                func.params.iter().chain(&func.results).any(|ty| self.is_nested(*ty, depth + 1))
            }
            Kind::Struct(fields) => fields.iter().any(|field| self.is_nested(field.ty, depth + 1)),
            Kind::Tuple(parts) => parts.iter().any(|ty| self.is_nested(*ty, depth + 1)),
            Kind::Interface(inner) => inner.methods.iter().any(|(_, ty)| self.is_nested(*ty, depth + 1)),
            Kind::Basic(_) | Kind::Alias(..) | Kind::Param(_) => false,
        }
    }

    /// A method of an instance, for whoever is checked.
    pub(super) fn method_of_instance(&mut self, ty: Ty, number: u32) -> Checked<FuncId> {
        let func = self.any_method_of_instance(ty, number)?;
        Ok(self.need_body(func))
    }

    fn any_method_of_instance(&mut self, ty: Ty, number: u32) -> Checked<FuncId> {
        if let Some(func) = self.instance_methods.get(&(ty, number)) {
            return Ok(*func);
        }
        let generic = self.instance_of[&ty];
        self.one_more(self.generics[generic].spec.name.pos)?;
        let (decl, home) = (self.generics[generic].methods[number as usize], self.generics[generic].home);
        let args = self.types.as_named(ty).map_or_else(Vec::new, |id| self.types.named(id).args.clone());
        let constraints = self.constraints(home, &self.generics[generic].spec.params)?;
        let shapes = self.shapes(&args, &constraints);
        if shapes == args {
            let key = (generic, self.types.show_linked(ty), number);
            if let Some(func) = self.bodies_of.get(&key).copied() {
                self.instance_methods.insert((ty, number), func);
                return Ok(func);
            }
            let bound = bind(receiver_params(decl), &args);
            let pointer =
                decl.recv.as_ref().is_some_and(|recv| matches!(recv.ty.bare().kind, ExprKind::Star(_)));
            let recv = if pointer { self.types.pointer(ty) } else { ty };
            let func = self.bound_func(decl, home, bound, Some(recv))?;
            self.bodies_of.insert(key, func);
            self.instance_methods.insert((ty, number), func);
            return Ok(func);
        }
        let named = shapes.clone();
        let shaped = self.instance_type(generic, shapes, decl.name.pos)?;
        let body = self.any_method_of_instance(shaped, number)?;
        let bound = bind(receiver_params(decl), &args);
        let signature = self.bound_signature(decl, home, &bound)?;
        let dict = Some(format!(".dict.{}", self.types.show(ty)));
        let FuncInfo { text, tags, body, .. } = &self.funcs[body.0 as usize];
        let (text, tags, body) = (text.clone(), tags.clone(), *body);
        let info = FuncInfo { text, ty: signature, tags, body, uintptrs: false, dict };
        let func = FuncId(u32::try_from(self.funcs.len()).unwrap_or(u32::MAX));
        self.funcs.push(info);
        self.stand_for.insert(func, named.into_iter().zip(args).collect());
        self.instance_methods.insert((ty, number), func);
        Ok(func)
    }

    /// An instance that is put into an interface has all of its methods, for somebody may call them.
    pub(super) fn methods_of_boxed(&mut self, ty: Ty) -> Checked<()> {
        let ty = self.types.pointee(ty).unwrap_or(ty);
        let Some(generic) = self.instance_of.get(&ty).copied() else { return Ok(()) };
        for number in 0..self.generics[generic].methods.len() {
            self.method_of_instance(ty, u32::try_from(number).unwrap_or(0))?;
        }
        Ok(())
    }

    fn bound_func(
        &mut self,
        decl: &'a FuncDecl<'a>,
        home: Home,
        bound: Vec<(&'a str, Ty)>,
        recv: Option<Ty>,
    ) -> Checked<FuncId> {
        self.deeper(decl.name.pos, |checker| {
            checker.elsewhere(home, |checker| {
                for (name, ty) in &bound {
                    checker.declare(name, Obj::Type(*ty));
                }
                checker.new_func(decl, home, bound, recv)
            })
        })
    }

    fn bound_signature(
        &mut self,
        decl: &'a FuncDecl<'a>,
        home: Home,
        bound: &[(&'a str, Ty)],
    ) -> Checked<Ty> {
        self.deeper(decl.name.pos, |checker| {
            checker.elsewhere(home, |checker| {
                for (name, ty) in bound {
                    checker.declare(name, Obj::Type(*ty));
                }
                checker.signature(&decl.signature)
            })
        })
    }

    /// The constraints of type parameters, with the parameters themselves as types in them.
    fn constraints(&mut self, home: Home, params: &'a [Param<'a>]) -> Checked<Vec<Ty>> {
        self.elsewhere(home, |checker| {
            checker.declare_params(params);
            params.iter().map(|param| checker.ty(&param.ty)).collect()
        })
    }

    fn declare_params(&mut self, params: &'a [Param<'a>]) {
        for (i, param) in params.iter().enumerate() {
            let ty = self.types.add(Kind::Param(u32::try_from(i).unwrap_or(u32::MAX)));
            if let Some(name) = param.name {
                self.declare(name.name, Obj::Type(ty));
            }
        }
    }

    /// What the body of a generic function sees of a type argument.
    fn shape(&mut self, arg: Ty, constraint: Ty, all: &[Ty]) -> Ty {
        let basic = matches!(self.types.under(constraint), Kind::Interface(inner) if inner.terms.is_empty() && !inner.comparable);
        // A shape is one already, but for a pointer to something that is looked behind nowhere here.
        let is_seen = basic && self.types.pointee(arg).is_some_and(|to| to != Ty::UINT8);
        if self.types.is_shape(arg) && !is_seen || self.is_unknown(arg) {
            return arg;
        }
        let underlying = match self.types.under(arg) {
            // All pointers are one, where nobody looks behind them.
            Kind::Pointer(_) if basic => self.types.pointer(Ty::UINT8),
            _ => self.types.underlying(arg),
        };
        // The methods of a constraint that is about the other arguments depend on them.
        let with = if self.has_param(constraint, 0) { all.to_vec() } else { Vec::new() };
        if let Some(shape) = self.shapes.get(&(underlying, constraint, with.clone())) {
            return *shape;
        }
        let shape = self.types.add_named(Named {
            name: Rc::from("go.shape"),
            package: None,
            args: Vec::new(),
            around: Vec::new(),
            local: 0,
            underlying: Some(underlying),
            methods: Vec::new(),
            shape: Some(constraint),
        });
        self.shapes.insert((underlying, constraint, with), shape);
        shape
    }

    /// An instance of a generic function, with arguments that are written or inferred from those of a call; nothing if they cannot be
    /// inferred.
    pub(super) fn instantiate(
        &mut self,
        number: usize,
        written: &[Ty],
        args: &[Ex<'a>],
        spread: bool,
        pos: Pos,
    ) -> Checked<Option<FuncId>> {
        let (decl, home) = (self.generic_funcs[number].decl, self.generic_funcs[number].home);
        let params = &decl.type_params;
        let constraints = self.constraints(home, params)?;
        let mut found: Vec<Option<Ty>> = vec![None; params.len()];
        for (place, ty) in found.iter_mut().zip(written) {
            *place = Some(*ty);
        }
        if found.iter().any(Option::is_none) {
            let signature = self.elsewhere(home, |checker| {
                checker.declare_params(params);
                checker.signature(&decl.signature)
            })?;
            if let Some(func) = self.types.func(signature) {
                self.infer(&func, args, spread, &mut found);
            }
            self.infer_from_constraints(&constraints, &mut found);
            if let Some(func) = self.types.func(signature) {
                self.infer_defaults(&func, args, &mut found);
            }
            self.infer_from_constraints(&constraints, &mut found);
        }
        let Some(types) = found.into_iter().collect::<Option<Vec<Ty>>>() else { return Ok(None) };
        let func = self.instance_func(number, types, &constraints, pos)?;
        Ok(Some(self.need_body(func)))
    }

    fn instance_func(
        &mut self,
        number: usize,
        types: Vec<Ty>,
        constraints: &[Ty],
        pos: Pos,
    ) -> Checked<FuncId> {
        if let Some(func) = self.generic_funcs[number].instances.get(&types) {
            return Ok(*func);
        }
        let (decl, home) = (self.generic_funcs[number].decl, self.generic_funcs[number].home);
        self.one_more(pos)?;
        if types.iter().any(|ty| self.is_nested(*ty, 0)) {
            return Err(Fault::new(pos, "instantiation cycle"));
        }
        let shapes = self.shapes(&types, constraints);
        let key: Vec<String> = shapes.iter().map(|shape| self.types.show_linked(*shape)).collect();
        let key = key.join(",");
        let names = || decl.type_params.iter().filter_map(|param| param.name).map(|name| name.name);
        let body = match self.generic_funcs[number].shapes.get(&key) {
            Some(body) => *body,
            None => {
                let bound = bind(names().collect(), &shapes);
                let func = self.bound_func(decl, home, bound, None)?;
                self.funcs[func.0 as usize].text.push_str(&format!("[{key}]"));
                self.generic_funcs[number].shapes.insert(key, func);
                func
            }
        };
        let bound = bind(names().collect(), &types);
        let ty = self.bound_signature(decl, home, &bound)?;
        let shown: Vec<String> = types.iter().map(|ty| self.types.show_linked(*ty)).collect();
        let dict = Some(format!(".dict.{}[{}]", decl.name.name, shown.join(",")));
        let info = &self.funcs[body.0 as usize];
        let built_in = self.built_in_tags(home, decl.name.name, &types);
        let (text, tags) = (info.text.clone(), built_in.or(info.tags.clone()));
        let info = FuncInfo { text, ty, tags, body, uintptrs: false, dict };
        let func = FuncId(u32::try_from(self.funcs.len()).unwrap_or(u32::MAX));
        self.funcs.push(info);
        self.stand_for.insert(func, shapes.into_iter().zip(types.iter().copied()).collect());
        self.generic_funcs[number].instances.insert(types, func);
        Ok(func)
    }

    /// Where the argument goes of a function that the compiler knows better than its body says: `internal/abi` has two.
    fn built_in_tags(&self, home: Home, name: &str, types: &[Ty]) -> Option<Vec<Tag>> {
        if self.packages[home.package].path != "internal/abi" {
            return None;
        }
        let leaks = match name {
            "EscapeNonString" => Tag::LEAKS,
            "EscapeToResultNonString" => Tag::NOWHERE.to_written(0).to_called(0).to_result(0, 0),
            _ => return None,
        };
        let [ty] = types else { return None };
        let has = self.has_more_than_strings(*ty, 0);
        Some(vec![if has { leaks } else { Tag::NOWHERE.to_written(0).to_called(0) }])
    }

    /// Whether there are references in a value that are not those of strings.
    fn has_more_than_strings(&self, ty: Ty, depth: u32) -> bool {
        if !self.types.has_references(ty) {
            return false;
        }
        match self.types.under(ty) {
            _ if depth > 60 => true,
            Kind::Basic(Basic::String) => false,
            Kind::Array(of, _) => self.has_more_than_strings(*of, depth + 1),
            Kind::Struct(fields) => {
                fields.iter().any(|field| self.has_more_than_strings(field.ty, depth + 1))
            }
            _ => true,
        }
    }

    /// The shapes of type arguments, each with the methods of its constraint.
    fn shapes(&mut self, args: &[Ty], constraints: &[Ty]) -> Vec<Ty> {
        let mut shapes = Vec::new();
        for (arg, constraint) in args.iter().zip(constraints) {
            shapes.push(self.shape(*arg, *constraint, args));
        }
        // A constraint may be about the other arguments.
        let found: Vec<Option<Ty>> = shapes.iter().copied().map(Some).collect();
        for ((shape, arg), constraint) in shapes.iter().zip(args).zip(constraints) {
            if shape == arg || !self.has_param(*constraint, 0) {
                continue;
            }
            let with = self.substitute(*constraint, &found, 0);
            if let (Some(id), Some(with)) = (self.types.as_named(*shape), with) {
                self.types.named[id.0 as usize].shape = Some(with);
            }
        }
        // What the constraints ask for may be called.
        for (arg, constraint) in args.iter().zip(constraints) {
            let asks =
                matches!(self.types.under(*constraint), Kind::Interface(inner) if !inner.methods.is_empty());
            if asks && !self.has_param(*arg, 0) {
                self.need(Need::Methods(*arg));
            }
        }
        shapes
    }

    /// `f[A]` as a value, or the start of a call.
    pub(super) fn instance_value(&mut self, number: usize, written: &[Ty], pos: Pos) -> Checked<Ex<'a>> {
        let Some(func) = self.instantiate(number, written, &[], false, pos)? else {
            return Ok(self.unknown(pos, Vec::new()));
        };
        let ty = self.funcs[func.0 as usize].ty;
        Ok(self.node(pos, ty, NodeKind::Func(func)))
    }
}

/// The names that a receiver gives to the parameters of its type.
fn receiver_params<'a>(decl: &'a FuncDecl<'a>) -> Vec<&'a str> {
    fn names<'a>(ty: &'a Expr<'a>) -> Vec<&'a str> {
        match &ty.kind {
            ExprKind::Star(ty) | ExprKind::Paren(ty) => names(ty),
            ExprKind::Index(_, args) => args
                .iter()
                .map(|arg| match arg.kind {
                    ExprKind::Name(name) => name,
                    _ => "_",
                })
                .collect(),
            _ => Vec::new(),
        }
    }
    decl.recv.as_ref().map_or_else(Vec::new, |recv| names(&recv.ty))
}

fn bind<'a>(names: Vec<&'a str>, types: &[Ty]) -> Vec<(&'a str, Ty)> {
    names.into_iter().zip(types.iter().copied()).collect()
}
