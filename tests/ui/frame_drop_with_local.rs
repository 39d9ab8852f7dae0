//! A value with a drop holds no local of its own frame: the drop could look at what was dropped before.
use tricolor::{Heap, Local};

struct Looks<'f>(Local<'f, String>);

impl Drop for Looks<'_> {
    fn drop(&mut self) {
        assert_eq!(self.0.len(), 4);
    }
}

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let text = f.alloc_drop(String::from("text"));
            f.alloc_drop(Looks(text));
        });
    });
}
