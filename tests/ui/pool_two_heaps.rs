//! A reference of one heap cannot be put into a pool of another.
use tricolor::{Gc, Heap, Pool};

fn main() {
    let (one, other) = (Heap::new().unwrap(), Heap::new().unwrap());
    let pool: Pool<Gc<'static, u64>> = Pool::new(&one);
    let (mut here, mut there) = (one.attach().unwrap(), other.attach().unwrap());
    here.enter(|mu| {
        there.enter(|other| {
            pool.put(mu, other.alloc(1));
        });
    });
}
