package p

var keep func() int
var sink any

func counter() func() int {
	n := 0
	return func() int {
		n++
		return n
	}
}

func reader(big [40]int) func() int {
	n := 1
	return func() int { return n + big[3] }
}

func called() int {
	n := 1
	f := func(m int) int { return n + m }
	return f(2) + func() int { return n }()
}

func given(f func(*int) *int) *int {
	x := 1
	return f(&x)
}

func known() *int {
	x := 1
	f := func(p *int) *int { return p }
	return f(&x)
}

func nested() {
	x := 1
	keep = func() int {
		y := 2
		g := func() int { return x + y }
		return g()
	}
}

func loops(fs []func() int) {
	for i := range fs {
		fs[i] = func() int { return i }
	}
	for i := 0; i < 3; i++ {
		fs[0] = func() int { return i }
	}
}

func deferred(s []int) (err error) {
	x := 1
	defer func() { x++ }()
	defer println(x, len(s))
	for range s {
		defer func(p *int) { *p = 1 }(&x)
	}
	go func(p *int) { *p = 2 }(&x)
	go counter()
	defer recover()
	return nil
}

type t struct{ p *int }

func (v t) get() *int   { return v.p }
func (v *t) set(p *int) { v.p = p }

func methods(v *t, p *int) {
	f := v.get
	g := v.set
	g(p)
	sink = f
	h := t.get
	sink = *h(t{p})
	(*t).set(v, p)
}

func either(b bool) *int {
	x := 1
	f := func(p *int) *int { return nil }
	if b {
		f = func(p *int) *int { return p }
	}
	return f(&x)
}
