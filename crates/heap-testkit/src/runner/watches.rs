//! Operations with weak references: to let a watch look at something, and to find what it looks at.

use super::pick::{one_of, pick, same};
use super::{Runner, Stop, add};
use crate::drops::Register;
use crate::model::{Id, Model, Sight};
use crate::random::Random;
use crate::shape::{Any, Eye, Seen, Shape, content};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tricolor::Mu;

impl Runner {
    /// Lets a watch look at something else: at an object, through a weak place of its own or that of another watch, or at nothing.
    pub(super) fn watch(&mut self, random: &mut Random) -> Result<(), Stop> {
        let (through, new) = (self.next, self.next + 1);
        self.next += 2;
        let register = Arc::clone(&self.register);
        self.enter(|mu, model, roots| {
            let is_watch = |shape| shape == Shape::Watch;
            let Some((id, at)) = one_of(is_watch, mu, model, roots, random) else { return Ok(()) };
            let eye = if random.below(2) == 0 { Eye::Hub } else { Eye::Stone };
            match random.below(8) {
                0 => {
                    at.watch(mu, eye, None)?;
                    model.watch(id, eye, None);
                }
                1 | 2 => {
                    let Some((other, from)) = one_of(is_watch, mu, model, roots, random) else {
                        return Ok(());
                    };
                    let sight = model.object(other).sights.get(&eye).copied();
                    at.watch_as(mu, eye, from);
                    model.watch(id, eye, sight);
                }
                3..6 => {
                    // What is new, and kept by nobody.
                    let shape = if eye == Eye::Hub { Shape::Hub } else { Shape::Stone };
                    let object = add(mu, model, &register, new, (shape, 0), (&[], BTreeMap::new()))?;
                    at.watch(mu, eye, Some(object))?;
                    model.watch(id, eye, Some(Sight { through, to: new }));
                }
                _ => {
                    let wanted = if eye == Eye::Hub { Shape::Hub } else { Shape::Stone };
                    let near =
                        pick(mu, model, roots, random)?.filter(|(to, _)| model.object(*to).shape == wanted);
                    let far = one_of(|shape| shape == wanted, mu, model, roots, random);
                    let Some((to, object)) = near.or(far) else { return Ok(()) };
                    at.watch(mu, eye, Some(object))?;
                    model.watch(id, eye, Some(Sight { through, to }));
                }
            }
            Ok(())
        })
    }

    /// Makes roots for what a watch sees: it may be what nothing else keeps alive any more.
    pub(super) fn upgrade(&mut self, random: &mut Random) -> Result<(), Stop> {
        let register = Arc::clone(&self.register);
        self.enter(|mu, model, roots| {
            let is_watch = |shape| shape == Shape::Watch;
            let Some((id, at)) = one_of(is_watch, mu, model, roots, random) else { return Ok(()) };
            for eye in [Eye::Hub, Eye::Stone] {
                let reachable = model.reachable();
                let seen = look_through(mu, model, &register, (id, at), eye, &reachable)?;
                if let (Seen::Object(object), Some(sight)) = (seen, model.object(id).sights.get(&eye)) {
                    roots.push(object.root(mu));
                    let to = sight.to;
                    model.roots.push(to);
                }
            }
            Ok(())
        })
    }
}

/// What a watch sees, which must be what the model allows. `reachable` is what roots reach.
pub(super) fn look_through<'gc>(
    mu: &Mu<'gc>,
    model: &mut Model,
    register: &Register,
    (id, at): (Id, Any<'gc>),
    eye: Eye,
    reachable: &HashSet<Id>,
) -> Result<Seen<'gc>, String> {
    let seen = at.seen(mu, eye);
    match (seen, model.object(id).sights.get(&eye).copied()) {
        (Seen::Nowhere, None) => {}
        (Seen::Gone, Some(sight)) => model.looked(sight, false, reachable)?,
        (Seen::Object(object), Some(sight)) => {
            model.looked(sight, true, reachable)?;
            same(model, sight.to, object)?;
            object.check(sight.to, model.object(sight.to).len)?;
            if eye == Eye::Stone && register.times(content(sight.to, 0)) > 0 {
                return Err(format!("a weak reference finds {:#x}, whose drop ran", sight.to));
            }
        }
        (seen, sight) => return Err(format!("{id:#x} sees {seen:?} and looks at {sight:?}")),
    }
    Ok(seen)
}
