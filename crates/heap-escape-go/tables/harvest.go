// Harvest writes the tables of the packages that are named: what they declare, as Go source without bodies, and where the arguments of
// their functions go, as the compiler says when it is asked.
//
//	go run harvest.go -o DIR fmt strings …
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

var sizes = types.SizesFor("gc", "amd64")

func main() {
	dir := flag.String("o", ".", "where the tables go")
	flag.Parse()
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "source", nil)
	for _, path := range flag.Args() {
		pkg, err := imports.Import(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, path, err)
			continue
		}
		t := &table{fset: fset, pkg: pkg, imports: map[string]bool{}, seen: map[*types.TypeName]bool{}, tags: harvest(path)}
		t.generics()
		name := strings.ReplaceAll(path, "/", "_") + ".go.txt"
		if err := os.WriteFile(filepath.Join(*dir, name), t.write(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// A leak is where the argument of a parameter goes: heap, written, called, and five results. 0: not there; n+1: with n loads.
type leak [8]int

func (l *leak) lower(at, level int) {
	if at < len(l) && (l[at] == 0 || level+1 < l[at]) {
		l[at] = level + 1
	}
}

func (l leak) word() string {
	last := len(l)
	for last > 0 && l[last-1] == 0 {
		last--
	}
	if last == 0 {
		return "-"
	}
	var out strings.Builder
	for _, level := range l[:last] {
		fmt.Fprintf(&out, "%02x", min(level, 255))
	}
	return out.String()
}

var (
	line    = regexp.MustCompile(`^(.*\.go):(\d+):(\d+): (.*)$`)
	heap    = regexp.MustCompile(`^parameter (\S+) leaks to \{heap\} for .* with derefs=(\d+):$`)
	content = regexp.MustCompile(`^leaking param content: `)
	whole   = regexp.MustCompile(`^leaking param: (\S+)$|^moved to heap: (\S+)$`)
	result  = regexp.MustCompile(`^leaking param: (\S+) to result (\S+) level=(\d+)$`)
	written = regexp.MustCompile(`^mutates param: (\S+) derefs=(\d+)$`)
	called  = regexp.MustCompile(`^calls param: (\S+) derefs=(\d+)$`)
)

// harvest gives the tags of the functions of a package, by "Recv.Name" or "Name".
func harvest(path string) map[string]string {
	out, _ := exec.Command("go", "build", "-gcflags="+path+"=-m=2 -d=escapemutationscalls=1", path).CombinedOutput()
	said := map[string][]string{}
	for _, text := range strings.Split(string(out), "\n") {
		if m := line.FindStringSubmatch(text); m != nil {
			at := filepath.Base(m[1]) + ":" + m[2] + ":" + m[3]
			said[at] = append(said[at], m[4])
		}
	}
	tags := map[string]string{}
	source, err := build.Import(path, "", 0)
	if err != nil {
		return tags
	}
	fset := token.NewFileSet()
	for _, name := range append(source.GoFiles, source.CgoFiles...) {
		file, err := parser.ParseFile(fset, filepath.Join(source.Dir, name), nil, parser.ParseComments)
		if err != nil {
			continue
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && !isGeneric(f) {
				key, words := tagsOf(fset, f, said)
				tags[key] = words
			}
		}
	}
	return tags
}

func isGeneric(f *ast.FuncDecl) bool {
	if f.Type.TypeParams != nil {
		return true
	}
	if f.Recv == nil {
		return false
	}
	generic := false
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.IndexExpr, *ast.IndexListExpr:
			generic = true
		}
		return true
	})
	return generic
}

var leaksTo = regexp.MustCompile(`^parameter (?:\w+\.)?(\S+) leaks to (.*) for .* with derefs=(\d+):$`)

