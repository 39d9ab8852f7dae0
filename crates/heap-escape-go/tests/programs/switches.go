// What a switch compares is told once, and constants stand where the compiler puts them.
package p

func f(b []byte) int {
	switch string(b[:2]) {
	case "ll", "mm":
		return 1
	case "x":
		return 2
	}
	return 0
}

func g(a, b string, h func() string) int {
	switch a + b {
	case "ll", "mm":
		return 1
	}
	switch h() {
	case "ll", "mm":
		return 1
	}
	switch v := a + b; v {
	case "ll", "mm":
		return 1
	}
	return 0
}

func k(b []byte) any {
	c, Ok := string(b), 5
	sink = c
	return make([]string, Ok)
}

type rune4 rune

var sink any

func runes() { sink = []rune4("bar") }

type queue struct{ all []*int }

func (q *queue) last(i int) { q.all[i] = q.all[len(q.all)-1] }

func either(i any) int {
	switch {
	case i:
		return 1
	case false:
		return 2
	}
	return 0
}
