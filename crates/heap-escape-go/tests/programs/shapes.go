package p

import "unsafe"

type inner struct{ n int }

type set[T comparable] struct {
	m    map[T]bool
	last *T
}

func (s *set[T]) add(x T) *set[T] {
	if s.m == nil {
		s.m = make(map[T]bool)
	}
	s.m[x] = true
	s.last = new(T)
	return s
}

// Nobody calls it.
func (s *set[T]) list() (all []T) {
	for x := range s.m {
		all = append(all, x)
	}
	return all
}

type shower interface{ show() string }

func (i inner) show() string { return "i" }

type edges[E any] interface{ edges() []E }
type nodes[N any] interface{ nodes() (a, b N) }

type node struct{ out []*edge }
type edge struct{ from, to *node }

func (n *node) edges() []*edge      { return n.out }
func (e *edge) nodes() (a, b *node) { return e.from, e.to }

func walk[N edges[E], E nodes[N]](from []N) []N {
	var all []N
	for _, n := range from {
		for _, e := range n.edges() {
			a, b := e.nodes()
			all = append(all, a, b)
		}
	}
	return all
}

func shown[T shower](x T) (string, func() string) {
	v := shower(x)
	return v.show(), x.show
}

func cast[T any](x any) T {
	return x.(T)
}

func local[T any](x T) any {
	type box struct{ v T }
	return box{x}
}

type (
	first  = *second
	second struct{ next first }
)

func apply[S ~[]E, E any](s S, f func(E) E) S {
	for i, e := range s {
		s[i] = f(e)
	}
	return append(S{}, s...)
}

func use() any {
	var s set[inner]
	s.add(inner{1})
	var t set[struct {
		a byte `json:"a"`
		inner
	}]
	t.add(t.last2())
	_, f := shown(inner{2})
	f()
	walk([]*node{{}})
	cast[*inner](nil)
	cast[int](1)
	apply([]rune{'x'}, func(r rune) rune { return r + 1 })
	g := apply[[]any]
	g([]any{1, "x"}, func(x any) any { return x })
	return []any{local("s"), local(inner{}), second{}}
}

func (s *set[T]) last2() T { return *s.last }

func (s *set[T]) raw() {}

type caller interface{ call(p *int) }

type one struct{ p *int }

func (o *one) call(p *int) { o.p = p }

type two struct{ *one }

func known() any {
	var c, d caller = &one{}, &two{&one{}}
	defer c.call(new(int))
	d.call(new(int))
	return (caller).call
}

//go:uintptrescapes
func raw(a uintptr, rest ...uintptr) {}

func addresses() {
	var x, y int
	raw(uintptr(unsafe.Pointer(&x)), uintptr(unsafe.Pointer(&y)))
}
