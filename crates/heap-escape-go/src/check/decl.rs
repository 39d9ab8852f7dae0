//! Packages and what they declare.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use heap_escape::Tag;

use super::universe::UNSAFE;
use super::{
    Checked, Checker, Generic, GenericFunc, Home, Obj, Package, Pending, Slot, State, What, Written,
};
use crate::ast::{Decl, Expr, ExprKind, File, FuncDecl, TypeSpec, VarSpec};
use crate::ir::{Ex, FuncId, FuncInfo, Owner, St, Target};
use crate::source::{Fault, Pos};
use crate::types::{Named, Origin, Ty};
use crate::value::{self, Value};

/// A package with its files.
#[derive(Debug)]
pub(crate) struct Loaded<'a> {
    pub(crate) path: String,
    pub(crate) what: What,
    pub(crate) files: Vec<File<'a>>,
    /// Of source: a table that says where the arguments of functions go.
    pub(crate) table: Option<File<'a>>,
}

/// The number of the package `unsafe`: the first.
const UNSAFE_PACKAGE: usize = 0;

impl<'a> Checker<'a> {
    /// Checks the last of these packages, with the others to import, of which nothing more is looked at after some time.
    ///
    /// # Errors
    /// The first fault, or that there was not enough time.
    pub(crate) fn check(packages: &'a [Loaded<'a>], until: Option<Instant>) -> Checked<Self> {
        let mut checker = Self::empty();
        checker.until = until;
        let name = |loaded: &'a Loaded<'a>| loaded.files.first().map_or("", |file| file.package.name);
        checker.types.program = match packages.last() {
            // What is run is called so, wherever it lies.
            Some(program) if !program.path.is_empty() && name(program) != "main" => &program.path,
            Some(program) => name(program),
            None => "main",
        };
        for loaded in packages {
            checker.collect(loaded)?;
        }
        let numbers = packages.iter().enumerate().map(|(at, loaded)| (&*loaded.path, at + 1)).collect();
        for (number, loaded) in packages.iter().enumerate() {
            checker.import(number + 1, loaded, &numbers)?;
        }
        if let Some(program) = packages.last() {
            checker.program(packages.len(), program)?;
        }
        Ok(checker)
    }

    /// Notes what a package declares.
    fn collect(&mut self, loaded: &'a Loaded<'a>) -> Checked<()> {
        let number = self.packages.len();
        let name = loaded.files.first().map_or("", |file| file.package.name);
        let what = loaded.what;
        let mut package = Package {
            name,
            path: &loaded.path,
            what,
            scope: HashMap::new(),
            imports: Vec::new(),
            tags: HashMap::new(),
        };
        for decl in loaded.table.iter().flat_map(|table| &table.decls) {
            if let Decl::Func(decl) = decl
                && decl.type_params.is_empty()
                && let Some(tags) = tags(&decl.pragmas)
            {
                package.tags.insert((receiver_name(decl), decl.name.name), tags);
            }
        }
        for (file_number, file) in loaded.files.iter().enumerate() {
            if file.package.name != name {
                let words = format!("found packages {name} and {}", file.package.name);
                return Err(Fault::new(file.package.pos, words));
            }
            package.imports.push(HashMap::new());
            let home = Home { package: number, file: file_number };
            for decl in &file.decls {
                for (name, written) in declared(decl) {
                    let slot = self.slots.len();
                    self.slots.push(Slot { written, home, state: State::New });
                    if let Written::Func(func) = written
                        && let Some(receiver) = receiver_name(func)
                    {
                        self.methods_of.entry((number, receiver)).or_default().push(slot);
                    }
                    let is_init = matches!(written, Written::Func(_)) && name.name == "init";
                    if name.name == "_" || is_init {
                        continue;
                    }
                    if package.scope.insert(name.name, slot).is_some() && what == What::Program {
                        return Err(Fault::new(name.pos, format!("{} redeclared in this block", name.name)));
                    }
                }
            }
        }
        self.packages.push(package);
        Ok(())
    }

    /// Resolves the imports of a package's files.
    fn import(
        &mut self,
        number: usize,
        loaded: &'a Loaded<'a>,
        numbers: &HashMap<&str, usize>,
    ) -> Checked<()> {
        for (file_number, file) in loaded.files.iter().enumerate() {
            for import in &file.imports {
                let Value::Str(path) = value::string(import.path) else {
                    return Err(Fault::new(import.pos, "invalid path of an import"));
                };
                let path = String::from_utf8_lossy(&path).into_owned();
                let found = numbers.get(&*path).copied();
                let found = if path == "unsafe" { Some(UNSAFE_PACKAGE) } else { found };
                let last = last_of(import.path);
                let (name, obj) = match found {
                    Some(package) => (self.packages[package].name, Obj::Package(package)),
                    None => (last, Obj::UnknownPackage),
                };
                let name = import.name.map_or(name, |name| name.name);
                if name == "." && found == Some(UNSAFE_PACKAGE) {
                    let all = UNSAFE.iter().map(|(name, builtin)| (*name, Obj::Builtin(*builtin)));
                    let all = all.chain([("Pointer", Obj::Type(Ty::POINTER))]);
                    self.packages[number].imports[file_number].extend(all);
                } else if name == "." {
                    let Obj::Package(package) = obj else {
                        self.packages[number].imports[file_number].insert(".", obj);
                        continue;
                    };
                    let scope: Vec<_> = self.packages[package].scope.iter().map(|(n, s)| (*n, *s)).collect();
                    for (name, slot) in scope {
                        self.packages[number].imports[file_number].insert(name, Obj::Slot(slot));
                    }
                } else if name != "_" {
                    self.packages[number].imports[file_number].insert(name, obj);
                }
            }
            // Methods belong to their types before anything is resolved.
            let home = Home { package: number, file: file_number };
            for decl in &file.decls {
                if let Decl::Type(spec) = decl
                    && !spec.params.is_empty()
                    && let Some(slot) = self.packages[number].scope.get(spec.name.name).copied()
                {
                    let methods =
                        loaded.files.iter().flat_map(|file| &file.decls).filter_map(|decl| match decl {
                            Decl::Func(func) if receiver_name(func) == Some(spec.name.name) => Some(func),
                            _ => None,
                        });
                    let generic = Generic {
                        spec,
                        home,
                        scope: Vec::new(),
                        around: Vec::new(),
                        instances: HashMap::new(),
                        methods: methods.collect(),
                    };
                    self.generics.push(generic);
                    self.slots[slot].state = State::Done(Obj::Generic(self.generics.len() - 1));
                }
            }
        }
        Ok(())
    }

    /// Resolves and checks everything that the program declares.
    fn program(&mut self, number: usize, loaded: &'a Loaded<'a>) -> Checked<()> {
        self.home = Home { package: number, file: 0 };
        let own: Vec<usize> =
            (0..self.slots.len()).filter(|slot| self.slots[*slot].home.package == number).collect();
        for slot in &own {
            let pos = self.slots[*slot].written.pos();
            self.resolve(*slot, pos)?;
        }
        self.need_declared(&own);
        self.bodies()?;
        for (file_number, file) in loaded.files.iter().enumerate() {
            self.home = Home { package: number, file: file_number };
            for decl in &file.decls {
                if let Decl::Var(spec) = decl {
                    self.global_init(spec)?;
                }
            }
        }
        // Instances that only those values have.
        self.need_seen();
        self.bodies()
    }

    /// What a declaration means.
    pub(super) fn resolve(&mut self, slot: usize, pos: Pos) -> Checked<Obj> {
        match &self.slots[slot].state {
            State::Done(obj) => return Ok(obj.clone()),
            State::Busy => return Err(Fault::new(pos, "declared in terms of itself")),
            State::New => {}
        }
        let Slot { written, home, .. } = self.slots[slot];
        self.slots[slot].state = State::Busy;
        let around = (self.busy_aliases, self.owner, self.body.take());
        let seen = self.seen.take();
        let obj = self.deeper(pos, |checker| {
            checker.elsewhere(home, |checker| match written {
                Written::Const(spec, index) => checker.const_value(spec, index),
                Written::Var(spec, index) => checker.global(spec, index),
                Written::Type(spec) => checker.declared_type(slot, spec),
                Written::Func(decl) => checker.declared_func(decl, home),
            })
        });
        let obj = match obj {
            // Without a meaning, it is unknown.
            Err(_) if self.packages[home.package].what == What::Source => {
                (self.busy_aliases, self.owner) = (around.0, around.1);
                Obj::Unknown
            }
            obj => obj?,
        };
        self.body = around.2;
        self.see_again(seen, home);
        self.slots[slot].state = State::Done(obj.clone());
        Ok(obj)
    }

    /// The value of one name in a line of constants.
    pub(super) fn const_value(&mut self, spec: &'a crate::ast::ConstSpec<'a>, index: usize) -> Checked<Obj> {
        let name = spec.names[index];
        let Some(value) = spec.values.get(index) else {
            return Err(Fault::new(name.pos, "missing init expr for const declaration"));
        };
        let around = self.iota.replace(i128::from(spec.iota));
        let ty = match &spec.ty {
            Some(ty) => Some(self.ty(ty)?),
            None => None,
        };
        let x = self.expr_for(value, ty)?;
        self.iota = around;
        let x = match ty {
            Some(ty) => self.convert_to(x, ty),
            None => x,
        };
        match &x.kind {
            crate::ir::NodeKind::Const(value, rune) => Ok(Obj::Const(value.clone(), x.ty, *rune)),
            _ => Ok(Obj::Const(Value::Unknown, x.ty, false)),
        }
    }

    /// A variable of a package.
    fn global(&mut self, spec: &'a VarSpec<'a>, index: usize) -> Checked<Obj> {
        let ty = match &spec.ty {
            Some(ty) => self.ty(ty)?,
            None => {
                let values = self.global_values_of(spec)?;
                let several = values.len() == 1 && spec.names.len() > 1;
                let ty = if several {
                    self.types.parts(values[0].ty).get(index).copied()
                } else {
                    values.get(index).map(|x| x.ty)
                };
                self.types.default(ty.unwrap_or(Ty::UNKNOWN))
            }
        };
        let name = self.qualified(spec.names[index].name);
        Ok(Obj::Global(Rc::from(name), ty))
    }

    /// A name of this package as messages write it.
    fn qualified(&self, name: &str) -> String {
        let package = &self.packages[self.home.package];
        if self.is_program() { name.to_owned() } else { format!("{}.{name}", package.name) }
    }

    /// Whether what is resolved belongs to the program, and not to an import.
    pub(super) fn is_program(&self) -> bool {
        self.packages[self.home.package].what == What::Program
    }

    /// The package of a type, unless it is the program.
    pub(super) fn origin(&self, package: usize) -> Option<Origin<'a>> {
        let Package { name, path, what, .. } = &self.packages[package];
        (*what != What::Program).then_some(Origin { name, path })
    }

    fn global_values_of(&mut self, spec: &'a VarSpec<'a>) -> Checked<Vec<Ex<'a>>> {
        let key = std::ptr::from_ref(spec);
        if let Some(values) = self.global_values.get(&key) {
            return Ok(values.clone());
        }
        let around = std::mem::replace(&mut self.owner, Owner(0));
        let ty = match &spec.ty {
            Some(ty) => Some(self.ty(ty)?),
            None => None,
        };
        let mut values = Vec::new();
        for value in &spec.values {
            let x = self.expr_for(value, ty)?;
            values.push(if spec.values.len() == spec.names.len() {
                match ty {
                    Some(ty) => self.assignable(x, ty),
                    None => self.defaulted(x),
                }
            } else {
                x
            });
        }
        self.owner = around;
        self.global_values.insert(key, values.clone());
        Ok(values)
    }

    fn global_init(&mut self, spec: &'a VarSpec<'a>) -> Checked<()> {
        let values = self.global_values_of(spec)?;
        if values.is_empty() {
            return Ok(());
        }
        let lhs = spec.names.iter().map(|name| {
            let node = crate::ir::Node {
                pos: name.pos,
                ty: Ty::UNKNOWN,
                kind: crate::ir::NodeKind::Global(Rc::from(name.name)),
            };
            Target::Place(Rc::new(node))
        });
        let (pos, lhs) = (spec.pos, lhs.collect::<Vec<_>>());
        let rhs = if values.len() == lhs.len() { values } else { self.parts(&values[0], lhs.len()) };
        self.init.push(St::Assign { pos, lhs, rhs });
        Ok(())
    }

    fn declared_type(&mut self, slot: usize, spec: &'a TypeSpec<'a>) -> Checked<Obj> {
        if spec.alias {
            self.busy_aliases += 1;
            let ty = self.ty(&spec.ty);
            self.busy_aliases -= 1;
            let ty = ty?;
            self.slots[slot].state = State::Done(Obj::Type(ty));
            while self.busy_aliases == 0
                && let Some((named, home, spec)) = self.later.pop()
            {
                let underlying = self.elsewhere(home, |checker| checker.ty(&spec.ty))?;
                self.set_underlying(named, underlying);
            }
            return Ok(Obj::Type(ty));
        }
        let package = self.origin(self.home.package);
        let ty = self.types.add_named(Named {
            name: Rc::from(spec.name.name),
            package,
            args: Vec::new(),
            around: Vec::new(),
            local: 0,
            underlying: None,
            methods: Vec::new(),
            shape: None,
        });
        // Known from here on, so that it can be named in what it is made of.
        self.slots[slot].state = State::Done(Obj::Type(ty));
        self.collect_methods(ty, spec.name.name);
        if self.busy_aliases > 0 {
            self.later.push((ty, self.home, spec));
            return Ok(Obj::Type(ty));
        }
        let underlying = self.ty(&spec.ty)?;
        self.set_underlying(ty, underlying);
        Ok(Obj::Type(ty))
    }

    pub(super) fn set_underlying(&mut self, ty: Ty, underlying: Ty) {
        if let Some(id) = self.types.as_named(ty) {
            self.types.named[id.0 as usize].underlying = Some(underlying);
        }
    }

    /// The methods of a type of this package.
    fn collect_methods(&mut self, ty: Ty, name: &'a str) {
        let slots = self.methods_of.get(&(self.home.package, name)).cloned().unwrap_or_default();
        let Some(id) = self.types.as_named(ty) else { return };
        for slot in slots {
            let Written::Func(decl) = self.slots[slot].written else { continue };
            let pointer =
                decl.recv.as_ref().is_some_and(|recv| matches!(recv.ty.bare().kind, ExprKind::Star(_)));
            let number = u32::try_from(slot).unwrap_or(u32::MAX);
            self.types.named[id.0 as usize].methods.push((decl.name.name, number, pointer));
        }
    }

    fn declared_func(&mut self, decl: &'a FuncDecl<'a>, home: Home) -> Checked<Obj> {
        if receiver_name(decl).is_some_and(|name| self.is_generic(name)) {
            // Its instances are made with those of its type.
            return Ok(Obj::Nil);
        }
        if !decl.type_params.is_empty() {
            let generic = GenericFunc { decl, home, instances: HashMap::new(), shapes: HashMap::new() };
            self.generic_funcs.push(generic);
            return Ok(Obj::GenericFunc(self.generic_funcs.len() - 1));
        }
        let func = self.new_func(decl, home, Vec::new(), None)?;
        Ok(Obj::Func(func))
    }

    fn is_generic(&self, name: &str) -> bool {
        let slot = self.packages[self.home.package].scope.get(name);
        slot.is_some_and(|slot| matches!(self.slots[*slot].state, State::Done(Obj::Generic(_))))
    }

    /// A function, whose body is checked later.
    pub(super) fn new_func(
        &mut self,
        decl: &'a FuncDecl<'a>,
        home: Home,
        bound: Vec<(&'a str, Ty)>,
        recv: Option<Ty>,
    ) -> Checked<FuncId> {
        let ty = self.signature(&decl.signature)?;
        let recv = match (&decl.recv, recv) {
            (_, Some(recv)) => Some(recv),
            (Some(param), None) => Some(self.ty(&param.ty)?),
            (None, None) => None,
        };
        let text = match recv {
            None => self.qualified(decl.name.name),
            Some(recv) if self.types.pointee(recv).is_some() && self.types.as_named(recv).is_none() => {
                format!("({}).{}", self.types.show(recv), decl.name.name)
            }
            Some(recv) => format!("{}.{}", self.types.show(recv), decl.name.name),
        };
        let func = FuncId(u32::try_from(self.funcs.len()).unwrap_or(u32::MAX));
        let what = self.packages[home.package].what;
        let tags = match what {
            What::Table => tags(&decl.pragmas),
            // Of an instance, the table knows what one with pointers is like.
            What::Source if bound.is_empty() => {
                let known = &self.packages[home.package].tags;
                known.get(&(receiver_name(decl), decl.name.name)).cloned()
            }
            What::Source | What::Program => None,
        };
        let is_known = what == What::Table || tags.is_some();
        let uintptrs = decl.pragmas.contains(&"//go:uintptrescapes");
        self.funcs.push(FuncInfo { text, ty, tags, body: func, uintptrs, dict: None });
        if what == What::Program {
            self.told.insert(func);
        }
        if !is_known {
            if decl.name.name == "_" {
                // Nobody can call it.
            } else if decl.body.is_some() {
                self.pending.push(Pending { func, decl, home, bound, recv });
            } else {
                self.bodyless(func, decl, recv);
            }
        }
        Ok(func)
    }
}

