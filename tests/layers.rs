//! The order of layers: a module names only modules listed above it in its crate's `lib.rs`, and a crate only
//! crates below it.
//!
//! The order of `mod` lines in a `lib.rs` is the order of layers, lowest first. A module may name itself and what
//! is listed before it, through `crate::…`; `super::…` stays inside the module's own folder. The crate's root is
//! above every module, so a module names an item by the module that defines it, not by a re-export in `lib.rs`.
//! Test modules are above everything and are not looked at. Neither are comments: a link may point upwards.
//!
//! Crates: [`ARROWS`] says which crates of the workspace each may depend on and name.

#[path = "support/files.rs"]
mod files;
#[path = "support/rust.rs"]
mod rust;

use files::{files_under, read, root};
use rust::{Path, masked, paths, tokens};
use std::collections::BTreeMap;

/// What a crate of the workspace may lean on.
struct Arrows {
    /// The crate's name.
    name: &'static str,
    /// Its folder.
    folder: &'static str,
    /// The workspace crates its `[dependencies]` may list and its sources may name.
    below: &'static [&'static str],
    /// Further crates its sources may name, because they write code for somebody who depends on them.
    written_about: &'static [&'static str],
}

const ARROWS: &[Arrows] = &[
    Arrows { name: "heap-core", folder: "crates/heap-core", below: &[], written_about: &[] },
    Arrows { name: "heap-scav", folder: "crates/heap-scav", below: &["heap-core"], written_about: &[] },
    Arrows {
        name: "heap-gc",
        folder: "crates/heap-gc",
        below: &["heap-core", "heap-scav"],
        written_about: &[],
    },
    Arrows {
        name: "heap-derive",
        folder: "crates/heap-derive",
        below: &[],
        written_about: &["heap-gc", "tricolor"],
    },
    Arrows { name: "heap-profile", folder: "crates/heap-profile", below: &["heap-gc"], written_about: &[] },
    Arrows { name: "heap-snapshot", folder: "crates/heap-snapshot", below: &["heap-gc"], written_about: &[] },
    Arrows { name: "heap-trace", folder: "crates/heap-trace", below: &["heap-gc"], written_about: &[] },
    Arrows {
        name: "heap-observe",
        folder: "crates/heap-observe",
        below: &["heap-core", "heap-gc", "heap-profile"],
        written_about: &[],
    },
    Arrows { name: "heap-escape", folder: "crates/heap-escape", below: &[], written_about: &[] },
    Arrows {
        name: "heap-escape-go",
        folder: "crates/heap-escape-go",
        below: &["heap-escape"],
        written_about: &[],
    },
    Arrows {
        name: "tricolor",
        folder: "",
        below: &["heap-core", "heap-scav", "heap-gc", "heap-derive"],
        written_about: &[],
    },
    Arrows {
        name: "heap-testkit",
        folder: "crates/heap-testkit",
        below: &["heap-core", "heap-scav", "heap-gc", "tricolor"],
        written_about: &[],
    },
    Arrows {
        name: "heap-lab",
        folder: "crates/heap-lab",
        below: &[
            "heap-core",
            "heap-scav",
            "heap-gc",
            "heap-profile",
            "heap-snapshot",
            "heap-trace",
            "heap-observe",
            "heap-escape-go",
            "tricolor",
            "heap-testkit",
        ],
        written_about: &[],
    },
    Arrows { name: "lox", folder: "examples/lox", below: &["heap-escape", "tricolor"], written_about: &[] },
];

/// The modules of one crate, lowest layer first, and the module that defines each macro.
#[derive(Default)]
struct Layers {
    order: Vec<String>,
    macros: BTreeMap<String, String>,
}

impl Layers {
    fn of_root(source: &str) -> Self {
        Self { order: modules_declared_in(source), macros: BTreeMap::new() }
    }

    fn level(&self, module: &str) -> Option<usize> {
        self.order.iter().position(|known| known == module)
    }

    /// What is wrong with the file of module `own` (`["page", "tree"]` for `page/tree.rs`, empty for the root).
    fn violations(&self, own: &[String], source: &str) -> Vec<String> {
        let Some(top) = own.first() else { return Vec::new() };
        if own.iter().any(|part| part == "tests") {
            return Vec::new();
        }
        let Some(level) = self.level(top) else {
            return vec![format!("1: module `{top}` is not declared in the crate's root file")];
        };
        paths(source)
            .iter()
            .filter(|path| !path.inside.iter().any(|module| module == "tests"))
            .filter_map(|path| {
                let named = named_from_root(own, path)?;
                self.upward(named, level)
                    .map(|why| format!("{}: `{}` {why}", path.line, path.parts.join("::")))
            })
            .collect()
    }

