//! The table against its generator, against Go's published figures and against plain division.

use std::fmt::Write as _;

use super::*;

/// Set to anything to write `table.rs` anew, instead of comparing it.
const WRITE_VARIABLE: &str = "WRITE_SIZE_CLASS_TABLE";

/// Go 1.27's table, one row a class. Its last columns are facts about Go's spans, which we do not compute.
const GO: &str = include_str!("../../tests/data/sizeclasses.csv");

#[test]
fn the_table_is_what_the_generator_makes() {
    let made = render(&generate::rows());
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/size_class/table.rs");
        std::fs::write(path, &made).unwrap();
        return;
    }
    assert!(
        made == include_str!("table.rs"),
        "size_class/table.rs is not what generate.rs makes; run this test with {WRITE_VARIABLE}=1"
    );
}

/// The text of `table.rs`, as rustfmt would leave it.
fn render(rows: &[generate::Row]) -> String {
    let with_large = |of: &dyn Fn(&generate::Row) -> u64| {
        core::iter::once(0).chain(rows.iter().map(of)).collect::<Vec<u64>>()
    };
    let class_for = |bytes: usize| rows.iter().position(|row| row.size >= bytes).unwrap() as u64 + 1;
    let fine = (0..=FINE_LIMIT).step_by(FINE_STEP).map(class_for).collect::<Vec<u64>>();
    let coarse = (FINE_LIMIT..=MAX_SMALL).step_by(COARSE_STEP).map(class_for).collect::<Vec<u64>>();
    let mut text = format!(
        "//! The size classes as tables. Generated from `generate.rs` by the test
//! `the_table_is_what_the_generator_makes` when {WRITE_VARIABLE} is set; edit the generator, not this file.
//! Entry 0 of a table by class stands for large objects.
#![forbid(unsafe_code)]
"
    );
    write_array(&mut text, "Bytes of a slot, by class.", "SIZES", "u32", &with_large(&|row| row.size as u64));
    write_array(
        &mut text,
        "Pages of a span, by class.",
        "SPAN_PAGES",
        "u8",
        &with_large(&|row| row.span_pages as u64),
    );
    write_array(
        &mut text,
        "Slots of a span, by class.",
        "SLOTS",
        "u16",
        &with_large(&|row| row.slots as u64),
    );
    write_array(
        &mut text,
        "`ceil(2^32 / size)`, by class: divides an offset by the slot size.",
        "MAGIC",
        "u32",
        &with_large(&generate::Row::magic),
    );
    write_array(
        &mut text,
        "The class for a request of at most 1024 bytes, by `ceil(bytes / 8)`.",
        "CLASS_BY_8",
        "u8",
        &fine,
    );
    write_array(
        &mut text,
        "The class for a request of 1024 to 32768 bytes, by `ceil((bytes - 1024) / 128)`.",
        "CLASS_BY_128",
        "u8",
        &coarse,
    );
    text
}

fn write_array(text: &mut String, doc: &str, name: &str, element: &str, values: &[u64]) {
    // What rustfmt leaves of 110 columns to the items of an array.
    const WIDTH: usize = 108;
    write!(text, "\n/// {doc}\npub static {name}: [{element}; {}] = [\n   ", values.len()).unwrap();
    let mut column = 3;
    for value in values {
        let item = format!(" {value},");
        if column + item.len() > WIDTH {
            text.push_str("\n   ");
            column = 3;
        }
        column += item.len();
        text.push_str(&item);
    }
    text.push_str("\n];\n");
}

#[test]
fn every_column_equals_the_published_table() {
    let mut lines = GO.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut rows = 0;
    for (number, line) in lines.enumerate() {
        let class = SizeClass::new(u8::try_from(number).unwrap()).unwrap();
        let align = if class.is_large() { 0 } else { class.align() };
        let ours = [
            ("class", class.get().to_string()),
            ("size_bytes", class.size().get().to_string()),
            ("span_bytes", class.span_bytes().get().to_string()),
            ("span_pages", class.span_pages().get().to_string()),
            ("objects_nominal", class.slots().to_string()),
            ("tail_waste_bytes", class.tail_waste().get().to_string()),
            ("max_waste_percent", format!("{:.2}", class.max_waste_percent())),
            ("min_align", align.to_string()),
            ("div_magic", class.magic().to_string()),
            ("max_internal_waste_per_object", class.max_slot_waste().get().to_string()),
        ];
        let theirs: Vec<&str> = line.split(',').collect();
        for (name, value) in ours {
            let column = names.iter().position(|one| *one == name).unwrap();
            assert_eq!(value, theirs[column], "{class:?}, column {name}");
        }
        rows += 1;
    }
    assert_eq!(rows, SizeClass::COUNT);
}

