//! Writing a snapshot as V8 does.
//!
//! | in the heap | in the file |
//! |---|---|
//! | the outside | node 0, `synthetic`, without a name |
//! | all groups of roots | node 1, `synthetic`, `(GC roots)`: where DevTools look for them |
//! | a group of roots | a `native` node with its kind for a name, and an element for each reference; below node 1, and below node 0, so that distances are counted from there |
//! | an object or an array | an `object` node with its type for a name: DevTools would throw all of kind `array` together |
//! | data | a `native` node |
//! | a field | a `property`, with its byte offset for a name: `+16`; `+16?` if the word may be anything |
//! | an element | an `element`, with its index |
//! | what a trace function reports | `internal`: `traced` |
//! | the value of an ephemeron | `internal`, from its key: `weakly keyed value` |
//! | what does not keep | `weak`: `target`, `key`, `value` |

use heap_gc::{EdgeKind, NodeKind, RootKind, Snapshot, SnapshotEdge};
use std::collections::HashMap;
use std::io::{self, Write};

/// Bytes that are collected before they are written.
const PIECE: usize = 64 << 10;

/// Numbers of the kinds in [`NODE_KINDS`].
const OBJECT: u64 = 3;
const NATIVE: u64 = 8;
const SYNTHETIC: u64 = 9;
const NODE_KINDS: [&str; 15] = [
    "hidden",
    "array",
    "string",
    "object",
    "code",
    "closure",
    "regexp",
    "number",
    "native",
    "synthetic",
    "concatenated string",
    "sliced string",
    "symbol",
    "bigint",
    "object shape",
];

/// Numbers of the kinds in [`EDGE_KINDS`].
const ELEMENT: u64 = 1;
const PROPERTY: u64 = 2;
const INTERNAL: u64 = 3;
const WEAK: u64 = 6;
const EDGE_KINDS: [&str; 7] = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"];

const NODE_FIELDS: [&str; 7] =
    ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"];
const EDGE_FIELDS: [&str; 3] = ["type", "name_or_index", "to_node"];

/// Ids of the first two nodes: below those of objects.
const IDS: [u64; 2] = [1, 3];

/// Writes a snapshot in the format of V8's, which Chrome's DevTools open: of a million objects some 60 MB.
///
/// Buffers by itself, and takes memory for the names only.
///
/// # Errors
/// If `to` refuses to be written to; what was written then is a part of a file.
pub fn write(snapshot: &Snapshot, to: impl Write) -> io::Result<()> {
    let groups = snapshot.roots().len() as u64;
    let rooted: u64 = snapshot.roots().iter().map(|group| group.targets.len() as u64).sum();
    let mut out = Out { to, bytes: Vec::with_capacity(PIECE + 256), is_first: true };
    out.head(2 + groups + snapshot.len() as u64, 1 + 2 * groups + rooted + snapshot.edge_count() as u64)?;
    let mut names = Names::default();
    out.nodes(snapshot, &mut names)?;
    out.edges(snapshot, &mut names)?;
    out.strings(&names)?;
    out.to.write_all(&out.bytes)?;
    out.to.flush()
}

/// Strings and their numbers.
#[derive(Default)]
struct Names {
    all: Vec<String>,
    numbers: HashMap<String, u64>,
    /// Numbers of the names of fields, by kind and offset.
    fields: HashMap<(EdgeKind, u32), u64>,
}

impl Names {
    fn number(&mut self, name: &str) -> u64 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.all.len() as u64;
        self.all.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn field(&mut self, kind: EdgeKind, offset: u32) -> u64 {
        if let Some(&number) = self.fields.get(&(kind, offset)) {
            return number;
        }
        let doubt = if kind.is_certain() { "" } else { "?" };
        let number = self.number(&format!("+{offset}{doubt}"));
        self.fields.insert((kind, offset), number);
        number
    }
}

struct Out<W> {
    to: W,
    bytes: Vec<u8>,
    /// Whether nothing has been written of a list.
    is_first: bool,
}

