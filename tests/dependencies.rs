//! The dependencies: each is wanted, explained, and may be used.
//!
//! * Versions are written once, in `[workspace.dependencies]`; a crate says `name.workspace = true`.
//! * The table in ARCHITECTURE.md names each direct dependency, who uses it, and why. The first two are compared
//!   with the manifests (`BLESS=1 cargo test --test dependencies` corrects them); the reasons are written by hand.
//! * The licence of every package in the tree, dependencies of dependencies included, is satisfied by the list in
//!   `deny.toml`. This needs no tool beyond cargo. Where only this platform's packages are at hand, the others are
//!   not looked at; cargo-deny, which CI may have, reads the same list.

#[path = "support/files.rs"]
mod files;

use files::{files_under, read, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

const PAGE: &str = "ARCHITECTURE.md";
const TABLE_HEAD: &str = "| dependency | used by | for |\n| --- | --- | --- |\n";
/// What a blessed row says until somebody writes down why the dependency is there.
const UNWRITTEN: &str = "(not written down)";

/// One dependency as a manifest lists it.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    name: String,
    line: usize,
    /// In `[dev-dependencies]`.
    for_tests: bool,
    /// `name.workspace = true`, or the same in a table.
    from_workspace: bool,
}

/// The dependencies of a manifest, workspace tables left out.
fn listed_in(manifest: &str) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    let mut section = String::new();
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let for_tests = |section: &str| section.contains("dev-dependencies");
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
            if let Some((table, name)) = section.rsplit_once("dependencies.")
                && !table.starts_with("workspace")
            {
                let for_tests = for_tests(&section);
                found.push(Listed {
                    name: name.to_owned(),
                    line: number + 1,
                    for_tests,
                    from_workspace: false,
                });
            }
            continue;
        }
        if section.starts_with("workspace") {
            continue;
        }
        if section.ends_with("dependencies") {
            let key = line.split('=').next().unwrap_or_default().trim();
            let (name, rest) = key.split_once('.').unwrap_or((key, ""));
            let from_workspace = rest == "workspace" || line.replace(' ', "").contains("workspace=true");
            let name = name.to_owned();
            found.push(Listed { name, line: number + 1, for_tests: for_tests(&section), from_workspace });
        } else if section.contains("dependencies.") && line.replace(' ', "") == "workspace=true" {
            found.last_mut().expect("a table was opened").from_workspace = true;
        }
    }
    found
}

/// The packages of `[workspace.dependencies]` that come from outside.
fn outside(manifest: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[workspace.dependencies]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim_start().starts_with('#') && !line.contains("path ="))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

/// The manifests of the workspace: the crate's name and the text.
fn manifests() -> Vec<(String, files::TextFile)> {
    let mut all = vec![files::TextFile { path: "Cargo.toml".to_owned(), text: read("Cargo.toml") }];
    all.extend(files_under("crates", "Cargo.toml"));
    let name = |text: &str| {
        let lines = text.lines().skip_while(|line| line.trim() != "[package]");
        let name = lines.filter_map(|line| line.strip_prefix("name")).find_map(|rest| rest.split('"').nth(1));
        name.expect("a package has a name").to_owned()
    };
    all.into_iter().map(|file| (name(&file.text), file)).collect()
}

/// Who uses each outside dependency: `heap-core`, or `heap-core (tests)` if only its tests do.
fn users() -> BTreeMap<String, Vec<String>> {
    let outside = outside(&read("Cargo.toml"));
    let mut users: BTreeMap<String, Vec<String>> =
        outside.into_iter().map(|name| (name, Vec::new())).collect();
    let manifests = manifests();
    let own: BTreeSet<String> = manifests.iter().map(|(name, _)| name.clone()).collect();
    for (owner, manifest) in manifests {
        let mut used: BTreeMap<String, bool> = BTreeMap::new();
        for listed in listed_in(&manifest.text) {
            let only_tests = used.entry(listed.name).or_insert(true);
            *only_tests &= listed.for_tests;
        }
        for (name, only_tests) in used {
            if !own.contains(&name) {
                let user = if only_tests { format!("{owner} (tests)") } else { owner.clone() };
                users.entry(name).or_default().push(user);
            }
        }
    }
    users
}

