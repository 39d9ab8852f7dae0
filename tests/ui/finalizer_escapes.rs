//! What a finalizer gets does not leave it but by a root or a field: the next collection would free it.
use std::cell::RefCell;
use std::rc::Rc;
use tricolor::{Gc, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let kept: Rc<RefCell<Option<Gc<'static, [u64; 4]>>>> = Rc::default();
    heap.attach().unwrap().enter(|mu| {
        mu.set_finalizer(mu.alloc([1_u64; 4]), move |_, object| *kept.borrow_mut() = Some(object));
    });
}
