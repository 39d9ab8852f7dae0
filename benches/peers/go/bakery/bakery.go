// Package bakery has types for somebody else's interface, for a profile by
// package.
package bakery

import "peers/orchard"

// Bread is a fruit of the orchard's, more or less.
type Bread struct{}

// Ripen allocates 13 words so often.
//
//go:noinline
func (Bread) Ripen(count int) {
	for i := range count {
		orchard.Sink = &[13]uint64{uint64(i)}
	}
}

// Bake allocates 11 words so often, in a closure that the orchard calls.
//
//go:noinline
func Bake(count int) {
	orchard.Repeat(count, func(i int) {
		orchard.Sink = &[11]uint64{uint64(i)}
	})
}

// OrderFruit has the orchard allocate 15 words so often.
//
//go:noinline
func OrderFruit(count int) {
	orchard.Pick(count, func(i int) [15]uint64 { return [15]uint64{uint64(i)} })
}
