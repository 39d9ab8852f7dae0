//! Types as messages write them.

use super::{BASICS, FieldTy, FuncTy, InterfaceTy, Kind, NamedId, Origin, Ty, Types};
use crate::ast::Direction;

/// Types are written no deeper than this.
const LONGEST: u32 = 2 * crate::parse::NESTING;

/// Who reads the name of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum For {
    /// People: types of the program have no package before their names.
    People,
    /// The linker, to whom all names must be told apart: arguments of instances are written so.
    Linker,
    /// The same without the numbers of types that are declared in functions: shapes are written so.
    Shape,
}

/// Where something is written to.
struct Writer<'o> {
    out: &'o mut String,
    who: For,
}

impl Writer<'_> {
    fn push(&mut self, c: char) {
        self.out.push(c);
    }

    fn push_str(&mut self, text: &str) {
        self.out.push_str(text);
    }
}

impl<'a> Types<'a> {
    pub(crate) fn show(&self, ty: Ty) -> String {
        self.shown(ty, For::People)
    }

    /// As the linker knows it: `main.T`, `uint8` and not `byte`.
    pub(crate) fn show_linked(&self, ty: Ty) -> String {
        self.shown(ty, For::Linker)
    }

    fn shown(&self, ty: Ty, who: For) -> String {
        let mut out = String::new();
        self.write(ty, &mut Writer { out: &mut out, who }, 0);
        out
    }

    fn write(&self, ty: Ty, out: &mut Writer<'_>, depth: u32) {
        if depth > LONGEST {
            out.push_str("...");
            return;
        }
        let next = depth + 1;
        match self.kind(ty) {
            Kind::Basic(basic) => {
                let name = BASICS.iter().find(|(known, _)| known == basic).map_or("", |(_, name)| name);
                out.push_str(name);
            }
            Kind::Pointer(to) => {
                out.push('*');
                self.write(*to, out, next);
            }
            Kind::Slice(of) => {
                out.push_str("[]");
                self.write(*of, out, next);
            }
            Kind::Array(of, length) => {
                out.push_str(&format!("[{length}]"));
                self.write(*of, out, next);
            }
            Kind::Map(key, value) => {
                out.push_str("map[");
                self.write(*key, out, next);
                out.push(']');
                self.write(*value, out, next);
            }
            Kind::Chan(direction, of) => {
                let receives = matches!(self.kind(*of), Kind::Chan(Direction::Receive, _));
                out.push_str(match direction {
                    Direction::Both => "chan ",
                    Direction::Send => "chan<- ",
                    Direction::Receive => "<-chan ",
                });
                if receives && *direction != Direction::Send {
                    out.push('(');
                }
                self.write(*of, out, next);
                if receives && *direction != Direction::Send {
                    out.push(')');
                }
            }
            Kind::Struct(fields) => {
                out.push_str("struct {");
                for (i, field) in fields.iter().enumerate() {
                    out.push_str(if i > 0 { "; " } else { " " });
                    self.write_field(field, out, next);
                }
                out.push_str(if fields.is_empty() { "}" } else { " }" });
            }
            Kind::Func(func) => {
                out.push_str("func");
                self.write_signature(func, out, next);
            }
            Kind::Interface(interface) => self.write_interface(interface, out, next),
            Kind::Tuple(parts) => {
                out.push('(');
                self.write_list(parts, ", ", out, next);
                out.push(')');
            }
            Kind::Named(id) => self.write_named(*id, out, next),
            Kind::Alias(name, _) if out.who == For::People => out.push_str(name),
            Kind::Alias(_, of) => self.write(*of, out, next),
            Kind::Param(number) => out.push_str(&format!("#{number}")),
        }
    }

