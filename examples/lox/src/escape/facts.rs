//! What is known of a program's globals, methods and fields, before its flows are.

use crate::draft::{Class, Draft, Kind};
use crate::op::Op;
use std::collections::{BTreeMap, BTreeSet};

/// What a global variable is, if that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Global {
    /// The function of this draft.
    Function(usize),
    /// The class of this number.
    Class(usize),
}

/// What instances of a class begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begins {
    /// No method.
    Nothing,
    /// The method of this draft.
    With(usize),
}

/// The facts. Names and globals are known by their addresses.
#[derive(Debug, Default)]
pub(super) struct Facts {
    classes: Vec<Class>,
    globals: BTreeMap<usize, Global>,
    methods: BTreeMap<usize, Vec<usize>>,
    fields: BTreeSet<usize>,
    initializers: BTreeSet<usize>,
    is_whole: bool,
}

impl Facts {
    pub(super) fn of(shelf: &[Draft<'_, '_>], classes: &[Class], is_whole: bool) -> Self {
        let mut facts = Self { is_whole, ..Self::default() };
        if !is_whole {
            return facts;
        }
        let mut assigned: BTreeMap<usize, u32> = BTreeMap::new();
        for (number, draft) in shelf.iter().enumerate() {
            if draft.kind == Kind::Initializer {
                facts.initializers.insert(number);
            }
            for op in &draft.ops {
                if let Op::DefineGlobal(constant) | Op::SetGlobal(constant) = op
                    && let Some(global) = draft.global(*constant)
                {
                    // What has a value already is not what its declaration here says, before that.
                    *assigned.entry(global).or_default() += if draft.is_defined(*constant) { 2 } else { 1 };
                } else if let Op::SetProperty(constant) = op {
                    facts.fields.insert(draft.text(*constant));
                }
            }
        }
        for (number, class) in classes.iter().enumerate() {
            if let Some(global) = class.global {
                facts.globals.insert(global, Global::Class(number));
            }
            for &(name, method) in &class.methods {
                facts.methods.entry(name).or_default().push(method);
            }
        }
        // Functions that the script declares.
        if let Some(script) = shelf.last() {
            for pair in script.ops.windows(2) {
                if let [Op::Closure(constant), Op::DefineGlobal(global)] = pair
                    && let Some(global) = script.global(*global)
                    && let Some(&(_, inner)) = script.functions.iter().find(|(known, _)| known == constant)
                {
                    facts.globals.insert(global, Global::Function(inner));
                }
            }
        }
        facts.globals.retain(|global, _| assigned.get(global) == Some(&1));
        facts.classes = classes.to_vec();
        facts
    }

    /// What a global variable is.
    pub(super) fn global(&self, global: usize) -> Option<Global> {
        self.globals.get(&global).copied()
    }

    /// All methods of a name, if that is known; none if there is none.
    pub(super) fn methods(&self, name: usize) -> Option<&[usize]> {
        self.is_whole.then(|| self.methods.get(&name).map_or(&[][..], Vec::as_slice))
    }

    /// Whether an instance may have a field of this name.
    pub(super) fn may_be_field(&self, name: usize) -> bool {
        !self.is_whole || self.fields.contains(&name)
    }

    /// What instances of a class begin with, if that is known.
    pub(super) fn begins(&self, class: usize) -> Option<Begins> {
        for class in self.chain(class)? {
            // Of two methods of one name the last is the class's.
            let mut methods = self.classes[class].methods.iter().rev();
            if let Some((_, method)) = methods.find(|(_, method)| self.initializers.contains(method)) {
                return Some(Begins::With(*method));
            }
        }
        Some(Begins::Nothing)
    }

    /// The drafts of all methods that an instance of a class may have, if they are known.
    pub(super) fn methods_of(&self, class: usize) -> Option<BTreeSet<usize>> {
        let classes = self.chain(class)?;
        Some(
            classes
                .iter()
                .flat_map(|&class| &self.classes[class].methods)
                .map(|(_, method)| *method)
                .collect(),
        )
    }

    /// A class, its superclass, and so on, if they are known.
    fn chain(&self, class: usize) -> Option<Vec<usize>> {
        let mut chain = vec![class];
        let mut at = class;
        while let Some(superclass) = self.classes[at].superclass {
            let Some(Global::Class(next)) = superclass.and_then(|global| self.global(global)) else {
                return None;
            };
            // A class cannot come before itself, but names can.
            if chain.contains(&next) {
                return None;
            }
            chain.push(next);
            at = next;
        }
        Some(chain)
    }
}
