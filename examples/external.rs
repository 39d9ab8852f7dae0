//! Bytes outside the heap: objects of a few words that keep a lot, and a heap that knows.
//!
//! To the collector a texture is a small object without references. What it costs is its pixels, which lie elsewhere. Told
//! of them, the heap is collected as if they were its own; otherwise it would find that it has hardly grown.
//!
//! Run with `cargo run --example external`.

use std::time::Duration;
use tricolor::{External, Gc, GcCell, Heap, Leaf, Mu, Root, Trace};

const PIXELS: usize = 256 << 10;
const PAGES: u32 = 2_000;

/// Pixels, and that they count. `External` takes them off the heap's books when it is dropped.
struct Texture {
    pixels: Vec<u8>,
    counted: External,
}

impl Texture {
    fn new(heap: &Heap, shade: u8) -> Self {
        Self { pixels: vec![shade; PIXELS], counted: heap.external(PIXELS) }
    }

    /// Half of the pixels will do.
    fn shrink(&mut self) {
        self.pixels.truncate(PIXELS / 2);
        self.pixels.shrink_to_fit();
        self.counted.set(self.pixels.capacity());
    }
}

/// A page of a book, shown for a while.
#[derive(Trace)]
struct Page<'gc> {
    texture: Leaf<Texture>,
    before: GcCell<Option<Gc<'gc, Page<'gc>>>>,
}

fn page<'gc>(mu: &Mu<'gc>, texture: Texture, before: Option<Gc<'gc, Page<'gc>>>) -> Gc<'gc, Page<'gc>> {
    mu.alloc(Page { texture: Leaf::new(texture), before: GcCell::new(before) })
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::new()?;
    let mut mutator = heap.attach()?;
    let cover = Texture::new(&heap, 255);
    let shown: Root<Page<'static>> = mutator.enter(|mu| mu.root(page(mu, cover, None)));

    let mut most = 0;
    for number in 1..PAGES {
        let mut texture = Texture::new(&heap, number.to_le_bytes()[0]);
        if number % 2 == 0 {
            texture.shrink();
        }
        mutator.enter(|mu| {
            let before = shown.get(mu);
            // Two pages are kept: the one that is shown, and the one before.
            before.before.set(mu, None);
            shown.set(mu, page(mu, texture, Some(before)));
        });
        most = most.max(heap.figures().external.get());
        // Turning pages faster than they are collected? Then this thread has time to help.
        while heap.figures().external.get() > 64 << 20 && heap.step(Duration::from_millis(1)) {
            std::thread::yield_now();
        }
    }

    let figures = heap.figures();
    assert!(figures.cycles > 0, "the pages' objects alone would not have been worth a collection");
    assert!(figures.memory.total_alloc.get() < 1 << 20, "they are {} in all", figures.memory.total_alloc);

    mutator.collect();
    let (kept, counted) = mutator.enter(|mu| {
        let shown = shown.get(mu);
        let before = shown.before.get().expect("there was one");
        let pages = [shown, before];
        (
            pages.iter().map(|page| page.texture.pixels.capacity()).sum::<usize>(),
            pages.iter().map(|page| page.texture.counted.bytes()).sum::<usize>(),
        )
    });
    assert_eq!((kept, counted), (PIXELS + PIXELS / 2, heap.figures().external.get()));
    drop(shown);
    mutator.collect();
    assert_eq!(heap.figures().external.get(), 0, "the pixels went with their pages");
    println!(
        "{} collections of {} in objects, at most {} MiB of pixels",
        figures.cycles,
        figures.memory.total_alloc,
        most >> 20
    );
    Ok(())
}
