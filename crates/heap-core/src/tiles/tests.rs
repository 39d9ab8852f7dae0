use super::*;
use proptest::prelude::{Strategy, any};
use proptest::{prop_assert, prop_assert_eq, proptest};

fn span(first: usize, pages: usize, layout: u32) -> Seen {
    Seen { first, pages, layout: LayoutId::new(layout), is_noscan: false, resting: None }
}

/// So many of 16 slots, which take so many bytes.
fn full(allocated: u32, bytes: usize) -> Option<Resting> {
    Some(Resting { allocated, slots: 16, occupied: Bytes::new(bytes), large: None })
}

#[test]
fn a_tile_is_a_power_of_two_and_the_tiles_are_at_most_what_was_asked_for() {
    for (pages, most, tile, count) in [
        (0, 10, 1, 0),
        (512, 512, 1, 512),
        (512, 511, 2, 256),
        (1 << 20, 4096, 256, 4096),
        (1536, 1, 2048, 1),
    ] {
        let tiles = Canvas::new(pages, most).finish();
        assert_eq!((tiles.pages.get(), tiles.tiles.len()), (tile, count), "{pages} pages, at most {most}");
    }
    assert_eq!(Canvas::new(512, 0).finish().tiles.len(), 1, "none is taken for one");
}

#[test]
fn a_large_span_is_shared_out_by_its_pages() {
    let mut canvas = Canvas::new(512, 128);
    canvas.span(&Seen { resting: full(1, 1000), is_noscan: true, ..span(2, 10, 7) });
    let tiles = canvas.finish().tiles;
    let told: Vec<_> = tiles[..3]
        .iter()
        .map(|tile| (tile.noscan.get(), tile.occupied.get(), tile.spans, tile.lone))
        .collect();
    assert_eq!(told, [(2, 200, 1, 1), (4, 400, 0, 0), (4, 400, 0, 0)]);
    assert_eq!(tiles[0].idle, Pages::new(2));
}

#[test]
fn how_full_a_span_is_in_somebodys_hands_is_not_told() {
    let mut canvas = Canvas::new(512, 1);
    canvas.span(&span(0, 1, 1));
    canvas.span(&Seen { resting: full(2, 64), ..span(1, 1, 1) });
    let tile = canvas.finish().tiles[0];
    assert_eq!((tile.spans, tile.held, tile.lone, tile.occupied), (2, Pages::new(1), 0, Bytes::new(64)));
}

#[test]
fn the_layout_of_most_pages_is_named() {
    let mut canvas = Canvas::new(8, 1);
    for (first, pages, layout) in [(0, 1, 1), (1, 3, 2), (4, 2, 1), (6, 2, 2)] {
        canvas.span(&span(first, pages, layout));
    }
    assert_eq!(canvas.finish().tiles[0].layout, Some(LayoutId::new(2)), "five of eight");
}

#[test]
fn what_lies_outside_of_the_picture_is_left_out() {
    let mut canvas = Canvas::new(512, 512);
    canvas.span(&span(510, 9, 1));
    canvas.span(&span(9000, usize::MAX, 1));
    canvas.released(512, u64::MAX);
    canvas.frame(600, Pages::new(3));
    let tiles = canvas.finish().tiles;
    assert_eq!(tiles.iter().map(|tile| tile.scan.get()).sum::<usize>(), 2);
    assert_eq!(tiles.iter().map(|tile| tile.idle.get()).sum::<usize>(), 510);
}

proptest! {
    #[test]
    fn a_coarse_picture_is_the_sum_of_a_fine_one(
        bits in any::<[u64; 16]>(),
        spans in proptest::collection::vec((0_usize..1024, 1_usize..40).prop_map(|(at, pages)| span(at, pages, 3)), 0..8),
        most in 1_usize..1024,
    ) {
        let draw = |most| {
            let mut canvas = Canvas::new(1024, most);
            for (word, &bits) in bits.iter().enumerate() {
                canvas.released(word * 64, bits);
            }
            spans.iter().for_each(|span| canvas.span(span));
            canvas.finish()
        };
        let (fine, coarse) = (draw(1024), draw(most));
        prop_assert!(coarse.tiles.len() <= most);
        for (number, tile) in coarse.tiles.iter().enumerate() {
            let from = number * coarse.pages.get();
            let parts = &fine.tiles[from..(from + coarse.pages.get()).min(1024)];
            prop_assert_eq!(tile.released, parts.iter().fold(Pages::ZERO, |sum, one| sum + one.released));
            prop_assert_eq!(tile.scan, parts.iter().fold(Pages::ZERO, |sum, one| sum + one.scan));
            prop_assert_eq!(tile.spans, parts.iter().map(|one| one.spans).sum::<u32>());
        }
    }
}
