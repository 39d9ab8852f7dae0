//! What is shown of a snapshot: first as facts, then as text or as JSON, so that both say the same.

use super::Question;
use crate::error::LabError;
use crate::unit::digits;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use heap_snapshot::{Analysis, Edge, EdgeKind, Graph};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Characters of a name that are shown in a line of text.
const LONGEST_NAME: usize = 100;

/// An object.
struct Object<'a> {
    id: u64,
    name: &'a str,
    kind: &'a str,
    size: u64,
    retained: u64,
}

/// An edge, and the node at its other end.
struct Link<'a> {
    edge: String,
    is_weak: bool,
    object: Object<'a>,
}

/// A table of objects.
struct Rows<'a> {
    heading: String,
    objects: Vec<Object<'a>>,
}

/// One node.
struct Of<'a> {
    object: Object<'a>,
    dominator: Option<Object<'a>>,
    /// From the root to the node; `None` if nothing keeps it.
    path: Option<Vec<Link<'a>>>,
    retainers: Vec<Link<'a>>,
    retainer_count: usize,
    leads_to: Vec<Link<'a>>,
    edge_count: usize,
}

/// All that is shown.
pub(super) struct Shown<'a> {
    nodes: usize,
    edges: usize,
    bytes: u64,
    rows: Option<Rows<'a>>,
    types: Vec<Kind>,
    of: Option<Of<'a>>,
}

/// A type.
struct Kind {
    name: String,
    objects: u64,
    size: u64,
    retained: u64,
}

impl<'a> Shown<'a> {
    /// What answers a question.
    ///
    /// # Errors
    /// When there is no such node, or no object of such a type.
    pub(super) fn of(analysis: &Analysis<'a>, question: &Question) -> Result<Self, LabError> {
        let graph = analysis.graph();
        let mut shown = Self {
            nodes: graph.len(),
            edges: graph.edge_count(),
            bytes: analysis.retained(graph.root()),
            rows: None,
            types: Vec::new(),
            of: None,
        };
        if let Some(id) = question.node {
            let wrong =
                || LabError::Argument(format!("no node has the id {id}: they are in the tables of ids"));
            shown.of = Some(of(analysis, graph.find(id).ok_or_else(wrong)?, question.top));
            return Ok(shown);
        }
        let nodes = match &question.kind {
            None => analysis.top(question.top),
            Some(kind) => {
                let mut nodes = analysis.top(usize::MAX);
                nodes.retain(|&node| graph.node(node).name.contains(kind));
                if nodes.is_empty() {
                    return Err(LabError::Argument(format!(
                        "no object is of a type with `{kind}` in its name"
                    )));
                }
                nodes.truncate(question.top);
                nodes
            }
        };
        let heading = match &question.kind {
            None => String::from("what retains most"),
            Some(kind) => format!("of types with `{kind}` in their names, what retains most"),
        };
        let objects = nodes.into_iter().map(|node| object(analysis, node)).collect();
        shown.rows = Some(Rows { heading, objects });
        let types = analysis.types().map_err(|error| LabError::Heap(error.to_string()))?;
        let wanted = types
            .into_iter()
            .filter(|sum| question.kind.as_ref().is_none_or(|kind| sum.name.contains(kind.as_str())));
        shown.types = wanted
            .take(question.top)
            .map(|sum| Kind {
                name: sum.name.to_owned(),
                objects: sum.objects,
                size: sum.size,
                retained: sum.retained,
            })
            .collect();
        Ok(shown)
    }

