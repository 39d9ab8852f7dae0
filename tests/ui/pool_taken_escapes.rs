//! An object that was taken out of a pool belongs to one `enter`, as every reference does.
use tricolor::{Gc, Heap, Pool};

fn main() {
    let heap = Heap::new().unwrap();
    let pool: Pool<Gc<'static, u64>> = Pool::new(&heap);
    let mut mutator = heap.attach().unwrap();
    let taken = mutator.enter(|mu| pool.take(mu));
    mutator.collect();
    println!("{taken:?}");
}