    fn write_named(&self, id: NamedId, out: &mut Writer<'_>, depth: u32) {
        let named = self.named(id);
        if let (Some(_), Some(underlying)) = (named.shape, named.underlying) {
            out.push_str("go.shape.");
            let who = if out.who == For::Linker { For::Linker } else { For::Shape };
            return self.write(underlying, &mut Writer { out: out.out, who }, depth);
        }
        match (named.package, out.who) {
            (Some(Origin { name: "", .. }), _) | (None, For::People) => {}
            (Some(Origin { name, .. }), For::People) => out.push_str(&format!("{name}.")),
            (Some(Origin { path, .. }), _) => out.push_str(&format!("{path}.")),
            (None, _) => out.push_str(&format!("{}.", self.program)),
        }
        out.push_str(&named.name);
        if named.local > 0 && out.who == For::Linker {
            out.push_str(&format!("·{}", named.local));
        }
        if named.args.is_empty() && named.around.is_empty() {
            return;
        }
        let mut args = Writer { out: out.out, who: For::Linker };
        args.push('[');
        self.write_list(&named.around, ",", &mut args, depth);
        if !named.around.is_empty() && !named.args.is_empty() {
            args.push(';');
        }
        self.write_list(&named.args, ",", &mut args, depth);
        args.push(']');
    }

    fn write_field(&self, field: &FieldTy<'a>, out: &mut Writer<'_>, depth: u32) {
        let mut name = String::new();
        if out.who != For::People && !is_exported(field.name) {
            name = format!("{}.", field.package.unwrap_or(self.program));
        }
        name.push_str(field.name);
        // What is embedded has the name of its type; but one that is built in belongs to no package.
        let built_in = matches!(self.kind(field.ty), Kind::Basic(_) | Kind::Alias(..));
        if field.embedded && built_in && out.who != For::People {
            out.push_str(&format!("{name} = "));
        } else if !field.embedded {
            out.push_str(&format!("{name} "));
        }
        self.write(field.ty, out, depth);
        if let Some(tag) = field.tag.filter(|tag| tag.len() > 2) {
            out.push(' ');
            match tag.strip_prefix('`').and_then(|tag| tag.strip_suffix('`')) {
                Some(raw) => {
                    out.push_str(&format!("\"{}\"", raw.replace('\\', "\\\\").replace('"', "\\\"")));
                }
                None => out.push_str(tag),
            }
        }
    }

    fn write_list(&self, list: &[Ty], between: &str, out: &mut Writer<'_>, depth: u32) {
        for (i, ty) in list.iter().enumerate() {
            if i > 0 {
                out.push_str(between);
            }
            self.write(*ty, out, depth);
        }
    }

    fn write_signature(&self, func: &FuncTy, out: &mut Writer<'_>, depth: u32) {
        out.push('(');
        for (i, ty) in func.params.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            match self.kind(*ty) {
                Kind::Slice(of) if func.variadic && i + 1 == func.params.len() => {
                    out.push_str("...");
                    self.write(*of, out, depth);
                }
                _ => self.write(*ty, out, depth),
            }
        }
        out.push(')');
        match func.results.as_slice() {
            [] => {}
            [one] => {
                out.push(' ');
                self.write(*one, out, depth);
            }
            many => {
                out.push_str(" (");
                self.write_list(many, ", ", out, depth);
                out.push(')');
            }
        }
    }

    fn write_interface(&self, interface: &InterfaceTy<'a>, out: &mut Writer<'_>, depth: u32) {
        out.push_str("interface {");
        for (i, (name, ty)) in interface.methods.iter().enumerate() {
            out.push_str(if i > 0 { "; " } else { " " });
            if !is_exported(name) {
                out.push_str(&format!("{}.", self.program));
            }
            out.push_str(name);
            if let Some(func) = self.func(*ty) {
                self.write_signature(&func, out, depth);
            }
        }
        out.push_str(if interface.methods.is_empty() { "}" } else { " }" });
    }
}

pub(crate) fn is_exported(name: &str) -> bool {
    name.chars().next().is_some_and(char::is_uppercase)
}
