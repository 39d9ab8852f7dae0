//! Which object, and which of its places, an operation is about.

use crate::model::{Edge, Id, Model, Object};
use crate::random::Random;
use crate::shape::{Any, AnyRoot, Held, Place, Shape};
use tricolor::Mu;

/// Picks an object: the one a root leads to, or one some way from there.
pub(super) fn pick<'gc>(
    mu: &Mu<'gc>,
    model: &Model,
    roots: &[AnyRoot],
    random: &mut Random,
) -> Result<Option<(Id, Any<'gc>)>, String> {
    if roots.is_empty() {
        return Ok(None);
    }
    let root = random.index(roots.len());
    let (mut id, mut at) = (model.roots[root], roots[root].get(mu));
    for _ in 0..random.below(6) {
        let edges = &model.object(id).edges;
        let steps = edges.iter().filter_map(|(place, edge)| match edge {
            Edge::To(next) => Some((*place, *next)),
            Edge::Hidden(..) | Edge::Number(_) => None,
        });
        let steps: Vec<_> = steps.collect();
        if steps.is_empty() {
            break;
        }
        let (place, next) = steps[random.index(steps.len())];
        let Held::Object(found) = at.held(place) else {
            return Err(format!("place {place} of {id:#x} holds no object"));
        };
        same(model, next, found)?;
        (id, at) = (next, found);
    }
    Ok(Some((id, at)))
}

/// Picks an object that a place can hold.
pub(super) fn pick_for<'gc>(
    place: Place,
    mu: &Mu<'gc>,
    model: &Model,
    roots: &[AnyRoot],
    random: &mut Random,
) -> Result<Option<(Id, Any<'gc>)>, String> {
    let fits = |shape: Shape| match place {
        Place::Hub | Place::Fixed => shape == Shape::Hub,
        Place::Chain => shape == Shape::Chain,
        Place::Any => true,
    };
    let found = pick(mu, model, roots, random)?;
    if found.is_some_and(|(id, _)| fits(model.object(id).shape)) {
        return Ok(found);
    }
    let from = random.word() as usize;
    let any = (0..roots.len()).map(|at| (from % roots.len() + at) % roots.len());
    let fitting = any.into_iter().find(|&at| fits(model.object(model.roots[at]).shape));
    Ok(fitting.map(|at| (model.roots[at], roots[at].get(mu))))
}

/// Whether a reference leads to the object the model says.
pub(super) fn same(model: &Model, id: Id, found: Any<'_>) -> Result<(), String> {
    let wanted = model.object(id);
    if found.shape() != Some(wanted.shape) || found.addr() != wanted.addr {
        return Err(format!(
            "{found:p} of {:?} is found for {id:#x}, {wanted:?}",
            found.shape(),
            found = found.addr() as *const u8
        ));
    }
    Ok(())
}

/// An object of a shape that is not frequent: the first that a root leads to, from some root on.
pub(super) fn one_of<'gc>(
    is_one: impl Fn(Shape) -> bool,
    mu: &Mu<'gc>,
    model: &Model,
    roots: &[AnyRoot],
    random: &mut Random,
) -> Option<(Id, Any<'gc>)> {
    let from = random.word() as usize;
    let mut ones = (0..roots.len()).map(|at| (from % roots.len() + at) % roots.len());
    let root = ones.find(|&at| is_one(model.object(model.roots[at]).shape))?;
    Some((model.roots[root], roots[root].get(mu)))
}

/// A place of an object that can be changed.
pub(super) fn place_of(object: &Object, random: &mut Random) -> Option<usize> {
    let places = object.shape.places(object.len);
    let changes = object.shape.place().is_some_and(|place| place != Place::Fixed);
    // Low places twice as often as high ones: stores should meet.
    (changes && places > 0).then(|| {
        let most = 1 + random.index(places);
        random.index(most)
    })
}
