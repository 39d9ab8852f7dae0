//! Expressions as messages quote them: as the Go compiler writes its own tree, and not as the source has it.

use std::rc::Rc;

use crate::ir::{Builtin, CalleeNode, Composite, Conversion, Ex, FuncInfo, NodeKind, VarInfo};
use crate::types::{Kind, Ty, Types};
use crate::value::Value;

/// A constant string whose quotation is longer than this is cut to it.
const LONGEST: usize = 72;

/// What is needed to write an expression.
pub(crate) struct Printer<'p, 'a> {
    pub(crate) types: &'p Types<'a>,
    pub(crate) funcs: &'p [FuncInfo],
    pub(crate) vars: &'p [VarInfo<'a>],
}

const ATOM: u8 = 8;
const UNARY: u8 = 7;

impl<'a> Printer<'_, 'a> {
    /// The text of an expression.
    pub(crate) fn text(&self, x: &Ex<'a>) -> String {
        let mut out = String::new();
        self.write(x, 0, &mut out);
        out
    }

    fn write(&self, x: &Ex<'a>, least: u8, out: &mut String) {
        let dynamic = matches!(x.kind, NodeKind::Assert(_)) && self.types.has_shape(x.ty);
        let own = if dynamic { 0 } else { strength(x) };
        if own < least {
            out.push('(');
            self.bare(x, own, out);
            out.push(')');
        } else {
            self.bare(x, own, out);
        }
    }

    fn bare(&self, x: &Ex<'a>, own: u8, out: &mut String) {
        match &x.kind {
            NodeKind::Const(value, rune) => self.constant(value, *rune, x.ty, out),
            NodeKind::Nil => out.push_str("nil"),
            NodeKind::Unknown(_) => out.push('?'),
            NodeKind::Type => out.push_str(&self.types.show(x.ty)),
            NodeKind::Var(var) => {
                let var = &self.vars[var.0 as usize];
                let text = var.text();
                out.push_str(if var.name.is_empty() { "~r0" } else { &text });
            }
            NodeKind::Global(name) => out.push_str(name),
            NodeKind::Func(func) => out.push_str(&self.funcs[func.0 as usize].text),
            NodeKind::MethodExpr(ty, name, _) => {
                self.type_operand(*ty, out);
                out.push('.');
                out.push_str(name);
            }
            NodeKind::Lit(_) => out.push_str("func literal"),
            NodeKind::Unary(op, of) => {
                out.push_str(op.text());
                self.write(of, UNARY + 1, out);
            }
            NodeKind::Receive(of) => {
                out.push_str("<-");
                self.write(of, UNARY + 1, out);
            }
            NodeKind::Binary(op, a, b) => {
                self.write(a, own, out);
                out.push(' ');
                out.push_str(op.text());
                out.push(' ');
                self.write(b, own + 1, out);
            }
            NodeKind::Concat(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    if i > 0 {
                        out.push_str(" + ");
                    }
                    self.write(part, 5, out);
                }
            }
            NodeKind::Address(of, true) | NodeKind::Deref(of, true) => self.write(of, own, out),
            NodeKind::Address(of, false) => {
                out.push('&');
                self.write(of, UNARY + 1, out);
            }
            NodeKind::PointerTo(of) => {
                out.push('&');
                self.write(of, UNARY, out);
            }
            NodeKind::Deref(of, false) => {
                out.push('*');
                self.write(of, UNARY + 1, out);
            }
            NodeKind::Field { of, name, .. } => {
                self.write(of, ATOM, out);
                out.push('.');
                out.push_str(name);
            }
            NodeKind::Index(of, index) | NodeKind::MapIndex(of, index) => {
                self.write(of, ATOM, out);
                out.push('[');
                self.write(index, 0, out);
                out.push(']');
            }
            NodeKind::Slice(of, bounds) => self.slice(of, bounds, out),
            NodeKind::Assert(_) if self.types.has_shape(x.ty) => out.push_str("<node DYNAMICDOTTYPE>"),
            NodeKind::Assert(of) => {
                self.write(of, ATOM, out);
                out.push_str(&format!(".({})", self.types.show(x.ty)));
            }
            NodeKind::Convert { of, how, implicit } => {
                if *implicit && *how != Conversion::String {
                    self.write(of, own, out);
                } else {
                    self.type_operand(x.ty, out);
                    self.arguments(std::slice::from_ref(of), "", out);
                }
            }
            NodeKind::New(ty, None) if self.types.has_shape(*ty) => out.push_str("new(<node DYNAMICTYPE>)"),
            NodeKind::New(ty, None) => out.push_str(&format!("new({})", self.types.show(*ty))),
            NodeKind::New(_, Some(of)) => {
                out.push_str("new");
                self.arguments(std::slice::from_ref(of), "", out);
            }
            NodeKind::MakeSlice(length, capacity) => {
                self.make(x.ty, [Some(length), capacity.as_ref()], out);
            }
            NodeKind::MakeMap(size) | NodeKind::MakeChan(size) => self.make(x.ty, [size.as_ref(), None], out),
            NodeKind::Composite(Composite::Arguments, _) => out.push_str("... argument"),
            NodeKind::Composite(_, elements) => {
                out.push_str(&self.types.show(x.ty));
                out.push_str(if elements.is_empty() { "{}" } else { "{...}" });
            }
            NodeKind::MethodValue(of, name, _) => {
                if self.types.is_plain_interface(of.ty) && self.types.has_shape(of.ty) {
                    // Behind an interface that depends on the arguments, the method is looked for in their dictionary.
                    out.push_str(&format!("{}(", self.types.show(of.ty)));
                    self.write(of, 0, out);
                    out.push(')');
                } else {
                    self.write(of, ATOM, out);
                }
                out.push('.');
                out.push_str(name);
            }
            NodeKind::Part(..) => out.push_str(".autotmp_0"),
            NodeKind::Call(call) => {
                match &call.callee {
                    CalleeNode::Func(func) => out.push_str(&self.funcs[func.0 as usize].text),
                    CalleeNode::Value(fun) | CalleeNode::Unknown(fun) => self.write(fun, ATOM, out),
                    CalleeNode::Interface { of, bound: Some(bound), .. } => {
                        out.push_str(&self.bound_method(of, &call.args, &call.results, *bound));
                        let all: Vec<Ex<'a>> = std::iter::once(of).chain(&call.args).map(Rc::clone).collect();
                        return self.arguments(&all, "", out);
                    }
                    CalleeNode::Interface { of, name, .. } => {
                        match of.kind {
                            // What a call gave is put into a place first.
                            NodeKind::Call(_) => out.push_str(".autotmp_0"),
                            _ => self.write(of, ATOM, out),
                        }
                        out.push('.');
                        out.push_str(name);
                    }
                }
                let variadic = matches!(&call.callee, CalleeNode::Func(func)
                    if self.types.func(self.funcs[func.0 as usize].ty).is_some_and(|ty| ty.variadic))
                    || matches!(&call.callee, CalleeNode::Value(fun)
                    if self.types.func(fun.ty).is_some_and(|ty| ty.variadic));
                let end = if variadic { "..." } else { "" };
                let dict = match &call.callee {
                    CalleeNode::Func(func) => self.funcs[func.0 as usize].dict.as_deref(),
                    _ => None,
                };
                match dict {
                    Some(dict) => {
                        // The dictionary comes after the receiver.
                        let params = match &call.callee {
                            CalleeNode::Func(func) => self.types.func(self.funcs[func.0 as usize].ty),
                            _ => None,
                        };
                        let receivers =
                            params.map_or(0, |ty| call.args.len().saturating_sub(ty.params.len()));
                        out.push('(');
                        for (number, arg) in call.args.iter().enumerate() {
                            if number == receivers {
                                out.push_str(&format!("&{dict}, "));
                            }
                            self.write(arg, 0, out);
                            if number + 1 < call.args.len() {
                                out.push_str(", ");
                            }
                        }
                        if receivers == call.args.len() {
                            let before = if receivers > 0 { ", " } else { "" };
                            out.push_str(&format!("{before}&{dict}"));
                        }
                        out.push_str(end);
                        out.push(')');
                    }
                    None => self.arguments(&call.args, end, out),
                }
            }
            NodeKind::Builtin(builtin, args, spread) => {
                out.push_str(name(*builtin));
                self.arguments(args, if *spread { "..." } else { "" }, out);
            }
        }
    }

    /// A method of a generic function's argument, as it is taken from the dictionary.
    fn bound_method(&self, of: &Ex<'a>, args: &[Ex<'a>], results: &[Ty], number: u32) -> String {
        let show = |ty: &Ty| self.types.show(*ty);
        let params: Vec<String> =
            std::iter::once(of.ty).chain(args.iter().map(|arg| arg.ty)).map(|ty| show(&ty)).collect();
        let results = match results {
            [] => String::new(),
            [one] => format!(" {}", show(one)),
            many => format!(" ({})", many.iter().map(show).collect::<Vec<_>>().join(", ")),
        };
        format!("(func({}){results})(&.dict[{number}])", params.join(", "))
    }

    /// A conversion to a type of something that is quoted like this.
    pub(crate) fn conversion(&self, ty: Ty, of: &str) -> String {
        let mut out = String::new();
        self.type_operand(ty, &mut out);
        format!("{out}({of})")
    }

    fn arguments(&self, args: &[Ex<'a>], end: &str, out: &mut String) {
        out.push('(');
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            self.write(arg, 0, out);
        }
        out.push_str(end);
        out.push(')');
    }

    fn make(&self, ty: Ty, sizes: [Option<&Ex<'a>>; 2], out: &mut String) {
        out.push_str("make(");
        out.push_str(&self.types.show(ty));
        for size in sizes.into_iter().flatten() {
            out.push_str(", ");
            self.write(size, 0, out);
        }
        out.push(')');
    }

    fn slice(&self, of: &Ex<'a>, bounds: &[Option<Ex<'a>>; 3], out: &mut String) {
        self.write(of, ATOM, out);
        out.push('[');
        let [low, high, most] = bounds;
        if let Some(low) = low {
            self.write(low, 0, out);
        }
        out.push(':');
        if let Some(high) = high {
            self.write(high, 0, out);
        }
        if let Some(most) = most {
            out.push(':');
            self.write(most, 0, out);
        }
        out.push(']');
    }

    /// A type where it is followed by a bracket: in brackets itself, unless it is a name.
    fn type_operand(&self, ty: Ty, out: &mut String) {
        let shown = self.types.show(ty);
        match self.types.kind(ty) {
            Kind::Named(_) | Kind::Alias(..) | Kind::Basic(_) => out.push_str(&shown),
            _ => out.push_str(&format!("({shown})")),
        }
    }

    /// A constant of a type, with the type where that is not its own.
    pub(crate) fn value(&self, value: &Value, rune: bool, ty: Ty) -> String {
        let mut text = String::new();
        self.constant(value, rune, ty, &mut text);
        text
    }

    fn constant(&self, value: &Value, rune: bool, ty: Ty, out: &mut String) {
        let is_rune = (rune || ty == Ty::RUNE)
            && matches!(value, Value::Int(int) if u32::try_from(*int).is_ok_and(|int| char::from_u32(int).is_some()));
        let text = match value {
            Value::Unknown => "?".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(int) if is_rune => quoted_rune(*int),
            Value::Int(int) => int.to_string(),
            Value::Float(float) => short(*float),
            Value::Complex(re, im) => {
                format!("({} + {}i)", short(*re), short(*im))
            }
            Value::Str(bytes) => cut(quoted(bytes)),
        };
        let by_default = match value {
            Value::Bool(_) => Ty::BOOL,
            Value::Int(_) if is_rune => ty,
            Value::Int(_) => Ty::INT,
            Value::Float(_) => Ty::FLOAT64,
            Value::Complex(..) => Ty::COMPLEX128,
            Value::Str(_) => Ty::STRING,
            Value::Unknown => ty,
        };
        if ty == by_default || ty.is_untyped() {
            out.push_str(&text);
            return;
        }
        self.type_operand(ty, out);
        out.push('(');
        out.push_str(&text);
        out.push(')');
    }
}

