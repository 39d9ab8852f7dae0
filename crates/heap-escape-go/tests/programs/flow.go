package p

import (
	"sync"
	"time"
)

type shape interface {
	area() float64
	name() string
}

type square struct{ side float64 }

func (s square) area() float64    { return s.side * s.side }
func (s *square) name() string    { return "square" }
func (s *square) scale(f float64) { s.side *= f }

type named struct {
	*square
	label string
}

type locked struct {
	mu sync.Mutex
	m  map[string]*int
}

var sink any
var table = map[string]int{"a": 1}
var pair = [2]*int{new(int), nil}
var static = &square{2}
var list = []square{{1}, {2}}
var handler = func(p *int) *int { return p }
var computed = handler(new(int))

func (l *locked) put(k string, v *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = make(map[string]*int)
	}
	l.m[k] = v
}

func (l *locked) get(k string) (v *int, ok bool) {
	v, ok = l.m[k]
	return
}

func dynamic(s shape) float64 { return s.area() }

func known() float64 {
	var s shape = &square{3}
	return s.area()
}

func embedded(n named) string {
	n.scale(2)
	sink = n.side
	return n.name()
}

func kinds(v any) *int {
	switch x := v.(type) {
	case int:
		return &x
	case *int:
		return x
	case string, []byte:
		sink = x
	case nil:
	default:
		_ = x
	}
	return nil
}

func choose(n int, p, q *int) *int {
	switch {
	case n > 3:
		return p
	case n < 0:
		fallthrough
	default:
		q = nil
	}
	switch n {
	case 1, 2:
		x := n
		return &x
	}
	return q
}

func channels(in chan *int, out chan<- *int, done <-chan struct{}) {
	for {
		select {
		case p := <-in:
			sink = p
		case out <- new(int):
		case <-done:
			return
		case <-time.After(time.Second):
		default:
			x := 1
			out <- &x
		}
	}
}

func ranges(s []*int, a [3]*int, m map[*int]*int, t string, n int) {
	for _, p := range s {
		sink = p
	}
	for i, p := range a {
		_, _ = i, p
	}
	for k, v := range m {
		delete(m, k)
		sink = v
	}
	for i, c := range t {
		sink = i + int(c)
	}
	for i := range n {
		sink = &i
	}
	for i := range 10 {
		_ = i
	}
outer:
	for {
		for {
			x := new(int)
			if *x > 0 {
				continue outer
			}
			break outer
		}
	}
}

func several() (int, *int, error) { return 1, new(int), nil }

func unpacked() *int {
	a, p, err := several()
	sink = a
	var e any
	_, e, _ = several()
	sink = e
	if err != nil {
		panic(err)
	}
	return p
}

func pass() (int, *int, error) { return several() }

func variadic(ps ...*int) { sink = ps[0] }
func ignore(ps ...any)    {}

func calls(p *int) {
	variadic()
	variadic(p, new(int))
	variadic([]*int{p}...)
	ignore(p, *p, "s")
	ignore(several())
}
