package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"
)

type (
	pointers3 struct{ a, b, c *int }
	integers3 struct{ a, b, c int }
	link      struct {
		next  *link
		value int
	}
	node4 struct{ to [4]*node4 }
)

// root keeps the heap of a mark shape alive.
var root any

// builders make a heap of about so many objects and return what holds it.
var builders = map[string]func(count int) any{
	"ptr3":  ptr3,
	"ptr3n": ptr3n,
	"int3":  int3,
	"list":  list,
	"listr": listr,
	"tree":  balanced,
	"graph": graph,
	"wide":  wide,
	"bytes": blocks,
}

// mark times full collections of a heap that does not change.
func mark(args []string, name string, count, cycles int) (*report, error) {
	build, known := builders[name]
	if !known {
		return nil, fmt.Errorf("no shape %q", name)
	}
	runtime.GC()
	before := memStats().HeapObjects
	percent := debug.SetGCPercent(-1)
	root = build(count)
	debug.SetGCPercent(percent)
	// The first collection drops what the building needed, the second is a rehearsal.
	runtime.GC()
	runtime.GC()
	built := memStats()
	objects := built.HeapObjects - before

	walls := make([]time.Duration, 0, cycles)
	marked := markCPU()
	began := start()
	for range cycles {
		one := time.Now()
		runtime.GC()
		walls = append(walls, time.Since(one))
	}
	report := began.stop(args, objects)
	marked = markCPU() - marked
	runtime.KeepAlive(root)

	all := float64(objects) * float64(cycles)
	report.CycleWallMs = median(walls).Seconds() * 1e3
	report.CPUNsPerObject = report.CPUSeconds * 1e9 / all
	report.MarkCPUNsPerObject = float64(marked.Nanoseconds()) / all
	report.MarkMBPerSecond = float64(built.HeapAlloc) * float64(cycles) / marked.Seconds() / 1e6
	report.HeapInuse, report.HeapAlloc = built.HeapInuse, built.HeapAlloc
	return report, nil
}

// dice are the same in every run.
func dice() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// ptr3: a slice of pointers to structs of three pointers, all to one int.
func ptr3(count int) any {
	one := new(int)
	all := make([]*pointers3, count)
	for i := range all {
		all[i] = &pointers3{one, one, one}
	}
	return all
}

// ptr3n: the same with nil pointers.
func ptr3n(count int) any {
	all := make([]*pointers3, count)
	for i := range all {
		all[i] = &pointers3{}
	}
	return all
}

// int3: a slice of pointers to structs of three ints.
func int3(count int) any {
	all := make([]*integers3, count)
	for i := range all {
		all[i] = &integers3{i, i, i}
	}
	return all
}

// list: nodes of 16 bytes, linked in the order of allocation, from one root.
func list(count int) any {
	first := &link{}
	last := first
	for i := 1; i < count; i++ {
		last.next = &link{value: i}
		last = last.next
	}
	return first
}

// listr: the same, linked in random order.
func listr(count int) any {
	all := make([]*link, count)
	for i := range all {
		all[i] = &link{value: i}
	}
	dice().Shuffle(count, func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := 1; i < count; i++ {
		all[i-1].next = all[i]
	}
	return all[0]
}

// balanced (tree): a balanced binary tree of so many nodes, allocated depth first.
func balanced(count int) any {
	var build func(count int) *tree
	build = func(count int) *tree {
		if count == 0 {
			return nil
		}
		node := &tree{}
		left := (count - 1) / 2
		node.left = build(left)
		node.right = build(count - 1 - left)
		return node
	}
	return build(count)
}

// graph: nodes of four pointers to random nodes, from one root. About 98 of a
// hundred are reached from it, and only those stay.
func graph(count int) any {
	all := make([]*node4, count)
	for i := range all {
		all[i] = &node4{}
	}
	dice := dice()
	for _, node := range all {
		for edge := range node.to {
			node.to[edge] = all[dice.IntN(count)]
		}
	}
	return all[0]
}

// wide: 64 slices of pointers, count pointers in all, each to a random one of
// 65536 small objects.
func wide(count int) any {
	small := make([]*int, 65536)
	for i := range small {
		small[i] = new(int)
	}
	dice := dice()
	slices := make([][]*int, 64)
	for i := range slices {
		slices[i] = make([]*int, count/len(slices))
		for j := range slices[i] {
			slices[i][j] = small[dice.IntN(len(small))]
		}
	}
	return slices
}

// blocks (bytes): so many blocks of 1 MiB without pointers, every page of them touched.
func blocks(count int) any {
	all := make([][]byte, count)
	for i := range all {
		all[i] = make([]byte, 1<<20)
		for j := 0; j < len(all[i]); j += 4 << 10 {
			all[i][j] = 1
		}
	}
	return all
}
