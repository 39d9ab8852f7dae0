//! Build constraints: which files of a folder belong to a package, for one system.

/// What holds of the system that is built for: the one that all lines are of, linux/amd64 without cgo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct System {
    /// The release of Go, as the 27 in 1.27.
    pub(crate) release: u32,
}

/// The operating systems that the name of a file may end in.
const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];

/// The processors that it may end in.
const PROCESSORS: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// The experiments that are on where nobody has configured any, and since which release they are.
const EXPERIMENTS: &[(&str, u32)] = &[
    ("regabiwrappers", 17),
    ("regabiargs", 17),
    ("aliastypeparams", 24),
    ("swissmap", 24),
    ("spinbitmutex", 24),
    ("dwarf5", 25),
    ("greenteagc", 26),
    ("randomizedheapbase64", 26),
    ("sizespecializedmalloc", 27),
    ("jsonv2", 27),
];

/// How deep a constraint may be nested.
const NESTING: u32 = 100;

impl System {
    /// Whether a file is one of the package, by its name: `x_linux.go`, `x_amd64.go`, `x_linux_amd64.go`, and no test.
    pub(crate) fn builds_name(self, name: &str) -> bool {
        let Some(stem) = name.strip_suffix(".go") else { return false };
        if stem.starts_with(['_', '.']) || stem.ends_with("_test") {
            return false;
        }
        // What comes before the first `_` is no constraint.
        let mut parts = stem.split('_').skip(1).collect::<Vec<_>>().into_iter().rev();
        let (last, before) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        if PROCESSORS.contains(&last) {
            return last == "amd64" && (!SYSTEMS.contains(&before) || before == "linux");
        }
        !SYSTEMS.contains(&last) || last == "linux"
    }

    /// Whether one with such a name is, by `//go:build` before the package clause.
    pub(crate) fn builds_text(self, text: &str) -> bool {
        let mut rest = text;
        loop {
            rest = rest.trim_start();
            if let Some(words) = rest.strip_prefix("//go:build ") {
                let line = words.split('\n').next().unwrap_or("");
                let line = line.split("//").next().unwrap_or("");
                let mut parser = Parser { rest: line.trim(), system: self, depth: 0 };
                // A constraint that is none holds for nobody.
                return parser.or().is_some_and(|holds| holds && parser.rest.is_empty());
            }
            let end = match rest {
                _ if rest.starts_with("//") => rest.find('\n'),
                _ if rest.starts_with("/*") => rest.find("*/").map(|at| at + 1),
                _ => return true,
            };
            let Some(end) = end else { return true };
            rest = &rest[end + 1..];
        }
    }

    fn has(self, tag: &str) -> bool {
        if let Some(release) = tag.strip_prefix("go1.") {
            return release.parse::<u32>().is_ok_and(|release| release <= self.release);
        }
        match tag.strip_prefix("goexperiment.") {
            Some(experiment) => {
                EXPERIMENTS.iter().any(|(known, since)| *known == experiment && *since <= self.release)
            }
            None => matches!(tag, "linux" | "amd64" | "unix" | "gc" | "amd64.v1"),
        }
    }
}

/// A constraint, from where it is read: `a && (b || !c)`. Nothing comes of one that is wrong.
struct Parser<'t> {
    rest: &'t str,
    system: System,
    depth: u32,
}

impl Parser<'_> {
    fn accept(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn or(&mut self) -> Option<bool> {
        let mut holds = self.and()?;
        while self.accept("||") {
            holds |= self.and()?;
        }
        Some(holds)
    }

    fn and(&mut self) -> Option<bool> {
        let mut holds = self.not()?;
        while self.accept("&&") {
            holds &= self.not()?;
        }
        Some(holds)
    }

    fn not(&mut self) -> Option<bool> {
        let mut negated = false;
        while self.accept("!") {
            negated = !negated;
        }
        if self.accept("(") {
            self.depth += 1;
            let holds = if self.depth > NESTING { None } else { self.or() };
            self.depth -= 1;
            let holds = holds?;
            return self.accept(")").then_some(holds != negated);
        }
        let is_tag = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let end = self.rest.find(|c| !is_tag(c)).unwrap_or(self.rest.len());
        let (tag, rest) = self.rest.split_at(end);
        if tag.is_empty() {
            return None;
        }
        self.rest = rest.trim_start();
        Some(self.system.has(tag) != negated)
    }
}

#[cfg(test)]
mod tests;
