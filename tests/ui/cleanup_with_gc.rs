//! A cleanup takes no reference with it: its object, and what that led to, may be freed when it runs.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let object = mu.alloc([1_u64; 4]);
        mu.cleanup(object, move || println!("{}", object[0]));
    });
}
