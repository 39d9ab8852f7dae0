//! What fills one chunk cannot be put in the place of what fills another: there is no place where it would not be lent.
use tricolor::{Arena, Fill, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let (mut one, mut two) = (Arena::new(mu, 10), Arena::new(mu, 10));
        one.fill(mu, |outer: &mut Fill<'_, '_, u64>| {
            two.fill(mu, |inner: &mut Fill<'_, '_, u64>| std::mem::swap(outer, inner));
        });
    });
}
