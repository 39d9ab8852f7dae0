//! The words about this project: every path, link, recipe and test that a page names exists.
//!
//! A page is a `*.md` file of the checkout. Looked at are
//! * links `[…](target)`: the file exists, relative to the page or to the root, and so does the heading after `#`;
//! * code in backticks that is a path (it ends like one of our files, or its first folder is one of ours): it exists,
//!   or, for the bare name of a source, some source is called so; of `<name>.rs` the part before the `<` is looked at;
//! * a path in backticks followed by `` · `name` ``: the file defines `name`;
//! * `just recipe`, `cargo … -p package`, `--test name`, `--bench name`, `--example name` and `heap-lab` as typed.
//!
//! Comments of sources are looked at for paths that begin with one of [`NAMED_IN_SOURCES`]. The justfile and the CI
//! script are looked at for packages, tests and benches.

#[path = "support/files.rs"]
mod files;

use files::{TextFile, files_under, read, root};
use std::collections::BTreeSet;

/// A name that ends like this is a path of ours.
const OUR_ENDINGS: &[&str] = &[".rs", ".md", ".toml", ".yml", ".csv", ".txt", ".html", ".stderr", ".pml"];
/// Folders whose files are named in comments of sources by their path from the root.
const NAMED_IN_SOURCES: &[&str] = &["docs/", "tests/", "benches/", "crates/", "examples/"];
/// Made by a build or a run, so not in a fresh checkout.
const MADE: &[&str] = &["target/", "fuzz/corpus/"];

/// What exists, as far as pages can name it.
struct World {
    recipes: BTreeSet<String>,
    packages: BTreeSet<String>,
    targets: BTreeSet<(&'static str, String)>,
    /// The names of all source files, without their folders.
    file_names: BTreeSet<String>,
    exists: fn(&str) -> bool,
    text: fn(&str) -> String,
}

/// A page, or another text that names things.
struct Page<'a> {
    path: &'a str,
    text: &'a str,
}

impl Page<'_> {
    /// The path from the root of something that this page calls `named`, if it exists.
    fn resolve(&self, world: &World, named: &str) -> Option<String> {
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let beside = normal(&format!("{folder}/{named}"));
        let from_root = normal(named);
        [beside, from_root].into_iter().find(|path| (world.exists)(path))
    }

    /// The lines of the page with their numbers and whether they are in a fenced block.
    fn lines(&self) -> Vec<(usize, &str, bool)> {
        let mut fenced = false;
        let mut out = Vec::new();
        for (number, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().starts_with("```");
            if fence {
                fenced = !fenced;
            } else {
                out.push((number + 1, line, fenced || line.starts_with("    ")));
            }
        }
        out
    }
}

/// `a/b` for `./a/c/../b`; a trailing `/` is dropped.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What a page names that does not exist.
fn missing(world: &World, page: &Page<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line, is_code) in page.lines() {
        let mut found: Vec<String> = Vec::new();
        if is_code {
            found.extend(missing_in_command(world, line.trim().trim_start_matches("$ ")));
        } else {
            found.extend(links(line).iter().filter_map(|target| missing_link(world, page, target)));
            for span in code_spans(line) {
                found.extend(missing_in_command(world, span));
                found.extend(missing_path(world, page, span));
            }
            found.extend(missing_names(world, page, line));
        }
        wrong.extend(found.into_iter().map(|what| format!("{}:{number}: {what}", page.path)));
    }
    wrong
}

