//! Reading a file: what is where, and what does not fit.
//!
//! ```text
//!   { "snapshot": { "meta": { "node_fields": […], "node_types": […], "edge_fields": […], "edge_types": […] },
//!                   "node_count": …, "edge_count": … },
//!     "nodes": [ a row of node_fields for each node ],  "edges": [ a row of edge_fields for each edge ],  "strings": […] }
//! ```
//!
//! The fields may lie in any order and there may be others; `snapshot` must come first. The edges of a node follow those of the node
//! before, as many as the node's `edge_count`; an edge's `to_node` is the place in `nodes` where a row begins. Names are numbers of
//! strings, which come last, so they are checked at the end.

use crate::error::{Mistake, ReadError};
use crate::graph::{EdgeKind, EdgeRow, Graph, NodeRow};
use crate::json::Json;
use std::io::Read;

/// Fields of a node or an edge, at most.
const MOST_FIELDS: usize = 64;
/// Kinds of nodes or edges, at most.
const MOST_KINDS: usize = 1024;
/// Bytes of a name in the head of the file, at most.
const LONGEST_NAME: usize = 256;

/// What a file may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes.
    pub bytes: u64,
    /// Nodes: 32 bytes of memory each, and 28 more when they are analysed.
    pub nodes: u32,
    /// Edges: 12 bytes of memory each, and 4 more when they are analysed.
    pub edges: u32,
    /// Bytes of strings.
    pub strings: usize,
}

impl Default for Limits {
    /// 8 GiB, of a hundred million nodes and four hundred million edges, with a GiB of strings. Memory is taken as the file is read,
    /// and not for what it says it has.
    fn default() -> Self {
        Self { bytes: 8 << 30, nodes: 100_000_000, edges: 400_000_000, strings: 1 << 30 }
    }
}

/// What the head of a file says of its rows.
#[derive(Default)]
struct Head {
    node_fields: Vec<String>,
    node_kinds: Vec<Vec<String>>,
    edge_fields: Vec<String>,
    edge_kinds: Vec<Vec<String>>,
    node_count: Option<u64>,
    edge_count: Option<u64>,
    root_index: u64,
}

/// Where the fields of a row are.
struct Fields {
    len: usize,
    kind: usize,
    name: usize,
    /// `id` of nodes, `to_node` of edges.
    third: usize,
    size: usize,
    count: usize,
    /// The words for kinds.
    kinds: Vec<String>,
}

/// Reads a snapshot: one that [`write()`](crate::write()) has written, or one of V8's. Takes memory in proportion to what it has read.
///
/// # Errors
/// If it is not a snapshot, ends early, contradicts itself, or has more than it may; with the place.
pub fn read(from: impl Read, limits: &Limits) -> Result<Graph, ReadError> {
    let mut json = Json::new(from, limits.bytes);
    let mut graph = Graph::default();
    let mut head = None;
    let (mut has_nodes, mut has_edges, mut has_strings) = (false, false, false);
    let (mut key, mut is_first) = (String::new(), true);
    json.insist(b'{', "an object")?;
    while json.goes_on(b'}', &mut is_first)? {
        key.clear();
        json.string(&mut key, LONGEST_NAME)?;
        json.insist(b':', "a colon")?;
        let twice = match &*key {
            "snapshot" => {
                // Rows that were read by another head would be misread.
                let read = read_head(&mut json)?;
                head.replace(read).is_some()
            }
            "nodes" => {
                let Some(head) = &head else { return Err(early(&json)) };
                read_nodes(&mut json, &mut graph, head, limits)?;
                core::mem::replace(&mut has_nodes, true)
            }
            "edges" => {
                let Some(head) = &head else { return Err(early(&json)) };
                read_edges(&mut json, &mut graph, head, limits)?;
                core::mem::replace(&mut has_edges, true)
            }
            "strings" => {
                read_strings(&mut json, &mut graph, limits)?;
                core::mem::replace(&mut has_strings, true)
            }
            _ => {
                json.skip()?;
                false
            }
        };
        if twice {
            return Err(broken(&json, format!("a second `{key}`")));
        }
    }
    json.end()?;
    let Some(head) = head.filter(|_| has_nodes && has_edges && has_strings) else {
        return Err(broken(&json, "`snapshot`, `nodes`, `edges` or `strings` is missing".into()));
    };
    check(graph, &head).map_err(|what| broken(&json, what))
}

fn early<R: Read>(json: &Json<R>) -> ReadError {
    broken(json, "`snapshot`, with the fields of rows, must come before them".into())
}

fn broken<R: Read>(json: &Json<R>, what: String) -> ReadError {
    json.error(Mistake::Broken(what))
}

