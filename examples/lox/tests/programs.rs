//! Programs of our own, each with what it should do in its comments: on an ordinary heap, and on heaps that collect all the time.

#[path = "support/expect.rs"]
mod expect;

use std::path::Path;

fn passes(options: &[&str]) {
    let paths = expect::programs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs"));
    let (passed, wrong) = expect::judge(options, &paths);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(passed, paths.len(), "every file there is a test");
    assert!(passed >= 14, "only {passed} programs were found");
}

#[test]
fn on_an_ordinary_heap() {
    passes(&[]);
}

#[test]
fn with_a_collection_at_every_allocation() {
    passes(&["--collect-every", "1"]);
}

#[test]
fn with_a_collection_at_every_hundredth_allocation_and_every_one_checked() {
    passes(&["--collect-every", "100", "--verify-every", "1"]);
}

#[test]
fn in_a_heap_of_two_mebibytes() {
    passes(&["--memory-limit", "2M"]);
}

/// The judge is worth something only if it can say no.
#[test]
fn the_judge_sees_what_is_wrong() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("judge");
    std::fs::create_dir_all(&folder).expect("a folder");
    let wrong = [
        "print 1; // expect: 2",
        "print 1;",
        "// expect: 1",
        "print 1 // expect: 1",
        "print 1; // Error at ';': Expect expression.",
        "print nil + 1; // expect runtime error: Operands must be numbers.",
        "\nprint nil + 1; // expect runtime error: Operand must be a number.",
    ];
    for (index, source) in wrong.iter().enumerate() {
        let path = folder.join(format!("{index}.lox"));
        std::fs::write(&path, source).expect("a file");
        let (passed, differences) = expect::judge(&[], &[path]);
        assert!(passed == 0 && !differences.is_empty(), "{source}");
    }
}
