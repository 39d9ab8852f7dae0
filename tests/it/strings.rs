//! Promise: strings, bytes and slices in the heap are read, compared, hashed, ordered and printed as those of Rust, and a string
//! and its bytes are one object.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use tricolor::{Gc, GcBytes, GcMap, GcSlice, GcStr, Heap, LayoutPolicy, Root, Weak};

/// Texts of every length around a slot's, a large one, and characters of two to four bytes.
fn texts() -> Vec<String> {
    let lens = (0..40).chain([503, 504, 505, 32_760, 32_761, 100_000]);
    lens.map(|len| "grey".repeat(len / 4 + 1)[..len].to_owned())
        .chain(["é", "漢字", "🦀 and more"].map(str::to_owned))
        .collect()
}

fn hashed<T: Hash + ?Sized>(value: &T) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

#[test]
fn a_string_is_its_text() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let texts = texts();
        let strings: Vec<_> = texts.iter().map(|text| mu.alloc_str(text)).collect();
        for (string, text) in strings.iter().zip(&texts) {
            assert_eq!(
                (string.as_str(), string.len(), string.is_empty()),
                (&**text, text.len(), text.is_empty())
            );
            assert!(*string == **text && AsRef::<str>::as_ref(string) == text);
            assert_eq!((hashed(string), Borrow::<str>::borrow(string)), (hashed(text), &**text));
            assert_eq!((format!("{string}"), format!("{string:?}")), (text.clone(), format!("{text:?}")));
            for (other, than) in strings.iter().zip(&texts) {
                assert_eq!((string == other, string.cmp(other)), (text == than, text.cmp(than)));
            }
        }
        assert_eq!(&strings[10][4..8], "grey");
    });
    assert_eq!(heap.verify(), []);
}

#[test]
fn bytes_are_a_slice_of_bytes() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let (a, b) = (mu.alloc_bytes(&[0, 1, 255]), mu.alloc_bytes(&[0, 2]));
        assert_eq!((a.as_bytes(), a.len(), a[2], &a[..2]), (&[0, 1, 255][..], 3, 255, &[0, 1][..]));
        assert!(a < b && a != b && a == *[0, 1, 255].as_slice() && mu.alloc_bytes(&[]).is_empty());
        assert_eq!(hashed(&a), hashed(a.as_bytes()));
        assert_eq!(format!("{a:?} {:?}", mu.alloc_bytes(b"a\"b")), r#"b"\x00\x01\xff" b"a\"b""#);
        assert_eq!(a.into_iter().copied().chain(b.iter().copied()).collect::<Vec<_>>(), [0, 1, 255, 0, 2]);
        assert_eq!(a.into_slice().as_slice(), a.as_bytes());
        // Found by a slice that nobody has put into the heap.
        let known = GcMap::new();
        known.insert(mu, a, 'a');
        assert_eq!((known.get(&[0, 1, 255][..]), known.get(&[0, 2][..])), (Some('a'), None));
    });
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_string_and_its_bytes_are_one_object() {
    for layouts in [LayoutPolicy::SharedByShape, LayoutPolicy::PerType] {
        let heap = Heap::builder().verify_every(1).layouts(layouts).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let kept: Vec<(String, Root<GcBytes>, Root<Weak<'static, GcStr>>)> = mutator.enter(|mu| {
            let make = |text: String| {
                let string = mu.alloc_str(&text);
                let bytes = string.into_bytes();
                assert!(Gc::addr(string) == Gc::addr(bytes) && bytes.as_bytes() == text.as_bytes());
                (text, mu.root(bytes), mu.root(mu.alloc(mu.downgrade(string))))
            };
            texts().into_iter().map(make).collect()
        });
        mutator.collect();
        mutator.enter(|mu| {
            for (text, bytes, weak) in &kept {
                let string = bytes.get(mu).to_str().expect("it was a string");
                assert_eq!(string.as_str(), text);
                assert!(weak.get(mu).upgrade(mu).is_some_and(|found| Gc::ptr_eq(found, string)));
            }
            let error = mu.alloc_bytes(b"12\xe6\xbc").to_str().expect_err("a character is cut in two");
            assert_eq!((error.valid_up_to(), error.error_len()), (2, None));
        });
        assert_eq!(heap.verify(), []);
    }
}

#[test]
fn a_slice_is_its_elements() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let words = ["a", "b", "c"].map(|word| mu.alloc_str(word));
        let (some, more) = (mu.alloc_copy(&words[..2]), mu.alloc_copy(&words));
        assert!(some < more && some == *words[..2].as_ref() && some == mu.alloc_copy(&words[..2]));
        assert_eq!((hashed(&more), format!("{more:?}")), (hashed(&words[..]), r#"["a", "b", "c"]"#.into()));
        assert_eq!((&more[1..], AsRef::<[Gc<'_, GcStr>]>::as_ref(&some)), (&words[1..], &words[..2]));
        let mut seen = HashSet::new();
        for word in more {
            assert!(seen.insert(*word));
        }
        assert_eq!(seen.len(), 3);
        // What has an order can be the key of an ordered map of Rust, for as long as the `enter`.
        let mut ordered: BTreeMap<Gc<'_, GcSlice<u64>>, u64> = BTreeMap::new();
        for number in (0..10).rev() {
            ordered.insert(mu.alloc_slice(2, |index| number * index as u64), number);
        }
        assert!(ordered.values().copied().eq(0..10));
        assert_eq!(ordered.get(&[0, 7][..]), Some(&7));
    });
    assert_eq!(heap.verify(), []);
}

#[test]
fn references_are_ordered_as_what_they_lead_to() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let mut numbers: Vec<_> = [3, 1, 2].map(|number: u64| mu.alloc(number)).to_vec();
        numbers.sort();
        assert!(numbers.iter().map(|number| **number).eq([1, 2, 3]));
        assert_eq!(mu.alloc(f64::NAN).partial_cmp(&mu.alloc(1.0)), None);
    });
}
