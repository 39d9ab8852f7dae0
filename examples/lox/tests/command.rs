//! The command: its exit codes, its options, and programs line by line.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn lox(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lox"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn program(name: &str, source: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, source).expect("a file");
    path.to_string_lossy().into_owned()
}

fn texts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn lines_are_programs_that_share_their_globals() {
    let ended = lox(&[], "var a = 1;\nprint a + 1;\nprint b;\nprint (;\nprint a;\n");
    let errors = "Undefined variable 'b'.\n[line 1] in script\n[line 1] Error at ';': Expect expression.\n";
    assert_eq!(texts(&ended), (Some(0), "> > 2\n> > > 1\n> \n".to_owned(), errors.to_owned()));
}

#[test]
fn a_command_line_without_sense_is_64() {
    let (code, out, errors) = texts(&lox(&["a.lox", "b.lox"], ""));
    assert_eq!((code, out.as_str()), (Some(64), ""));
    assert!(errors.starts_with("Usage: lox "), "{errors}");
}

#[test]
fn a_file_that_is_not_there_is_74() {
    let ended = lox(&["nowhere.lox"], "");
    assert_eq!(texts(&ended), (Some(74), String::new(), "Could not open file \"nowhere.lox\".\n".to_owned()));
}

#[test]
fn errors_are_65_and_70_and_the_output_before_them_is_there() {
    let ended = lox(&[&program("compile.lox", "print 1;\nprint;")], "");
    assert_eq!(
        texts(&ended),
        (Some(65), String::new(), "[line 2] Error at ';': Expect expression.\n".to_owned())
    );
    let ended = lox(&[&program("run.lox", "print 1;\nprint -nil;")], "");
    let errors = "Operand must be a number.\n[line 2] in script\n";
    assert_eq!(texts(&ended), (Some(70), "1\n".to_owned(), errors.to_owned()));
}

#[test]
fn figures_are_shown_when_asked_for() {
    let path = program("figures.lox", "class A {} var a; for (var i = 0; i < 300000; i = i + 1) a = A();");
    let (code, out, errors) = texts(&lox(&["--gc-stats", &path], ""));
    assert_eq!((code, out.as_str(), errors.lines().count()), (Some(0), "", 1));
    let cycles: u32 =
        errors.split(' ').next().and_then(|word| word.parse().ok()).expect("how many collections");
    assert!(cycles > 0, "{errors}");
}

#[test]
fn a_limit_too_small_to_begin_is_a_runtime_error() {
    let path = program("limit.lox", "print 1;");
    let ended = lox(&["--memory-limit", "64K", &path], "");
    assert_eq!(texts(&ended), (Some(70), String::new(), "Out of memory.\n".to_owned()));
    let (code, _, errors) = texts(&lox(&["--memory-limit", "1", &path], ""));
    assert_eq!(code, Some(70));
    assert!(errors.contains("hard limit"), "{errors}");
}