    /// Why a module of `level` may not name `crate::named`, if it may not.
    fn upward(&self, named: &str, level: usize) -> Option<String> {
        let module = match self.level(named) {
            Some(_) => named,
            None => match self.macros.get(named) {
                Some(module) => module,
                None => {
                    return Some("names the crate's root: name the module that defines the item".to_owned());
                }
            },
        };
        let other = self.level(module)?;
        (other > level).then(|| format!("names `{module}`, which is listed after `{}`", self.order[level]))
    }
}

/// The part after the crate's root, if `path` leads through the root.
fn named_from_root<'a>(own: &[String], path: &'a Path) -> Option<&'a str> {
    let parts = &path.parts;
    if parts.len() < 2 {
        return None;
    }
    if parts[0] == "crate" {
        return Some(&parts[1]);
    }
    let start = usize::from(parts[0] == "self");
    let up = parts[start..].iter().take_while(|part| *part == "super").count();
    let depth = own.len() + path.inside.len();
    if up == 0 || up < depth {
        return None;
    }
    parts.get(start + up).map(String::as_str)
}

/// The modules that a crate's root file declares, in order. Test modules are left out.
fn modules_declared_in(source: &str) -> Vec<String> {
    let tokens = tokens(&masked(source));
    let mut depth = 0_usize;
    let mut order = Vec::new();
    for three in tokens.windows(3) {
        let [first, name, after] = three else { continue };
        match first.text.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "mod" if depth == 0 && matches!(after.text.as_str(), ";" | "{") && name.text != "tests" => {
                order.push(name.text.clone());
            }
            _ => {}
        }
    }
    order
}

/// The macros defined in a source file.
fn macros_defined_in(source: &str) -> Vec<String> {
    let tokens = tokens(&masked(source));
    tokens
        .windows(3)
        .filter(|three| three[0].text == "macro_rules" && three[1].text == "!")
        .map(|three| three[2].text.clone())
        .collect()
}

/// `["page", "tree"]` for `crates/heap-core/src/page/tree.rs`; nothing for the root and for other binaries.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let module = inside.trim_end_matches(".rs");
    if matches!(module, "lib" | "main") || module.starts_with("bin/") {
        return Vec::new();
    }
    module.split('/').map(str::to_owned).collect()
}

fn sources_of(arrows: &Arrows) -> Vec<files::TextFile> {
    let folder = if arrows.folder.is_empty() { "src".to_owned() } else { format!("{}/src", arrows.folder) };
    files_under(&folder, ".rs")
}

/// The layers of a crate and its sources with their module paths.
fn layers_of(arrows: &Arrows) -> (Layers, Vec<(Vec<String>, files::TextFile)>) {
    let sources: Vec<_> = sources_of(arrows).into_iter().map(|file| (module_of(&file.path), file)).collect();
    let mut layers = Layers::default();
    for root_file in ["src/lib.rs", "src/main.rs"] {
        for (_, file) in sources.iter().filter(|(_, file)| file.path.ends_with(root_file)) {
            for module in Layers::of_root(&file.text).order {
                if layers.level(&module).is_none() {
                    layers.order.push(module);
                }
            }
        }
    }
    for (module, file) in &sources {
        if let Some(top) = module.first() {
            layers.macros.extend(macros_defined_in(&file.text).into_iter().map(|name| (name, top.clone())));
        }
    }
    (layers, sources)
}

/// The workspace crates named in the `[dependencies]` of a manifest. Development dependencies may point upwards.
fn dependencies_in(manifest: &str) -> Vec<(usize, String)> {
    let known = |name: &str| ARROWS.iter().any(|arrows| arrows.name == name);
    let mut section = String::new();
    let mut found = Vec::new();
    for (number, line) in manifest.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').replace('"', "");
        }
        let counts = !section.contains("dev-dependencies") && !section.starts_with("workspace");
        let (table, own_table) = match section.split_once("dependencies") {
            Some((_, rest)) => (true, rest.trim_start_matches('.')),
            None => (false, ""),
        };
        if !counts || !table {
            continue;
        }
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        let renamed = line.split_once("package").and_then(|(_, rest)| rest.split('"').nth(1));
        for name in [renamed.unwrap_or(key), if line.starts_with('[') { own_table } else { "" }] {
            if known(name) {
                found.push((number + 1, name.to_owned()));
            }
        }
    }
    found
}

