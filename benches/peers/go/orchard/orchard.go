// Package orchard allocates for others, for a profile by package.
package orchard

// Sink keeps what was made last, so that it must be on the heap.
var Sink any

// Fruit is what can ripen.
type Fruit interface {
	// Ripen allocates so often.
	Ripen(count int)
}

// Grow allocates 7 words so often, whatever the fruit is.
//
//go:noinline
func Grow(_ Fruit, count int) {
	for i := range count {
		Sink = &[7]uint64{uint64(i)}
	}
}

// Basket is a fruit of this package.
type Basket []byte

// Ripen allocates 9 words so often.
//
//go:noinline
func (Basket) Ripen(count int) {
	for i := range count {
		Sink = &[9]uint64{uint64(i)}
	}
}

// Pick allocates so many values that make gives: the code is here, the type is
// the caller's.
//
//go:noinline
func Pick[T any](count int, make func(i int) T) {
	for i := range count {
		value := new(T)
		*value = make(i)
		Sink = value
	}
}

// Repeat calls each so often: what it allocates is its own.
//
//go:noinline
func Repeat(count int, each func(i int)) {
	for i := range count {
		each(i)
	}
}
