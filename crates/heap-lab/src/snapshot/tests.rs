use super::*;
use serde_json::Value;
use std::fs;

/// A file that is there for one test.
struct Written(PathBuf);

impl Written {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("heap-lab-{}-{name}.heapsnapshot", std::process::id())))
    }

    fn take(&self, workload: Workload, objects: usize) -> String {
        Snapshot::Take { file: self.0.clone(), workload, objects }.carry_out().unwrap()
    }

    fn ask(&self, question: Question) -> Result<String, LabError> {
        Snapshot::Ask { file: self.0.clone(), question }.carry_out()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        drop(fs::remove_file(&self.0));
    }
}

fn question() -> Question {
    Question { top: 5, node: None, kind: None, json: false }
}

#[test]
fn a_leak_is_found_by_what_retains_it() {
    let file = Written::new("leak");
    let said = file.take(Workload::Leak, 3000);
    // A server, what its map and its vector have beside them, and a thousand of each of the others.
    assert!(said.contains("3,004 objects"), "{said}");
    let text = file.ask(question()).unwrap();
    let first = text.lines().find(|line| line.contains("Server<")).unwrap_or_else(|| panic!("{text}"));
    assert!(text.contains("what retains most") && text.contains("Listener<"), "{text}");
    // The listeners retain the sessions that are closed, and no others.
    let all: Value =
        serde_json::from_str(&file.ask(Question { json: true, top: 50, ..question() }).unwrap()).unwrap();
    let kinds = all["types"].as_array().unwrap();
    let of = |name: &str| {
        let is_it = |kind: &str| kind.contains(name) && !kind.starts_with('[');
        kinds
            .iter()
            .find(|kind| is_it(kind["type"].as_str().unwrap()))
            .unwrap_or_else(|| panic!("{name}: {all}"))
    };
    let numbers = |name: &str| ["objects", "size", "retained"].map(|key| of(name)[key].as_u64().unwrap());
    let [listeners, size, retained] = numbers("Listener<");
    assert_eq!((listeners, size), (1000, 8000));
    // One session in ten is kept by the map as well, and so by no listener alone; a text by its session alone.
    let [sessions, own, with_texts] = numbers("Session<");
    assert_eq!((sessions, own, retained), (1000, 16_000, 8000 + with_texts * 9 / 10));
    let server = &all["objects"][0];
    assert!(server["type"].as_str().unwrap().contains("Server<"), "{server}");
    assert_eq!(server["retained"], all["bytes"], "all is kept by it");
    assert!(first.contains(&server["id"].to_string()), "{first}");
}

#[test]
fn a_node_says_what_keeps_it_and_what_it_leads_to() {
    let file = Written::new("list");
    file.take(Workload::List, 100);
    let ask = |question: Question| -> Value {
        serde_json::from_str(&file.ask(Question { json: true, ..question }).unwrap()).unwrap()
    };
    let all = ask(question());
    let objects = all["objects"].as_array().unwrap();
    let id = |number: usize| objects[number]["id"].as_u64().unwrap();
    assert_eq!(objects[2]["retained"], 98 * 24);
    let third = ask(Question { node: Some(id(2)), ..question() });
    assert_eq!(third["node"], objects[2]);
    assert_eq!(third["dominator"], objects[1]);
    let path: Vec<u64> =
        third["path"].as_array().unwrap().iter().map(|step| step["id"].as_u64().unwrap()).collect();
    assert_eq!(path[1..], [id(0), id(1), id(2)], "behind the node for roots");
    assert_eq!((&third["retainers"][0]["id"], &third["retainer_count"]), (&id(1).into(), &1.into()));
    assert_eq!(third["leads_to"][0]["id"], id(3));
    let text = file.ask(Question { node: Some(id(2)), ..question() }).unwrap();
    for part in
        ["would be gone with", "a shortest path from the root:", "what leads to it (1):", "(Root handles)"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let root = file.ask(Question { node: Some(1), ..question() }).unwrap();
    assert!(root.contains("it is the root") && root.contains("(root) @1"), "{root}");
}

#[test]
fn a_tree_is_as_large_as_was_asked_and_types_are_chosen_by_name() {
    let file = Written::new("tree");
    for (objects, wanted) in [(1, 1), (2, 1), (3, 3), (7, 7), (1000, 1001)] {
        let said = file.take(Workload::Tree, objects);
        assert!(said.contains(&format!("{} objects", crate::unit::digits(f64::from(wanted)))), "{said}");
    }
    let text = file.ask(Question { kind: Some("Link<".into()), ..question() }).unwrap();
    assert!(text.contains("of types with `Link<` in their names"), "{text}");
    let none = file.ask(Question { kind: Some("Unknown".into()), ..question() }).unwrap_err();
    assert!(none.to_string().contains("no object is of a type with `Unknown`"), "{none}");
    let none = file.ask(Question { node: Some(2), ..question() }).unwrap_err();
    assert!(none.to_string().contains("no node has the id 2"), "{none}");
}

#[test]
fn what_is_no_snapshot_is_refused_with_its_place() {
    let file = Written::new("none");
    fs::write(&file.0, "{\"snapshot\":{}").unwrap();
    let error = file.ask(question()).unwrap_err().to_string();
    assert!(error.contains("at byte 14: a comma or the end of a list"), "{error}");
    let missing = Written::new("missing").ask(question()).unwrap_err().to_string();
    assert!(missing.contains("cannot read"), "{missing}");
}
