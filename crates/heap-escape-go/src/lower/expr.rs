//! Expressions.

use std::rc::Rc;

use heap_escape::{Body, Shape};

use super::hole::Hole;
use super::note::Of;
use super::{Known, Lower, Record, What};
use crate::ir::{Builtin, Composite, Conversion, Ex, LitId, Node, NodeKind};
use crate::token::Op;
use crate::types::{Basic, Kind, Ty};
use crate::value::Value;

/// Something larger than this is not put into a frame.
const LARGEST: u64 = 128 * 1024;
/// An allocation larger than this is not put into a frame.
const LARGEST_SITE: u64 = 64 * 1024;

impl<'c, 'a> Lower<'c, 'a> {
    /// The value is not used.
    pub(super) fn discard(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>) {
        self.expr(body, Hole::BLANK, x);
    }

    /// The value goes into the hole.
    pub(super) fn expr(&mut self, body: &mut Body<'_>, hole: Hole, x: &'c Ex<'a>) {
        let mut hole = hole;
        if hole.derefs >= 0 && !self.types.has_references(x.ty) {
            hole.to = super::hole::Place::Blank;
        }
        match &x.kind {
            NodeKind::Const(..) | NodeKind::Nil | NodeKind::Type | NodeKind::Global(_) => {}
            NodeKind::MethodExpr(_, _, func) => {
                if let Some(function) = func.and_then(|func| self.function_of(func)) {
                    body.mention(function);
                }
            }
            NodeKind::Func(func) => {
                if let Some(function) = self.function_of(*func) {
                    body.mention(function);
                }
            }
            NodeKind::Unknown(parts) => {
                for part in parts {
                    self.expr(body, Hole::HEAP, part);
                }
            }
            NodeKind::Var(var) => {
                let local = self.local(body, *var);
                body.uses(local);
                self.flow(body, hole, local);
            }
            NodeKind::Unary(_, of) => self.discard(body, of),
            NodeKind::Binary(_, a, b) => {
                self.discard(body, a);
                self.discard(body, b);
            }
            NodeKind::Concat(parts) => {
                let text = self.printer().text(x);
                self.spill(body, self.because(hole, x, "spill"), x.pos, text, 0);
                for part in parts {
                    self.discard(body, part);
                }
            }
            NodeKind::Address(of, _) => self.expr(body, self.because(hole.address(), x, "address-of"), of),
            NodeKind::PointerTo(of) => {
                let bytes = self.types.size(of.ty);
                let text = self.printer().text(x);
                let (inner, _) = self.spill(body, self.because(hole, x, "spill"), x.pos, text, bytes);
                self.expr(body, inner, of);
            }
            NodeKind::Deref(of, _) => self.expr(body, self.because(hole.deref(), x, "indirection"), of),
            NodeKind::Field { of, through: true, .. } => {
                self.expr(body, self.because(hole.deref(), x, "dot of pointer"), of);
            }
            NodeKind::Field { of, through: false, .. } => self.expr(body, self.because(hole, x, "dot"), of),
            NodeKind::Index(of, index) => {
                self.discard(body, index);
                match self.types.under(of.ty) {
                    Kind::Array(..) => self.expr(body, self.because(hole, x, "fixed-array-index-of"), of),
                    Kind::Pointer(_) => {
                        let hole = self.because(hole.deref(), x, "fixed-array-index-of");
                        self.expr(body, self.noted(hole, Of::Expr(Rc::clone(of)), "indirection", x.pos), of);
                    }
                    _ => self.expr(body, self.because(hole.deref(), x, "dot of pointer"), of),
                }
            }
            NodeKind::MapIndex(of, index) => {
                self.discard(body, of);
                self.discard(body, index);
            }
            NodeKind::Slice(of, bounds) => {
                self.expr(body, self.because(hole, x, "slice"), of);
                for bound in bounds.iter().flatten() {
                    self.discard(body, bound);
                }
            }
            NodeKind::Assert(of) => {
                let hole = self.asserted(hole, x.ty);
                self.expr(body, self.because(hole, x, "dot"), of);
            }
            NodeKind::Convert { of, how, .. } => self.convert(body, hole, x, of, *how),
            NodeKind::Receive(of) => self.discard(body, of),
            NodeKind::New(ty, None) => {
                let bytes = self.types.size(*ty);
                let text = self.printer().text(x);
                self.spill(body, self.because(hole, x, "spill"), x.pos, text, bytes);
            }
            NodeKind::New(ty, Some(of)) => {
                // The value is put into a variable, whose address this is.
                let shape = self.shape(*ty);
                let temp = body.variable(".autotmp_0", shape);
                self.record(x.pos, What::Var(temp, ".autotmp_0".to_owned()));
                self.expr(body, Hole::of(temp), of);
                self.flow(body, hole.address(), temp);
            }
            NodeKind::MakeSlice(length, capacity) => {
                self.make_slice(body, hole, x, length, capacity.as_ref());
            }
            NodeKind::MakeMap(size) => {
                let text = self.printer().text(x);
                self.spill(body, self.because(hole, x, "spill"), x.pos, text, 0);
                if let Some(size) = size {
                    self.discard(body, size);
                }
            }
            NodeKind::MakeChan(size) => {
                if let Some(size) = size {
                    self.discard(body, size);
                }
            }
            NodeKind::Composite(kind, elements) => self.composite(body, hole, x, *kind, elements),
            NodeKind::Lit(id) => self.literal(body, hole, x, *id),
            NodeKind::MethodValue(of, _, func) => self.method_value(body, hole, x, of, *func),
            NodeKind::Part(of, number) => self.part(body, hole, of, *number),
            NodeKind::Call(call) => {
                let holes = vec![hole; call.results.len()];
                self.call(body, &holes, x, call);
            }
            NodeKind::Builtin(builtin, args, spread) => self.builtin(body, hole, x, *builtin, args, *spread),
        }
    }

