//! The process's address space, area by area, and which of its pages are resident: `/proc/self/smaps` and
//! `/proc/self/pagemap`.
//!
//! An [`Area`] is what the kernel keeps together: neighbours with the same access and backing are one area, whoever made
//! them. So an area says how much of it is resident, and not whose that is; [`Pagemap`] says it page by page, where a range
//! is known.
//!
//! Parsing is apart from reading and pure, so that it is tested on text.

use crate::error::LabError;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// One area of the address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    /// Its addresses.
    pub(crate) range: Range<u64>,
    /// Whether anybody may read it.
    pub(crate) is_accessible: bool,
    /// The file behind it, or a name of the kernel's in brackets; empty for anonymous memory.
    pub(crate) name: String,
    /// Resident bytes.
    pub(crate) resident: u64,
    /// Of them, in huge pages.
    pub(crate) huge: u64,
}

/// The areas of a `smaps` text, lowest address first.
fn areas_of(text: &str) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for line in text.lines() {
        if let Some(area) = header(line) {
            areas.push(area);
        } else if let (Some(area), Some((name, rest))) = (areas.last_mut(), line.split_once(':')) {
            let bytes = || rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024);
            match name {
                "Rss" => area.resident = bytes().unwrap_or(0),
                "AnonHugePages" => area.huge = bytes().unwrap_or(0),
                _ => {}
            }
        }
    }
    areas
}

/// An area of the line that begins one: `start-end access offset device inode name`.
fn header(line: &str) -> Option<Area> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
    let access = fields.next()?;
    let name = fields.skip(3).collect::<Vec<_>>().join(" ");
    Some(Area { range, is_accessible: access.starts_with('r'), name, resident: 0, huge: 0 })
}

/// The areas of this process.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn areas() -> Result<Vec<Area>, LabError> {
    let path = Path::new("/proc/self/smaps");
    Ok(areas_of(&fs::read_to_string(path).map_err(LabError::io("read", path))?))
}

/// Bytes of page tables of this process. They are the process's memory and not in its resident size.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn page_tables() -> Result<u64, LabError> {
    let path = Path::new("/proc/self/status");
    let text = fs::read_to_string(path).map_err(LabError::io("read", path))?;
    super::resident::kib_line(&text, "VmPTE")
        .ok_or_else(|| LabError::Measure(String::from("/proc/self/status has no VmPTE line")))
}

/// Which pages are resident.
#[derive(Debug)]
pub(crate) struct Pagemap {
    file: File,
    page: u64,
}

/// The bits of an entry that say "in memory" and "nobody else's": the shared page of zeros has only the first, and no
/// resident size counts it.
const RESIDENT: u64 = 1 << 63 | 1 << 56;

impl Pagemap {
    const PATH: &'static str = "/proc/self/pagemap";

    /// Opens this process's, for pages of so many bytes.
    ///
    /// # Errors
    /// When the kernel has none.
    pub(crate) fn open(page: u64) -> Result<Self, LabError> {
        let path = Path::new(Self::PATH);
        Ok(Self { file: File::open(path).map_err(LabError::io("open", path))?, page })
    }

    /// Resident bytes of the pages that a range touches.
    ///
    /// # Errors
    /// When the kernel refuses to tell.
    pub(crate) fn resident(&self, range: Range<u64>) -> Result<u64, LabError> {
        const ENTRY: u64 = 8;
        let mut buffer = vec![0_u8; 32 << 10];
        let (mut at, end) = (range.start / self.page, range.end.div_ceil(self.page));
        let mut pages = 0;
        while at < end {
            let count = (end - at).min(buffer.len() as u64 / ENTRY);
            let bytes = usize::try_from(count * ENTRY).unwrap_or(0);
            let part = &mut buffer[..bytes];
            self.file.read_exact_at(part, at * ENTRY).map_err(LabError::io("read", Path::new(Self::PATH)))?;
            let entries =
                part.chunks_exact(8).filter_map(|entry| entry.try_into().ok()).map(u64::from_ne_bytes);
            pages += entries.filter(|entry| entry & RESIDENT == RESIDENT).count() as u64;
            at += count;
        }
        Ok(pages * self.page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tricolor::Heap;

    #[test]
    fn areas_are_read_with_their_names_and_what_is_resident() {
        let text = "00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/a b\nSize: 328 kB\nRss:   12 kB\n\
                    7f00-8f00 ---p 00000000 00:00 0 \nRss: 0 kB\nAnonHugePages:      2048 kB\nVmFlags: rd\n";
        let areas = areas_of(text);
        assert_eq!(areas.len(), 2);
        assert_eq!((areas[0].range.clone(), areas[0].name.as_str()), (0x40_0000..0x45_2000, "/usr/bin/a b"));
        assert_eq!((areas[0].resident, areas[0].huge, areas[0].is_accessible), (12 << 10, 0, true));
        assert_eq!((areas[1].resident, areas[1].huge, areas[1].is_accessible), (0, 2 << 20, false));
        assert!(areas[1].name.is_empty());
    }

    #[test]
    fn pages_of_a_heap_are_resident_once_they_were_written() {
        let page = heap_core::os::host().os_page().get() as u64;
        let Ok(pagemap) = Pagemap::open(page) else {
            eprintln!("SKIPPED: this kernel has no pagemap");
            return;
        };
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("the first");
        let _small = mutator.enter(|mu| mu.root(mu.alloc(1_u64)));
        let start = heap.mappings()[0].start.get() as u64;
        // The heap has made a chunk of 4 MiB accessible, and touched one page. A huge page is half of it.
        let chunk = start..start + (4 << 20);
        let small = pagemap.resident(chunk.clone()).expect("told");
        assert!((page..=2 << 20).contains(&small), "{small}");
        let bytes = vec![1_u8; (1 << 20) - 8];
        let _large = mutator.enter(|mu| mu.root(mu.alloc_copy(&bytes)));
        let large = pagemap.resident(chunk).expect("told");
        assert!((page + (1 << 20)..=4 << 20).contains(&large), "{large}");
    }

    #[test]
    fn the_areas_of_this_process_add_up_to_what_is_resident() {
        // Other tests run beside this one: one undisturbed look is enough.
        let looks: Vec<(u64, u64)> = (0..50)
            .map(|_| {
                let sum = areas().expect("told").iter().map(|area| area.resident).sum();
                (sum, super::super::resident::resident().expect("told"))
            })
            .collect();
        assert!(looks.iter().any(|(sum, told)| sum.abs_diff(*told) < 1 << 20), "{looks:?}");
    }
}
