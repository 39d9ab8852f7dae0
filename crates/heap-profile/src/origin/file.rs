//! What a source file's name says: the crate, by its folder, and the module.

/// The crate and the modules of a source file, outermost first: `shop` and `orders` of `…/shop/src/orders.rs`. Nothing, if the name
/// is of another form.
pub(super) fn parts(source: &str) -> Option<Vec<String>> {
    let source = source.replace('\\', "/");
    let inside = source.strip_suffix(".rs")?;
    let parts: Vec<&str> = inside.split('/').collect();
    let folders = &parts[..parts.len() - 1];
    if let Some(src) = folders.iter().rposition(|folder| *folder == "src") {
        let krate = parts[..src].last().filter(|name| !name.is_empty())?;
        return Some(modules(krate, &parts[src + 1..]));
    }
    let target = folders.iter().rposition(|folder| matches!(*folder, "tests" | "examples" | "benches"))?;
    Some(modules(parts[target + 1], &parts[target + 2..]))
}

/// A crate's name and the modules of a path inside it.
fn modules(krate: &str, path: &[&str]) -> Vec<String> {
    let (krate, path) = match path {
        // A binary is a crate of its own.
        ["bin", name, path @ ..] => (*name, path),
        path => (without_version(krate), path),
    };
    let path = match path {
        [path @ .., "mod" | "lib" | "main"] => path,
        path => path,
    };
    let name = |part: &str| part.replace('-', "_");
    core::iter::once(krate).chain(path.iter().copied()).map(name).collect()
}

/// A package's folder in a registry has its version at the end.
fn without_version(folder: &str) -> &str {
    let is_version = |rest: &str| rest.starts_with(|char: char| char.is_ascii_digit()) && rest.contains('.');
    // The version may have a `-` itself, so the first that begins one.
    let cuts = folder.match_indices('-').map(|(at, _)| at);
    cuts.into_iter().find(|&at| is_version(&folder[at + 1..])).map_or(folder, |at| &folder[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_crate_and_the_files_are_the_modules() {
        let table = [
            ("/build/shop/src/orders.rs", "shop::orders"),
            ("crates/heap-gc/src/mutator/pay.rs", "heap_gc::mutator::pay"),
            ("/build/shop/src/orders/mod.rs", "shop::orders"),
            ("/build/shop/src/lib.rs", "shop"),
            ("/build/src/shop/src/main.rs", "shop"),
            ("/build/shop/src/bin/till.rs", "till"),
            ("/build/shop/src/bin/till/keys.rs", "till::keys"),
            ("/rustc/59807616e1fa/library/core/src/iter/range.rs", "core::iter::range"),
            ("/build/registry/src/mirror-19/serde-json-1.0.140/src/ser.rs", "serde_json::ser"),
            ("/build/registry/src/mirror-19/odd-1.0.0-rc.1/src/lib.rs", "odd"),
            ("/build/shop/tests/it/main.rs", "it"),
            ("/build/shop/tests/it/counts.rs", "it::counts"),
            ("/build/shop/benches/cost.rs", "cost"),
            ("C:\\me\\shop\\src\\orders.rs", "shop::orders"),
        ];
        for (source, expected) in table {
            assert_eq!(parts(source).map(|parts| parts.join("::")).as_deref(), Some(expected), "{source}");
        }
        for source in ["", "src/lib.rs", "/usr/src/main.c", "/build/shop/orders.rs", "/src/lib.rs"] {
            assert_eq!(parts(source), None, "{source}");
        }
    }
}