/// The object `snapshot`.
fn read_head<R: Read>(json: &mut Json<R>) -> Result<Head, ReadError> {
    let mut head = Head::default();
    let (mut key, mut is_first) = (String::new(), true);
    json.insist(b'{', "an object")?;
    while json.goes_on(b'}', &mut is_first)? {
        key.clear();
        json.string(&mut key, LONGEST_NAME)?;
        json.insist(b':', "a colon")?;
        match &*key {
            "meta" => read_meta(json, &mut head)?,
            "node_count" => head.node_count = Some(json.number()?),
            "edge_count" => head.edge_count = Some(json.number()?),
            "root_index" => head.root_index = json.number()?,
            _ => json.skip()?,
        }
    }
    Ok(head)
}

fn read_meta<R: Read>(json: &mut Json<R>, head: &mut Head) -> Result<(), ReadError> {
    let (mut key, mut is_first) = (String::new(), true);
    json.insist(b'{', "an object")?;
    while json.goes_on(b'}', &mut is_first)? {
        key.clear();
        json.string(&mut key, LONGEST_NAME)?;
        json.insist(b':', "a colon")?;
        match &*key {
            "node_fields" => head.node_fields = words(json, MOST_FIELDS)?,
            "node_types" => head.node_kinds = lists(json)?,
            "edge_fields" => head.edge_fields = words(json, MOST_FIELDS)?,
            "edge_types" => head.edge_kinds = lists(json)?,
            _ => json.skip()?,
        }
    }
    Ok(())
}

/// A list of strings.
fn words<R: Read>(json: &mut Json<R>, most: usize) -> Result<Vec<String>, ReadError> {
    let (mut words, mut is_first) = (Vec::new(), true);
    json.insist(b'[', "a list")?;
    while json.goes_on(b']', &mut is_first)? {
        if words.len() == most {
            return Err(json.error(Mistake::TooLarge { what: "words in a list", most: most as u64 }));
        }
        let mut word = String::new();
        json.string(&mut word, LONGEST_NAME)?;
        words.push(word);
    }
    Ok(words)
}

/// A list of strings, and of lists of strings. The former are left empty.
fn lists<R: Read>(json: &mut Json<R>) -> Result<Vec<Vec<String>>, ReadError> {
    let (mut all, mut is_first) = (Vec::new(), true);
    json.insist(b'[', "a list")?;
    while json.goes_on(b']', &mut is_first)? {
        if all.len() == MOST_FIELDS {
            return Err(json.error(Mistake::TooLarge { what: "fields", most: MOST_FIELDS as u64 }));
        }
        all.push(if json.takes(b'[')? { list_rest(json)? } else { json.skip().map(|()| Vec::new())? });
    }
    Ok(all)
}

/// The rest of a list of strings.
fn list_rest<R: Read>(json: &mut Json<R>) -> Result<Vec<String>, ReadError> {
    let (mut words, mut is_first) = (Vec::new(), true);
    while json.goes_on(b']', &mut is_first)? {
        if words.len() == MOST_KINDS {
            return Err(json.error(Mistake::TooLarge { what: "kinds", most: MOST_KINDS as u64 }));
        }
        let mut word = String::new();
        json.string(&mut word, LONGEST_NAME)?;
        words.push(word);
    }
    Ok(words)
}

impl Fields {
    /// Where fields are, by their names; a name of "" is one that is not wanted.
    fn of(names: &[String], kinds: &[Vec<String>], wanted: [&str; 5]) -> Result<Self, String> {
        let place = |name: &str| {
            if name.is_empty() {
                return Ok(usize::MAX);
            }
            let place = names.iter().position(|field| field == name);
            place.ok_or_else(|| format!("the rows have no field `{name}`"))
        };
        let kind = place(wanted[0])?;
        let kinds = kinds.get(kind).filter(|kinds| !kinds.is_empty());
        Ok(Self {
            len: names.len(),
            kind,
            name: place(wanted[1])?,
            third: place(wanted[2])?,
            size: place(wanted[3])?,
            count: place(wanted[4])?,
            kinds: kinds.cloned().ok_or("no kinds are named for the field `type`")?,
        })
    }
}

