//! The checker: gives every expression its type, and resolves every name.
//!
//! It is for valid programs: it finds out what a program means, and not everything that may be wrong with one. What it cannot
//! resolve is a fault with a place; what it does not understand is [`NodeKind::Unknown`], of which the analysis then believes the
//! worst.
//!
//! What a package declares is resolved when it is first needed, or in the order of the source.

mod universe;
mod conv;
pub(crate) mod decl;
mod ty;
mod expr;
mod select;
mod call;
mod builtin;
mod lit;
mod infer;
mod generic;
mod reach;
mod stmt;
mod flow;
mod body;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Instant;

use heap_escape::Tag;

use crate::ast::{ConstSpec, FuncDecl, TypeSpec, VarSpec};
use crate::ir::{
    Builtin, Code, Ex, FuncId, FuncInfo, LitId, LitInfo, Node, NodeKind, Owner, St, VarId, VarInfo,
};
use crate::source::{Fault, Pos};
use crate::types::{Kind, Ty, Types};
use crate::value::Value;

/// How deep the checker may recurse: through expressions, and from declaration to declaration.
const DEPTH: u32 = 3 * crate::parse::NESTING;

pub(crate) type Checked<T> = Result<T, Fault>;

/// What a name means.
#[derive(Clone, Debug)]
enum Obj {
    /// A declaration of a package.
    Slot(usize),
    Var(VarId),
    Const(Value, Ty, bool),
    Type(Ty),
    Generic(usize),
    Func(FuncId),
    GenericFunc(usize),
    Global(Rc<str>, Ty),
    Builtin(Builtin),
    Nil,
    Iota,
    Package(usize),
    /// An import of which there is neither source nor a table.
    UnknownPackage,
    /// A name that may be one of such an import, or a declaration of an import that is not understood.
    Unknown,
}

/// A declaration of a package, as written.
#[derive(Clone, Copy, Debug)]
enum Written<'a> {
    Const(&'a ConstSpec<'a>, usize),
    Var(&'a VarSpec<'a>, usize),
    Type(&'a TypeSpec<'a>),
    Func(&'a FuncDecl<'a>),
}

/// A place for what a declaration means.
#[derive(Debug)]
struct Slot<'a> {
    written: Written<'a>,
    home: Home,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    New,
    Busy,
    Done(Obj),
}

/// Where a declaration stands: the names of imports are those of its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Home {
    package: usize,
    file: usize,
}

/// What is known of a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// Its declarations, and where the arguments of its functions go.
    Table,
    /// Its source: the bodies of those of its functions are looked at that something that is looked at may call. What is not understood
    /// in it is unknown.
    Source,
    /// It is what lines are wanted for.
    Program,
}

#[derive(Debug)]
struct Package<'a> {
    name: &'a str,
    path: &'a str,
    what: What,
    scope: HashMap<&'a str, usize>,
    /// By file.
    imports: Vec<HashMap<&'a str, Obj>>,
    /// Of source: where the arguments of functions go, as a table says, by receiver and name.
    tags: HashMap<(Option<&'a str>, &'a str), Vec<Tag>>,
}

/// A generic type.
#[derive(Debug)]
struct Generic<'a> {
    spec: &'a TypeSpec<'a>,
    home: Home,
    /// Of one that is declared in a function: what is in scope there.
    scope: Vec<(&'a str, Obj)>,
    /// Of one that is declared in a generic function: the arguments of that.
    around: Vec<Ty>,
    instances: HashMap<Vec<Ty>, Ty>,
    methods: Vec<&'a FuncDecl<'a>>,
}

/// A generic function.
#[derive(Debug)]
struct GenericFunc<'a> {
    decl: &'a FuncDecl<'a>,
    home: Home,
    instances: HashMap<Vec<Ty>, FuncId>,
    /// By the names of the shapes: two of one name may have different constraints, and still share a body.
    shapes: HashMap<String, FuncId>,
}

/// A body that is still to be checked.
#[derive(Clone, Debug)]
struct Pending<'a> {
    func: FuncId,
    decl: &'a FuncDecl<'a>,
    home: Home,
    /// The names of type parameters, with the shapes that they stand for.
    bound: Vec<(&'a str, Ty)>,
    recv: Option<Ty>,
}

