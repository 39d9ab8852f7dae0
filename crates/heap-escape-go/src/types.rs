//! Types.
//!
//! A type is a number ([`Ty`]). Types that are written alike are one, so that identity is equality of numbers; a declared type is one
//! of its own for each declaration (and each list of arguments, if it is generic).

mod show;

pub(crate) use show::is_exported;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::ast::Direction;

/// A type. The first ones are those that are built in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Ty(pub(crate) u32);

/// A declared type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NamedId(pub(crate) u32);

/// What is built in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Basic {
    /// Of something of which nothing is known.
    Unknown,
    Bool,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uintptr,
    Float32,
    Float64,
    Complex64,
    Complex128,
    String,
    Pointer,
    UntypedBool,
    UntypedInt,
    UntypedRune,
    UntypedFloat,
    UntypedComplex,
    UntypedString,
    UntypedNil,
}

const BASICS: &[(Basic, &str)] = &[
    (Basic::Unknown, "?"),
    (Basic::Bool, "bool"),
    (Basic::Int, "int"),
    (Basic::Int8, "int8"),
    (Basic::Int16, "int16"),
    (Basic::Int32, "int32"),
    (Basic::Int64, "int64"),
    (Basic::Uint, "uint"),
    (Basic::Uint8, "uint8"),
    (Basic::Uint16, "uint16"),
    (Basic::Uint32, "uint32"),
    (Basic::Uint64, "uint64"),
    (Basic::Uintptr, "uintptr"),
    (Basic::Float32, "float32"),
    (Basic::Float64, "float64"),
    (Basic::Complex64, "complex64"),
    (Basic::Complex128, "complex128"),
    (Basic::String, "string"),
    (Basic::Pointer, "unsafe.Pointer"),
    (Basic::UntypedBool, "untyped bool"),
    (Basic::UntypedInt, "untyped int"),
    (Basic::UntypedRune, "untyped rune"),
    (Basic::UntypedFloat, "untyped float"),
    (Basic::UntypedComplex, "untyped complex"),
    (Basic::UntypedString, "untyped string"),
    (Basic::UntypedNil, "untyped nil"),
];

impl Ty {
    pub(crate) const UNKNOWN: Self = Self(0);
    pub(crate) const BOOL: Self = Self(1);
    pub(crate) const INT: Self = Self(2);
    pub(crate) const INT32: Self = Self(5);
    pub(crate) const UINT8: Self = Self(8);
    pub(crate) const UINTPTR: Self = Self(12);
    pub(crate) const FLOAT64: Self = Self(14);
    pub(crate) const COMPLEX128: Self = Self(16);
    pub(crate) const STRING: Self = Self(17);
    pub(crate) const POINTER: Self = Self(18);
    pub(crate) const UNTYPED_BOOL: Self = Self(19);
    pub(crate) const UNTYPED_INT: Self = Self(20);
    pub(crate) const UNTYPED_RUNE: Self = Self(21);
    pub(crate) const UNTYPED_FLOAT: Self = Self(22);
    pub(crate) const UNTYPED_COMPLEX: Self = Self(23);
    pub(crate) const UNTYPED_STRING: Self = Self(24);
    pub(crate) const NIL: Self = Self(25);
    /// `interface {}`
    pub(crate) const ANY: Self = Self(26);
    /// No value: of a call without results.
    pub(crate) const VOID: Self = Self(27);
    pub(crate) const BYTE: Self = Self(28);
    pub(crate) const RUNE: Self = Self(29);
    /// `any`
    pub(crate) const ANY_NAME: Self = Self(30);