// generics asks the compiler about instances with pointers in them; a function that is not instantiated here has no tags, and so its
// arguments go to the heap.
func (t *table) generics() {
	var uses []string
	wanted := map[string]*types.Func{}
	scope := t.pkg.Scope()
	for _, name := range scope.Names() {
		obj := scope.Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Func:
			if args, ok := arguments(obj.Type().(*types.Signature).TypeParams()); ok {
				uses = append(uses, fmt.Sprintf("var _ = %s.%s%s", t.pkg.Name(), name, args))
				wanted[name] = obj
			}
		case *types.TypeName:
			named, ok := obj.Type().(*types.Named)
			if !ok {
				continue
			}
			if args, ok := arguments(named.TypeParams()); ok {
				for m := range named.Methods() {
					if m.Exported() {
						uses = append(uses, fmt.Sprintf("var _ = (*%s.%s%s).%s", t.pkg.Name(), name, args, m.Name()))
						wanted[name+"."+m.Name()] = m
					}
				}
			}
		}
	}
	if len(uses) == 0 {
		return
	}
	dir, err := os.MkdirTemp("", "harvest")
	if err != nil {
		return
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module h\n\ngo 1.27\n"), 0o644)
	text := fmt.Sprintf("package h\n\nimport %q\n\n%s\n", t.pkg.Path(), strings.Join(uses, "\n"))
	os.WriteFile(filepath.Join(dir, "h.go"), []byte(text), 0o644)
	cmd := exec.Command("go", "build", "-gcflags=-m=2", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Fprintln(os.Stderr, t.pkg.Path(), "no tags for generics:", err, string(out[:min(len(out), 300)]))
		return
	}
	said := map[string][]string{}
	for _, text := range strings.Split(string(out), "\n") {
		if m := line.FindStringSubmatch(text); m != nil {
			at := filepath.Base(m[1]) + ":" + m[2] + ":" + m[3]
			said[at] = append(said[at], m[4])
		}
	}
	for key, f := range wanted {
		sig := f.Type().(*types.Signature)
		var params []*types.Var
		if sig.Recv() != nil {
			params = append(params, sig.Recv())
		}
		for p := range sig.Params().Variables() {
			params = append(params, p)
		}
		var words []string
		for _, p := range params {
			// What is written or called through it is not said of shapes: so, everything.
			l := leak{0, 1, 1}
			at := t.fset.Position(p.Pos())
			for _, text := range said[fmt.Sprintf("%s:%d:%d", filepath.Base(at.Filename), at.Line, at.Column)] {
				if m := leaksTo.FindStringSubmatch(text); m != nil {
					level, _ := strconv.Atoi(m[3])
					to := 0
					for i := range sig.Results().Len() {
						name := sig.Results().At(i).Name()
						if to == 0 && (m[2] == fmt.Sprintf("%s.~r%d", t.pkg.Name(), i) || name != "" && m[2] == t.pkg.Name()+"."+name) {
							to = 3 + i
						}
					}
					l.lower(to, level)
				}
				if strings.HasPrefix(text, "moved to heap: ") {
					l.lower(0, 0)
				}
			}
			words = append(words, l.word())
		}
		t.tags[key] = strings.Join(words, " ")
	}
}

// arguments gives type arguments with pointers in them.
func arguments(params *types.TypeParamList) (string, bool) {
	if params.Len() == 0 {
		return "", false
	}
	var all []string
	for p := range params.TypeParams() {
		arg := argument(p, 0)
		if arg == "" {
			return "", false
		}
		all = append(all, arg)
	}
	return "[" + strings.Join(all, ", ") + "]", true
}

func argument(ty types.Type, depth int) string {
	if depth > 4 {
		return ""
	}
	all := func(format string, parts ...types.Type) string {
		var args []any
		for _, part := range parts {
			arg := argument(part, depth+1)
			if arg == "" {
				return ""
			}
			args = append(args, arg)
		}
		return fmt.Sprintf(format, args...)
	}
	switch ty := ty.(type) {
	case *types.TypeParam:
		constraint := ty.Constraint().Underlying().(*types.Interface)
		if constraint.NumMethods() > 0 {
			return ""
		}
		for e := range constraint.EmbeddedTypes() {
			u, ok := e.(*types.Union)
			if !ok {
				if c, ok := e.Underlying().(*types.Interface); ok && c.NumEmbeddeds() > 0 {
					return "string"
				}
				continue
			}
			if u.Len() == 1 {
				return argument(u.Term(0).Type(), depth+1)
			}
			return "string"
		}
		return "*int"
	case *types.Basic:
		return ty.Name()
	case *types.Slice:
		return all("[]%s", ty.Elem())
	case *types.Pointer:
		return all("*%s", ty.Elem())
	case *types.Map:
		return all("map[%s]%s", ty.Key(), ty.Elem())
	}
	return ""
}