/// The targets of the links in a line.
fn links(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The code between backticks in a line.
fn code_spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

fn missing_link(world: &World, page: &Page<'_>, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) =
        target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
    let text = if file.is_empty() {
        page.text.to_owned()
    } else {
        match page.resolve(world, file) {
            None => return Some(format!("the link `{target}` leads nowhere")),
            Some(path) if heading.is_some() => (world.text)(&path),
            Some(_) => return None,
        }
    };
    let heading = heading?;
    let known = text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
    (!known).then(|| format!("the link `{target}` names no heading"))
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>()
        .replace(' ', "-")
}

/// Whether code in backticks is a path, and if so, of ours.
fn is_our_path(world: &World, page: &Page<'_>, code: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "./_-<>*".contains(c);
    if code.is_empty() || code.starts_with('/') || !code.chars().all(legal) || code.contains("::") {
        return false;
    }
    if MADE.iter().any(|folder| code.starts_with(folder)) {
        return false;
    }
    let named_like_ours = OUR_ENDINGS.iter().any(|end| code.ends_with(end) && code.len() > end.len());
    let first = code.split('/').next().unwrap_or_default();
    named_like_ours || (code.contains('/') && !first.is_empty() && page.resolve(world, first).is_some())
}

fn missing_path(world: &World, page: &Page<'_>, code: &str) -> Option<String> {
    if !is_our_path(world, page, code) {
        return None;
    }
    // Of `docs/<topic>.md` and `crates/*/src` the part before the open name is looked at.
    let fixed = match code.find(['<', '*']) {
        Some(open) => code[..open].rsplit_once('/')?.0,
        None => code,
    };
    if world.file_names.contains(fixed) {
        return None;
    }
    page.resolve(world, fixed).is_none().then(|| format!("`{code}` does not exist"))
}

/// `` `file.rs` · `name` ``: names that the file does not define.
fn missing_names(world: &World, page: &Page<'_>, line: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, _) in line.match_indices("` · `") {
        let file = line[..at].rsplit('`').next().unwrap_or_default();
        let name = line[at + "` · `".len()..].split('`').next().unwrap_or_default();
        let name = name.trim_end_matches("()").rsplit("::").next().unwrap_or_default();
        if !file.ends_with(".rs") {
            continue;
        }
        let Some(path) = page.resolve(world, file) else { continue };
        if !defines(&(world.text)(&path), name) {
            wrong.push(format!("`{file}` does not define `{name}`"));
        }
    }
    wrong
}

/// Whether a source defines an item, a macro or a variant-free constant called `name`.
fn defines(source: &str, name: &str) -> bool {
    let kinds =
        ["fn", "struct", "enum", "trait", "type", "const", "static", "mod", "union", "macro_rules!", "impl"];
    source.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        let mut words =
            line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!')).filter(|w| !w.is_empty());
        let mut before = "";
        words.any(|word| {
            let found = word == name && kinds.contains(&before);
            before = word;
            found
        })
    })
}

/// What a command as typed names that does not exist.
fn missing_in_command(world: &World, command: &str) -> Vec<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let mut wrong = Vec::new();
    if let ["just", recipe, ..] = words[..]
        && recipe.starts_with(|c: char| c.is_ascii_lowercase())
        && !world.recipes.contains(recipe)
    {
        wrong.push(format!("`just {recipe}`: the justfile has no such recipe"));
    }
    if !words.contains(&"cargo") {
        return wrong;
    }
    for pair in words.windows(2) {
        let value = pair[1].trim_matches(['"', '\'', '`', ';', ')', ',', '.']);
        if value.contains(['{', '$', '<', '*']) || value.starts_with(|c: char| c.is_ascii_uppercase()) {
            continue;
        }
        let known = match pair[0] {
            "-p" | "--package" => world.packages.contains(value),
            "--test" => world.targets.contains(&("test", value.to_owned())),
            "--bench" => world.targets.contains(&("bench", value.to_owned())),
            "--example" => world.targets.contains(&("example", value.to_owned())),
            _ => true,
        };
        if !known {
            wrong.push(format!("`{} {value}` does not exist", pair[0]));
        }
    }
    wrong
}

/// Paths in the comments of a source that begin with one of [`NAMED_IN_SOURCES`] and do not exist.
fn missing_in_comments(world: &World, file: &TextFile) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let Some((_, comment)) = line.split_once("//") else { continue };
        let legal = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
        for word in comment.split(|c: char| !legal(c)) {
            let word = word.trim_end_matches(['.', '/']);
            let ours =
                NAMED_IN_SOURCES.iter().any(|folder| word.starts_with(folder) && word.len() > folder.len());
            let complete = OUR_ENDINGS.iter().any(|end| word.ends_with(end));
            if ours && complete && !(world.exists)(word) {
                wrong.push(format!("{}:{}: `{word}` does not exist", file.path, number + 1));
            }
        }
    }
    wrong
}

