package main

import (
	"slices"
	"sync"
)

// The programs of the lab's suite: what a comparison of versions is tried on.

const operations = 20_000

type chain struct {
	next  *[2]uint64
	value int
}

var (
	sinkChain *chain
	sinkSix   *[6]uint64
	sinkRow   *[4]*uint64
)

func (t *task) suite() error {
	buffers := sync.Pool{New: func() any { return new([32]uint64) }}
	programs := []struct {
		name string
		run  func(n int)
	}{
		{"list", func(n int) {
			var last *[2]uint64
			for i := range n {
				link := &[2]uint64{uint64(i), uint64(i)}
				sinkChain = &chain{last, i}
				last = link
			}
		}},
		{"text", func(n int) {
			var digits [20]byte
			for i := range n {
				number, first := 1_000_000_007*(i+1), len(digits)
				for ; number > 0; number /= 10 {
					first--
					digits[first] = byte('0' + number%10)
				}
				sinkBytes = slices.Clone(digits[first:])
			}
		}},
		{"boxes", func(n int) {
			for i := range n {
				one := uint64(i)
				sinkSix = &[6]uint64{one, one, one, one, one, one}
			}
		}},
		{"rows", func(n int) {
			for i := range n {
				row := new([4]*uint64)
				for column := range row {
					row[column] = new(uint64)
					*row[column] = uint64(i + column)
				}
				sinkRow = row
			}
		}},
		{"lent", func(n int) {
			for i := range n {
				buffer := buffers.Get().(*[32]uint64)
				buffer[0] = uint64(i)
				buffers.Put(buffer)
			}
		}},
	}
	for _, program := range programs {
		// Once to touch the memory.
		program.run(operations)
		t.perOp(program.name, operations, program.run)
	}
	return nil
}
