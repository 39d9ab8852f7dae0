//! A value with a drop does not borrow a variable of the frame's closure: the drop runs when that is gone.
use std::cell::Cell;
use tricolor::Heap;

struct Counts<'a>(&'a Cell<u32>);

impl Drop for Counts<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let count = Cell::new(0);
            f.alloc_drop(Counts(&count));
        });
    });
}