    /// The function as the core has it: of an instance from a table, its own, and else that of its shape.
    pub(super) fn function_of(&self, func: crate::ir::FuncId) -> Option<heap_escape::Function> {
        let body = self.funcs[func.0 as usize].body;
        self.functions.get(&func).or_else(|| self.functions.get(&body)).copied()
    }

    /// The hole for an interface whose value of type `ty` goes into this one.
    pub(super) fn asserted(&self, hole: Hole, ty: Ty) -> Hole {
        let shared = self.types.is_interface(ty) || self.types.is_direct(ty);
        if shared { hole } else { hole.deref() }
    }

    fn convert(&mut self, body: &mut Body<'_>, hole: Hole, x: &'c Ex<'a>, of: &'c Ex<'a>, how: Conversion) {
        match how {
            Conversion::ToInterface => {
                if self.types.is_direct(of.ty) {
                    return self.expr(body, self.because(hole, x, "interface-converted"), of);
                }
                let bytes = self.types.size(of.ty);
                let bytes = if bytes > LARGEST { bytes } else { 0 };
                let text = self.quoted_conversion(x, of);
                let (inner, _) =
                    self.spill(body, self.converted(hole, x, of), conversion_pos(x, of), text, bytes);
                self.expr(body, self.because(inner, x, "interface-converted"), of);
            }
            Conversion::Same => self.same(body, hole, x, of),
            Conversion::String => {
                let text = self.printer().text(x);
                let (_, site) = self.spill(body, self.converted(hole, x, of), conversion_pos(x, of), text, 0);
                let bytes = self.types.is_string(of.ty)
                    && self
                        .types
                        .slice_elem(x.ty)
                        .is_some_and(|of| self.types.basic(of) == Some(Basic::Uint8));
                if let (true, Some(record)) = (bytes, self.records.last_mut())
                    && let What::Site(_, text) = &mut record.what
                {
                    record.what = What::Bytes(site, std::mem::take(text));
                }
                if self.types.basic(of.ty) == Some(Basic::Unknown) {
                    // Where it is of that kind already, nothing is copied.
                    return self.expr(body, hole, of);
                }
                self.discard(body, of);
            }
            Conversion::SliceToArray => self.expr(body, self.because(hole.deref(), x, "slice-to-array"), of),
            Conversion::SliceToArrayPointer => self.expr(body, hole, of),
        }
    }

    fn converted(&self, hole: Hole, x: &Ex<'a>, of: &Ex<'a>) -> Hole {
        self.noted(hole, Of::Expr(Rc::clone(x)), "spill", conversion_pos(x, of))
    }

    fn quoted_conversion(&self, x: &'c Ex<'a>, of: &'c Ex<'a>) -> String {
        let implicit = matches!(x.kind, NodeKind::Convert { implicit: true, .. });
        if implicit {
            return self.quoted(of);
        }
        self.printer().conversion(x.ty, &self.quoted(of))
    }

