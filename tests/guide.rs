//! The guide in `docs/guide`: every chapter is listed for the reader and compiled by the tests, and what it quotes from README.md
//! is there.

#[path = "support/files.rs"]
mod files;

use files::{files_under, read};
use std::collections::BTreeSet;

const FOLDER: &str = "docs/guide/src";

/// The names of the chapters that a text names, each between `before` and `.md`.
fn named(text: &str, before: &str) -> BTreeSet<String> {
    let names = text.split(before).skip(1).filter_map(|rest| rest.split_once(".md"));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// The chapters, with their texts.
fn chapters() -> Vec<(String, String)> {
    let files = files_under(FOLDER, ".md").into_iter();
    let chapters = files.map(|file| {
        let name = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".md")).unwrap_or_default();
        (name.to_owned(), file.text)
    });
    chapters.filter(|(name, _)| name != "SUMMARY").collect()
}

#[test]
fn every_chapter_is_in_the_summary_and_compiled() {
    let found: BTreeSet<String> = chapters().into_iter().map(|(name, _)| name).collect();
    assert!(found.len() >= 15, "only {} chapters were found: the test looks at the wrong place", found.len());
    assert_eq!(named(&read("docs/guide/src/SUMMARY.md"), "]("), found, "the summary");
    assert_eq!(named(&read("src/guide.rs"), "docs/guide/src/"), found, "src/guide.rs");
    assert!(read("src/lib.rs").contains("mod guide;"), "src/lib.rs has the guide");
}

#[test]
fn every_program_is_compiled() {
    for (name, text) in chapters() {
        for fence in text.lines().filter_map(|line| line.strip_prefix("```")) {
            let known = ["", "rust", "rust,compile_fail", "sh"].contains(&fence);
            assert!(known, "{name}: a block is `{fence}`, which nobody runs");
        }
    }
}

/// Numbers with a unit of time, memory or share, as they are written.
fn figures(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let clean = |word: &str| word.trim_matches(['(', ')', ',', ';', ':', '.', '|']).to_owned();
    let pairs = words.windows(2).map(|pair| (clean(pair[0]), clean(pair[1])));
    let units = ["ns", "µs", "ms", "s", "MiB", "KiB", "GiB", "%"];
    pairs
        .filter(|(number, unit)| number.starts_with(|c: char| c.is_ascii_digit()) && units.contains(&&**unit))
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect()
}

#[test]
fn a_figure_said_to_be_measured_is_in_the_readme() {
    let readme = figures(&read("README.md"));
    let mut quoted = 0;
    for (name, text) in chapters() {
        for paragraph in text.split("\n\n").filter(|paragraph| paragraph.contains("*Measured*")) {
            for figure in figures(paragraph) {
                quoted += 1;
                assert!(readme.contains(&figure), "{name}: {figure} is not in README.md: {paragraph}");
            }
        }
    }
    assert!(quoted >= 15, "only {quoted} figures were found: the test looks at the wrong place");
}

mod planted {
    use super::{figures, named};

    #[test]
    fn names_and_figures_are_found() {
        assert!(named("- [A](a.md)\n[B](b.md)", "](").into_iter().eq(["a", "b"]));
        let found = figures("took 39 µs, 0.7 ns (and 82 % of 1 GiB); 3 times, 57 KiB.");
        assert!(found.into_iter().eq(["0.7 ns", "1 GiB", "39 µs", "57 KiB", "82 %"]));
    }
}
