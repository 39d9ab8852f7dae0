// Closures that outlive the function that made them, and what they do to its variables.
package practice

// The closure changes the variable, so both must mean the same one.
func changed() func() int {
	n := 0
	return func() int {
		n++
		return n
	}
}

// Nobody changes the variable any more, so the closure has a copy.
func unchanged() func() int {
	n := 42
	return func() int {
		return n
	}
}

// A parameter is a variable like any other.
func parameter(start int) func() int {
	return func() int {
		return start
	}
}

// Eight words are copied.
func words() func() int {
	var all [8]int
	return func() int {
		return all[0]
	}
}

// So is a slice, which is three words, wherever its elements are.
func slice(all []int) func() int {
	return func() int {
		return len(all)
	}
}

// Seventeen words are more than a closure copies.
func large() func() int {
	var all [17]int
	return func() int {
		return all[0]
	}
}
