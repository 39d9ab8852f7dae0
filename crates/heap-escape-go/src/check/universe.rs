//! What is known before anything is declared: the names that are built in, and those of the package `unsafe`.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::{Checker, Home, Obj, Package, What};
use crate::ir::{Builtin, Owner};
use crate::types::{Kind, Named, Origin, Ty, Types};
use crate::value::Value;

const BUILTINS: &[(&str, Builtin)] = &[
    ("append", Builtin::Append),
    ("cap", Builtin::Cap),
    ("clear", Builtin::Clear),
    ("close", Builtin::Close),
    ("complex", Builtin::Complex),
    ("copy", Builtin::Copy),
    ("delete", Builtin::Delete),
    ("imag", Builtin::Imag),
    ("len", Builtin::Len),
    ("make", Builtin::Make),
    ("max", Builtin::Max),
    ("min", Builtin::Min),
    ("new", Builtin::New),
    ("panic", Builtin::Panic),
    ("print", Builtin::Print),
    ("println", Builtin::Println),
    ("real", Builtin::Real),
    ("recover", Builtin::Recover),
];

pub(super) const UNSAFE: &[(&str, Builtin)] = &[
    ("Add", Builtin::UnsafeAdd),
    ("Alignof", Builtin::UnsafeAlignof),
    ("Offsetof", Builtin::UnsafeOffsetof),
    ("Sizeof", Builtin::UnsafeSizeof),
    ("Slice", Builtin::UnsafeSlice),
    ("SliceData", Builtin::UnsafeSliceData),
    ("String", Builtin::UnsafeString),
    ("StringData", Builtin::UnsafeStringData),
];

impl<'a> Checker<'a> {
    /// A checker of nothing yet.
    pub(super) fn empty() -> Self {
        let mut types = Types::new();
        let mut universe: HashMap<&'static str, Obj> = HashMap::new();
        let basics = [
            ("bool", 1),
            ("int", 2),
            ("int8", 3),
            ("int16", 4),
            ("int32", 5),
            ("rune", 29),
            ("int64", 6),
            ("uint", 7),
            ("uint8", 8),
            ("byte", 28),
            ("uint16", 9),
            ("uint32", 10),
            ("uint64", 11),
            ("uintptr", 12),
            ("float32", 13),
            ("float64", 14),
            ("complex64", 15),
            ("complex128", 16),
            ("string", 17),
        ];
        for (name, number) in basics {
            universe.insert(name, Obj::Type(Ty(number)));
        }
        universe.insert("any", Obj::Type(Ty::ANY_NAME));
        universe.insert("nil", Obj::Nil);
        universe.insert("iota", Obj::Iota);
        for (name, value) in [("true", true), ("false", false)] {
            universe.insert(name, Obj::Const(Value::Bool(value), Ty::UNTYPED_BOOL, false));
        }
        for (name, builtin) in BUILTINS {
            universe.insert(name, Obj::Builtin(*builtin));
        }
        let func = crate::types::FuncTy { params: Vec::new(), results: vec![Ty::STRING], variadic: false };
        let error = types.add(Kind::Func(Rc::new(func)));
        let interface = crate::types::InterfaceTy { methods: vec![("Error", error)], ..Default::default() };
        let underlying = Some(types.add(Kind::Interface(Rc::new(interface))));
        let named = |name, underlying| Named {
            name: Rc::from(name),
            package: Some(Origin { name: "", path: "" }),
            args: Vec::new(),
            around: Vec::new(),
            local: 0,
            underlying,
            methods: Vec::new(),
            shape: None,
        };
        let error = types.add_named(named("error", underlying));
        universe.insert("error", Obj::Type(error));
        let comparable = crate::types::InterfaceTy { comparable: true, ..Default::default() };
        let underlying = Some(types.add(Kind::Interface(Rc::new(comparable))));
        let comparable = types.add_named(named("comparable", underlying));
        universe.insert("comparable", Obj::Type(comparable));
        let library = Package {
            name: "unsafe",
            path: "unsafe",
            what: What::Table,
            scope: HashMap::new(),
            imports: vec![HashMap::new()],
            tags: HashMap::new(),
        };
        Self {
            types,
            funcs: Vec::new(),
            vars: Vec::new(),
            lits: Vec::new(),
            codes: Vec::new(),
            bodyless: Vec::new(),
            init: Vec::new(),
            packages: vec![library],
            slots: Vec::new(),
            universe,
            generics: Vec::new(),
            generic_funcs: Vec::new(),
            pending: Vec::new(),
            home: Home { package: 0, file: 0 },
            scope: Vec::new(),
            scope_start: 0,
            owner: Owner(0),
            owners: vec![(None, None)],
            bound: Vec::new(),
            bound_methods: Vec::new(),
            local_types: HashMap::new(),
            busy_aliases: 0,
            later: Vec::new(),
            bodies_of: HashMap::new(),
            results: Vec::new(),
            iota: None,
            in_return: false,
            depth: 0,
            global_values: HashMap::new(),
            boxed: Vec::new(),
            body: None,
            told: HashSet::new(),
            needs: HashMap::new(),
            boxed_once: HashSet::new(),
            seen: RefCell::default(),
            reached: HashSet::new(),
            to_reach: Vec::new(),
            dictionaries: HashMap::new(),
            stand_for: HashMap::new(),
            with_dictionary: HashSet::new(),
            to_fill: Vec::new(),
            in_interfaces: Vec::new(),
            dynamic: HashSet::new(),
            nodes: Cell::new(0),
            instances: 0,
            until: None,
            instance_of: HashMap::new(),
            instance_methods: HashMap::new(),
            shapes: HashMap::new(),
            methods_of: HashMap::new(),
        }
    }
}

/// A function of the package `unsafe`.
pub(super) fn unsafe_builtin(name: &str) -> Option<Builtin> {
    UNSAFE.iter().find(|(known, _)| *known == name).map(|(_, builtin)| *builtin)
}