/// The page with the rows of its table as they should be; reasons are kept.
fn corrected(page: &str, users: &BTreeMap<String, Vec<String>>) -> String {
    let start =
        page.find(TABLE_HEAD).unwrap_or_else(|| panic!("{PAGE} has no table of this form:\n{TABLE_HEAD}"));
    let rows = &page[start + TABLE_HEAD.len()..];
    let old: Vec<&str> = rows.split_inclusive('\n').take_while(|line| line.starts_with('|')).collect();
    let reasons: BTreeMap<&str, &str> = old
        .iter()
        .filter_map(|row| {
            let cells: Vec<&str> = row.trim().trim_matches('|').split('|').map(str::trim).collect();
            let [name, _, reason] = cells[..] else { return None };
            Some((name.trim_matches('`'), reason))
        })
        .collect();
    let mut out = page[..start + TABLE_HEAD.len()].to_owned();
    for (name, users) in users {
        let reason = reasons.get(name.as_str()).unwrap_or(&UNWRITTEN);
        writeln!(out, "| `{name}` | {} | {reason} |", users.join(", ")).expect("writing to a string");
    }
    let length: usize = old.iter().map(|row| row.len()).sum();
    out + &rows[length..]
}

#[test]
fn the_architecture_page_explains_every_direct_dependency() {
    let page = read(PAGE);
    let users = users();
    assert!(users.len() > 5, "only {users:?} were found: the test looks at the wrong place");
    let right = corrected(&page, &users);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(PAGE), &right).expect("writing the page");
    } else {
        let (old, new): (Vec<&str>, Vec<&str>) = (page.lines().collect(), right.lines().collect());
        let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}\n"));
        let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}\n"));
        let difference: String = gone.chain(come).collect();
        assert!(page == right, "{PAGE} is not up to date (BLESS=1 corrects names and users):\n{difference}");
    }
    assert!(!right.contains(UNWRITTEN), "{PAGE}: say why the new dependencies are there");
}

