package p

func sink(any)

func lens() {
	s := []int{1, 2, 3}
	k := []*int{5: nil, nil}
	n := len(s)
	sink(len(s))
	sink(n)
	sink(any(len(s)))
	a := make([]int, len(s))
	b := make([]int, n)
	c := make([]int, 0, len(s))
	d := make([]int, len(k))
	e := make([]int, n, len(k))
	sink(a)
	sink(b)
	sink(c)
	sink(d)
	sink(e)
	var z []int = s
	f := make([]int, len(z))
	sink(f)
	g := make([]int, len([]int{1, 2}))
	sink(g)
	h := make([]int, len("abc"))
	sink(h)
	i := make([]byte, n+1)
	sink(i)
	l := make([]byte, len(k))
	_ = l
	m := make([]byte, cap(k))
	_ = m
	const big = 70000
	o := make([]byte, len([]byte{big: 1}))
	_ = o
	x := -1
	q := make([]byte, x)
	_ = q
	var u uint8 = 200
	r := make([]byte, u)
	_ = r
}

type mybyte byte

func text(b []mybyte, r []rune, s string) (string, []mybyte, any) {
	var _ any = s
	var _, q any = s, r
	_, _ = any(s), any(b)
	return string(b) + string(r), []mybyte(s), q
}

var _ any = text
var _ = []any{len("x"), make([]int, 3), text}
var _ any = &[]int{1}
var _ = func() int { return 1 }()

type my int

func sizes() {
	m := my(70000)
	a := make([]byte, int(m))
	_ = a
	w := int64(70000)
	b := make([]byte, int(w))
	_ = b
	c := make([]byte, m)
	_ = c
	x := 3
	sink(x)
	sink(my(x))
	sink(int64(x))
	sink(string(rune(x)))
	y := my(x)
	sink(y)
	f := 2.0
	sink(int(f))
}

type T struct{ p *int }

func find(p *int) *int { return p }


var _ = 1 / zero
var zero = 0
var _ = append([]*int{new(int)}, nil)
var _ = string([]byte(name))
var _ = []any{zero / 3, -zero}
var _ = make(map[*int]int)
var _ = map[any]any{1: new(int)}
var _ = make(map[int]int, zero)
var _ = new(int) == nil
var _ = <-make(chan *int)
var _ = any(name).(string)
var _ = []*int{find(new(int))}
var _ = [1]*int{find(new(int))}
var _ = T{p: find(new(int))}
var _ = &T{p: find(new(int))}
var _ = []T{{p: find(new(int))}}
var _ = []*T{{p: find(new(int))}}
var _ any = []*int{find(new(int))}
var _ any = T{find(new(int))}
var _ = map[string]*int{"a": find(new(int))}
var _ = []any{find(new(int)), *find(new(int)), 7}
var _ = func(p *int) *int { return find(p) }
var _ = []func(p *int) *int{func(p *int) *int { return find(p) }}
var _ = any(func(p *int) *int { return find(p) })
var _ = []*int{new(int), find(nil)}
var _ = &T{find(new(int))}
var _ = []any{new(int), 1 + *find(nil), func() any { return T{} }}
var _ = T{p: new(int)}
var _ = [2]*int{new(int), find(new(int))}
var _ = []map[int]*int{{1: new(int)}, {*find(nil): new(int)}}
var _ = &[]*int{find(new(int))}
var _ = &[1][]*int{{find(new(int))}}
var _ = struct {
	a any
	b *int
	c [1]any
	d []int
}{1 + *find(nil), new(int), [1]any{2 + *find(nil)}, []int{1}}

var name = "y"
var _ = "a" + name
var _ = T{new(int)}.val(new(int))

func (t T) val(q *int) *int { return t.p }
