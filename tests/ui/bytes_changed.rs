//! Bytes and strings never change: others may have seen that they are UTF-8, or have them as a key.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let bytes = mu.alloc_bytes(b"grey");
        bytes[0] = 0xff;
        bytes.as_bytes()[0] = 0xff;
    });
}