/// The recipes of a justfile.
fn recipes_in(justfile: &str) -> BTreeSet<String> {
    justfile
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && !line.contains(":="))
        .filter_map(|line| line.split_once(':'))
        .filter_map(|(head, _)| head.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The names of the packages in the checkout and of their tests, benches and examples.
fn packages_and_targets() -> (BTreeSet<String>, BTreeSet<(&'static str, String)>) {
    let mut packages = BTreeSet::new();
    let mut targets = BTreeSet::new();
    for manifest in files_under("", "Cargo.toml") {
        let folder = manifest.path.trim_end_matches("Cargo.toml").trim_end_matches('/');
        let mut table = "";
        for line in manifest.text.lines() {
            if line.starts_with('[') {
                table = line.trim_matches(['[', ']']);
            }
            let Some(name) = line.strip_prefix("name").and_then(|rest| rest.split('"').nth(1)) else {
                continue;
            };
            match table {
                "package" => drop(packages.insert(name.to_owned())),
                "test" => drop(targets.insert(("test", name.to_owned()))),
                "bench" => drop(targets.insert(("bench", name.to_owned()))),
                "example" => drop(targets.insert(("example", name.to_owned()))),
                _ => {}
            }
        }
        for (kind, place) in [("test", "tests"), ("bench", "benches"), ("example", "examples")] {
            let place = if folder.is_empty() { place.to_owned() } else { format!("{folder}/{place}") };
            for file in files_under(&place, ".rs") {
                let inside = file.path[place.len() + 1..].trim_end_matches(".rs");
                let name = inside.strip_suffix("/main").unwrap_or(inside);
                if !name.contains('/') {
                    targets.insert((kind, name.to_owned()));
                }
            }
        }
    }
    (packages, targets)
}

fn world() -> World {
    let (packages, targets) = packages_and_targets();
    World {
        recipes: recipes_in(&read("justfile")),
        packages,
        targets,
        file_names: files_under("", ".rs")
            .iter()
            .filter_map(|file| Some(file.path.rsplit_once('/')?.1.into()))
            .collect(),
        exists: |path| root().join(path).exists(),
        text: read,
    }
}

#[test]
fn everything_that_a_page_names_exists() {
    let world = world();
    let pages = files_under("", ".md");
    assert!(pages.len() >= 6, "only {} pages were found: the test looks at the wrong place", pages.len());
    let wrong: Vec<String> =
        pages.iter().flat_map(|page| missing(&world, &Page { path: &page.path, text: &page.text })).collect();
    assert!(wrong.is_empty(), "{} names lead nowhere:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_path_in_a_comment_exists() {
    let world = world();
    let sources = files_under("", ".rs");
    assert!(
        sources.len() > 30,
        "only {} sources were found: the test looks at the wrong place",
        sources.len()
    );
    let sources = sources.iter().filter(|file| file.path != "tests/docs.rs");
    let wrong: Vec<String> = sources.flat_map(|file| missing_in_comments(&world, file)).collect();
    assert!(wrong.is_empty(), "{} paths lead nowhere:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_justfile_and_the_ci_script_name_packages_and_tests_that_exist() {
    let world = world();
    assert!(world.recipes.contains("check") && world.recipes.len() > 8, "recipes: {:?}", world.recipes);
    let mut wrong = Vec::new();
    for path in ["justfile", ".ci/run", ".github/workflows/ci.yml"] {
        for (number, line) in read(path).lines().enumerate() {
            if !line.trim_start().starts_with('#') {
                let found = missing_in_command(&world, line.trim().trim_start_matches("- run: "));
                wrong.extend(found.into_iter().map(|what| format!("{path}:{}: {what}", number + 1)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} names lead nowhere:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_architecture_page_presents_every_crate() {
    let page = read("ARCHITECTURE.md");
    let mut wrong = Vec::new();
    for manifest in files_under("crates", "Cargo.toml") {
        let folder = manifest.path.trim_end_matches("/Cargo.toml");
        if folder.matches('/').count() == 1 && !page.contains(&format!("`{folder}`")) {
            wrong.push(format!("`{folder}` is not presented"));
        }
    }
    assert!(wrong.is_empty(), "ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn the_readme_gives_the_two_commands_and_the_changelog_has_a_place_for_news() {
    let readme = read("README.md");
    for command in ["cargo run --release -p heap-lab", "cargo test --workspace"] {
        assert!(readme.contains(command), "README.md does not say `{command}`");
    }
    assert!(
        read("CHANGELOG.md").contains("## [Unreleased]"),
        "CHANGELOG.md has no section for what comes next"
    );
}

mod planted {
    use super::{Page, World, anchor, missing, missing_in_comments, normal, recipes_in};
    use crate::files::TextFile;

    fn found(text: &str) -> Vec<String> {
        missing(&world(), &Page { path: "docs/page.md", text })
    }

    fn world() -> World {
        World {
            recipes: recipes_in(
                "set shell := [\"sh\"]\nalias := \"x\"\n# no: one\ncheck: fmt\nlab *ARGS:\n  echo a: b\n",
            ),
            packages: ["heap-lab".to_owned()].into(),
            targets: [("test", "layers".to_owned()), ("bench", "alloc".to_owned())].into(),
            file_names: ["lib.rs".to_owned()].into(),
            exists: |path| ["docs", "docs/page.md", "docs/other.md", "src", "src/lib.rs"].contains(&path),
            text: |path| match path {
                "src/lib.rs" => "// fn gone\npub(crate) fn there() {}\nmacro_rules! mac { }\n".to_owned(),
                _ => "# A heading, of sorts\n".to_owned(),
            },
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_with_its_line() {
        assert_eq!(found("one\n[a](gone.md)"), ["docs/page.md:2: the link `gone.md` leads nowhere"]);
        assert!(
            found("[a](other.md) [b](../src/lib.rs) [c](src/lib.rs) [d](https://example.org/x.md)")
                .is_empty()
        );
    }

    #[test]
    fn a_link_to_a_heading_needs_the_heading() {
        assert!(found("[a](other.md#a-heading-of-sorts)\n# Mine\n[b](#mine)").is_empty());
        assert_eq!(found("[a](other.md#another) [b](#nothing)").len(), 2);
        assert_eq!(anchor("## Where do I change…?"), "where-do-i-change");
    }

    #[test]
    fn a_path_in_backticks_that_is_missing_is_found() {
        assert_eq!(found("see `src/gone.rs` and `gone.md` and `docs/gone`").len(), 3);
        assert!(
            found("`src/lib.rs` `other.md` `docs/<name>.md` `src/*` `target/report.html` `/proc/self/statm`")
                .is_empty()
        );
        assert!(found("`lib.rs` without its folder, `<name>.rs`").is_empty());
        assert!(found("`alloc/inuse` `HeapInuse/HeapAlloc` `.rs` `runtime/mheap.go` `a.b`").is_empty());
        assert_eq!(found("`gone/<name>.rs`").len(), 1);
    }

    #[test]
    fn a_name_that_its_file_does_not_define_is_found() {
        assert!(
            found("`src/lib.rs` · `there` and `src/lib.rs` · `mac` and `src/lib.rs` · `A::there()`")
                .is_empty()
        );
        assert_eq!(found("`src/lib.rs` · `gone`"), ["docs/page.md:1: `src/lib.rs` does not define `gone`"]);
    }

    #[test]
    fn commands_name_recipes_packages_and_tests() {
        assert!(found("`just check` `just lab run all` just say, `just`").is_empty());
        assert_eq!(found("`just gone`").len(), 1);
        assert_eq!(found("```\njust gone\n$ cargo test -p gone --test layers\n```\n").len(), 2);
        assert!(found("    cargo test -p heap-lab --test layers\n    cargo bench --bench alloc").is_empty());
        assert_eq!(found("    cargo bench --bench gone").len(), 1);
    }

    #[test]
    fn a_missing_path_in_a_comment_is_found() {
        let file = |text: &str| TextFile { path: "src/lib.rs".to_owned(), text: text.to_owned() };
        assert_eq!(missing_in_comments(&world(), &file("//! See `docs/gone.md`.")).len(), 1);
        assert!(
            missing_in_comments(&world(), &file("/// See docs/other.md.\nlet a = \"docs/gone.md\";"))
                .is_empty()
        );
    }

    #[test]
    fn paths_are_made_normal() {
        assert_eq!(normal("docs/../src/./lib.rs"), "src/lib.rs");
        assert_eq!(normal("/docs/"), "docs");
    }
}