/// The workspace crates that code names, as `heap_core`-style words.
fn crates_named_in(source: &str) -> Vec<(usize, &'static str)> {
    let mut named = Vec::new();
    for path in paths(source) {
        if path.inside.iter().any(|module| module == "tests") {
            continue;
        }
        for arrows in ARROWS {
            if path.parts[0] == arrows.name.replace('-', "_")
                && (path.parts.len() > 1 || !arrows.folder.is_empty())
            {
                named.push((path.line, arrows.name));
            }
        }
    }
    named
}

#[test]
fn modules_name_only_modules_listed_above_them() {
    let mut wrong = Vec::new();
    let mut files = 0;
    for arrows in ARROWS {
        let (layers, sources) = layers_of(arrows);
        for (module, file) in &sources {
            files += usize::from(!module.is_empty());
            let found = layers.violations(module, &file.text);
            wrong.extend(found.into_iter().map(|what| format!("{}:{what}", file.path)));
        }
    }
    assert!(files > 30, "only {files} modules were found: the test looks at the wrong place");
    assert!(wrong.is_empty(), "{} arrows point upwards:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn crates_lean_only_on_crates_below_them() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for arrows in ARROWS {
        let manifest = if arrows.folder.is_empty() {
            "Cargo.toml".to_owned()
        } else {
            format!("{}/Cargo.toml", arrows.folder)
        };
        for (line, name) in dependencies_in(&read(&manifest)) {
            seen += 1;
            if !arrows.below.contains(&name.as_str()) {
                wrong.push(format!("{manifest}:{line}: {} may not depend on {name}", arrows.name));
            }
        }
        for file in sources_of(arrows) {
            if module_of(&file.path).iter().any(|part| part == "tests") {
                continue;
            }
            for (line, name) in crates_named_in(&file.text) {
                let allowed = name == arrows.name
                    || arrows.below.contains(&name)
                    || arrows.written_about.contains(&name);
                if !allowed {
                    wrong.push(format!("{}:{line}: {} may not name {name}", file.path, arrows.name));
                }
            }
        }
    }
    assert!(seen >= 6, "only {seen} dependencies were found: the test looks at the wrong place");
    assert!(wrong.is_empty(), "{} arrows point upwards:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_crate_of_the_workspace_has_its_arrows() {
    let mut folders: Vec<String> = std::fs::read_dir(root().join("crates"))
        .expect("crates/")
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| format!("crates/{}", entry.file_name().to_string_lossy()))
        .collect();
    folders.extend([String::new(), "examples/lox".to_owned()]);
    folders.sort();
    let mut known: Vec<&str> = ARROWS.iter().map(|arrows| arrows.folder).collect();
    known.sort_unstable();
    assert_eq!(folders, known, "crates of the workspace (left) and of ARROWS (right)");
}

#[test]
fn the_bottom_module_of_the_real_core_cannot_name_the_top_one() {
    let (layers, sources) = layers_of(&ARROWS[0]);
    assert!(layers.order.len() > 15, "heap-core declares {:?}", layers.order);
    let (bottom, top) = (&layers.order[0], &layers.order[layers.order.len() - 1]);
    let (module, file) = sources
        .iter()
        .find(|(module, _)| module.as_slice() == std::slice::from_ref(bottom))
        .expect("bottom module");
    let planted = format!("{}\nuse crate::{top}::Anything;\n", file.text);
    let found = layers.violations(module, &planted);
    assert_eq!(found.len(), layers.violations(module, &file.text).len() + 1);
    assert!(found.iter().any(|what| what.contains(&format!("names `{top}`"))), "{found:?}");
}

mod planted {
    use super::{Layers, crates_named_in, dependencies_in, macros_defined_in, modules_declared_in};

    const ROOT: &str = "//! mod zero;\npub mod low;\nmod middle;\n/* mod gone; */ pub(crate) mod high;\n\
                        #[cfg(test)]\nmod tests;\nfn f() { mod inner {} }";

    fn found(own: &[&str], source: &str) -> Vec<String> {
        let mut layers = Layers::of_root(ROOT);
        layers.macros.insert("bug".to_owned(), "low".to_owned());
        layers.macros.insert("shade".to_owned(), "high".to_owned());
        let own: Vec<String> = own.iter().map(|part| (*part).to_owned()).collect();
        layers.violations(&own, source)
    }

    #[test]
    fn the_order_is_that_of_the_mod_lines() {
        assert_eq!(modules_declared_in(ROOT), ["low", "middle", "high"]);
    }

    #[test]
    fn an_upward_use_is_found_with_its_line() {
        assert_eq!(
            found(&["middle"], "use crate::low::A;\n\nuse crate::high::B;"),
            ["3: `crate::high::B` names `high`, which is listed after `middle`"]
        );
    }