    /// A conversion that changes nothing; but a number may become a pointer again.
    fn same(&mut self, body: &mut Body<'_>, hole: Hole, x: &'c Ex<'a>, of: &'c Ex<'a>) {
        if self.types.basic(x.ty) == Some(Basic::Pointer) && self.types.basic(of.ty) == Some(Basic::Uintptr) {
            return self.unsafe_value(body, hole, of);
        }
        self.expr(body, hole, of);
    }

    /// A number that is made of a pointer: the pointer goes into the hole.
    pub(super) fn unsafe_value(&mut self, body: &mut Body<'_>, hole: Hole, x: &'c Ex<'a>) {
        match &x.kind {
            NodeKind::Convert { of, .. } if self.types.basic(of.ty) == Some(Basic::Pointer) => {
                self.expr(body, hole, of);
            }
            NodeKind::Convert { of, how: Conversion::Same, .. } => self.unsafe_value(body, hole, of),
            NodeKind::Unary(_, of) => self.unsafe_value(body, hole, of),
            NodeKind::Binary(op, a, b) => {
                self.unsafe_value(body, hole, a);
                if op.is_shift() { self.discard(body, b) } else { self.unsafe_value(body, hole, b) }
            }
            NodeKind::Field { of, through: true, .. } if self.is_header_data(x) => {
                self.expr(body, self.because(hole.deref(), x, "reflect.Header.Data"), of);
            }
            _ => self.discard(body, x),
        }
    }

    /// Whether this is the address in a `reflect.SliceHeader` or `reflect.StringHeader`, behind a pointer.
    pub(super) fn is_header_data(&self, x: &Node<'a>) -> bool {
        let NodeKind::Field { of, name: "Data", through: true, .. } = &x.kind else { return false };
        let Some(to) = self.types.pointee(of.ty) else { return false };
        let Some(id) = self.types.as_named(to) else { return false };
        let named = self.types.named(id);
        named.package.is_some_and(|package| package.path == "reflect")
            && matches!(&*named.name, "SliceHeader" | "StringHeader")
    }

    fn make_slice(
        &mut self,
        body: &mut Body<'_>,
        hole: Hole,
        x: &'c Ex<'a>,
        length: &'c Ex<'a>,
        capacity: Option<&'c Ex<'a>>,
    ) {
        let text = self.quoted_make(x, length, capacity);
        let (_, site) = self.spill(body, self.because(hole, x, "spill"), x.pos, text, 0);
        self.discard(body, length);
        if let Some(capacity) = capacity {
            self.discard(body, capacity);
        }
        let room = self.number_behind(capacity.unwrap_or(length));
        let of = self.types.slice_elem(x.ty).map_or(8, |of| self.types.size(of));
        let Some(room) = room else { return };
        if of == 0 {
            let hole = self.because(Hole::HEAP, x, "zero-sized element");
            self.flow(body, hole.address(), site);
        } else if room > i128::from(LARGEST_SITE / of) && room <= i128::from(i64::MAX) {
            let hole = self.because(Hole::HEAP, x, "too large for stack");
            self.flow(body, hole.address(), site);
        }
    }

    /// A `make` with the constant that its size is.
    pub(super) fn quoted_make(
        &self,
        x: &'c Ex<'a>,
        length: &'c Ex<'a>,
        capacity: Option<&'c Ex<'a>>,
    ) -> String {
        let shown = if capacity.is_some() { self.printer().text(length) } else { self.quoted_size(length) };
        let mut text = format!("make({}, {shown}", self.types.show(x.ty));
        if let Some(capacity) = capacity {
            text.push_str(", ");
            text.push_str(&self.quoted_size(capacity));
        }
        text.push(')');
        text
    }

    fn composite(
        &mut self,
        body: &mut Body<'_>,
        hole: Hole,
        x: &'c Ex<'a>,
        kind: Composite,
        elements: &'c [(Option<Ex<'a>>, Ex<'a>)],
    ) {
        let inner = match kind {
            Composite::Struct => self.because(hole, x, "struct literal element"),
            Composite::Array => self.because(hole, x, "array literal element"),
            Composite::Slice(_) | Composite::Arguments => {
                let text = self.printer().text(x);
                let (inner, _) = self.spill(body, self.because(hole, x, "spill"), x.pos, text, 0);
                self.because(inner, x, "slice-literal-element")
            }
            Composite::Map => {
                let text = self.printer().text(x);
                self.spill(body, self.because(hole, x, "spill"), x.pos, text, 0);
                for (key, value) in elements {
                    if let Some(key) = key {
                        self.expr(body, self.because(Hole::HEAP, x, "map literal key"), key);
                    }
                    self.expr(body, self.because(Hole::HEAP, x, "map literal value"), value);
                }
                return;
            }
        };
        for (_, element) in elements {
            self.expr(body, inner, element);
        }
    }

