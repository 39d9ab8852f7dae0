//! Types as messages write them.

use super::{BASICS, FuncTy, InterfaceTy, Kind, Ty, Types};
use crate::ast::Direction;

/// Types are written no deeper than this.
const LONGEST: u32 = 2 * crate::parse::NESTING;

impl<'a> Types<'a> {
    pub(crate) fn show(&self, ty: Ty) -> String {
        let mut out = String::new();
        self.write(ty, &mut out, 0);
        out
    }

    fn write(&self, ty: Ty, out: &mut String, depth: u32) {
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
                    if !field.embedded {
                        out.push_str(field.name);
                        out.push(' ');
                    }
                    self.write(field.ty, out, next);
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
            Kind::Named(id) => {
                let named = self.named(*id);
                if let Some(package) = named.package {
                    out.push_str(package);
                    out.push('.');
                }
                out.push_str(&named.name);
                if !named.args.is_empty() && named.shape.is_none() {
                    out.push('[');
                    self.write_list(&named.args, ",", out, next);
                    out.push(']');
                }
            }
            Kind::Alias(name, _) => out.push_str(name),
            Kind::Param(number) => out.push_str(&format!("#{number}")),
        }
    }

    fn write_list(&self, list: &[Ty], between: &str, out: &mut String, depth: u32) {
        for (i, ty) in list.iter().enumerate() {
            if i > 0 {
                out.push_str(between);
            }
            self.write(*ty, out, depth);
        }
    }

    fn write_signature(&self, func: &FuncTy, out: &mut String, depth: u32) {
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

    fn write_interface(&self, interface: &InterfaceTy<'a>, out: &mut String, depth: u32) {
        out.push_str("interface {");
        for (i, (name, ty)) in interface.methods.iter().enumerate() {
            out.push_str(if i > 0 { "; " } else { " " });
            out.push_str(name);
            if let Some(func) = self.func(*ty) {
                self.write_signature(&func, out, depth);
            }
        }
        out.push_str(if interface.methods.is_empty() { "}" } else { " }" });
    }
}
