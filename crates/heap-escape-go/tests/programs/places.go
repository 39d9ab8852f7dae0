package p

import "unsafe"

type list[T any] struct{ v T }
type pair[A, B any] struct {
	a A
	b B
}

func variadic(... *int, )        {}
func variadic2(...*int)        {}
func variadic3(  ...  []*int)        {}

func types(x any) any {
	switch y := x.(type) {
	case list[int]:
		return &y
	case pair[list[int], *list[string]]:
		return &y
	case (int):
		return &y
	case *(list[*int]):
		return &y
	case func ():
		return &y
	case func(bool) ():
		return &y
	case func(int):
		return &y
	case func(...*int):
		return &y
	case func(a, b int) (c, d *string):
		return &y
	case func() (func (), func ()):
		return &y
	case func() func ():
		return &y
	case interface{}:
		return &y
	}
	switch y := x.(type) {
	case interface{ m (a int) }:
		return &y
	case interface{ m () }:
		return &y
	case interface{m2() }:
		return &y
	case interface{ m() ; error }:
		return &y
	case map[string][]list[int]:
		return &y
	case <-chan  int:
		return &y
	case [3]unsafe.Pointer:
		return &y
	case unsafe.Pointer:
		return &y
	case struct{}:
		return &y
	case int, list[uint]:
		return &y
	default:
		return &y
	}
}

type in struct {
	pad int32
	n   int64
	arr [4]int
}
type mid struct {
	x byte
	in
}
type out struct {
	y int32
	mid
	m mid
	p *mid
}

func offsets() []any {
	var o out
	type big [unsafe.Offsetof(o.n)]int
	const c0, c1, c2, c3, c4 = unsafe.Offsetof(o.n), unsafe.Offsetof(o.in.n), unsafe.Offsetof(o.mid.in), unsafe.Offsetof(o.m.n), unsafe.Offsetof(o.p.n)
	const c5, c6 = unsafe.Offsetof((o.mid).in.n), unsafe.Offsetof(((o).n))
	f := func() *out { return nil }
	f()
	const c7 = unsafe.Offsetof(f().m.in.arr)
	return []any{c0, c1, c2, c3, c4, c5, c6, c7, unsafe.Offsetof(o.arr), unsafe.Offsetof(o.mid.arr), unsafe.Offsetof(o.in.arr), unsafe.Offsetof(o.m)}
}

//go:uintptrescapes
func a(... uintptr) {}

//go:uintptrescapes
func b(int,   ...  uintptr) {}

//go:uintptrescapes
func c(...uintptr) {}

func d(uintptr)

func e(_ uintptr, x uintptr)

func numbers() {
	var x int
	a(uintptr(unsafe.Pointer(&x)))
	b(1, uintptr(unsafe.Pointer(&x)))
}