/// How strongly an expression holds together.
fn strength(x: &Ex<'_>) -> u8 {
    match &x.kind {
        NodeKind::Binary(op, ..) => match op.strength() {
            strength @ 1..=2 => strength,
            strength => strength + 1,
        },
        NodeKind::Concat(_) | NodeKind::Builtin(Builtin::Complex | Builtin::Real | Builtin::Imag, ..) => 0,
        NodeKind::Unary(..)
        | NodeKind::Receive(_)
        | NodeKind::Address(_, false)
        | NodeKind::PointerTo(_)
        | NodeKind::Deref(_, false) => UNARY,
        NodeKind::Address(of, true) | NodeKind::Deref(of, true) => strength(of),
        NodeKind::Convert { of, how, implicit: true } if *how != Conversion::String => strength(of),
        NodeKind::Lit(_) | NodeKind::MakeSlice(..) | NodeKind::MakeMap(_) | NodeKind::MakeChan(_) => 0,
        _ => ATOM,
    }
}

fn name(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Append => "append",
        Builtin::Cap => "cap",
        Builtin::Clear => "clear",
        Builtin::Close => "close",
        Builtin::Complex => "complex",
        Builtin::Copy => "copy",
        Builtin::Delete => "delete",
        Builtin::Imag => "imag",
        Builtin::Len => "len",
        Builtin::Make => "make",
        Builtin::Max => "max",
        Builtin::Min => "min",
        Builtin::New => "new",
        Builtin::Panic => "panic",
        Builtin::Print => "print",
        Builtin::Println => "println",
        Builtin::Real => "real",
        Builtin::Recover => "recover",
        Builtin::UnsafeAdd => "unsafe.Add",
        Builtin::UnsafeAlignof => "unsafe.Alignof",
        Builtin::UnsafeOffsetof => "unsafe.Offsetof",
        Builtin::UnsafeSizeof => "unsafe.Sizeof",
        Builtin::UnsafeSlice => "unsafe.Slice",
        Builtin::UnsafeSliceData => "unsafe.SliceData",
        Builtin::UnsafeString => "unsafe.String",
        Builtin::UnsafeStringData => "unsafe.StringData",
    }
}

fn quoted_rune(rune: i128) -> String {
    let c = u32::try_from(rune).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        _ => format!("'{}'", escaped(c)),
    }
}

fn escaped(c: char) -> String {
    match c {
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\\' => "\\\\".to_owned(),
        _ if (c.is_control() && c.is_ascii()) => format!("\\x{:02x}", u32::from(c)),
        _ if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        _ => c.to_string(),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '"' {
                out.push_str("\\\"");
            } else {
                out.push_str(&escaped(c));
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

fn cut(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let mut end = LONGEST - 3;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

/// A number with six digits.
fn short(float: f64) -> String {
    if float == 0.0 {
        return "0".to_owned();
    }
    let exponent = float.abs().log10().floor();
    if (-5.0..21.0).contains(&exponent) && (float * 1e5).fract() == 0.0 && float.abs() < 1e6 {
        return format!("{float}");
    }
    if (-4.0..6.0).contains(&exponent) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 9")]
        let digits = (5.0 - exponent) as usize;
        let text = format!("{float:.digits$}");
        return if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        };
    }
    let text = format!("{float:.5e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa =
        if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.abs())
}
