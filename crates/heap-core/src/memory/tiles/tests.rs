use crate::cache::Cache;
use crate::layout::{Extent, Layout, TypeMask};
use crate::memory::Memory;
use crate::memory::tests::{alloc, cycle, memory, noscan, references, settled};
use crate::size_class::SizeClass;
use crate::tiles::{Tile, Tiles};
use crate::units::{Bytes, Pages};

/// The sums over all tiles: pages of each kind, spans, lone ones, bytes of objects.
fn sums(tiles: &Tiles) -> ([Pages; 5], usize, usize, Bytes) {
    let add = |of: fn(&Tile) -> Pages| tiles.tiles.iter().fold(Pages::ZERO, |sum, tile| sum + of(tile));
    (
        [
            add(Tile::in_spans),
            add(|tile| tile.held),
            add(|tile| tile.frames),
            add(|tile| tile.released),
            add(|tile| tile.idle),
        ],
        tiles.tiles.iter().map(|tile| tile.spans as usize).sum(),
        tiles.tiles.iter().map(|tile| tile.lone as usize).sum(),
        tiles.tiles.iter().fold(Bytes::ZERO, |sum, tile| sum + tile.occupied),
    )
}

/// Holds pictures of every coarseness to what is counted.
fn agrees(memory: &Memory) {
    let (counted, spans) = (memory.accounting(), memory.fragmentation().total);
    for most in [1, 7, 64, 100, 512, 100_000] {
        let tiles = memory.tiles(most);
        assert!(tiles.tiles.len() <= most);
        let ([in_spans, held, frames, released, idle], number, lone, occupied) = sums(&tiles);
        assert_eq!(in_spans.bytes() + frames.bytes(), counted.in_use, "{most}");
        assert_eq!(
            (frames.bytes(), released.bytes(), idle.bytes()),
            (counted.frames, counted.released, counted.idle)
        );
        assert_eq!((number, lone, held.bytes()), (spans.spans, spans.lone, spans.held_bytes), "{most}");
        // A span over several tiles is shared out, each share rounded down.
        let lost = spans.occupied.get() - occupied.get();
        assert!(lost <= tiles.tiles.len(), "{most}: {lost}");
    }
}

#[test]
fn an_empty_memory_has_no_tiles() {
    assert_eq!(memory().tiles(100).tiles, []);
}

#[test]
fn a_picture_of_a_memory_at_rest_is_what_is_counted() {
    let (memory, cache) = (memory(), Cache::new());
    let small: Vec<_> = (0..2000).map(|_| alloc(&memory, &cache, noscan(128), 1)).collect();
    let nodes: Vec<_> = (0..500).map(|_| alloc(&memory, &cache, references(64), 0)).collect();
    let layout =
        memory.register(&Layout::of(SizeClass::LARGE, Extent::Object, &TypeMask::noscan(8))).unwrap();
    let large = |bytes| {
        let birth = cache.birth(&memory);
        crate::large::alloc(&memory, memory.entry(layout), Bytes::new(bytes), false, birth).unwrap()
    };
    let large = [large(300_000), large(5 << 20)];
    let frame = memory.take_frame(Pages::new(5), memory.generation()).unwrap();
    agrees(&memory);
    cache.flush(&memory);
    agrees(&memory);
    // Of every other span of the small ones a single object is left, of the nodes the last.
    let live: Vec<_> = small.iter().step_by(128).chain(&nodes[499..]).chain(&large[1..]).copied().collect();
    cycle(&memory, &cache, &live);
    agrees(&memory);
    settled(&memory, &cache);
    agrees(&memory);
    let lone: u32 = memory.tiles(1).tiles.iter().map(|tile| tile.lone).sum();
    assert_eq!(lone, 17, "16 of the small ones and one node");
    memory.pages().give_frame(frame);
    agrees(&memory);
}

#[test]
fn what_a_tile_holds_is_named() {
    let (memory, cache) = (memory(), Cache::new());
    let layout = references(64);
    alloc(&memory, &cache, layout, 0);
    cache.flush(&memory);
    let tiles = memory.tiles(512);
    assert_eq!((tiles.pages, tiles.tiles.len()), (Pages::new(1), 512));
    let first = tiles.tiles[0];
    assert_eq!((first.layout, first.scan, first.noscan), (Some(layout), Pages::new(1), Pages::ZERO));
    assert_eq!((first.lone, first.occupied), (1, Bytes::new(64)));
    assert_eq!(tiles.tiles[1].layout, None);
}