#[test]
fn multiplication_divides_every_offset_of_every_span() {
    for class in SizeClass::small() {
        let [size, span] =
            [class.size(), class.span_bytes()].map(|bytes| u32::try_from(bytes.get()).unwrap());
        for offset in 0..span {
            assert_eq!(class.slot_of(offset).get(), offset / size, "{class:?}, offset {offset}");
        }
        assert!(class.slot_of(span - 1).get() <= class.slots());
        assert_eq!(class.slot_of(class.slots() * size - 1).get(), class.slots() - 1);
    }
}

#[test]
fn a_request_gets_the_smallest_class_that_holds_it() {
    for bytes in 1..=MAX_SMALL {
        let class = SizeClass::for_bytes(bytes);
        assert!(class.size().get() >= bytes, "{bytes} bytes do not fit {class:?}");
        assert!(class.smallest_request().get() <= bytes, "{bytes} bytes would fit a class below {class:?}");
    }
    assert_eq!(SizeClass::for_bytes(0), SizeClass::for_bytes(1));
    assert_eq!(SizeClass::for_bytes(MAX_SMALL + 1), SizeClass::LARGE);
    assert_eq!(SizeClass::for_bytes(usize::MAX), SizeClass::LARGE);
}

#[test]
fn a_class_is_known_at_compile_time() {
    const NODE: SizeClass = SizeClass::for_bytes(size_of::<[usize; 3]>());
    const SLOT: SlotIndex = NODE.slot_of(25);
    assert_eq!((NODE.get(), NODE.size(), SLOT.get()), (3, Bytes::new(24), 1));
}

#[test]
fn an_alignment_is_met_by_the_smallest_class_that_can() {
    for align in (0..=13).map(|shift| 1usize << shift) {
        for bytes in (1..=MAX_SMALL).step_by(7) {
            let class = SizeClass::for_bytes_aligned(bytes, align);
            let fits = |one: &SizeClass| {
                one.size().get() >= bytes && one.size().get().is_multiple_of(align.min(8192))
            };
            assert_eq!(Some(class), SizeClass::small().find(fits), "{bytes} bytes aligned to {align}");
        }
    }
    assert_eq!(SizeClass::for_bytes_aligned(24, 16).size(), Bytes::new(32));
    assert_eq!(SizeClass::for_bytes_aligned(24, 2 * PAGE_BYTES), SizeClass::LARGE);
    assert_eq!(SizeClass::for_bytes_aligned(MAX_SMALL + 1, 8), SizeClass::LARGE);
}

#[test]
fn small_classes_rise_and_keep_their_tails_short() {
    let classes: Vec<SizeClass> = SizeClass::small().collect();
    assert_eq!(classes.len(), SizeClass::COUNT - 1);
    for pair in classes.windows(2) {
        assert!(pair[0].size() < pair[1].size());
    }
    for class in classes {
        assert!(class.size().get().is_multiple_of(8));
        assert!(class.tail_waste().get() * 8 <= class.span_bytes().get(), "{class:?}");
        assert!(class.slots() as usize <= MAX_SLOTS);
    }
}

#[test]
fn the_generator_says_how_a_class_came_about() {
    let rows = generate::rows();
    let row = |size: usize| rows.iter().find(|row| row.size == size).unwrap();
    let story = |size: usize| (row(size).walked.as_slice(), row(size).is_widened());
    assert_eq!(story(24), (&[24][..], false));
    // Sizes that pack alike, here two to a page, become the largest of them.
    assert_eq!(story(4096), (&[3584, 3840, 4096][..], false));
    // A sixth of five pages is 6826 bytes, and 6784 the multiple of 128 below it.
    assert_eq!(story(6784), (&[6656][..], true));
    // Merged first, then widened.
    assert_eq!(story(4864), (&[4352, 4608][..], true));
    // No walked size is lost: each fits the row it ended in, and that row was made for it.
    let mut below = 0;
    for row in &rows {
        assert!(row.walked.iter().all(|size| (below + 1..=row.size).contains(size)), "{row:?}");
        below = row.walked[row.walked.len() - 1];
    }
}

#[test]
fn the_class_of_large_objects_has_no_slots_but_slot_zero() {
    let large = SizeClass::LARGE;
    assert_eq!((large.size(), large.span_pages(), large.slots()), (Bytes::ZERO, Pages::ZERO, 0));
    assert_eq!(large.slot_of(u32::MAX), SlotIndex::new(0));
    assert_eq!(large.align(), PAGE_BYTES);
    assert_eq!(SizeClass::new(68), None);
    assert_eq!(format!("{large:?}, {:?}", SizeClass::for_bytes(30)), "large, class 4 (32 B)");
}
