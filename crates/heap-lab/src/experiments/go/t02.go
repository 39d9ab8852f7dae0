// Four ways to make a small struct, and where its memory has to be.
package practice

type pair struct{ left, right int }

var kept []*pair

// The address goes to the caller, so the pair outlives the call.
func returned() *pair {
	return &pair{1, 2}
}

// The caller gets a copy. There is nothing to allocate.
func copied() pair {
	return pair{3, 4}
}

// The address is taken, and goes nowhere.
func looked() int {
	p := pair{5, 6}
	q := &p
	return q.left + q.right
}

// The address goes into a variable of the package.
func stored() {
	p := pair{7, 8}
	kept = append(kept, &p)
}