#[test]
fn versions_are_written_once_and_every_one_is_used() {
    let mut wrong = Vec::new();
    for (_, manifest) in manifests() {
        for listed in listed_in(&manifest.text) {
            if !listed.from_workspace {
                let Listed { name, line, .. } = listed;
                wrong.push(format!("{}:{line}: `{name}` does not say `workspace = true`", manifest.path));
            }
        }
    }
    for (name, users) in users() {
        if users.is_empty() {
            wrong.push(format!("Cargo.toml: nobody uses `{name}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The licences that `deny.toml` allows.
fn allowed_licences(deny: &str) -> BTreeSet<String> {
    let list =
        deny.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// Whether a licence expression (`A OR B AND (C WITH D)`; `/` is an old way to write `OR`) is satisfied.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spread = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spread.split_whitespace().collect();
    let mut at = 0;
    let holds = any_of(&words, &mut at, allowed);
    holds && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut holds = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        holds |= all_of(words, at, allowed);
    }
    holds
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut holds = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        holds &= one(words, at, allowed);
    }
    holds
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(&word) = words.get(*at) else { return false };
    *at += 1;
    if word == "(" {
        let holds = any_of(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return holds && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return allowed.contains(&format!("{word} WITH {exception}")) || allowed.contains(word);
    }
    allowed.contains(word)
}

/// Package and licence of everything in the tree, from cargo itself.
fn packages_with_licences() -> BTreeMap<String, String> {
    let tree = |more: &[&str]| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Command::new(cargo)
            .current_dir(root())
            .args(["tree", "--workspace", "--offline", "--locked", "--prefix", "none", "--no-dedupe"])
            .args(["--edges", "normal,build,dev", "--format", "{p}|{l}"])
            .args(more)
            .output()
            .expect("cargo runs")
    };
    let mut output = tree(&["--target", "all"]);
    if !output.status.success() {
        output = tree(&[]);
    }
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| line.split_once('|'));
    lines
        .map(|(package, licence)| {
            let name: Vec<&str> = package.split_whitespace().take(2).collect();
            (name.join(" "), licence.trim_end_matches("(*)").trim().to_owned())
        })
        .collect()
}

#[test]
fn every_licence_in_the_tree_is_allowed() {
    let allowed = allowed_licences(&read("deny.toml"));
    assert!(allowed.contains("MIT"), "deny.toml allows {allowed:?}");
    let packages = packages_with_licences();
    // Dependencies of another platform or of a `cfg` may not be at hand; most are.
    let direct = outside(&read("Cargo.toml"));
    let seen = |name: &String| packages.keys().any(|package| package.split(' ').next() == Some(name));
    let count = direct.iter().filter(|name| seen(name)).count();
    assert!(4 * count >= 3 * direct.len(), "of {direct:?} only {count} were seen");
    let wrong: Vec<String> = packages
        .iter()
        .filter(|(_, licence)| !satisfied(licence, &allowed))
        .map(|(package, licence)| format!("{package}: `{licence}`"))
        .collect();
    assert!(wrong.is_empty(), "licences that deny.toml does not allow:\n{}", wrong.join("\n"));
}

mod planted {
    use super::{Listed, TABLE_HEAD, UNWRITTEN, allowed_licences, corrected, listed_in, outside, satisfied};
    use std::collections::BTreeMap;

    #[test]
    fn a_licence_expression_is_read_with_its_operators() {
        let allowed =
            allowed_licences("[licenses]\nallow = [\n  \"MIT\", # \"GPL-3.0\"\n  \"BSD-3-Clause\",\n]\n");
        assert_eq!(allowed.len(), 2);
        for fine in [
            "MIT",
            "GPL-3.0 OR MIT",
            "GPL-3.0/MIT",
            "(MIT AND BSD-3-Clause) OR X",
            "MIT WITH Y",
            "X OR Y OR MIT",
        ] {
            assert!(satisfied(fine, &allowed), "{fine}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR X) AND Y", "(MIT", "MIT MIT", "MIT OR"] {
            let expected = bad == "MIT OR";
            // A dangling operator adds an alternative that is never satisfied, and harms nothing.
            assert_eq!(satisfied(bad, &allowed), expected, "{bad}");
        }
    }

    #[test]
    fn dependencies_are_read_from_every_form_of_table() {
        let manifest = "[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"x\"] }\nc = \"1\"\n\
                        [dev-dependencies.d]\nworkspace = true\n[target.'cfg(loom)'.dependencies]\ne = \"2\"\n\
                        [workspace.dependencies]\nz = \"1\"\n[features]\nf = []\n";
        let listed = listed_in(manifest);
        let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"]);
        let from: Vec<bool> = listed.iter().map(|listed| listed.from_workspace).collect();
        assert_eq!(from, [true, true, false, true, false]);
        assert!(listed.contains(&Listed {
            name: "d".to_owned(),
            line: 5,
            for_tests: true,
            from_workspace: true
        }));
    }

    #[test]
    fn packages_of_the_workspace_are_not_outside() {
        let manifest = "[workspace.dependencies]\nown = { path = \"x\" }\n# no = \"1\"\nlibc = \"0.2\"\n[lints]\nx = 1\n";
        assert_eq!(outside(manifest).into_iter().collect::<Vec<_>>(), ["libc"]);
    }

    #[test]
    fn blessing_keeps_reasons_drops_rows_and_marks_new_ones() {
        let old = format!("text\n{TABLE_HEAD}| `a` | x | why |\n| `b` | x | gone |\n\nend\n");
        let users = BTreeMap::from([("a", vec!["x", "y"]), ("c", vec!["z"])]);
        let users = users
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.into_iter().map(str::to_owned).collect()))
            .collect();
        let rows = format!("| `a` | x, y | why |\n| `c` | z | {UNWRITTEN} |\n");
        assert_eq!(corrected(&old, &users), format!("text\n{TABLE_HEAD}{rows}\nend\n"));
    }
}
