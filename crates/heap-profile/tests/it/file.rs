//! Promise: what is written can be read: by a plain reader of the format here, and as lines of folded stacks.

use crate::{KEPT, profiled};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::Read as _;

/// A field of a message, as it is on the wire.
#[derive(Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn number(&self) -> u64 {
        let Self::Number(number) = self else { panic!("a number, not {self:?}") };
        *number
    }

    fn bytes(&self) -> &'a [u8] {
        let Self::Bytes(bytes) = self else { panic!("bytes, not {self:?}") };
        bytes
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().expect("a number that ends");
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

/// The fields of a message, in order.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            2 => {
                let len = usize::try_from(varint(&mut bytes)).unwrap();
                let (inside, rest) = bytes.split_at(len);
                bytes = rest;
                Field::Bytes(inside)
            }
            other => panic!("wire type {other}"),
        };
        all.push((key >> 3, field));
    }
    all
}

fn packed(mut bytes: &[u8]) -> Vec<u64> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(varint(&mut bytes));
    }
    all
}

#[test]
fn a_pprof_file_has_every_sample_with_its_functions_and_labels() {
    let (_heap, kept, profile) = profiled(1);
    let mut file = Vec::new();
    profile.write_pprof(&mut file).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(&file[..]).read_to_end(&mut bytes).unwrap();
    let all = fields(&bytes);
    let of = |wanted: u64| all.iter().filter(move |(number, _)| *number == wanted).map(|(_, field)| field);
    let texts: Vec<_> = of(6).map(|text| std::str::from_utf8(text.bytes()).unwrap()).collect();
    let text = |number: u64| texts[usize::try_from(number).unwrap()];
    assert_eq!(texts[0], "");
    let kinds: Vec<_> = of(1).map(|kind| text(fields(kind.bytes())[0].1.number())).collect();
    assert_eq!(kinds, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]);
    assert_eq!(text(of(14).next().unwrap().number()), "inuse_space");
    assert_eq!(of(12).next().unwrap().number(), 1);

    let functions: BTreeMap<u64, &str> = of(5)
        .map(|function| {
            let parts = fields(function.bytes());
            (parts[0].1.number(), text(parts[1].1.number()))
        })
        .collect();
    let mut locations: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for location in of(4) {
        let parts = fields(location.bytes());
        let lines = parts.iter().filter(|(number, _)| *number == 4);
        let names = lines.map(|(_, line)| functions[&fields(line.bytes())[0].1.number()]).collect();
        locations.insert(parts[0].1.number(), names);
    }
    let mut sums = [0; 4];
    let mut by_type: BTreeMap<&str, u64> = BTreeMap::new();
    for sample in of(2) {
        let parts = fields(sample.bytes());
        let values = packed(parts[1].1.bytes());
        sums.iter_mut().zip(&values).for_each(|(sum, value)| *sum += value);
        let stack: Vec<_> =
            packed(parts[0].1.bytes()).iter().flat_map(|number| locations[number].clone()).collect();
        assert!(!stack[0].contains("heap_gc"), "the heap's own functions are left out: {stack:?}");
        assert!(stack.iter().any(|name| name.contains("keep") || name.contains("drop_texts")), "{stack:?}");
        let labels: Vec<_> = parts[2..].iter().map(|(_, label)| fields(label.bytes())).collect();
        assert_eq!(text(labels[1][1].1.number()), "shop");
        *by_type.entry(text(labels[0][1].1.number())).or_default() += values[1];
        assert_eq!(values[1], values[0] * labels[2][1].1.number(), "bytes are objects times their size");
    }
    let (all, live) = (KEPT as u64, kept.len() as u64);
    assert_eq!(sums, [2 * all, all * 80, live, live * 48]);
    assert_eq!(by_type, [("[u64; 6]", all * 48), ("[u8]", all * 32)].into());
}

#[test]
fn a_folded_line_is_a_stack_outermost_first_with_its_type_and_a_number() {
    let (_heap, kept, profile) = profiled(1);
    let mut lines = Vec::new();
    profile.write_folded(&mut lines, |counts| counts.in_use.bytes).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let mut sum = 0;
    for line in text.lines() {
        let (stack, number) = line.rsplit_once(' ').unwrap();
        sum += number.parse::<usize>().unwrap();
        let names: Vec<_> = stack.split(';').collect();
        assert_eq!(*names.last().unwrap(), "[u64, 6]");
        assert!(names.iter().any(|name| name.contains("keep")), "{line}");
        assert!(!names[names.len() - 2].contains("heap_gc"), "{line}");
    }
    assert_eq!(sum, kept.len() * 48);
}
