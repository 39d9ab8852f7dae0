// Package post allocates in methods of generic types and has others allocate,
// for a profile by package.
package post

import (
	"peers/bakery"
	"peers/orchard"
)

// Sack is a sack of letters.
type Sack[T uint32 | uint64] struct{ Letter T }

// Fill allocates 17 words so often.
//
//go:noinline
func (s Sack[T]) Fill(count int) {
	for range count {
		orchard.Sink = &[17]uint64{uint64(s.Letter)}
	}
}

// Deliver has the orchard allocate 19 words so often, and the bakery have it
// allocate 15.
//
//go:noinline
func Deliver(count int) {
	orchard.Pick(count, func(i int) [19]uint64 { return [19]uint64{uint64(i)} })
	bakery.OrderFruit(count)
}
