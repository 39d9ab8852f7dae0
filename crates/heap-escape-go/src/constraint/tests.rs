use super::System;

const SYSTEM: System = System { release: 27 };

#[test]
fn names_say_for_which_system_a_file_is() {
    let built =
        ["a.go", "linux.go", "a_linux.go", "a_amd64.go", "a_linux_amd64.go", "a_windows_b.go", "amd64_x.go"];
    let others = [
        "a_test.go",
        "a_linux_test.go",
        "a_windows.go",
        "a_arm64.go",
        "a_windows_amd64.go",
        "a_linux_arm.go",
        "_a.go",
        ".a.go",
        "a.c",
        "go",
    ];
    assert_eq!(built.iter().filter(|name| !SYSTEM.builds_name(name)).count(), 0);
    assert_eq!(others.iter().filter(|name| SYSTEM.builds_name(name)).count(), 0);
}

#[test]
fn constraints_are_read_as_they_are_nested() {
    let holds =
        |words: &str| SYSTEM.builds_text(&format!("// A licence.\n\n//go:build {words}\n\npackage p\n"));
    for words in [
        "linux",
        "!windows",
        "linux && amd64",
        "windows || unix",
        "!(windows || darwin) && gc",
        "go1.27 && !go1.28",
        "!cgo",
        "goexperiment.jsonv2 // as it is since then",
        "((linux))",
        "!!linux",
    ] {
        assert!(holds(words), "{words}");
    }
    for words in [
        "ignore",
        "windows",
        "linux && !amd64",
        "!linux || darwin",
        "cgo",
        "goexperiment.arenas",
        "race",
        "go1.28",
        "",
        "linux &&",
        "(linux",
        "linux)",
        "linux linux",
    ] {
        assert!(!holds(words), "{words}");
    }
    let nested = format!("{}linux{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(!holds(&nested));
}

#[test]
fn only_what_is_before_the_package_is_a_constraint() {
    assert!(SYSTEM.builds_text("package p\n\n//go:build windows\n"));
    assert!(!SYSTEM.builds_text("/* one\ntwo */ // three\n//go:build windows\npackage p\n"));
    assert!(SYSTEM.builds_text("// +build windows\n\npackage p\n"));
    assert!(SYSTEM.builds_text("/* never ends"));
    assert!(SYSTEM.builds_text("// the last line"));
}
