//! Reading profiles in the format of pprof: which function allocated how many objects and bytes itself.
//!
//! The files are those that `heap-profile` writes, Go's `runtime/pprof`, and whoever else has sample types `alloc_objects` and
//! `alloc_space`. The fields and their numbers are those of `profile.proto` in <https://github.com/google/pprof>. A sample counts
//! for the innermost function of its stack, which is what pprof shows as *flat*.
//!
//! Whatever the file holds, reading ends and fails only by an error: lengths are checked against what is there.

use crate::error::LabError;
use crate::saved::Site;
use flate2::read::GzDecoder;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// A profile is not larger than this when it is unpacked; a file that claims more is not one.
const MOST: u64 = 256 << 20;

/// The sites of a profile, by function.
///
/// # Errors
/// When the file cannot be read, is no profile, or counts no allocations.
pub(crate) fn read(path: &Path) -> Result<Vec<Site>, LabError> {
    let wrong = |what: &str| LabError::Argument(format!("{}: {what}", path.display()));
    let raw = fs::read(path).map_err(LabError::io("read", path))?;
    let bytes = if raw.starts_with(&[0x1f, 0x8b]) {
        let mut bytes = Vec::new();
        let mut unpack = GzDecoder::new(&raw[..]).take(MOST);
        unpack.read_to_end(&mut bytes).map_err(|error| wrong(&format!("cannot be unpacked: {error}")))?;
        bytes
    } else {
        raw
    };
    sites(&bytes).map_err(wrong)
}

/// A field of a message.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, by number.
struct Fields<'a>(&'a [u8]);

/// What is wrong with a message.
const CUT: &str = "no profile, or one that is cut off";

fn varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0;
    for ((index, byte), shift) in bytes.iter().enumerate().zip((0..64).step_by(7)) {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Ok(value);
        }
    }
    Err(CUT)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Field<'a>), &'static str> {
        let key = varint(&mut self.0)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut self.0)?),
            1 => Field::Bytes(self.bytes(8)?),
            2 => {
                let length = varint(&mut self.0)?;
                Field::Bytes(self.bytes(length)?)
            }
            5 => Field::Bytes(self.bytes(4)?),
            _ => return Err(CUT),
        };
        Ok((key >> 3, field))
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], &'static str> {
        let length = usize::try_from(length).map_err(|_| CUT)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// Adds the numbers of a repeated field, packed or not.
fn numbers(field: Field<'_>, to: &mut Vec<u64>) -> Result<(), &'static str> {
    match field {
        Field::Number(number) => to.push(number),
        Field::Bytes(mut bytes) => {
            while !bytes.is_empty() {
                to.push(varint(&mut bytes)?);
            }
        }
    }
    Ok(())
}

/// The numbers of some fields of a message; 0 where there is none.
fn wanted<const N: usize>(message: &[u8], fields: [u64; N]) -> Result<[u64; N], &'static str> {
    let mut found = [0; N];
    for field in Fields(message) {
        if let (number, Field::Number(value)) = field?
            && let Some(at) = fields.iter().position(|wanted| *wanted == number)
        {
            found[at] = value;
        }
    }
    Ok(found)
}

