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
    /// Nodes: 32 bytes of memory each, and 20 more when they are analysed.
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

/// What the head of a file says.
#[derive(Default)]
struct Head {
    nodes: Rows,
    edges: Rows,
    root_index: u64,
}

/// What it says of the rows of nodes, or of those of edges.
#[derive(Default)]
struct Rows {
    fields: Vec<String>,
    /// The words for what a field may be, by field; none, if it is no number of a word.
    kinds: Vec<Vec<String>>,
    count: Option<u64>,
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
    json.object(LONGEST_NAME, |json, key| {
        let twice = match key {
            "snapshot" => {
                // Rows that were read by another head would be misread.
                let read = read_head(json)?;
                head.replace(read).is_some()
            }
            "nodes" => {
                let Some(head) = &head else { return Err(early(json)) };
                read_nodes(json, &mut graph, head, limits)?;
                core::mem::replace(&mut has_nodes, true)
            }
            "edges" => {
                let Some(head) = &head else { return Err(early(json)) };
                read_edges(json, &mut graph, head, limits)?;
                core::mem::replace(&mut has_edges, true)
            }
            "strings" => {
                read_strings(json, &mut graph, limits)?;
                core::mem::replace(&mut has_strings, true)
            }
            _ => {
                json.skip()?;
                false
            }
        };
        if twice { Err(broken(json, format!("a second `{key}`"))) } else { Ok(()) }
    })?;
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
    json.object(LONGEST_NAME, |json, key| {
        match key {
            "meta" => read_meta(json, &mut head)?,
            "node_count" => head.nodes.count = Some(json.number()?),
            "edge_count" => head.edges.count = Some(json.number()?),
            "root_index" => head.root_index = json.number()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(head)
}

fn read_meta<R: Read>(json: &mut Json<R>, head: &mut Head) -> Result<(), ReadError> {
    json.object(LONGEST_NAME, |json, key| {
        match key {
            "node_fields" => head.nodes.fields = words(json, "words in a list", MOST_FIELDS)?,
            "node_types" => head.nodes.kinds = lists(json)?,
            "edge_fields" => head.edges.fields = words(json, "words in a list", MOST_FIELDS)?,
            "edge_types" => head.edges.kinds = lists(json)?,
            _ => json.skip()?,
        }
        Ok(())
    })
}

/// A list of strings, `most` at most.
fn words<R: Read>(json: &mut Json<R>, what: &'static str, most: usize) -> Result<Vec<String>, ReadError> {
    let mut words = Vec::new();
    json.list(|json| {
        if words.len() == most {
            return Err(json.error(Mistake::TooLarge { what, most: most as u64 }));
        }
        let mut word = String::new();
        json.string(&mut word, LONGEST_NAME)?;
        words.push(word);
        Ok(())
    })?;
    Ok(words)
}

/// A list of strings, and of lists of strings. The former are left empty.
fn lists<R: Read>(json: &mut Json<R>) -> Result<Vec<Vec<String>>, ReadError> {
    let mut all = Vec::new();
    json.list(|json| {
        if all.len() == MOST_FIELDS {
            return Err(json.error(Mistake::TooLarge { what: "fields", most: MOST_FIELDS as u64 }));
        }
        let is_list = json.is_next(b'[')?;
        all.push(if is_list {
            words(json, "kinds", MOST_KINDS)?
        } else {
            json.skip().map(|()| Vec::new())?
        });
        Ok(())
    })?;
    Ok(all)
}

impl Rows {
    /// Where in a row a field is.
    fn place<R: Read>(&self, json: &Json<R>, name: &str) -> Result<usize, ReadError> {
        let place = self.fields.iter().position(|field| field == name);
        place.ok_or_else(|| broken(json, format!("the rows have no field `{name}`")))
    }

    /// Where the field `type` is, and the words for what it may be; one at least.
    fn kinds<R: Read>(&self, json: &Json<R>) -> Result<(usize, &[String]), ReadError> {
        let place = self.place(json, "type")?;
        match self.kinds.get(place) {
            Some(kinds) if !kinds.is_empty() => Ok((place, kinds)),
            _ => Err(broken(json, "no kinds are named for the field `type`".into())),
        }
    }
}

/// Calls `row` with each row of a list of numbers.
fn rows<R: Read>(
    json: &mut Json<R>,
    len: usize,
    (what, most): (&'static str, u32),
    mut row: impl FnMut(&Json<R>, &[u64]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let (mut numbers, mut filled, mut count) = ([0_u64; MOST_FIELDS], 0, 0);
    json.list(|json| {
        numbers[filled] = json.number()?;
        filled += 1;
        if filled < len {
            return Ok(());
        }
        if count == most {
            return Err(json.error(Mistake::TooLarge { what, most: u64::from(most) }));
        }
        count += 1;
        filled = 0;
        row(json, &numbers[..len])
    })?;
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
    let (of_kind, kinds) = head.nodes.kinds(json)?;
    let place = |name| head.nodes.place(json, name);
    let [name, id, size, count] = [place("name")?, place("id")?, place("self_size")?, place("edge_count")?];
    let mut end = 0_u64;
    rows(json, head.nodes.fields.len(), ("nodes", limits.nodes), |json, row| {
        end = end.saturating_add(row[count]);
        let kind = row[of_kind];
        if kind >= kinds.len() as u64 {
            return Err(broken(json, format!("a node is of kind {kind}, of {}", kinds.len())));
        }
        let node = NodeRow {
            id: row[id],
            size: row[size],
            name: narrow(json, "a name", row[name])?,
            kind: narrow(json, "a kind", kind)?,
            end: narrow(json, "the number of edges", end)?,
        };
        push(json, &mut graph.nodes, node)
    })?;
    graph.kinds = kinds.to_vec();
    Ok(())
}

fn read_edges<R: Read>(
    json: &mut Json<R>,
    graph: &mut Graph,
    head: &Head,
    limits: &Limits,
) -> Result<(), ReadError> {
    let (of_kind, words) = head.edges.kinds(json)?;
    let kinds: Vec<EdgeKind> = words.iter().map(|word| EdgeKind::of(word)).collect();
    let [name, target] = [head.edges.place(json, "name_or_index")?, head.edges.place(json, "to_node")?];
    let stride = head.nodes.fields.len() as u64;
    if stride == 0 {
        return Err(broken(json, "nodes have no fields".into()));
    }
    rows(json, head.edges.fields.len(), ("edges", limits.edges), |json, row| {
        let [kind, to] = [row[of_kind], row[target]];
        let known = usize::try_from(kind).ok().and_then(|kind| kinds.get(kind));
        let Some(&known) = known else {
            return Err(broken(json, format!("an edge is of kind {kind}, of {}", kinds.len())));
        };
        if !to.is_multiple_of(stride) {
            return Err(broken(json, format!("an edge leads to {to}, which is within a node")));
        }
        let edge = EdgeRow {
            to: narrow(json, "a node", to / stride)?,
            name: narrow(json, "a name or an index", row[name])?,
            kind: known,
        };
        push(json, &mut graph.edges, edge)
    })
}

fn read_strings<R: Read>(json: &mut Json<R>, graph: &mut Graph, limits: &Limits) -> Result<(), ReadError> {
    json.list(|json| {
        json.string(&mut graph.strings, limits.strings)?;
        if graph.ends.len() >= limits.strings {
            return Err(json.error(Mistake::TooLarge { what: "strings", most: limits.strings as u64 }));
        }
        let end = graph.strings.len();
        push(json, &mut graph.ends, end)
    })
}

/// What can only be seen when all has been read.
fn check(mut graph: Graph, head: &Head) -> Result<Graph, String> {
    let (nodes, edges) = (graph.nodes.len(), graph.edges.len());
    for (what, said, found) in [("nodes", head.nodes.count, nodes), ("edges", head.edges.count, edges)] {
        if let Some(said) = said.filter(|said| *said != found as u64) {
            return Err(format!("the head says {said} {what}, and there are {found}"));
        }
    }
    let Some(last) = graph.nodes.last() else { return Err("there are no nodes".into()) };
    if last.end as usize != edges {
        return Err(format!("the nodes have {} edges, and there are {edges}", last.end));
    }
    let stride = head.nodes.fields.len() as u64;
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
