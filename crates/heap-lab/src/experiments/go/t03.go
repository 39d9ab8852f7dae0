// The same two ways to write an allocation, used twice each.
package practice

type box struct{ value int }

var last any

// Made with new, and returned.
func newReturned() *int {
	p := new(int)
	*p = 7
	return p
}

// Made with new, and only read.
func newRead() int {
	p := new(int)
	*p = 7
	return *p
}

// Made with a literal, and returned.
func literalReturned() *box {
	return &box{7}
}

// Made with a literal, and only read.
func literalRead() int {
	b := &box{7}
	return b.value
}

// Given to somebody who looks at an interface.
func given() bool {
	return looksAt(new(int))
}

// Given to somebody who keeps an interface.
func handedOver() {
	keeps(new(int))
}

func looksAt(value any) bool {
	return value != nil
}

func keeps(value any) {
	last = value
}