impl<W: Write> Out<W> {
    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Writes what was collected, if it is enough.
    fn pass_on_piece(&mut self) -> io::Result<()> {
        if self.bytes.len() >= PIECE {
            self.to.write_all(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }

    /// A string, quoted.
    fn quoted(&mut self, text: &str) {
        self.bytes.push(b'"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.bytes.extend_from_slice(&[b'\\', character as u8]),
                '\0'..='\x1F' => self.text(&format!("\\u{:04x}", u32::from(character))),
                _ => self.text(character.encode_utf8(&mut [0; 4])),
            }
        }
        self.bytes.push(b'"');
    }

    /// A list of strings.
    fn list(&mut self, words: &[&str]) {
        self.bytes.push(b'[');
        for (number, word) in words.iter().enumerate() {
            if number > 0 {
                self.bytes.push(b',');
            }
            self.quoted(word);
        }
        self.bytes.push(b']');
    }

    /// A row of numbers.
    fn row<const N: usize>(&mut self, numbers: [u64; N]) -> io::Result<()> {
        for number in numbers {
            if !core::mem::take(&mut self.is_first) {
                self.bytes.push(b',');
            }
            digits(&mut self.bytes, number);
        }
        self.bytes.push(b'\n');
        self.pass_on_piece()
    }

    fn head(&mut self, nodes: u64, edges: u64) -> io::Result<()> {
        self.text("{\"snapshot\":{\"meta\":{\"node_fields\":");
        self.list(&NODE_FIELDS);
        // The first field is of these kinds; the others are what the words say.
        self.text(",\"node_types\":[");
        self.list(&NODE_KINDS);
        self.text(",\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],\"edge_fields\":");
        self.list(&EDGE_FIELDS);
        self.text(",\"edge_types\":[");
        self.list(&EDGE_KINDS);
        self.text(",\"string_or_number\",\"node\"]},");
        self.text(&format!("\"node_count\":{nodes},\"edge_count\":{edges},\"trace_function_count\":0}},\n"));
        Ok(())
    }

    fn nodes(&mut self, snapshot: &Snapshot, names: &mut Names) -> io::Result<()> {
        self.text("\"nodes\":[");
        self.is_first = true;
        let groups = snapshot.roots();
        let no_name = names.number("");
        let all_roots = names.number("(GC roots)");
        self.row([SYNTHETIC, no_name, IDS[0], 0, 1 + groups.len() as u64, 0, 0])?;
        self.row([SYNTHETIC, all_roots, IDS[1], 0, groups.len() as u64, 0, 0])?;
        for (number, group) in groups.iter().enumerate() {
            let name = names.number(&group_name(group.kind, group.mutator));
            // Above those of objects.
            let id = u64::from(u32::MAX) - number as u64;
            self.row([NATIVE, name, id, 0, group.targets.len() as u64, 0, 0])?;
        }
        // There are far fewer labels than nodes, and those of a label lie at one place.
        let mut labels: HashMap<*const u8, u64> = HashMap::new();
        for (number, node) in snapshot.nodes().enumerate() {
            let name = *labels.entry(node.label.as_ptr()).or_insert_with(|| names.number(node.label));
            let kind = match node.kind {
                NodeKind::Object | NodeKind::Array => OBJECT,
                NodeKind::Data => NATIVE,
            };
            let edges = snapshot.edges(number).len() as u64;
            self.row([kind, name, u64::from(node.id), node.size.get() as u64, edges, 0, 0])?;
        }
        self.text("],\n");
        Ok(())
    }

    fn edges(&mut self, snapshot: &Snapshot, names: &mut Names) -> io::Result<()> {
        self.text("\"edges\":[");
        self.is_first = true;
        let place = |node: u64| node * NODE_FIELDS.len() as u64;
        let groups = snapshot.roots();
        let objects = 2 + groups.len() as u64;
        self.row([ELEMENT, 0, place(1)])?;
        for _ in 0..2 {
            for number in 0..groups.len() as u64 {
                self.row([ELEMENT, 1 + number, place(2 + number)])?;
            }
        }
        for group in groups {
            for (number, &to) in group.targets.iter().enumerate() {
                self.row([ELEMENT, number as u64, place(objects + u64::from(to))])?;
            }
        }
        for node in 0..snapshot.len() {
            for edge in snapshot.edges(node) {
                let (kind, name) = named(edge, names);
                self.row([kind, name, place(objects + u64::from(edge.to))])?;
            }
        }
        self.text("],\n\"trace_function_infos\":[],\"trace_tree\":[],\"samples\":[],\"locations\":[],\n");
        Ok(())
    }

    fn strings(&mut self, names: &Names) -> io::Result<()> {
        self.text("\"strings\":[");
        for (number, name) in names.all.iter().enumerate() {
            if number > 0 {
                self.text(",\n");
            }
            self.quoted(name);
            self.pass_on_piece()?;
        }
        self.text("]}\n");
        Ok(())
    }
}

/// The kind of an edge, and its name or index.
fn named(edge: &SnapshotEdge, names: &mut Names) -> (u64, u64) {
    match edge.kind {
        EdgeKind::Field | EdgeKind::AmbiguousField => (PROPERTY, names.field(edge.kind, edge.at)),
        EdgeKind::Element | EdgeKind::AmbiguousElement => (ELEMENT, u64::from(edge.at)),
        EdgeKind::Traced => (INTERNAL, names.number("traced")),
        EdgeKind::Value => (INTERNAL, names.number("weakly keyed value")),
        EdgeKind::WeakTarget => (WEAK, names.number("target")),
        EdgeKind::WeakKey => (WEAK, names.number("key")),
        EdgeKind::WeakValue => (WEAK, names.number("value")),
    }
}

/// What a group of roots is called.
fn group_name(kind: RootKind, mutator: Option<u64>) -> String {
    let kind = match kind {
        RootKind::Handles => "Root handles",
        RootKind::Range => "root ranges",
        RootKind::AmbiguousRange => "root ranges of any words",
        RootKind::Callback => "root callbacks",
        RootKind::Frames => "frames",
        RootKind::Pools => "pools",
        RootKind::Finalizers => "kept for finalizers",
    };
    mutator.map_or_else(|| format!("({kind})"), |number| format!("({kind} of mutator {number})"))
}

/// Appends a number. With the formatter a file takes 2.3 times as many instructions to write.
fn digits(to: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[(number % 10) as usize];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}
