use super::*;

/// A folder that is there for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("heap-escape-go-{}-{name}", std::process::id()));
        for (path, text) in files {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn names(tree: &Tree, path: &str) -> Option<Vec<String>> {
    let name = |file: Source| file.path.rsplit('/').next().unwrap_or_default().to_owned();
    Some(tree.package(path).unwrap()?.into_iter().map(name).collect())
}

#[test]
fn the_files_of_a_package_are_those_that_are_built() {
    let files = [
        ("src/runtime/r.go", "package runtime\n"),
        ("src/a/b/two.go", "package b\n"),
        ("src/a/b/one.go", "package b\n"),
        ("src/a/b/one_test.go", "package b\n"),
        ("src/a/b/one_windows.go", "package b\n"),
        ("src/a/b/cgo.go", "package b\n\nimport \"C\"\n"),
        ("src/a/b/gen.go", "//go:build ignore\n\npackage main\n"),
        ("src/a/b/new.go", "//go:build go1.99\n\npackage b\n"),
        ("src/a/b/read.me", "package b\n"),
        ("src/vendor/golang.org/x/c/c.go", "package c\n"),
        ("src/empty/one_test.go", "package empty\n"),
        ("VERSION", "go1.31.2\ntime 2028-02-01\n"),
        ("src/a/b/later.go", "//go:build go1.31 && !go1.32\n\npackage b\n"),
    ];
    let folder = Folder::new("built", &files);
    let tree = Tree::new().with_go(&folder.0).unwrap();
    let built = ["later.go", "one.go", "two.go"].map(str::to_owned).to_vec();
    assert_eq!(names(&tree, "a/b"), Some(built));
    assert_eq!(names(&tree, "golang.org/x/c"), Some(vec![String::from("c.go")]));
    assert_eq!(names(&tree, "a"), None);
    assert_eq!(names(&tree, "empty"), None);
    assert_eq!(names(&tree, "nowhere"), None);
}

#[test]
fn no_path_leads_out_of_a_tree() {
    let files = [("src/runtime/r.go", "package runtime\n"), ("out/o.go", "package out\n")];
    let folder = Folder::new("out", &files);
    let tree = Tree::new().with_go(&folder.0).unwrap();
    let absolute = folder.0.join("out").display().to_string();
    for path in ["../out", "runtime/../../out", "./runtime", "", "/", "runtime/", &absolute] {
        assert_eq!(names(&tree, path), None, "{path}");
    }
    assert!(names(&tree, "runtime").is_some());
}

#[test]
fn the_nearest_module_has_a_package() {
    let files = [
        ("outer/x/x.go", "package x\n"),
        ("outer/inner/x/wrong.go", "package x\n"),
        ("inner/x/y.go", "package x\n"),
        ("inner/top.go", "package inner\n"),
        ("outer/vendor/example.org/v/v.go", "package v\n"),
    ];
    let folder = Folder::new("modules", &files);
    let tree = Tree::new()
        .with_module("example.com/outer", &folder.0.join("outer"))
        .with_module("example.com/outer/inner", &folder.0.join("inner"));
    assert_eq!(names(&tree, "example.com/outer/x"), Some(vec![String::from("x.go")]));
    assert_eq!(names(&tree, "example.com/outer/inner/x"), Some(vec![String::from("y.go")]));
    assert_eq!(names(&tree, "example.com/outer/inner"), Some(vec![String::from("top.go")]));
    assert_eq!(names(&tree, "example.com/outermost/x"), None);
    assert_eq!(names(&tree, "example.org/v"), Some(vec![String::from("v.go")]));
}

#[test]
fn what_is_no_installation_is_refused() {
    let folder = Folder::new("none", &[("src/a/a.go", "package a\n")]);
    assert!(Tree::new().with_go(&folder.0).unwrap_err().contains("src/runtime"));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder =
        Folder::new("large", &[("src/runtime/r.go", "package runtime\n"), ("src/a/a.go", "package a\n")]);
    let file = fs::File::options().write(true).open(folder.0.join("src/a/a.go")).unwrap();
    file.set_len(LARGEST + 1).unwrap();
    let tree = Tree::new().with_go(&folder.0).unwrap();
    assert!(tree.package("a").unwrap_err().contains("more than"));
}
