package p

var sink any
var table [4]*int

type pair struct{ a, b *int }

func (v pair) first() *int     { return v.a }
func (v pair) keep(p *int)     { sink = p }
func (v pair) count(n int) int { return n }

func copied(s, t string) func() int {
	return func() int { return len(s) + len(t) }
}

func counted() func() int {
	n := 0
	return func() int {
		n++
		return n
	}
}

func moved(x int, big [40]int) (*int, func() int) {
	return &x, func() int { return big[3] }
}

func putOff(c func(*int), p *int) {
	x := 1
	defer c(p)
	defer func(p *int) { *p = 1 }(&x)
	go func(p *int) { table[0] = p }(p)
	for range 3 {
		defer c(&x)
	}
}

func sent(out chan *int, m map[string]*int, a *[2]*int) *int {
	y := 2
	select {
	case out <- &y:
	default:
		out <- new(int)
	}
	for _, p := range m {
		table[1] = p
	}
	return a[1]
}

func either(v any) *int {
	switch x := v.(type) {
	case *int:
		return x
	case string:
		sink = x
	}
	return nil
}

func forward(p, q *int) (*int, *int) {
	return q, p
}

func sliced(p *pair) []byte {
	var buf [8]byte
	s := buf[:]
	s = append(s, 'x')
	return append([]byte(nil), s...)
}