fn sites(profile: &[u8]) -> Result<Vec<Site>, &'static str> {
    let (mut types, mut samples, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    // A location's innermost function; a function's name.
    let (mut locations, mut functions) = (HashMap::new(), HashMap::new());
    for field in Fields(profile) {
        match field? {
            (1, Field::Bytes(message)) => types.push(wanted(message, [1])?[0]),
            (2, Field::Bytes(message)) => {
                let (mut stack, mut values) = (Vec::new(), Vec::new());
                for field in Fields(message) {
                    match field? {
                        (1, field) => numbers(field, &mut stack)?,
                        (2, field) => numbers(field, &mut values)?,
                        _ => {}
                    }
                }
                samples.push((stack.first().copied(), values));
            }
            (4, Field::Bytes(message)) => {
                let mut line = None;
                for field in Fields(message) {
                    if let (4, Field::Bytes(message)) = field? {
                        line.get_or_insert(wanted(message, [1])?[0]);
                    }
                }
                locations.insert(wanted(message, [1])?[0], line);
            }
            (5, Field::Bytes(message)) => {
                let [id, name] = wanted(message, [1, 2])?;
                functions.insert(id, name);
            }
            (6, Field::Bytes(text)) => texts.push(String::from_utf8_lossy(text)),
            _ => {}
        }
    }
    let text = |number: u64| usize::try_from(number).ok().and_then(|at| texts.get(at)).map(|text| &**text);
    let value = |name: &str| types.iter().position(|kind| text(*kind) == Some(name));
    let (Some(objects), Some(bytes)) = (value("alloc_objects"), value("alloc_space")) else {
        return Err("a profile without alloc_objects and alloc_space: it is not one of allocations");
    };
    let mut sums: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    for (place, values) in &samples {
        let function = place.and_then(|place| (*locations.get(&place)?)?.into());
        let name = function.and_then(|function: u64| text(*functions.get(&function)?));
        let sum = sums.entry(name.unwrap_or("(unknown)")).or_default();
        for (sum, at) in sum.iter_mut().zip([objects, bytes]) {
            *sum += values.get(at).copied().unwrap_or(0) as f64;
        }
    }
    let site = |(function, [objects, bytes]): (&str, [f64; 2])| Site {
        krate: package(function).to_owned(),
        function: function.to_owned(),
        objects,
        bytes,
    };
    Ok(sums.into_iter().filter(|(_, [objects, _])| *objects > 0.0).map(site).collect())
}

/// The crate of a Rust function (`heap_gc` of `<heap_gc::Heap>::collect`) or the package of a Go function (`encoding/json` of
/// `encoding/json.(*Encoder).Encode`).
pub(crate) fn package(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&', '[', '(', '*']);
    if let Some((krate, _)) = path.split_once("::") {
        return krate;
    }
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    path[last..].find('.').map_or("", |dot| &path[..last + dot])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use heap_profile::Profiler;
    use tricolor::Heap;

    /// A profile of a program that makes a thousand objects, as `heap-profile` writes it.
    fn written() -> Vec<u8> {
        let profiler = Profiler::new();
        let heap = Heap::builder().sampler(profiler.clone(), 1).build().expect("a heap");
        heap.attach().expect("attached").enter(|mu| {
            for number in 0..1000_u64 {
                std::hint::black_box(mu.alloc([number; 4]));
            }
        });
        let mut bytes = Vec::new();
        profiler.profile("a", &heap).write_pprof(&mut bytes).expect("written");
        bytes
    }

    #[test]
    fn what_the_profiler_writes_is_read_as_it_counted() {
        let sites = read(&Scratch::with(&[("whole.pb.gz", written())]).file("whole.pb.gz")).expect("read");
        let objects: f64 = sites.iter().map(|site| site.objects).sum();
        let bytes: f64 = sites.iter().map(|site| site.bytes).sum();
        assert_eq!((objects, bytes), (1000.0, 32_000.0));
        assert!(sites.iter().any(|site| site.krate == "heap_lab" && site.objects == 1000.0), "{sites:?}");
    }

    #[test]
    fn a_file_that_is_cut_off_or_none_is_an_error_and_never_a_panic() {
        let whole = written();
        let mut unpacked = Vec::new();
        GzDecoder::new(&whole[..]).read_to_end(&mut unpacked).expect("unpacked");
        for length in (0..unpacked.len()).step_by(unpacked.len() / 500 + 1) {
            // Cut between two fields it may still be a profile, of less.
            drop(sites(&unpacked[..length]));
        }
        for (name, bytes) in
            [("cut.pb.gz", &whole[..whole.len() / 2]), ("text.pb", b"hello, world"), ("nothing.pb", b"")]
        {
            assert!(
                read(&Scratch::with(&[(name, bytes)]).file(name)).expect_err(name).to_string().contains(name)
            );
        }
    }

    #[test]
    fn functions_belong_to_crates_and_packages() {
        for (function, expected) in [
            ("heap_gc::mutator::Mu::alloc", "heap_gc"),
            ("<heap_gc::Heap as core::fmt::Debug>::fmt", "heap_gc"),
            ("encoding/json.(*Encoder).Encode", "encoding/json"),
            ("main.main", "main"),
            ("github.com/a/b.v2/c.F[...]", "github.com/a/b.v2/c"),
            ("malloc", ""),
        ] {
            assert_eq!(package(function), expected, "{function}");
        }
    }
}
