use super::*;
use crate::scratch::Scratch;

#[test]
fn a_choice_is_a_word_or_a_folder() {
    assert_eq!(GoRoot::named(OsStr::new("auto")), GoRoot::Auto);
    assert_eq!(GoRoot::named(OsStr::new("off")), GoRoot::Off);
    assert_eq!(GoRoot::named(OsStr::new("/usr/lib/go")), GoRoot::At(PathBuf::from("/usr/lib/go")));
}

#[test]
fn a_package_in_a_module_has_its_path_and_its_neighbours() {
    let files = [
        ("go/src/runtime/r.go", "package runtime\n"),
        ("go/src/a/b/b.go", "package b\n"),
        ("m/go.mod", "// What it is.\nmodule \"example.com/m\" // here\n\ngo 1.27\n"),
        ("m/m.go", "package m\n"),
        ("m/cmd/x/x.go", "package main\n"),
        ("alone/y.go", "package main\n"),
    ];
    let folder = Scratch::with(&files);
    let root = GoRoot::At(folder.file("go"));
    let path = |file: &str| root.imports_of(&folder.file(file)).unwrap().path;
    assert_eq!(path("m/cmd/x/x.go").as_deref(), Some("example.com/m/cmd/x"));
    assert_eq!(path("m/m.go").as_deref(), Some("example.com/m"));
    assert_eq!(path("go/src/a/b/b.go").as_deref(), Some("a/b"));
    assert_eq!(path("alone/y.go"), None);
    assert_eq!(GoRoot::Off.imports_of(&folder.file("m/m.go")).unwrap().path, None);
}

#[test]
fn an_installation_that_is_named_has_to_be_there() {
    let folder = Scratch::with(&[("x.go", "package main\n")]);
    let error = GoRoot::At(folder.path().to_owned()).imports_of(&folder.file("x.go")).unwrap_err();
    assert!(error.to_string().contains("src/runtime"), "{error}");
}

#[test]
fn a_go_mod_is_read_by_its_lines() {
    let text = "module a.b/c\nrequire x.y/z v1.2.3 // indirect\nrequire (\n\tp.q/R v0.1.0\n\t// no\n)\nreplace p.q/R => ../r\n";
    let lines: Vec<_> = words(text).collect();
    let wanted = [
        ("module", "a.b/c", ""),
        ("require", "x.y/z", "v1.2.3"),
        ("require", "p.q/R", "v0.1.0"),
        ("replace", "p.q/R", "=>"),
    ];
    assert_eq!(lines, wanted);
    assert_eq!(cached("p.q/RsT@v1"), "p.q/!rs!t@v1");
}
