//! Promise: `go tool pprof` opens what is written, and says what the program did. Needs Go; says so where there is none.

use crate::{drop_texts, profiled};
use heap_profile::Profiler;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that goes when this does.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heap-profile-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to remove.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What the tool answers; nothing if there is no Go.
fn pprof(arguments: &[&str], file: &Path) -> Option<String> {
    let output = Command::new("go").args(["tool", "pprof"]).args(arguments).arg(file).output();
    let Ok(output) = output else {
        println!("SKIPPED: go is not installed");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// The flat value in the row of a function, in bytes or objects.
fn flat(text: &str, function: &str) -> String {
    let row =
        text.lines().find(|line| line.contains(function)).unwrap_or_else(|| panic!("no {function}: {text}"));
    row.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn the_top_sites_the_lines_and_the_difference_are_what_the_program_did() {
    let folder = Folder::new("top");
    let file = folder.0.join("heap.pb.gz");
    let (_heap, kept, profile) = profiled(1);
    profile.write_pprof(std::fs::File::create(&file).unwrap()).unwrap();
    let Some(top) = pprof(&["-top", "-unit=B"], &file) else { return };
    assert!(top.contains("Type: inuse_space"), "{top}");
    assert_eq!(flat(&top, "keep"), format!("{}B", kept.len() * 48));
    let top = pprof(&["-top", "-sample_index=alloc_objects"], &file).unwrap();
    assert_eq!(flat(&top, "drop_texts"), "10000");
    let list = pprof(&["-list=drop_texts", "-sample_index=alloc_space", "-unit=B"], &file).unwrap();
    // The function is listed, and what was put into it: one of the two has the bytes at that line.
    let is_there = |line: &str| line.contains("alloc_str") && line.contains("320000B");
    assert!(list.lines().any(is_there), "{list}");
    let types = pprof(&["-tags", "-sample_index=alloc_space", "-unit=B"], &file).unwrap();
    assert!(types.contains("[u64; 6]") && types.contains("shop"), "{types}");

    // The same again, and more texts: the difference is the texts.
    let profiler = Profiler::new();
    let heap = heap_gc::Heap::builder().gc_off().sampler(profiler.clone(), 1).build().unwrap();
    drop_texts(&heap);
    let (before, after) = (folder.0.join("before.pb.gz"), folder.0.join("after.pb.gz"));
    profiler.profile("shop", &heap).write_pprof(std::fs::File::create(&before).unwrap()).unwrap();
    drop_texts(&heap);
    profiler.profile("shop", &heap).write_pprof(std::fs::File::create(&after).unwrap()).unwrap();
    let base = format!("-base={}", before.display());
    let more = pprof(&["-top", "-sample_index=alloc_space", "-unit=B", &base], &after).unwrap();
    assert!(more.contains("320000B") && !more.contains("640000B"), "{more}");
}
