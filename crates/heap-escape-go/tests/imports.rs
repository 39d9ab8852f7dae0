//! Imports that are given as source: what is known of them then, and that source which is wrong or has no end is a mistake with a
//! place.

use heap_escape_go::{Budget, Options, Packages, Source, Tree, analyse};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Packages of one file each, by path.
struct Given(Vec<(String, String)>);

impl Given {
    fn new(packages: &[(&str, &str)]) -> Self {
        Self(packages.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }
}

impl Packages for Given {
    fn package(&self, path: &str) -> Result<Option<Vec<Source>>, String> {
        if path == "refused" {
            return Err(String::from("it is refused"));
        }
        let found = self.0.iter().find(|(known, _)| known == path);
        Ok(found.map(|(path, text)| vec![Source { path: format!("{path}.go"), text: text.clone() }]))
    }
}

fn file(text: &str) -> Vec<Source> {
    vec![Source { path: String::from("p.go"), text: text.to_owned() }]
}

/// What is said of a program with these packages to import.
fn said(text: &str, packages: &dyn Packages) -> Vec<String> {
    let options = Options { packages, ..Options::default() };
    let lines = analyse(&file(text), &options).unwrap_or_else(|mistake| panic!("{mistake}"));
    lines.iter().map(ToString::to_string).collect()
}

fn mistake(text: &str, packages: &dyn Packages, budget: Budget) -> String {
    let options = Options { packages, budget, ..Options::default() };
    analyse(&file(text), &options).unwrap_err().to_string()
}

const LEAVES: &str = "package leaves

type Node struct {
	Next *Node
	kept *int
}

var all []*Node

func (n *Node) Keep() { all = append(all, n) }
func (n *Node) Count() int {
	if n == nil {
		return 0
	}
	return 1 + n.Next.Count()
}

type Shower interface{ Show() string }

func (n *Node) Show() string { return \"node\" }

func Hide(p *int) *Node { return &Node{kept: p} }
";

const MIDDLE: &str = "package middle

import \"x/leaves\"

func Through(n *leaves.Node) *leaves.Node { return n }
func Keep(n *leaves.Node) { Through(n).Keep() }
func Count(n *leaves.Node) int { return Through(n).Count() }
";

#[test]
fn where_arguments_go_is_seen_through_any_number_of_packages() {
    let given = Given::new(&[("x/leaves", LEAVES), ("x/middle", MIDDLE)]);
    let text = "package p

import (
	\"x/leaves\"
	\"x/middle\"
)

func f() int {
	kept, counted := leaves.Node{}, leaves.Node{}
	middle.Keep(&kept)
	return middle.Count(&counted)
}

func g(p *int) *leaves.Node { return leaves.Hide(p) }

func h(n *leaves.Node) string {
	var s leaves.Shower = n
	return s.Show()
}
";
    let wanted = [
        "p.go:9:2: moved to heap: kept",
        "p.go:14:8: leaking param: p",
        "p.go:16:8: n does not escape",
        "p.go:18:15: devirtualizing s.Show to *leaves.Node",
    ];
    assert_eq!(said(text, &given), wanted);
}

#[test]
fn a_package_without_source_or_table_is_unknown_to_all() {
    let given = Given::new(&[("x/middle", MIDDLE)]);
    let text = "package p

import \"x/middle\"

func f() int {
	x := 1
	return middle.Count(&x)
}
";
    assert_eq!(said(text, &given), ["p.go:6:2: moved to heap: x"]);
}

#[test]
fn source_has_its_say_before_tables_that_are_built_in_and_after_those_that_are_given() {
    let given = Given::new(&[("os", "package os\n\nfunc Only(p *int) int { return *p }\n")]);
    let text = "package p\n\nimport \"os\"\n\nfunc f(p *int) int { return os.Only(p) }\n";
    assert_eq!(said(text, &given), ["p.go:5:8: p does not escape"]);
    let table = |path: &str| {
        (path == "os").then(|| String::from("package os\n//go:tags 01\nfunc Only(p *int) int\n"))
    };
    let options = Options { packages: &given, tables: &table, ..Options::default() };
    assert_eq!(analyse(&file(text), &options).unwrap()[0].words, "leaking param: p");
}

#[test]
fn instances_of_generic_code_of_imports_are_told_where_it_stands() {
    let generic = "package generic

func New[T any](v T) *T { return &v }
func unused[T any](v T) *T { return &v }

var own = New(1.5)

type Box[T any] struct{ v *T }

func (b *Box[T]) Set(v T) { b.v = &v }
func (b *Box[T]) Get() *T { return b.v }
";
    let given = Given::new(&[("x/generic", generic)]);
    let text = "package p

import \"x/generic\"

type mine struct{ x int }

func f(b *generic.Box[string]) *mine {
	return generic.New(mine{1})
}
";
    let wanted = [
        "p.go:7:8: b does not escape",
        "x/generic.go:3:17: moved to heap: generic.v",
        "x/generic.go:10:22: moved to heap: generic.v",
    ];
    assert_eq!(said(text, &given), wanted);
}

/// Generic types that a program comes to in various ways; `Unnamed` it does not come to.
const LED_TO: &str = "package leaf

type Map[K comparable, V any] struct {
	root *node[K, V]
	hash func(K) uint64
}

type node[K comparable, V any] struct {
	key  K
	val  V
	next *node[K, V]
}

func (m *Map[K, V]) Put(k K, v V) { m.root = add(m.root, k, v) }
func (m *Map[K, V]) Seek() *Cursor[K] { return &Cursor[K]{} }

func add[K comparable, V any](n *node[K, V], k K, v V) *node[K, V] {
	return &node[K, V]{key: k, val: v, next: n}
}

func (n *node[K, V]) last() *node[K, V] {
	made := node[K, V]{}
	return &made
}

type Cursor[K any] struct{ at K }

func (c *Cursor[K]) Keep(k K) *K { return &k }

type InParam[T any] struct{ t T }

func (p *InParam[T]) Keep(t T) *T { return &t }

type InIface[T any] struct{ t T }

func (p *InIface[T]) Keep(t T) *T { return &t }

type InBody[T any] struct{ t T }

func (p *InBody[T]) Keep(t T) *T { return &t }

type Unnamed[T any] struct{ t T }

func (p *Unnamed[T]) Keep(t T) *T { return &t }

type InVar[T any] struct{ t T }

func (p *InVar[T]) Keep(t T) *T { return &t }
";

const LEADS: &str = "package mid

import \"leaf\"

type Store struct {
	names [3]leaf.Map[string, int]
	more  map[int]*inner
}

type inner struct{ c chan func() interface{ Get(leaf.InIface[int8]) } }

func (s *Store) Use(p leaf.InParam[float64]) {
	var b leaf.InBody[int16]
	_ = b
}

type Other struct{ u leaf.Unnamed[int] }

var Global = make([]*leaf.InVar[uint8], 3)

var Made = func() int { var u leaf.Unnamed[uint16]; _ = u; return 1 }()

func Nobody(o Other) {}
";

#[test]
fn instances_that_types_lead_to_have_their_methods_told() {
    let given = Given::new(&[("leaf", LED_TO), ("mid", LEADS)]);
    let text = "package p

import \"mid\"

type holder struct{ s []*mid.Store }

func f(h holder) int { return len(mid.Global) + mid.Made }
";
    // As Go 1.27.3 has them.
    let wanted = [
        "leaf.go:15:48: &leaf.Cursor[go.shape.string]{} escapes to heap",
        "leaf.go:18:9: &leaf.node[go.shape.string,go.shape.int]{...} escapes to heap",
        "leaf.go:22:2: moved to heap: leaf.made",
        "leaf.go:28:26: moved to heap: leaf.k",
        "leaf.go:32:27: moved to heap: leaf.t",
        "leaf.go:36:27: moved to heap: leaf.t",
        "leaf.go:48:25: moved to heap: leaf.t",
        "p.go:7:8: h does not escape",
    ];
    assert_eq!(said(text, &given), wanted);
}

#[test]
fn types_of_a_dictionary_have_their_methods_told_for_shapes_of_their_own() {
    let leaf = "package leaf

type Shaped[T any] struct{ t T }

func (p *Shaped[T]) Keep(t T) *T { return &t }

func Gen[T any](t T) bool {
	var s Shaped[[]T]
	return any(s.t) == nil
}
";
    let given = Given::new(&[("leaf", leaf)]);
    let text = "package p\n\nimport \"leaf\"\n\nfunc f() bool { return leaf.Gen(1) }\n";
    // As Go 1.27.3 has them: a slice of the shape of int, and the shape of a slice of int.
    let wanted = [
        "leaf.go:5:26: moved to heap: leaf.t",
        "leaf.go:5:26: moved to heap: leaf.t",
        "leaf.go:9:14: any(leaf.s.t) does not escape",
    ];
    assert_eq!(said(text, &given), wanted);
}

#[test]
fn what_is_not_understood_in_an_import_is_unknown() {
    let odd = "package odd

func Wrong(p *int) int { return undefined(p) }
func Right(p *int) int { return *p }

var Lost = undefined
var Circle = Circle

type T struct{ x undefined }
";
    let given = Given::new(&[("odd", odd)]);
    let text = "package p

import \"odd\"

func f(p, q *int, t *odd.T) int {
	_, _ = odd.Lost, odd.Circle
	return odd.Wrong(p) + odd.Right(q)
}
";
    let wanted =
        ["p.go:5:8: leaking param: p", "p.go:5:11: q does not escape", "p.go:5:19: t does not escape"];
    assert_eq!(said(text, &given), wanted);
}

#[test]
fn a_mistake_in_the_syntax_of_an_import_has_its_place_there() {
    let given = Given::new(&[("broken", "package broken\n\nfunc f( {\n")]);
    let text = "package p\n\nimport \"broken\"\n";
    let words = mistake(text, &given, Budget::default());
    assert!(words.starts_with("broken.go:3:9: "), "{words}");
}

#[test]
fn a_package_that_is_refused_is_a_mistake_at_its_import() {
    let given = Given::new(&[("a", "package a\n\nimport (\n\t\"fmt\"\n\t\"refused\"\n)\n")]);
    let words = mistake("package p\n\nimport \"a\"\n", &given, Budget::default());
    assert_eq!(words, "a.go:5:2: import of refused: it is refused");
}

#[test]
fn imports_in_a_circle_are_a_mistake() {
    let packages = [
        ("a", "package a\n\nimport \"b\"\n"),
        ("b", "package b\n\nimport \"c\"\n"),
        ("c", "package c\n\nimport \"b\"\n"),
        ("self", "package self\n\nimport \"example.com/p\"\n"),
    ];
    let given = Given::new(&packages);
    let words = mistake("package p\n\nimport \"a\"\n", &given, Budget::default());
    assert_eq!(words, "c.go:3:8: import of b: import cycle not allowed: b imports c imports b");
    let options = Options { packages: &given, path: Some("example.com/p"), ..Options::default() };
    let words = analyse(&file("package p\n\nimport \"self\"\n"), &options).unwrap_err().to_string();
    assert!(words.contains("example.com/p imports self imports example.com/p"), "{words}");
}

/// So many packages, each of which imports the next.
fn chain(length: usize) -> Given {
    let package = |number: usize| {
        let text = format!(
            "package c{number}\n\nimport \"c{}\"\n\nfunc F(p *int) int {{ return c{}.F(p) }}\n",
            number + 1,
            number + 1
        );
        (format!("c{number}"), text)
    };
    let mut all: Vec<_> = (0..length).map(package).collect();
    all.push((format!("c{length}"), format!("package c{length}\n\nfunc F(p *int) int {{ return *p }}\n")));
    Given(all)
}

const FIRST: &str = "package p\n\nimport \"c0\"\n\nfunc f(p *int) int { return c0.F(p) }\n";

#[test]
fn a_budget_bounds_chains_packages_bytes_and_time() {
    let given = chain(100);
    assert_eq!(said(FIRST, &given), ["p.go:5:8: p does not escape"]);
    let default = Budget::default();
    let words = mistake(FIRST, &given, Budget { depth: 50, ..default });
    assert_eq!(words, "c49.go:3:8: import of c50: a chain of more than 50 imports");
    let words = mistake(FIRST, &given, Budget { packages: 60, ..default });
    assert_eq!(words, "c59.go:3:8: import of c60: more than 60 packages");
    let words = mistake(FIRST, &given, Budget { bytes: 1000, ..default });
    assert!(words.ends_with(": more than 1000 bytes of source"), "{words}");
    let words = mistake(FIRST, &given, Budget { time: Duration::ZERO, ..default });
    assert!(words.ends_with("what is imported takes too much time"), "{words}");
}

#[test]
fn packages_without_end_are_a_mistake() {
    /// Each package imports another one, for ever.
    struct Endless;
    impl Packages for Endless {
        fn package(&self, path: &str) -> Result<Option<Vec<Source>>, String> {
            let text = format!("package a\n\nimport \"{path}a\"\n");
            Ok(Some(vec![Source { path: String::from("a.go"), text }]))
        }
    }
    let words = mistake("package p\n\nimport \"a\"\n", &Endless, Budget::default());
    assert!(words.ends_with("a chain of more than 300 imports"), "{words}");
}

#[test]
fn bodies_that_call_one_another_across_packages_without_end_take_no_stack() {
    let given = chain(290);
    assert_eq!(said(FIRST, &given), ["p.go:5:8: p does not escape"]);
    let mut text = String::from("package many\n\n");
    for number in 0..20_000 {
        text.push_str(&format!("func F{number}(p *int) int {{ return F{}(p) }}\n", number + 1));
    }
    text.push_str("func F20000(p *int) int { return *p }\n");
    let given = Given(vec![(String::from("many"), text)]);
    let program = "package p\n\nimport \"many\"\n\nfunc f(p *int) int { return many.F0(p) }\n";
    assert_eq!(said(program, &given), ["p.go:5:8: p does not escape"]);
}

/// A folder that is there for one test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_tree_on_disk_gives_what_a_program_imports() {
    let folder = Folder(std::env::temp_dir().join(format!("heap-escape-go-imports-{}", std::process::id())));
    let files = [
        ("go/VERSION", "go1.26.1\n"),
        ("go/src/runtime/r.go", "package runtime\n"),
        (
            "go/src/os/f.go",
            "package os\n\nimport \"golang.org/x/sys\"\n\ntype File struct{ n int }\n\nfunc (f *File) Write(b []byte) { sys.Out(b) }\n",
        ),
        ("go/src/os/f_windows.go", "package os\n\nfunc (f *File) Write(b []byte) { kept = b }\n"),
        ("go/src/vendor/golang.org/x/sys/s.go", "package sys\n\nfunc Out(b []byte)\n"),
        ("go/src/vendor/golang.org/x/sys/t.go", "package sys\n\n//go:noescape\nfunc Look(b []byte)\n"),
        ("m/a/a.go", "package a\n\nimport \"golang.org/x/sys\"\n\nfunc A(b []byte) { sys.Look(b) }\n"),
    ];
    for (path, text) in files {
        let file = folder.0.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let tree =
        Tree::new().with_go(&folder.0.join("go")).unwrap().with_module("example.com/m", &folder.0.join("m"));
    let text = "package p

import (
	\"example.com/m/a\"
	\"os\"
)

func f(f *os.File, b, c []byte) {
	f.Write(b)
	a.A(c)
}
";
    let wanted =
        ["p.go:8:8: f does not escape", "p.go:8:20: leaking param: b", "p.go:8:23: c does not escape"];
    assert_eq!(said(text, &tree), wanted);
}

#[test]
fn of_the_release_of_the_tables_they_say_where_arguments_go() {
    struct Of(u32);
    impl Packages for Of {
        fn package(&self, path: &str) -> Result<Option<Vec<Source>>, String> {
            let text = "package strings\n\nvar kept string\n\nfunc ToUpper(s string) string { return \"\" }\nfunc New(s string) { kept = s }\n";
            let file = Source { path: String::from("s.go"), text: text.to_owned() };
            Ok((path == "strings").then(|| vec![file]))
        }

        fn release(&self, _: &str) -> Option<u32> {
            Some(self.0)
        }
    }
    let text = "package p\n\nimport \"strings\"\n\nfunc f(s, t string) string {\n\tstrings.New(t)\n\treturn strings.ToUpper(s)\n}\n";
    // The table knows that ToUpper may give back what it was given; what it does not have is seen in the source.
    let by_table = ["p.go:5:8: leaking param: s to result ~r0 level=0", "p.go:5:11: leaking param: t"];
    assert_eq!(said(text, &Of(27)), by_table);
    assert_eq!(said(text, &Of(26)), ["p.go:5:8: s does not escape", "p.go:5:11: leaking param: t"]);
}

#[test]
fn generic_code_whose_instances_need_ever_more_is_a_mistake() {
    let body = "func F[T any](x T) {\n\tF[[]T](nil)\n\tF[*T](nil)\n\tF[map[int]T](nil)\n}\n";
    let program = format!("package p\n\n{body}\nfunc g() {{ F[int](1) }}\n");
    let words = mistake(&program, &Given::new(&[]), Budget::default());
    assert!(words.contains("instantiation cycle"), "{words}");
    // In an import, it is only what cannot be looked at.
    let given = Given(vec![(String::from("more"), format!("package more\n\n{body}"))]);
    let text = "package p\n\nimport \"more\"\n\nfunc f(p *int) { more.F(p) }\n";
    assert_eq!(said(text, &given), ["p.go:5:8: p does not escape"]);
}