/// Calls `row` with each row of a list of numbers.
fn rows<R: Read>(
    json: &mut Json<R>,
    len: usize,
    (what, most): (&'static str, u32),
    mut row: impl FnMut(&Json<R>, &[u64]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let (mut numbers, mut is_first, mut count) = ([0_u64; MOST_FIELDS], true, 0);
    let mut filled = 0;
    json.insist(b'[', "a list")?;
    while json.goes_on(b']', &mut is_first)? {
        numbers[filled] = json.number()?;
        filled += 1;
        if filled == len {
            if count == most {
                return Err(json.error(Mistake::TooLarge { what, most: u64::from(most) }));
            }
            count += 1;
            filled = 0;
            row(json, &numbers[..len])?;
        }
    }
    if filled == 0 { Ok(()) } else { Err(broken(json, format!("the last row has {filled} of {len} fields"))) }
}

/// Room for one more.
fn push<R: Read, T>(json: &Json<R>, list: &mut Vec<T>, value: T) -> Result<(), ReadError> {
    if list.len() == list.capacity() {
        list.try_reserve(1).map_err(|_| json.error(Mistake::NoMemory))?;
    }
    list.push(value);
    Ok(())
}

/// A number of 32 bits.
fn narrow<R: Read>(json: &Json<R>, what: &'static str, number: u64) -> Result<u32, ReadError> {
    u32::try_from(number).map_err(|_| broken(json, format!("{what} is {number}, which is above 32 bits")))
}

fn read_nodes<R: Read>(
    json: &mut Json<R>,
    graph: &mut Graph,
    head: &Head,
    limits: &Limits,
) -> Result<(), ReadError> {
    let wanted = ["type", "name", "id", "self_size", "edge_count"];
    let fields =
        Fields::of(&head.node_fields, &head.node_kinds, wanted).map_err(|what| broken(json, what))?;
    let mut end = 0_u64;
    rows(json, fields.len, ("nodes", limits.nodes), |json, row| {
        end = end.saturating_add(row[fields.count]);
        let kind = row[fields.kind];
        if kind >= fields.kinds.len() as u64 {
            return Err(broken(json, format!("a node is of kind {kind}, of {}", fields.kinds.len())));
        }
        let node = NodeRow {
            id: row[fields.third],
            size: row[fields.size],
            name: narrow(json, "a name", row[fields.name])?,
            kind: narrow(json, "a kind", kind)?,
            end: narrow(json, "the number of edges", end)?,
        };
        push(json, &mut graph.nodes, node)
    })?;
    graph.kinds = fields.kinds;
    Ok(())
}

fn read_edges<R: Read>(
    json: &mut Json<R>,
    graph: &mut Graph,
    head: &Head,
    limits: &Limits,
) -> Result<(), ReadError> {
    let wanted = ["type", "name_or_index", "to_node", "", ""];
    let fields =
        Fields::of(&head.edge_fields, &head.edge_kinds, wanted).map_err(|what| broken(json, what))?;
    let kinds: Vec<EdgeKind> = fields.kinds.iter().map(|kind| EdgeKind::of(kind)).collect();
    let stride = head.node_fields.len() as u64;
    if stride == 0 {
        return Err(broken(json, "nodes have no fields".into()));
    }
    rows(json, fields.len, ("edges", limits.edges), |json, row| {
        let [kind, to] = [row[fields.kind], row[fields.third]];
        let known = usize::try_from(kind).ok().and_then(|kind| kinds.get(kind));
        let Some(&known) = known else {
            return Err(broken(json, format!("an edge is of kind {kind}, of {}", kinds.len())));
        };
        if !to.is_multiple_of(stride) {
            return Err(broken(json, format!("an edge leads to {to}, which is within a node")));
        }
        let edge = EdgeRow {
            to: narrow(json, "a node", to / stride)?,
            name: narrow(json, "a name or an index", row[fields.name])?,
            kind: known,
        };
        push(json, &mut graph.edges, edge)
    })
}

fn read_strings<R: Read>(json: &mut Json<R>, graph: &mut Graph, limits: &Limits) -> Result<(), ReadError> {
    let mut is_first = true;
    json.insist(b'[', "a list")?;
    while json.goes_on(b']', &mut is_first)? {
        json.string(&mut graph.strings, limits.strings)?;
        if graph.ends.len() >= limits.strings {
            return Err(json.error(Mistake::TooLarge { what: "strings", most: limits.strings as u64 }));
        }
        let end = graph.strings.len();
        push(json, &mut graph.ends, end)?;
    }
    Ok(())
}

/// What can only be seen when all has been read.
fn check(mut graph: Graph, head: &Head) -> Result<Graph, String> {
    let (nodes, edges) = (graph.nodes.len(), graph.edges.len());
    for (what, said, found) in [("nodes", head.node_count, nodes), ("edges", head.edge_count, edges)] {
        if let Some(said) = said.filter(|said| *said != found as u64) {
            return Err(format!("the head says {said} {what}, and there are {found}"));
        }
    }
    let Some(last) = graph.nodes.last() else { return Err("there are no nodes".into()) };
    if last.end as usize != edges {
        return Err(format!("the nodes have {} edges, and there are {edges}", last.end));
    }
    let stride = head.node_fields.len() as u64;
    let root = head.root_index / stride;
    if !head.root_index.is_multiple_of(stride) || root >= nodes as u64 {
        return Err(format!("the root is {}, which is no node", head.root_index));
    }
    graph.root = u32::try_from(root).map_err(|_| "the root is above 32 bits")?;
    let strings = graph.ends.len();
    if let Some(node) = graph.nodes.iter().find(|node| node.name as usize >= strings) {
        return Err(format!("node {} is called string {} of {strings}", node.id, node.name));
    }
    for edge in &graph.edges {
        if edge.to as usize >= nodes {
            return Err(format!("an edge leads to node {} of {nodes}", edge.to));
        }
        if !edge.kind.is_numbered() && edge.name as usize >= strings {
            return Err(format!("an edge is called string {} of {strings}", edge.name));
        }
    }
    Ok(graph)
}