    pub(crate) fn is_untyped(self) -> bool {
        (Self::UNTYPED_BOOL.0..=Self::NIL.0).contains(&self.0)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FieldTy<'a> {
    pub(crate) name: &'a str,
    pub(crate) ty: Ty,
    pub(crate) embedded: bool,
    /// Of a name that only its package knows: which one, if it is not the program.
    pub(crate) package: Option<&'a str>,
    /// The tag as written, in quotes.
    pub(crate) tag: Option<&'a str>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FuncTy {
    pub(crate) params: Vec<Ty>,
    pub(crate) results: Vec<Ty>,
    pub(crate) variadic: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct InterfaceTy<'a> {
    /// In the order of names.
    pub(crate) methods: Vec<(&'a str, Ty)>,
    /// Of a constraint: the types that it allows, if it says.
    pub(crate) terms: Vec<Ty>,
    pub(crate) comparable: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind<'a> {
    Basic(Basic),
    Pointer(Ty),
    Slice(Ty),
    Array(Ty, u64),
    Map(Ty, Ty),
    Chan(Direction, Ty),
    Struct(Rc<[FieldTy<'a>]>),
    Func(Rc<FuncTy>),
    Interface(Rc<InterfaceTy<'a>>),
    Tuple(Rc<[Ty]>),
    Named(NamedId),
    /// Another name of a type that is built in, kept because messages use it.
    Alias(&'static str, Ty),
    /// A type parameter of a signature: while its argument is looked for.
    Param(u32),
}

/// The package that declares a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin<'a> {
    /// Empty, as is the path, if the type is built in.
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
}

/// A declared type.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    pub(crate) name: Rc<str>,
    /// The package, if it is not that of the program.
    pub(crate) package: Option<Origin<'a>>,
    pub(crate) args: Vec<Ty>,
    /// Of a type that is declared in a generic function: the arguments of that one.
    pub(crate) around: Vec<Ty>,
    /// Of a type that is declared in a function: its number among those, from 1; else 0.
    pub(crate) local: u32,
    /// Nothing until the declaration is resolved.
    pub(crate) underlying: Option<Ty>,
    /// Its methods: name, number of the method's function, and whether the receiver is a pointer.
    pub(crate) methods: Vec<(&'a str, u32, bool)>,
    /// The argument of a generic function, as its body sees it: a shape. The methods are those of its constraint.
    pub(crate) shape: Option<Ty>,
}

/// All types of a program.
#[derive(Debug)]
pub(crate) struct Types<'a> {
    kinds: Vec<Kind<'a>>,
    known: HashMap<Kind<'a>, Ty>,
    pub(crate) named: Vec<Named<'a>>,
    /// The path of the program's package, or its name if it has none.
    pub(crate) program: &'a str,
    layouts: RefCell<HashMap<Ty, Option<Layout>>>,
}

/// Size and alignment in bytes, and whether there are references inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    pub(crate) bytes: u64,
    pub(crate) align: u64,
    pub(crate) references: bool,
}

impl Layout {
    const WORD: Self = Self { bytes: 8, align: 8, references: true };

    fn plain(bytes: u64) -> Self {
        Self { bytes, align: bytes.min(8), references: false }
    }
}

impl<'a> Types<'a> {
    pub(crate) fn new() -> Self {
        let mut types = Self {
            kinds: Vec::new(),
            known: HashMap::new(),
            named: Vec::new(),
            program: "main",
            layouts: RefCell::default(),
        };
        for (basic, _) in BASICS {
            types.add(Kind::Basic(*basic));
        }
        types.add(Kind::Interface(Rc::new(InterfaceTy::default())));
        types.add(Kind::Tuple(Rc::new([])));
        types.add(Kind::Alias("byte", Ty::UINT8));
        types.add(Kind::Alias("rune", Ty::INT32));
        types.add(Kind::Alias("any", Ty::ANY));
        types
    }

    /// The type of this kind.
    pub(crate) fn add(&mut self, kind: Kind<'a>) -> Ty {
        if let Some(ty) = self.known.get(&kind) {
            return *ty;
        }
        let ty = Ty(u32::try_from(self.kinds.len()).unwrap_or(u32::MAX));
        self.kinds.push(kind.clone());
        self.known.insert(kind, ty);
        ty
    }

    pub(crate) fn add_named(&mut self, named: Named<'a>) -> Ty {
        let id = NamedId(u32::try_from(self.named.len()).unwrap_or(u32::MAX));
        self.named.push(named);
        self.add(Kind::Named(id))
    }

    pub(crate) fn pointer(&mut self, to: Ty) -> Ty {
        self.add(Kind::Pointer(to))
    }

    pub(crate) fn slice(&mut self, of: Ty) -> Ty {
        self.add(Kind::Slice(of))
    }

    pub(crate) fn tuple(&mut self, of: &[Ty]) -> Ty {
        self.add(Kind::Tuple(Rc::from(of)))
    }

    /// The kind as written: a name is a name.
    pub(crate) fn kind(&self, ty: Ty) -> &Kind<'a> {
        &self.kinds[ty.0 as usize]
    }

    pub(crate) fn as_named(&self, ty: Ty) -> Option<NamedId> {
        match self.kind(ty) {
            Kind::Named(id) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn named(&self, id: NamedId) -> &Named<'a> {
        &self.named[id.0 as usize]
    }

    /// The type without another name of it.
    pub(crate) fn unaliased(&self, ty: Ty) -> Ty {
        match self.kind(ty) {
            Kind::Alias(_, of) => *of,
            _ => ty,
        }
    }

    /// What is behind the names.
    pub(crate) fn underlying(&self, ty: Ty) -> Ty {
        let mut at = ty;
        // A declaration in a circle has no underlying type; the bound is more than any chain of declarations has.
        for _ in 0..100 {
            let next = match self.kind(at) {
                Kind::Named(id) => self.named(*id).underlying,
                Kind::Alias(_, of) => Some(*of),
                _ => return at,
            };
            match next {
                Some(next) if next != at => at = next,
                _ => return Ty::UNKNOWN,
            }
        }
        Ty::UNKNOWN
    }

    pub(crate) fn under(&self, ty: Ty) -> &Kind<'a> {
        self.kind(self.underlying(ty))
    }

    pub(crate) fn basic(&self, ty: Ty) -> Option<Basic> {
        match self.under(ty) {
            Kind::Basic(basic) => Some(*basic),
            _ => None,
        }
    }

    /// Whether a value of one of these types is one of the other as it is, where it may be converted: numbers may have to be changed.
    pub(crate) fn has_same_bits(&self, a: Ty, b: Ty) -> bool {
        let wide = |basic| match basic {
            Basic::Int => Basic::Int64,
            Basic::Uint | Basic::Uintptr => Basic::Uint64,
            basic => basic,
        };
        match (self.basic(a), self.basic(b)) {
            (Some(a), Some(b)) => wide(a) == wide(b),
            _ => true,
        }
    }

    pub(crate) fn is_interface(&self, ty: Ty) -> bool {
        matches!(self.under(ty), Kind::Interface(_))
    }

    /// Whether it is an interface, and not the argument of a generic function that is one.
    pub(crate) fn is_plain_interface(&self, ty: Ty) -> bool {
        let is_shape = self.as_named(ty).is_some_and(|id| self.named(id).shape.is_some());
        self.is_interface(ty) && !is_shape
    }

    pub(crate) fn is_string(&self, ty: Ty) -> bool {
        matches!(self.basic(ty), Some(Basic::String | Basic::UntypedString))
    }

    pub(crate) fn is_unsigned(&self, ty: Ty) -> bool {
        self.basic(ty).is_some_and(|basic| (Basic::Uint..=Basic::Uintptr).contains(&basic))
    }

    pub(crate) fn is_integer(&self, ty: Ty) -> bool {
        self.basic(ty).is_some_and(|basic| {
            (Basic::Int..=Basic::Uintptr).contains(&basic)
                || matches!(basic, Basic::UntypedInt | Basic::UntypedRune)
        })
    }

    pub(crate) fn is_float(&self, ty: Ty) -> bool {
        matches!(self.basic(ty), Some(Basic::Float32 | Basic::Float64 | Basic::UntypedFloat))
    }

    pub(crate) fn is_complex(&self, ty: Ty) -> bool {
        matches!(self.basic(ty), Some(Basic::Complex64 | Basic::Complex128 | Basic::UntypedComplex))
    }

    /// The type of an element, if it is a slice (`bytes`: a string too).
    pub(crate) fn slice_elem(&self, ty: Ty) -> Option<Ty> {
        match self.under(ty) {
            Kind::Slice(of) => Some(*of),
            _ => None,
        }
    }

    /// What a pointer points to.
    pub(crate) fn pointee(&self, ty: Ty) -> Option<Ty> {
        match self.under(ty) {
            Kind::Pointer(to) => Some(*to),
            _ => None,
        }
    }

    pub(crate) fn func(&self, ty: Ty) -> Option<Rc<FuncTy>> {
        match self.under(ty) {
            Kind::Func(func) => Some(Rc::clone(func)),
            _ => None,
        }
    }

    /// The types of several values at once.
    pub(crate) fn parts(&self, ty: Ty) -> Vec<Ty> {
        match self.kind(ty) {
            Kind::Tuple(parts) => parts.to_vec(),
            _ => vec![ty],
        }
    }

    /// The type that an untyped constant gets where none is wanted.
    pub(crate) fn default(&self, ty: Ty) -> Ty {
        match ty {
            Ty::UNTYPED_BOOL => Ty::BOOL,
            Ty::UNTYPED_INT => Ty::INT,
            Ty::UNTYPED_RUNE => Ty::RUNE,
            Ty::UNTYPED_FLOAT => Ty::FLOAT64,
            Ty::UNTYPED_COMPLEX => Ty::COMPLEX128,
            Ty::UNTYPED_STRING => Ty::STRING,
            _ => ty,
        }
    }

    /// Size, alignment, references; nothing for a type that contains itself.
    pub(crate) fn layout(&self, ty: Ty) -> Option<Layout> {
        if let Some(known) = self.layouts.borrow().get(&ty) {
            return *known;
        }
        self.layouts.borrow_mut().insert(ty, None); // While it is looked for, it would contain itself.
        let layout = self.new_layout(ty);
        if layout.is_some() {
            self.layouts.borrow_mut().insert(ty, layout);
        } else {
            self.layouts.borrow_mut().remove(&ty);
        }
        layout
    }

    fn new_layout(&self, ty: Ty) -> Option<Layout> {
        let words = |words: u64| Layout { bytes: 8 * words, ..Layout::WORD };
        Some(match self.kind(ty).clone() {
            Kind::Basic(basic) => match basic {
                Basic::Bool | Basic::Int8 | Basic::Uint8 | Basic::UntypedBool => Layout::plain(1),
                Basic::Int16 | Basic::Uint16 => Layout::plain(2),
                Basic::Int32 | Basic::Uint32 | Basic::Float32 | Basic::UntypedRune => Layout::plain(4),
                Basic::Complex64 => Layout { bytes: 8, align: 4, references: false },
                Basic::Complex128 | Basic::UntypedComplex => {
                    Layout { bytes: 16, align: 8, references: false }
                }
                Basic::String | Basic::UntypedString => words(2),
                Basic::Unknown | Basic::Pointer | Basic::UntypedNil => Layout::WORD,
                _ => Layout::plain(8),
            },
            Kind::Pointer(_) | Kind::Map(..) | Kind::Chan(..) | Kind::Func(_) | Kind::Param(_) => {
                Layout::WORD
            }
            Kind::Slice(_) => words(3),
            Kind::Interface(_) => words(2),
            Kind::Array(of, length) => {
                let of = self.layout(of)?;
                let references = of.references && length > 0;
                Layout { bytes: of.bytes.saturating_mul(length), align: of.align, references }
            }
            Kind::Struct(fields) => {
                let mut all = Layout { bytes: 0, align: 1, references: false };
                let mut last = 1;
                for field in fields.iter() {
                    let of = self.layout(field.ty)?;
                    all.bytes = round_up(all.bytes, of.align).saturating_add(of.bytes);
                    all.align = all.align.max(of.align);
                    all.references |= of.references;
                    last = of.bytes;
                }
                // A pointer to a last field without size must not point past the object.
                if last == 0 && all.bytes > 0 {
                    all.bytes = all.bytes.saturating_add(1);
                }
                all.bytes = round_up(all.bytes, all.align);
                all
            }
            Kind::Alias(_, of) => self.layout(of)?,
            Kind::Tuple(_) => Layout { bytes: 0, align: 1, references: true },
            Kind::Named(id) => {
                let underlying = self.named(id).underlying?;
                self.layout(underlying)?
            }
        })
    }

    /// Where a field of a struct lies in it.
    pub(crate) fn offset(&self, of: Ty, name: &str) -> Option<u64> {
        let Kind::Struct(fields) = self.under(of) else { return None };
        let mut bytes = 0;
        for field in fields.iter() {
            let layout = self.layout(field.ty)?;
            bytes = round_up(bytes, layout.align);
            if field.name == name {
                return Some(bytes);
            }
            bytes = bytes.saturating_add(layout.bytes);
        }
        None
    }

    pub(crate) fn is_shape(&self, ty: Ty) -> bool {
        self.as_named(ty).is_some_and(|id| self.named(id).shape.is_some())
    }

    pub(crate) fn has_references(&self, ty: Ty) -> bool {
        self.layout(ty).is_none_or(|layout| layout.references)
    }

    pub(crate) fn size(&self, ty: Ty) -> u64 {
        self.layout(ty).map_or(8, |layout| layout.bytes)
    }

    /// Whether this is made of the argument of a generic function, as its body sees it.
    pub(crate) fn has_shape(&self, ty: Ty) -> bool {
        self.is_shaped(ty, 0)
    }

    fn is_shaped(&self, ty: Ty, depth: u32) -> bool {
        let next = depth + 1;
        match self.kind(ty) {
            // Deeper than the arguments of an instance may be nested, there is nothing more to be found.
            _ if depth > 60 => false,
            Kind::Named(id) => {
                let named = self.named(*id);
                named.shape.is_some()
                    || named.args.iter().chain(&named.around).any(|arg| self.is_shaped(*arg, next))
            }
            Kind::Pointer(of) | Kind::Slice(of) | Kind::Array(of, _) | Kind::Chan(_, of) => {
                self.is_shaped(*of, next)
            }
            Kind::Map(key, value) => self.is_shaped(*key, next) || self.is_shaped(*value, next),
            Kind::Func(func) => func.params.iter().chain(&func.results).any(|ty| self.is_shaped(*ty, next)),
            Kind::Struct(fields) => fields.iter().any(|field| self.is_shaped(field.ty, next)),
            Kind::Tuple(parts) => parts.iter().any(|ty| self.is_shaped(*ty, next)),
            Kind::Interface(inner) => inner.methods.iter().any(|(_, ty)| self.is_shaped(*ty, next)),
            Kind::Basic(_) | Kind::Alias(..) | Kind::Param(_) => false,
        }
    }

    /// Whether the value itself is put into an interface, and not a pointer to a copy.
    pub(crate) fn is_direct(&self, ty: Ty) -> bool {
        let mut at = ty;
        for _ in 0..100 {
            match self.under(at) {
                Kind::Pointer(_) | Kind::Chan(..) | Kind::Map(..) | Kind::Func(_) => return true,
                Kind::Basic(basic) => return *basic == Basic::Pointer,
                Kind::Array(of, 1) => at = *of,
                Kind::Struct(fields) => {
                    let mut sized = fields.iter().filter(|field| self.size(field.ty) > 0);
                    match (sized.next(), sized.next()) {
                        (Some(only), None) if self.size(at) == 8 => at = only.ty,
                        _ => return false,
                    }
                }
                _ => return false,
            }
        }
        false
    }
}

fn round_up(bytes: u64, align: u64) -> u64 {
    bytes.checked_next_multiple_of(align.max(1)).unwrap_or(u64::MAX)
}
