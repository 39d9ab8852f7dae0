package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// A shape is one size, with a pointer in its first word (s, scanned) or
// without any (n, noscan).
type (
	n8  struct{ v [1]uint64 }
	n16 struct{ v [2]uint64 }
	s16 struct {
		p *int
		v [1]uint64
	}
	s32 struct {
		p *int
		v [3]uint64
	}
	s64 struct {
		p *int
		v [7]uint64
	}
	n64  struct{ v [8]uint64 }
	n256 struct{ v [32]uint64 }
	n1k  struct{ v [128]uint64 }
	s1k  struct {
		p *int
		v [127]uint64
	}
	n8k   struct{ v [1024]uint64 }
	n32k  struct{ v [4096]uint64 }
	n64k  struct{ v [8192]uint64 }
	n128k struct{ v [16384]uint64 }
)

// The last object of a run goes to a variable of the package, so that all of
// them must be on the heap. The others are only ever in a register: a store of
// each would measure Go's write barrier as well.
var (
	lastN8    *n8
	lastN16   *n16
	lastS16   *s16
	lastS32   *s32
	lastS64   *s64
	lastN64   *n64
	lastN256  *n256
	lastN1K   *n1k
	lastS1K   *s1k
	lastN8K   *n8k
	lastN32K  *n32k
	lastN64K  *n64k
	lastN128K *n128k
)

type shape struct {
	bytes int
	// run allocates so many objects of the shape. The type is a constant at
	// the call, as in ordinary code, so the compiler may choose an entry of
	// the allocator that is made for the size.
	run func(times int)
}

var shapes = map[string]shape{
	"n8":    {8, runN8},
	"n16":   {16, runN16},
	"s16":   {16, runS16},
	"s32":   {32, runS32},
	"s64":   {64, runS64},
	"n64":   {64, runN64},
	"n256":  {256, runN256},
	"n1k":   {1024, runN1K},
	"s1k":   {1024, runS1K},
	"n8k":   {8192, runN8K},
	"n32k":  {32768, runN32K},
	"n64k":  {65536, runN64K},
	"n128k": {131072, runN128K},
}

func runN8(times int) {
	var last *n8
	for range times {
		last = new(n8)
	}
	lastN8 = last
}

func runN16(times int) {
	var last *n16
	for range times {
		last = new(n16)
	}
	lastN16 = last
}

func runS16(times int) {
	var last *s16
	for range times {
		last = new(s16)
	}
	lastS16 = last
}

func runS32(times int) {
	var last *s32
	for range times {
		last = new(s32)
	}
	lastS32 = last
}

func runS64(times int) {
	var last *s64
	for range times {
		last = new(s64)
	}
	lastS64 = last
}

func runN64(times int) {
	var last *n64
	for range times {
		last = new(n64)
	}
	lastN64 = last
}

func runN256(times int) {
	var last *n256
	for range times {
		last = new(n256)
	}
	lastN256 = last
}

func runN1K(times int) {
	var last *n1k
	for range times {
		last = new(n1k)
	}
	lastN1K = last
}

func runS1K(times int) {
	var last *s1k
	for range times {
		last = new(s1k)
	}
	lastS1K = last
}

func runN8K(times int) {
	var last *n8k
	for range times {
		last = new(n8k)
	}
	lastN8K = last
}

func runN32K(times int) {
	var last *n32k
	for range times {
		last = new(n32k)
	}
	lastN32K = last
}

func runN64K(times int) {
	var last *n64k
	for range times {
		last = new(n64k)
	}
	lastN64K = last
}

func runN128K(times int) {
	var last *n128k
	for range times {
		last = new(n128k)
	}
	lastN128K = last
}

// ballast is the live heap of mode gc64.
var ballast []byte

// alloc times one allocation after another.
//
//	fresh  no collector, into memory never touched: page faults are included
//	gc     with a collector and nothing alive
//	gc64   with a collector and 64 MiB alive, in one block without pointers
//	reuse  no collector, into memory that was filled, dropped and swept before
func alloc(args []string, name, mode string) (*report, error) {
	shape, known := shapes[name]
	if !known {
		return nil, fmt.Errorf("no shape %q", name)
	}
	times := budget(shape.bytes, mode) / shape.bytes
	switch mode {
	case "fresh":
		debug.SetGCPercent(-1)
	case "gc":
	case "gc64":
		ballast = make([]byte, 64<<20)
		runtime.GC()
	case "reuse":
		// Twice: memory without pointers is not touched when it is handed out
		// for the first time, only when it has to be cleared for the second.
		debug.SetGCPercent(-1)
		for range 2 {
			shape.run(times)
			runtime.GC()
		}
	default:
		return nil, fmt.Errorf("no mode %q", mode)
	}
	began := start()
	shape.run(times)
	report := began.stop(args, uint64(times)).perOp()
	runtime.KeepAlive(ballast)
	return report, nil
}

// budget is how many bytes to allocate: about a second's work, and without a
// collector what a machine can be asked for.
func budget(bytes int, mode string) int {
	switch {
	case mode == "fresh" || mode == "reuse":
		return 1 << 30
	case bytes < 8<<10:
		return 2 << 30
	}
	return 8 << 30
}