func tagsOf(fset *token.FileSet, f *ast.FuncDecl, said map[string][]string) (string, string) {
	key := f.Name.Name
	var params []*ast.Field
	if f.Recv != nil {
		params = append(params, f.Recv.List...)
		recv := f.Recv.List[0].Type
		for {
			switch t := recv.(type) {
			case *ast.StarExpr:
				recv = t.X
				continue
			case *ast.IndexExpr:
				recv = t.X
				continue
			case *ast.IndexListExpr:
				recv = t.X
				continue
			case *ast.ParenExpr:
				recv = t.X
				continue
			case *ast.Ident:
				key = t.Name + "." + key
			}
			break
		}
	}
	params = append(params, f.Type.Params.List...)
	results := map[string]int{}
	if f.Type.Results != nil {
		n := 0
		for _, field := range f.Type.Results.List {
			for _, name := range field.Names {
				results[name.Name] = n
				if name.Name == "_" {
					delete(results, "_")
				}
				n++
			}
			if len(field.Names) == 0 {
				n++
			}
		}
	}
	noescape := false
	if f.Doc != nil {
		for _, c := range f.Doc.List {
			noescape = noescape || c.Text == "//go:noescape"
		}
	}
	var words []string
	for _, field := range params {
		count := max(len(field.Names), 1)
		for i := range count {
			var l leak
			if len(field.Names) > 0 {
				p := fset.Position(field.Names[i].Pos())
				l = leakOf(said[fmt.Sprintf("%s:%d:%d", filepath.Base(p.Filename), p.Line, p.Column)], results)
			}
			if f.Body == nil {
				if noescape {
					l = leak{0, 1, 1}
				} else {
					l = leak{1}
				}
			}
			words = append(words, l.word())
		}
	}
	return key, strings.Join(words, " ")
}

func leakOf(said []string, results map[string]int) leak {
	var l leak
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	for _, text := range said {
		if m := heap.FindStringSubmatch(text); m != nil {
			l.lower(0, number(m[2]))
		} else if whole.MatchString(text) {
			l.lower(0, 0)
		} else if m := result.FindStringSubmatch(text); m != nil {
			at, ok := results[m[2]]
			if !ok {
				at = number(strings.TrimPrefix(m[2], "~r"))
			}
			l.lower(3+at, number(m[3]))
		} else if m := written.FindStringSubmatch(text); m != nil {
			l.lower(1, number(m[2]))
		} else if m := called.FindStringSubmatch(text); m != nil {
			l.lower(2, number(m[2]))
		} else if content.MatchString(text) && l[0] == 0 {
			l[0] = 2
		}
	}
	return l
}

// A table is what is written of a package.
type table struct {
	fset    *token.FileSet
	pkg     *types.Package
	imports map[string]bool
	seen    map[*types.TypeName]bool
	todo    []*types.TypeName
	tags    map[string]string
	out     bytes.Buffer
}

func (t *table) qualify(p *types.Package) string {
	if p == t.pkg {
		return ""
	}
	t.imports[p.Path()] = true
	return p.Name()
}

// show writes a type, and remembers the types of the package that are named in it.
func (t *table) show(ty types.Type) string {
	t.visit(ty, map[types.Type]bool{})
	return types.TypeString(ty, t.qualify)
}

func (t *table) visit(ty types.Type, seen map[types.Type]bool) {
	if seen[ty] {
		return
	}
	seen[ty] = true
	named := func(obj *types.TypeName, args *types.TypeList) {
		if obj.Pkg() == t.pkg && !t.seen[obj] && obj.Parent() == t.pkg.Scope() {
			t.seen[obj] = true
			t.todo = append(t.todo, obj)
		}
		for a := range args.Types() {
			t.visit(a, seen)
		}
	}
	switch ty := ty.(type) {
	case *types.Named:
		named(ty.Obj(), ty.TypeArgs())
	case *types.Alias:
		named(ty.Obj(), ty.TypeArgs())
	case *types.Pointer:
		t.visit(ty.Elem(), seen)
	case *types.Slice:
		t.visit(ty.Elem(), seen)
	case *types.Array:
		t.visit(ty.Elem(), seen)
	case *types.Chan:
		t.visit(ty.Elem(), seen)
	case *types.Map:
		t.visit(ty.Key(), seen)
		t.visit(ty.Elem(), seen)
	case *types.Tuple:
		for v := range ty.Variables() {
			t.visit(v.Type(), seen)
		}
	case *types.Signature:
		t.visit(ty.Params(), seen)
		t.visit(ty.Results(), seen)
	case *types.Struct:
		for f := range ty.Fields() {
			t.visit(f.Type(), seen)
		}
	case *types.Interface:
		for m := range ty.Methods() {
			t.visit(m.Type(), seen)
		}
		for e := range ty.EmbeddedTypes() {
			t.visit(e, seen)
		}
	case *types.Union:
		for term := range ty.Terms() {
			t.visit(term.Type(), seen)
		}
	}
}