    /// A function literal as a value.
    fn literal(&mut self, body: &mut Body<'_>, hole: Hole, x: &'c Ex<'a>, id: LitId) {
        let lit = &self.lits[id.0 as usize];
        let text = "func literal".to_owned();
        if let Some(Known::Function(function)) = self.literals.get(&id).copied() {
            self.spill(body, self.because(hole, x, "spill"), x.pos, text, 0);
            body.mention(function);
            let name = self.literal_name();
            self.queue_literal(id, name);
            return;
        }
        let mut bytes = 8;
        for (var, _) in &lit.captures {
            bytes += self.types.size(self.vars[var.0 as usize].ty).min(128);
        }
        let at = self.records.len();
        let depth = std::mem::replace(&mut self.depth, 1);
        let name = self.literal_name();
        let function = std::mem::replace(&mut self.function, Rc::from(name));
        let around = (function, std::mem::take(&mut self.inner), self.is_literal);
        self.is_literal = true;
        let (closure, ()) = body.closure(&text, Shape::references(bytes), |body| {
            if let Some(closure) = body.this_closure() {
                self.literals.insert(id, Known::Closure(closure));
            }
            for (var, pos) in &lit.captures {
                let local = self.local(body, *var);
                self.captured(body, *var, *pos);
                body.uses(local);
            }
            self.code(body, &lit.code);
        });
        self.depth = depth;
        (self.function, self.inner, self.is_literal) = around;
        self.literals.insert(id, Known::Closure(closure));
        self.records.insert(
            at,
            Record {
                pos: x.pos,
                function: Rc::clone(&self.function),
                what: What::Site(closure.site(), text),
            },
        );
        let hole = self.because(hole, x, "spill");
        self.flow(body, hole.address(), closure.site());
    }

    fn method_value(
        &mut self,
        body: &mut Body<'_>,
        hole: Hole,
        x: &'c Ex<'a>,
        of: &'c Ex<'a>,
        func: Option<crate::ir::FuncId>,
    ) {
        let text = self.printer().text(x);
        // A closure of a function and what it is called on.
        let bytes = 8 + self.types.size(of.ty);
        let bytes = if bytes > LARGEST_SITE { bytes } else { 0 };
        let hole = self.because(hole, x, "spill");
        let site = self.unsaid(body, hole, &text, bytes);
        // In generic code it is a closure of the compiler's own, which it does not tell of.
        if !self.types.has_shape(of.ty) || self.types.is_plain_interface(of.ty) {
            self.record(x.pos, What::Site(site, text));
        }
        let inner = Hole::of(site);
        let function = func.and_then(|func| self.function_of(func));
        let Some(function) = function else {
            // Nobody knows what the method does with it.
            let temp = self.temp(body, "{receiver}");
            self.expr(body, Hole::of(temp), of);
            self.flow(body, inner, temp);
            return self.flow(body, self.because(Hole::HEAP, x, "call parameter"), temp);
        };
        let temp = self.temp(body, "{receiver}");
        self.expr(body, Hole::of(temp), of);
        self.flow(body, inner, temp);
        let results = func.map_or(0, |func| {
            self.types.func(self.funcs[func.0 as usize].ty).map_or(0, |ty| ty.results.len())
        });
        // Whoever calls it later may do with the results what they like.
        let results = vec![heap_escape::Target::Heap; results];
        body.call(&[heap_escape::Callee::Function(function)], &[temp.value()], &results);
    }

    /// One value of several: all are looked at with the first.
    fn part(&mut self, body: &mut Body<'_>, hole: Hole, of: &'c Ex<'a>, number: usize) {
        let key = Rc::as_ptr(of);
        if !self.parts.contains_key(&key) {
            let vars = self.all_parts(body, of);
            self.parts.insert(key, vars);
        }
        let var = self.parts.get(&key).and_then(|vars| *vars.get(number)?);
        if let Some(var) = var {
            self.flow(body, hole, var);
        }
    }

    fn all_parts(&mut self, body: &mut Body<'_>, of: &'c Ex<'a>) -> Vec<Option<heap_escape::Var>> {
        if let NodeKind::Call(call) = &of.kind {
            let mut vars = Vec::new();
            for ty in &call.results {
                let references = self.types.has_references(*ty);
                vars.push(references.then(|| self.temp(body, ".autotmp_0")));
            }
            let holes: Vec<Hole> = vars.iter().map(|var| var.map_or(Hole::BLANK, Hole::of)).collect();
            self.call(body, &holes, of, call);
            return vars;
        }
        let var = self.temp(body, "{temp}");
        self.expr(body, Hole::of(var), of);
        vec![Some(var)]
    }

