#[cfg(test)]
mod tests {
    use crate::*;
    struct Node<'gc> { next: GcCell<Option<Gc<'gc, Node<'gc>>>>, value: u64 }
    unsafe impl<'gc> Trace for Node<'gc> {
        const MASK: TypeMask = TypeMask::noscan(size_of::<Self>()).with(core::mem::offset_of!(Self, next), &<GcCell<Option<Gc<'gc, Node<'gc>>>> as Trace>::MASK);
    }
    unsafe impl<'gc> Rebrand for Node<'gc> { type At<'x> = Node<'x>; }
    #[test]
    fn list() {
        let heap = Heap::builder().verify_every(1).poison(0xdd).build().unwrap();
        let mut m = heap.attach().unwrap();
        let root = m.enter(|mu| {
            let mut head = mu.alloc(Node { next: GcCell::new(None), value: 0 });
            for i in 1..10_000 { head = mu.alloc(Node { next: GcCell::new(Some(head)), value: i }); let _junk = mu.alloc([i; 5]); let _s = mu.alloc_str("hello"); }
            mu.root(head)
        });
        for _ in 0..10 { m.collect(); }
        let f = heap.figures();
        println!("{f:?}");
        let sum = m.enter(|mu| { let mut s = 0; let mut at = Some(root.get(mu)); while let Some(n) = at { s += n.value; at = n.next.get(); } s });
        assert_eq!(sum, (0..10_000).sum::<u64>());
        assert_eq!(f.memory.heap_objects, 10_000);
        assert_eq!(heap.verify(), vec![]);
        drop(root);
        m.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
        println!("{}", m.release_free_memory());
        assert_eq!(heap.verify(), vec![]);
    }
}
