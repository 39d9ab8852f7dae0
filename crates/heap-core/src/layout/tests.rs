//! Masks, and the numbers of fixed shapes.

use super::*;
use crate::size_class::SizeClass;

#[test]
fn every_fixed_number_is_the_number_of_its_own_layout() {
    let mut seen = 0;
    for index in 1..FIXED_LAYOUTS {
        let id = LayoutId::new(u32::try_from(index).expect("a few hundred"));
        let layout = fixed(id);
        let mut mask = TypeMask::noscan(layout.class.size().get());
        mask.exact[0] = layout.exact.first().copied().unwrap_or(0);
        if index >= SizeClass::COUNT && mask.is_noscan() {
            // The empty mask of a scan group is the noscan layout of its class, which has a number of its own.
            assert_eq!(fixed_id(layout.class, &mask), Some(LayoutId::new(u32::from(layout.class.get()))));
            continue;
        }
        assert_eq!(fixed_id(layout.class, &mask), Some(id), "{layout:?}");
        seen += 1;
    }
    assert_eq!(seen, FIXED_LAYOUTS - 1 - GROUPS.len());
}

#[test]
fn fields_are_laid_at_their_offsets() {
    let inner = TypeMask::noscan(24).with(16, &TypeMask::pointer());
    let outer = TypeMask::noscan(64).with(8, &inner).with(48, &TypeMask::ambiguous(16));
    let kinds: Vec<_> = (0..8).map(|word| (outer.is_exact(word), outer.is_ambiguous(word))).collect();
    let (plain, exact, ambiguous) = ((false, false), (true, false), (false, true));
    assert_eq!(kinds, [plain, plain, plain, exact, plain, plain, ambiguous, ambiguous]);
    assert_eq!(outer.exact_word(), None);
    assert_eq!(inner.exact_word(), Some(0b100));
}

#[test]
fn arrays_repeat_their_element() {
    let element = TypeMask::noscan(16).with(8, &TypeMask::pointer());
    let array = element.repeated(100);
    assert_eq!(array.bytes(), 1600);
    for word in 0..200 {
        assert_eq!(array.is_exact(word), word % 2 == 1);
    }
    assert_eq!(TypeMask::noscan(3).repeated(1 << 30).bytes(), 3 << 30, "noscan arrays have no size limit");
}

#[test]
fn options_are_exact_only_for_a_lone_reference() {
    assert_eq!(TypeMask::pointer().optional(8), TypeMask::pointer());
    let pair = TypeMask::noscan(16).with(0, &TypeMask::pointer());
    assert_eq!(pair.optional(16), TypeMask::ambiguous(16));
    assert_eq!(pair.optional(24), TypeMask::ambiguous(24));
    assert!(TypeMask::noscan(16).optional(24).is_noscan());
}

#[test]
#[should_panic(expected = "past the end")]
fn a_field_past_the_end_is_refused() {
    let _mask = TypeMask::noscan(8).with(8, &TypeMask::pointer());
}

#[test]
fn quick_masks_are_the_simple_ones() {
    let class = SizeClass::for_bytes(480);
    assert_eq!(Layout::of(class, Extent::Object, &TypeMask::pointer()).quick_mask(), Some(1));
    assert_eq!(Layout::of(class, Extent::Object, &TypeMask::noscan(480)).quick_mask(), Some(0));
    assert_eq!(Layout::of(class, Extent::Slice { header: 1 }, &TypeMask::pointer()).quick_mask(), None);
    assert_eq!(Layout::of(class, Extent::Object, &TypeMask::ambiguous(8)).quick_mask(), None);
    let late = TypeMask::noscan(488).with(480, &TypeMask::pointer());
    assert_eq!(
        Layout::of(class, Extent::Object, &late).quick_mask(),
        None,
        "word 60 does not fit beside the tag"
    );
}
