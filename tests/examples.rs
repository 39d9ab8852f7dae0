//! The examples run, and what they assert holds.

macro_rules! examples {
    ($($name:ident $path:literal;)*) => {
        $(
            #[path = $path]
            mod $name;
        )*

        $(
            #[test]
            fn $name() -> Result<(), Box<dyn std::error::Error>> {
                $name::main()
            }
        )*

        /// The names of the examples that run here.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

examples! {
    escape_hints "../examples/escape_hints.rs";
    external "../examples/external.rs";
    fast_path "../examples/fast_path.rs";
    frames "../examples/frames.rs";
    graph_threads "../examples/graph_threads.rs";
    interpreter "../examples/interpreter.rs";
    leaf "../examples/leaf.rs";
    leak "../examples/leak.rs";
    limit "../examples/limit.rs";
    list "../examples/list.rs";
    lru "../examples/lru.rs";
    raw_vm "../examples/raw_vm.rs";
    slices "../examples/slices.rs";
    trace "../examples/trace.rs";
    weak_cache "../examples/weak_cache.rs";
}

#[test]
fn every_example_is_listed_here() -> std::io::Result<()> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    found.sort_unstable();
    assert_eq!(found, NAMES);
    Ok(())
}
