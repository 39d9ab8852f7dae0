use super::*;

/// A file that is there for one test.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heap-lab-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        drop(fs::remove_file(&self.0));
    }
}

fn escape(file: &Written) -> Escape {
    Escape { files: vec![file.0.clone()], explain: false, json: false, tables: None, goroot: GoRoot::Off }
}

const TEXT: &str = "package p\n\nfunc f() *int {\n\tx := 1\n\treturn &x\n}\n";

#[test]
fn a_line_is_that_of_the_compiler() {
    let file = Written::new("line.go", TEXT);
    let path = file.0.display();
    assert_eq!(escape(&file).show().unwrap(), format!("{path}:4:2: moved to heap: x\n"));
}

#[test]
fn the_reasons_come_before_their_line() {
    let file = Written::new("why.go", TEXT);
    let text = Escape { explain: true, ..escape(&file) }.show().unwrap();
    let path = file.0.display();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("{path}:4:2: x escapes to heap in f:"));
    assert_eq!(lines[1], format!("{path}:4:2:   flow: ~r0 ← &x:"));
    assert_eq!(lines[lines.len() - 1], format!("{path}:4:2: moved to heap: x"));
}

#[test]
fn json_has_the_same_lines() {
    let file = Written::new("json.go", TEXT);
    let text = Escape { json: true, explain: true, ..escape(&file) }.show().unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all[0]["line"], 4);
    assert_eq!(all[0]["column"], 2);
    assert_eq!(all[0]["message"], "moved to heap: x");
    assert_eq!(all[0]["because"][0], "x escapes to heap in f:");
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let file = Written::new("broken.go", "package p\n\nvar x = (\n");
    let error = escape(&file).show().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:4:1: ", file.0.display())), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = Escape {
        files: vec![PathBuf::from("no such file.go")],
        explain: false,
        json: false,
        tables: None,
        goroot: GoRoot::Off,
    };
    assert!(missing.show().unwrap_err().to_string().contains("no such file.go"));
}
