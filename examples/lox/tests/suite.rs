//! A suite of programs from elsewhere: `LOX_SUITE=folder cargo test -p lox --test suite -- --nocapture`.
//!
//! Programs in a folder `benchmark` are left out, and so are the folders `scanning` and `expressions`, which hold programs for the
//! first chapters of the book only.

#[path = "support/expect.rs"]
mod expect;

use std::path::Path;

#[test]
fn the_suite_passes() {
    let Some(folder) = std::env::var_os("LOX_SUITE") else {
        println!("SKIPPED: set LOX_SUITE to a folder with Lox programs");
        return;
    };
    let mut paths = expect::programs(Path::new(&folder));
    let all = paths.len();
    let left_out = ["benchmark", "scanning", "expressions"];
    paths.retain(|path| !path.components().any(|part| left_out.iter().any(|name| part.as_os_str() == *name)));
    let options = std::env::var("LOX_OPTIONS").unwrap_or_default();
    let options: Vec<&str> = options.split_whitespace().collect();
    let (passed, wrong) = expect::judge(&options, &paths);
    println!("{passed} passed, {} were wrong, {} left out", wrong.len(), all - paths.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 0, "there is no program in {}", Path::new(&folder).display());
}