func (t *table) write() []byte {
	scope := t.pkg.Scope()
	for _, name := range scope.Names() {
		obj := scope.Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			t.constant(obj)
		case *types.Var:
			fmt.Fprintf(&t.out, "var %s %s\n", name, t.show(obj.Type()))
		case *types.Func:
			t.function(obj, "", name)
		case *types.TypeName:
			if !t.seen[obj] {
				t.seen[obj] = true
				t.todo = append(t.todo, obj)
			}
		}
	}
	for len(t.todo) > 0 {
		sort.Slice(t.todo, func(i, j int) bool { return t.todo[i].Name() < t.todo[j].Name() })
		next := t.todo
		t.todo = nil
		for _, obj := range next {
			t.typeName(obj)
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "package %s\n", t.pkg.Name())
	var paths []string
	for path := range t.imports {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		fmt.Fprintf(&head, "import %q\n", path)
	}
	return append(head.Bytes(), t.out.Bytes()...)
}

func (t *table) constant(obj *types.Const) {
	ty := ""
	if b, ok := obj.Type().(*types.Basic); !ok || b.Info()&types.IsUntyped == 0 {
		ty = " " + t.show(obj.Type())
	}
	value := obj.Val().ExactString()
	if obj.Val().Kind() == constant.Float {
		f, _ := constant.Float64Val(obj.Val())
		value = strconv.FormatFloat(f, 'e', -1, 64)
	}
	fmt.Fprintf(&t.out, "const %s%s = %s\n", obj.Name(), ty, value)
}

func (t *table) params(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var all []string
	for p := range list.TypeParams() {
		all = append(all, p.Obj().Name()+" "+t.show(p.Constraint()))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (t *table) function(obj *types.Func, recv, key string) {
	sig := obj.Type().(*types.Signature)
	if words := t.tags[key]; words != "" {
		fmt.Fprintf(&t.out, "//go:tags %s\n", words)
	} else if _, ok := t.tags[key]; ok {
		fmt.Fprintf(&t.out, "//go:tags\n")
	}
	t.visit(sig, map[types.Type]bool{})
	text := types.TypeString(types.NewSignatureType(nil, nil, nil, sig.Params(), sig.Results(), sig.Variadic()), t.qualify)
	fmt.Fprintf(&t.out, "func %s%s%s%s\n", recv, obj.Name(), t.params(sig.TypeParams()), strings.TrimPrefix(text, "func"))
}

func (t *table) typeName(obj *types.TypeName) {
	if alias, ok := obj.Type().(*types.Alias); ok {
		fmt.Fprintf(&t.out, "type %s%s = %s\n", obj.Name(), t.params(alias.TypeParams()), t.show(alias.Rhs()))
		return
	}
	named, ok := obj.Type().(*types.Named)
	if !ok {
		return
	}
	body := ""
	if s, ok := named.Underlying().(*types.Struct); ok {
		body = t.structure(s, named.TypeParams().Len() > 0)
	} else {
		body = t.show(named.Underlying())
	}
	fmt.Fprintf(&t.out, "type %s%s %s\n", obj.Name(), t.params(named.TypeParams()), body)
	var args []string
	for p := range named.TypeParams().TypeParams() {
		args = append(args, p.Obj().Name())
	}
	suffix := ""
	if len(args) > 0 {
		suffix = "[" + strings.Join(args, ", ") + "]"
	}
	for m := range named.Methods() {
		if !m.Exported() {
			continue
		}
		star := ""
		if _, ok := m.Type().(*types.Signature).Recv().Type().(*types.Pointer); ok {
			star = "*"
		}
		t.function(m, fmt.Sprintf("(r %s%s%s) ", star, obj.Name(), suffix), obj.Name()+"."+m.Name())
	}
}

// structure writes a struct type: what nobody outside can name is replaced by as much memory.
func (t *table) structure(s *types.Struct, generic bool) string {
	var fields []string
	for f := range s.Fields() {
		switch {
		case f.Embedded():
			fields = append(fields, t.show(f.Type()))
		case f.Exported() || generic:
			fields = append(fields, f.Name()+" "+t.show(f.Type()))
		default:
			fields = append(fields, "_ "+blob(f.Type()))
		}
	}
	return "struct{" + strings.Join(fields, "; ") + "}"
}

func blob(ty types.Type) string {
	size, align := sizes.Sizeof(ty), sizes.Alignof(ty)
	if pointers(ty) {
		if size == 8 {
			return "*byte"
		}
		return fmt.Sprintf("[%d]*byte", size/8)
	}
	unit := map[int64]string{1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}[align]
	if size == align {
		return unit
	}
	return fmt.Sprintf("[%d]%s", size/align, unit)
}

func pointers(ty types.Type) bool {
	switch u := ty.Underlying().(type) {
	case *types.Basic:
		return u.Kind() == types.String || u.Kind() == types.UnsafePointer
	case *types.Array:
		return u.Len() > 0 && pointers(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if pointers(f.Type()) {
				return true
			}
		}
		return false
	}
	return true
}
