package p

import (
	"cmp"
	"slices"
)

type list[T any] struct {
	head *cell[T]
	size int
}

type cell[T any] struct {
	value T
	next  *cell[T]
}

func (l *list[T]) push(v T) {
	l.head = &cell[T]{v, l.head}
	l.size++
}

func (l *list[T]) each(f func(T)) {
	for c := l.head; c != nil; c = c.next {
		f(c.value)
	}
}

type number interface{ ~int | ~float64 }

func sum[T number](xs ...T) (total T) {
	for _, x := range xs {
		total += x
	}
	return total
}

func mapped[T, U any](xs []T, f func(T) U) []U {
	var out []U
	for _, x := range xs {
		out = append(out, f(x))
	}
	return out
}

func largest[T cmp.Ordered](xs []T) *T {
	best := xs[0]
	for _, x := range xs {
		best = max(best, x)
	}
	return &best
}

func keys[M ~map[K]V, K comparable, V any](m M) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

type pair[A, B any] struct {
	a A
	b B
}

func both[A, B any](a A, b B) *pair[A, B] { return &pair[A, B]{a, b} }

var sink any

func use(n int) {
	var l list[int]
	l.push(n)
	total := 0
	l.each(func(v int) { total += v })
	var m list[*int]
	m.push(&n)
	sink = mapped([]int{1, 2}, func(i int) *int { return &i })
	_ = sum(1, 2, 3) + sum[int]()
	_ = largest([]string{"a"})
	sink = keys(map[string]bool{})
	p := both(1, "x")
	p.a = 2
	s := []int{3, 1}
	slices.Sort(s)
	slices.SortFunc(s, func(a, b int) int { return cmp.Compare(a, b) })
}

func all(n int) func(yield func(int, *int) bool) {
	return func(yield func(int, *int) bool) {
		for i := range n {
			if !yield(i, &i) {
				return
			}
		}
	}
}

func walk(n int) *int {
	count := 0
	for i, p := range all(n) {
		count += i
		if i > 3 {
			return p
		}
	}
	return &count
}