    /// As JSON: one object.
    pub(super) fn json(&self) -> String {
        let mut all = json!({ "nodes": self.nodes, "edges": self.edges, "bytes": self.bytes });
        if let Some(rows) = &self.rows {
            all["objects"] = rows.objects.iter().map(Object::json).collect();
            let types = self.types.iter().map(|kind| {
                json!({
                    "type": kind.name, "objects": kind.objects, "size": kind.size, "retained": kind.retained,
                })
            });
            all["types"] = types.collect();
        }
        if let Some(of) = &self.of {
            all["node"] = of.object.json();
            all["dominator"] = of.dominator.as_ref().map_or(Value::Null, Object::json);
            let links = |links: &[Link<'_>]| links.iter().map(Link::json).collect::<Value>();
            all["path"] = of.path.as_deref().map_or(Value::Null, links);
            all["retainers"] = links(&of.retainers);
            all["retainer_count"] = of.retainer_count.into();
            all["leads_to"] = links(&of.leads_to);
            all["edge_count"] = of.edge_count.into();
        }
        format!("{all}\n")
    }

    /// As text.
    pub(super) fn text(&self) -> String {
        let numbers = [self.nodes as f64, self.edges as f64, self.bytes as f64].map(digits);
        let mut out = format!("{} nodes, {} edges, {} bytes are kept\n", numbers[0], numbers[1], numbers[2]);
        if let Some(rows) = &self.rows {
            let _ = writeln!(out, "\n{}:", rows.heading);
            let cells = rows.objects.iter().map(|object| {
                [
                    digits(object.retained as f64),
                    digits(object.size as f64),
                    object.id.to_string(),
                    short(object.name),
                ]
            });
            out.push_str(&table(["retained", "own", "id", "type"], cells));
            let _ = writeln!(out, "\nby type, those within others of their type counted once:");
            let cells = self.types.iter().map(|kind| {
                [
                    digits(kind.retained as f64),
                    digits(kind.size as f64),
                    digits(kind.objects as f64),
                    short(&kind.name),
                ]
            });
            out.push_str(&table(["retained", "own", "objects", "type"], cells));
            let _ = writeln!(out, "\n--node ID says what keeps one of them.");
        }
        if let Some(of) = &self.of {
            of.text(&mut out);
        }
        out
    }
}

impl Of<'_> {
    fn text(&self, out: &mut String) {
        let _ = writeln!(out, "\n{}", self.object.line());
        let _ = match &self.dominator {
            Some(over) => writeln!(out, "would be gone with  {}", over.line()),
            None => writeln!(out, "would be gone with nothing else"),
        };
        match self.path.as_deref() {
            None => out.push_str("\nnothing keeps it\n"),
            Some([]) => out.push_str("\nit is the root\n"),
            Some(path) => {
                let _ = writeln!(out, "\na shortest path from the root:");
                for link in path {
                    let _ = writeln!(out, "  {} → {}", link.edge, link.object.line());
                }
            }
        }
        for (heading, links, count) in [
            ("what leads to it", &self.retainers, self.retainer_count),
            ("what it leads to", &self.leads_to, self.edge_count),
        ] {
            let _ = writeln!(out, "\n{heading} ({}):", digits(count as f64));
            for link in links {
                let doubt = if link.is_weak { " (weak)" } else { "" };
                let _ = writeln!(out, "  {}{doubt} · {}", link.edge, link.object.line());
            }
            if links.len() < count {
                let _ = writeln!(out, "  … and {} more", digits((count - links.len()) as f64));
            }
        }
    }
}

impl Object<'_> {
    fn json(&self) -> Value {
        json!({
            "id": self.id, "type": self.name, "kind": self.kind, "size": self.size, "retained": self.retained,
        })
    }

    fn line(&self) -> String {
        let name = if self.name.is_empty() { "(root)".into() } else { short(self.name) };
        format!(
            "{name} @{}, {} of {} bytes retained",
            self.id,
            digits(self.size as f64),
            digits(self.retained as f64)
        )
    }
}

impl Link<'_> {
    fn json(&self) -> Value {
        let mut link = self.object.json();
        link["edge"] = self.edge.clone().into();
        link["weak"] = self.is_weak.into();
        link
    }
}

/// One node, with at most `top` of what leads to it and of what it leads to.
fn of<'a>(analysis: &Analysis<'a>, node: u32, top: usize) -> Of<'a> {
    let graph: &'a Graph = analysis.graph();
    let link = |edge: Edge<'a>, other: u32| Link {
        edge: edge.name.to_string(),
        is_weak: edge.kind == EdgeKind::Weak,
        object: object(analysis, other),
    };
    let path = analysis.path(node);
    Of {
        object: object(analysis, node),
        dominator: analysis.dominator(node).map(|over| object(analysis, over)),
        path: path.map(|steps| steps.into_iter().map(|step| link(step.edge, step.edge.to)).collect()),
        retainers: analysis.retainers(node).take(top).map(|step| link(step.edge, step.from)).collect(),
        retainer_count: analysis.retainers(node).count(),
        leads_to: graph.edges(node).take(top).map(|edge| link(edge, edge.to)).collect(),
        edge_count: graph.edges(node).len(),
    }
}

fn object<'a>(analysis: &Analysis<'a>, node: u32) -> Object<'a> {
    let of = analysis.graph().node(node);
    Object { id: of.id, name: of.name, kind: of.kind, size: of.size, retained: analysis.retained(node) }
}

/// A name on one line, not too long: of a foreign file it may be a whole text.
fn short(name: &str) -> String {
    let line = name.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut short: String = line.clone().take(LONGEST_NAME).collect();
    if line.count() > LONGEST_NAME {
        short.push('…');
    }
    short
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    rows.for_each(|row| _ = table.add_row(row));
    for column in table.column_iter_mut().take(N - 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
