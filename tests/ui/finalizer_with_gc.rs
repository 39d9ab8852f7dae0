//! A finalizer gets its object and takes no other reference with it: what that leads to may be gone.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let other = mu.alloc(1_u64);
        mu.set_finalizer(mu.alloc([1_u64; 4]), move |_, object| println!("{} {}", *other, object[0]));
    });
}