    #[test]
    fn an_upward_path_in_an_expression_a_group_or_a_macro_is_found() {
        assert_eq!(found(&["low"], "fn f() { Vec::<crate::high::B>::new(); }").len(), 1);
        assert_eq!(found(&["low"], "use crate::{low::A, middle::{B, C}, high};").len(), 3);
        assert_eq!(
            found(&["low"], "use crate::{\n  low::A,\n  high::B as H,\n};")[0].split(':').next(),
            Some("3")
        );
        assert_eq!(found(&["low"], "macro_rules! m { () => { $crate::high::f() } }").len(), 1);
        assert_eq!(found(&["low"], "pub(in crate::high) fn f() {}").len(), 1);
    }

    #[test]
    fn downward_and_own_paths_are_fine() {
        assert!(found(&["high"], "use crate::{low::A, middle, high::own};").is_empty());
        assert!(found(&["high", "part"], "use super::other::X; use crate::low;").is_empty());
        assert!(found(&["low"], "pub(crate) fn f() {} pub(super) struct S;").is_empty());
    }

    #[test]
    fn super_may_not_leave_the_folder_upwards() {
        assert_eq!(found(&["low"], "use super::high::X;").len(), 1);
        assert_eq!(found(&["low", "part"], "use super::super::high::X;").len(), 1);
        assert!(found(&["low", "part"], "use super::X;").is_empty());
        assert!(found(&["high"], "use super::low::X;").is_empty());
        assert!(found(&["low"], "mod inner { use super::X; }").is_empty());
        assert_eq!(found(&["low"], "mod inner { use super::super::high::X; }").len(), 1);
    }

    #[test]
    fn the_root_is_above_every_module() {
        assert_eq!(found(&["high"], "use crate::Heap;").len(), 1);
        assert_eq!(found(&["high"], "use crate::*;").len(), 1);
        assert_eq!(found(&["high"], "use super::*;").len(), 1);
        assert!(found(&[], "use crate::high::B; pub use low::A;").is_empty());
    }

    #[test]
    fn macros_have_the_level_of_the_module_that_defines_them() {
        assert!(found(&["middle"], "fn f() { crate::bug!(\"x\"); }").is_empty());
        assert_eq!(found(&["middle"], "use crate::shade;").len(), 1);
        assert_eq!(macros_defined_in("macro_rules! bug { () => {} }"), ["bug"]);
    }

    #[test]
    fn comments_strings_and_tests_may_point_upwards() {
        let source = "//! [`crate::high`]\n/* crate::high */ const A: &str = \"crate::high\"; const Q: char = '\"';\n\
                      const R: &str = r#\"crate::high \" \"#;\n\
                      mod tests { use crate::high::B; }";
        assert!(found(&["low"], source).is_empty());
        assert!(found(&["low", "tests"], "use crate::high::B;").is_empty());
        assert_eq!(found(&["low"], "const Q: char = '\"'; use crate::high::B; // \"").len(), 1);
        assert_eq!(found(&["low"], "fn f<'a>(x: &'a crate::high::B) {}").len(), 1);
    }

    #[test]
    fn a_file_that_no_root_declares_is_found() {
        assert_eq!(found(&["stray"], "").len(), 1);
    }

    #[test]
    fn dependencies_are_read_from_every_form_of_table() {
        let names = |text: &str| dependencies_in(text).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names("[dependencies]\nheap-gc.workspace = true\nlibc = \"1\""), ["heap-gc"]);
        assert_eq!(names("[dependencies]\nheap-gc = { path = \"..\" }"), ["heap-gc"]);
        assert_eq!(names("[dependencies.heap-gc]\npath = \"..\""), ["heap-gc"]);
        assert_eq!(names("[target.'cfg(loom)'.dependencies]\nx = { package = \"heap-gc\" }"), ["heap-gc"]);
        assert!(names("[dev-dependencies]\nheap-gc.workspace = true").is_empty());
        assert!(names("[workspace.dependencies]\nheap-gc = { path = \"..\" }").is_empty());
        assert!(names("[features]\nverify = [\"heap-gc/verify\"]").is_empty());
    }

    #[test]
    fn a_crate_named_in_code_is_found() {
        assert_eq!(crates_named_in("use heap_gc::Heap;"), [(1, "heap-gc")]);
        assert_eq!(crates_named_in("\nextern crate heap_lab;"), [(2, "heap-lab")]);
        assert!(crates_named_in("// heap_gc::Heap\nlet heap_core_pages = 1;").is_empty());
    }
}