    fn builtin(
        &mut self,
        body: &mut Body<'_>,
        hole: Hole,
        x: &'c Ex<'a>,
        builtin: Builtin,
        args: &'c [Ex<'a>],
        spread: bool,
    ) {
        match builtin {
            Builtin::Append => self.append(body, hole, x, args, spread),
            Builtin::Copy => {
                if let [to, from] = args {
                    let hole = self.because(Hole::WRITTEN, x, "copied slice");
                    self.expr(body, self.because(hole, x, "call parameter"), to);
                    let references = match self.types.slice_elem(from.ty) {
                        Some(of) => self.types.has_references(of),
                        None => false,
                    };
                    let hole = if references {
                        self.because(self.because(Hole::HEAP.deref(), x, "copied slice"), x, "call parameter")
                    } else {
                        Hole::BLANK
                    };
                    self.expr(body, hole, from);
                }
            }
            Builtin::Panic => {
                for arg in args {
                    self.expr(body, self.because(Hole::HEAP, x, "call parameter"), arg);
                }
            }
            Builtin::Min | Builtin::Max => {
                for arg in args {
                    self.expr(body, hole, arg);
                }
            }
            Builtin::Clear => {
                for arg in args {
                    self.expr(body, Hole::WRITTEN, arg);
                }
            }
            Builtin::UnsafeSlice
            | Builtin::UnsafeString
            | Builtin::UnsafeSliceData
            | Builtin::UnsafeStringData
            | Builtin::UnsafeAdd => {
                for (i, arg) in args.iter().enumerate() {
                    if i == 0 {
                        self.expr(body, self.because(hole, x, "call parameter"), arg);
                    } else {
                        self.discard(body, arg);
                    }
                }
            }
            _ => {
                for arg in args {
                    self.discard(body, arg);
                }
            }
        }
    }

    fn append(&mut self, body: &mut Body<'_>, hole: Hole, x: &'c Ex<'a>, args: &'c [Ex<'a>], spread: bool) {
        let references = self.types.slice_elem(x.ty).is_some_and(|of| self.types.has_references(of));
        let Some((first, rest)) = args.split_first() else { return };
        let temp = self.temp(body, "{temp}");
        self.shown.insert(temp);
        self.expr(body, self.because(Hole::of(temp), x, "call parameter"), first);
        self.flow(body, self.because(hole, x, "appendee slice"), temp);
        self.flow(body, self.because(Hole::WRITTEN, x, "appendee slice"), temp);
        if references {
            self.flow(body, self.because(Hole::HEAP.deref(), x, "appendee slice"), temp);
        }
        for arg in rest {
            let hole = match (spread, references) {
                (true, true) => self.because(Hole::HEAP.deref(), x, "appended slice..."),
                (true, false) => Hole::BLANK,
                (false, _) => Hole::HEAP,
            };
            let hole = self.because(hole, x, "call parameter");
            self.expr(body, hole, arg);
        }
        let text = self.printer().text(x);
        let site = body.lasting_site(&text, Shape::references(0));
        let hole = self.because(hole, x, "spill");
        self.flow(body, hole.address(), site);
        self.record(x.pos, What::Site(site, "append".to_owned()));
    }

    /// The value of a condition, if it is known.
    pub(super) fn condition(&self, x: &'c Ex<'a>) -> Option<bool> {
        match &x.kind {
            NodeKind::Const(Value::Bool(value), _) => Some(*value),
            NodeKind::Unary(Op::Not, of) => self.condition(of).map(|value| !value),
            NodeKind::Binary(op @ (Op::AndAnd | Op::OrOr), a, b) => {
                // One side may decide alone.
                let decides = *op == Op::OrOr;
                match (self.condition(a), self.condition(b)) {
                    (Some(value), _) | (_, Some(value)) if value == decides => Some(decides),
                    (Some(a), Some(b)) => Some(if decides { a || b } else { a && b }),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The place of a conversion: of one that is written, that of its operand.
fn conversion_pos(x: &Ex<'_>, of: &Ex<'_>) -> crate::source::Pos {
    match x.kind {
        NodeKind::Convert { implicit: false, .. } => of.pos,
        _ => x.pos,
    }
}