impl Written<'_> {
    pub(super) fn pos(&self) -> Pos {
        match self {
            Written::Const(spec, index) => spec.names[*index].pos,
            Written::Var(spec, index) => spec.names[*index].pos,
            Written::Type(spec) => spec.name.pos,
            Written::Func(decl) => decl.name.pos,
        }
    }
}

/// The name that a package is expected to have, by its path: its last part, but for a version.
fn last_of(path: &str) -> &str {
    let mut parts = path.trim_matches(['"', '`']).rsplit('/');
    let last = parts.next().unwrap_or("");
    let is_version = last.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    if is_version { parts.next().unwrap_or(last) } else { last }
}

/// The names that a declaration declares.
fn declared<'a>(decl: &'a Decl<'a>) -> Vec<(crate::ast::Ident<'a>, Written<'a>)> {
    match decl {
        Decl::Const(spec) => {
            spec.names.iter().enumerate().map(|(i, name)| (*name, Written::Const(spec, i))).collect()
        }
        Decl::Var(spec) => {
            spec.names.iter().enumerate().map(|(i, name)| (*name, Written::Var(spec, i))).collect()
        }
        Decl::Type(spec) => vec![(spec.name, Written::Type(spec))],
        Decl::Func(decl) if decl.recv.is_some() => {
            vec![(crate::ast::Ident { pos: decl.name.pos, name: "_" }, Written::Func(decl))]
        }
        Decl::Func(decl) => vec![(decl.name, Written::Func(decl))],
    }
}

/// The name of the type that a method belongs to.
pub(super) fn receiver_name<'a>(decl: &FuncDecl<'a>) -> Option<&'a str> {
    fn name<'a>(ty: &Expr<'a>) -> Option<&'a str> {
        match &ty.kind {
            ExprKind::Name(name) => Some(name),
            ExprKind::Star(ty) | ExprKind::Paren(ty) | ExprKind::Index(ty, _) => name(ty),
            _ => None,
        }
    }
    name(&decl.recv.as_ref()?.ty)
}

/// The tags that a table gives for a function: one word for each parameter.
fn tags(pragmas: &[&str]) -> Option<Vec<Tag>> {
    let words = pragmas.iter().find_map(|pragma| pragma.strip_prefix("//go:tags"))?;
    let tag = |word: &str| {
        let byte = |at: usize| u8::from_str_radix(word.get(at..at + 2)?, 16).ok();
        if word == "-" {
            return Tag::NOWHERE;
        }
        let bytes: Vec<u8> = (0..word.len()).step_by(2).filter_map(byte).collect();
        Tag::decode(&bytes)
    };
    Some(words.split_whitespace().map(tag).collect())
}