pub(crate) struct Checker<'a> {
    pub(crate) types: Types<'a>,
    pub(crate) funcs: Vec<FuncInfo>,
    pub(crate) vars: Vec<VarInfo<'a>>,
    pub(crate) lits: Vec<LitInfo<'a>>,
    /// The functions whose bodies were looked at, those of imports too, in the order in which they were found.
    pub(crate) codes: Vec<(FuncId, Code<'a>)>,
    /// Functions without one.
    pub(crate) bodyless: Vec<Bodyless<'a>>,
    /// What is done before `main`: the values of variables of the package.
    pub(crate) init: Vec<St<'a>>,
    packages: Vec<Package<'a>>,
    slots: Vec<Slot<'a>>,
    universe: HashMap<&'static str, Obj>,
    generics: Vec<Generic<'a>>,
    generic_funcs: Vec<GenericFunc<'a>>,
    pending: Vec<Pending<'a>>,
    home: Home,
    /// The names in scope in the function that is checked, innermost last.
    scope: Vec<(&'a str, Obj)>,
    /// Where the innermost scope begins.
    scope_start: usize,
    owner: Owner,
    /// By owner: the one around it, and the literal that it is.
    owners: Vec<(Option<Owner>, Option<LitId>)>,
    /// The arguments of the generic function that is checked.
    bound: Vec<Ty>,
    /// The methods of its arguments that it calls.
    bound_methods: Vec<(Ty, &'a str)>,
    /// The numbers of the types that are declared in functions.
    local_types: HashMap<*const TypeSpec<'a>, u32>,
    /// How many aliases are being resolved: meanwhile, what a declared type is made of waits.
    busy_aliases: u32,
    later: Vec<(Ty, Home, &'a TypeSpec<'a>)>,
    /// The bodies of methods of instances, by the number of the generic type, the name of the instance and the number of the method.
    bodies_of: HashMap<(usize, String, u32), FuncId>,
    /// The types of the results of what is checked.
    results: Vec<(VarId, Ty)>,
    iota: Option<i128>,
    /// Looking at `&x` in `return &x`.
    in_return: bool,
    depth: u32,
    /// Of variables of packages whose types are those of their values.
    global_values: HashMap<*const VarSpec<'a>, Vec<Ex<'a>>>,
    /// Types of which the compiler makes all methods where they are instances, since somebody may call them.
    boxed: Vec<Ty>,
    /// All types that were ever among these.
    boxed_once: HashSet<Ty>,
    /// The function whose body is checked.
    body: Option<FuncId>,
    /// The functions of which lines are wanted: those of the program, and the instances that it needs of generic functions of imports.
    pub(crate) told: HashSet<FuncId>,
    /// By function of which no lines are wanted so far: what it needs.
    needs: HashMap<FuncId, Vec<Need>>,
    /// The types that what is checked has to do with.
    seen: RefCell<HashSet<Ty>>,
    /// The types that lines may be wanted of, with what they lead to, and those of them that were not looked at yet.
    reached: HashSet<Ty>,
    to_reach: Vec<Ty>,
    /// By body of an instance: the types in it that depend on its arguments.
    dictionaries: HashMap<FuncId, Vec<Ty>>,
    /// By instance: which arguments the shapes stand for in its body.
    stand_for: HashMap<FuncId, Vec<(Ty, Ty)>>,
    /// The instances whose dictionaries are made, and those of them whose types were not looked at yet.
    with_dictionary: HashSet<FuncId>,
    to_fill: Vec<FuncId>,
    /// The types that are put into interfaces, wherever that is.
    in_interfaces: Vec<Ty>,
    /// The names of methods that are called by way of interfaces.
    dynamic: HashSet<&'a str>,
    /// How many nodes were made so far, and how many instances.
    nodes: Cell<u32>,
    instances: u32,
    /// When nothing more of imports is to be looked at.
    until: Option<Instant>,
    /// Of an instance of a generic type: which one.
    instance_of: HashMap<Ty, usize>,
    instance_methods: HashMap<(Ty, u32), FuncId>,
    /// The shape of a type argument under a constraint.
    shapes: HashMap<(Ty, Ty, Vec<Ty>), Ty>,
    /// The slots of the methods of a type, by its package and name.
    methods_of: HashMap<(usize, &'a str), Vec<usize>>,
}

/// What a function needs that the compiler makes for whoever needs it.
#[derive(Clone, Copy, Debug)]
enum Need {
    /// The body of an instance.
    Body(FuncId),
    /// The methods of an instance.
    Methods(Ty),
    /// The types of an instance's dictionary.
    Dict(FuncId),
    /// A type, with all that it leads to.
    Type(Ty),
}

/// A function without a body.
#[derive(Debug)]
pub(crate) struct Bodyless<'a> {
    pub(crate) func: FuncId,
    pub(crate) params: Vec<(Option<&'a str>, Pos, Ty)>,
    pub(crate) noescape: bool,
    /// Whether lines about it are wanted.
    pub(crate) told: bool,
}

impl<'a> Checker<'a> {
    /// The node of an expression.
    fn node(&self, pos: Pos, ty: Ty, kind: NodeKind<'a>) -> Ex<'a> {
        self.nodes.set(self.nodes.get().saturating_add(1));
        self.see(ty);
        Rc::new(Node { pos, ty, kind })
    }

    fn constant(&self, pos: Pos, ty: Ty, value: Value) -> Ex<'a> {
        let rune = ty == Ty::UNTYPED_RUNE;
        self.node(pos, ty, NodeKind::Const(value, rune))
    }

    fn unknown(&self, pos: Pos, parts: Vec<Ex<'a>>) -> Ex<'a> {
        self.node(pos, Ty::UNKNOWN, NodeKind::Unknown(parts))
    }

    /// Goes one level deeper.
    fn deeper<T>(&mut self, pos: Pos, check: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        if self.depth >= DEPTH {
            return Err(Fault::new(pos, "nested too deeply"));
        }
        self.depth += 1;
        let value = check(self);
        self.depth -= 1;
        value
    }

    /// A new variable of what is checked.
    fn new_var(&mut self, name: &'a str, pos: Pos, ty: Ty, is_param: bool) -> VarId {
        self.see(ty);
        let var = VarId(u32::try_from(self.vars.len()).unwrap_or(u32::MAX));
        let local = matches!(name, "" | "_") || crate::types::is_exported(name);
        let package = self.origin(self.home.package).filter(|_| !local).map(|package| package.name);
        self.vars.push(VarInfo {
            name,
            package,
            pos,
            ty,
            owner: self.owner,
            is_param,
            first: None,
            assigned: false,
            others: Vec::new(),
            odd: false,
            addressed: false,
            kept: false,
            captured: false,
        });
        var
    }

    fn var(&mut self, var: VarId) -> &mut VarInfo<'a> {
        &mut self.vars[var.0 as usize]
    }

    fn declare(&mut self, name: &'a str, obj: Obj) {
        if name != "_" {
            self.scope.push((name, obj));
        }
    }

    /// Checks something whose names are its own.
    fn scoped<T>(&mut self, check: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        let around = std::mem::replace(&mut self.scope_start, self.scope.len());
        let value = check(self);
        self.scope.truncate(self.scope_start);
        self.scope_start = around;
        value
    }

    /// Checks something that stands elsewhere, where the names in scope here mean nothing.
    fn elsewhere<T>(&mut self, home: Home, check: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        let scope = std::mem::take(&mut self.scope);
        let start = std::mem::take(&mut self.scope_start);
        let (around, iota) = (self.home, self.iota.take());
        self.home = home;
        let value = check(self);
        (self.home, self.scope, self.iota) = (around, scope, iota);
        self.scope_start = start;
        value
    }

    fn lookup(&mut self, name: &'a str, pos: Pos) -> Checked<Obj> {
        let found = self.scope.iter().rev().find(|(known, _)| *known == name).map(|(_, obj)| obj.clone());
        let package = &self.packages[self.home.package];
        let found = found
            .or_else(|| package.scope.get(name).map(|slot| Obj::Slot(*slot)))
            .or_else(|| package.imports[self.home.file].get(name).cloned())
            .or_else(|| self.universe.get(name).cloned());
        match found {
            Some(Obj::Slot(slot)) => self.resolve(slot, pos),
            Some(Obj::Var(var)) => {
                self.mention(var, pos);
                Ok(Obj::Var(var))
            }
            Some(obj) => Ok(obj),
            None if package.imports[self.home.file].contains_key(".") => Ok(Obj::Unknown),
            None => Err(Fault::new(pos, format!("undefined: {name}"))),
        }
    }

    /// All literals between here and the function of `var` capture it.
    fn mention(&mut self, var: VarId, pos: Pos) {
        let home = self.vars[var.0 as usize].owner;
        let mut at = self.owner;
        while at != home {
            let (around, literal) = self.owners[at.0 as usize];
            if let Some(LitId(number)) = literal {
                let captures = &mut self.lits[number as usize].captures;
                if !captures.iter().any(|(known, _)| *known == var) {
                    captures.push((var, pos));
                    self.vars[var.0 as usize].captured = true;
                }
            }
            let Some(around) = around else { return };
            at = around;
        }
    }

    fn new_owner(&mut self, around: Option<Owner>, literal: Option<LitId>) -> Owner {
        let owner = Owner(u32::try_from(self.owners.len()).unwrap_or(u32::MAX));
        self.owners.push((around, literal));
        owner
    }

    /// What is checked needs this: it is made if lines are wanted of that.
    fn need(&mut self, need: Need) {
        match self.body {
            Some(body) if !self.told.contains(&body) => self.needs.entry(body).or_default().push(need),
            None if !self.is_program() => {}
            _ => self.tell(need),
        }
    }

    fn tell(&mut self, need: Need) {
        let mut all = vec![need];
        while let Some(need) = all.pop() {
            match need {
                Need::Body(func) if self.told.insert(func) => {
                    all.extend(self.needs.remove(&func).unwrap_or_default());
                }
                Need::Methods(ty) if self.boxed_once.insert(ty) => self.boxed.push(ty),
                Need::Type(ty) if self.reached.insert(ty) => self.to_reach.push(ty),
                Need::Dict(func) if self.with_dictionary.insert(func) => self.to_fill.push(func),
                Need::Body(_) | Need::Methods(_) | Need::Dict(_) | Need::Type(_) => {}
            }
        }
    }

    /// A value of this type is put into an interface.
    fn put_in_interface(&mut self, ty: Ty) {
        self.need(Need::Methods(ty));
        self.in_interfaces.push(ty);
    }

    fn is_unknown(&self, ty: Ty) -> bool {
        matches!(self.types.under(ty), Kind::Basic(crate::types::Basic::Unknown))
    }
}
