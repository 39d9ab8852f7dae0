//! Files of snapshots: written as V8's schema says, read without trust, and analysed right.
#![expect(clippy::cast_possible_truncation, reason = "the numbers of tests are small")]

mod analysis;
mod devtools;
mod file;
mod malformed;
mod v8;

/// A generator of numbers.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below another.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// The text of a snapshot with the kinds that V8 has, and nothing that is not needed: the size of each node, and its edges.
pub(crate) fn text(nodes: &[(u64, Vec<(&str, usize)>)]) -> String {
    let kinds = ["element", "property", "weak", "shortcut"];
    let edges: Vec<String> = nodes
        .iter()
        .flat_map(|(_, edges)| edges)
        .map(|(kind, to)| {
            let number = kinds.iter().position(|each| each == kind).expect("a kind");
            format!("{number},0,{}", to * 5)
        })
        .collect();
    let rows: Vec<String> = nodes
        .iter()
        .enumerate()
        .map(|(id, (size, edges))| format!("0,{},{id},{size},{}", id % 3, edges.len()))
        .collect();
    format!(
        r#"{{"snapshot":{{"meta":{{"node_fields":["type","name","id","self_size","edge_count"],
        "node_types":[["object"],"string","number","number","number"],
        "edge_fields":["type","name_or_index","to_node"],
        "edge_types":[["element","property","weak","shortcut"],"string_or_number","node"]}},
        "node_count":{},"edge_count":{}}},"nodes":[{}],"edges":[{}],"strings":["a","b","c"]}}"#,
        nodes.len(),
        edges.len(),
        rows.join(","),
        edges.join(",")
    )
}
