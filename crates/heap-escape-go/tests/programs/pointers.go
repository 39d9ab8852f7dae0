package p

type node struct {
	next  *node
	value any
	word  [2]*int
}

var global *int
var sink any

func address() *int {
	x := 1
	return &x
}

func stays() int {
	x := 1
	p := &x
	return *p
}

func throughVariables() *node {
	a := node{}
	b := &a
	c := b
	return c
}

func stored(n *node, p *int) {
	x := 2
	n.value = &x
	n.word[0] = p
}

func next(n *node) *node      { return n.next }
func afterNext(n *node) *node { return next(n).next }
func inArray(n node) *int     { return n.word[1] }
func literal(p *int) *node    { return &node{word: [2]*int{p}} }
func slot(n *node) **int      { return &n.word[1] }
func deref(n **node) node     { return **n }

func self(n *node) {
	n.word[0] = n.word[1]
	n.next = n.next.next
	n.value, n.next = n.value, n.next
}

func loop() {
	var last *int
	for i := 0; i < 3; i++ {
		x := i
		last = &x
	}
	global = last
}

func jumps() {
	var last *int
again:
	x := 1
	last = &x
	if *last < 3 {
		goto again
	}
}

func mixed(a, b *int, n *node) (first *int, second any) {
	first = a
	second = *b
	sink = n.value
	return
}

func even(n *node) *node {
	if n == nil {
		return nil
	}
	return odd(n.next)
}

func odd(n *node) *node {
	if n == nil {
		return nil
	}
	return even(n.next)
}
