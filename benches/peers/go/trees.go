package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

const minDepth = 4

type tree struct {
	left, right *tree
}

func bottomUp(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{bottomUp(depth - 1), bottomUp(depth - 1)}
}

func (t *tree) count() uint64 {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

// trees is the benchmarks game's binary trees: a stretch tree, one that lives
// long, and for every second depth many that die young.
func trees(args []string, depth, threads int) (*report, error) {
	if depth < minDepth || depth > 28 {
		return nil, fmt.Errorf("depth %d is not in %d..28", depth, minDepth)
	}
	began := start()
	stretch := bottomUp(depth + 1).count()
	fmt.Fprintf(os.Stderr, "stretch tree of depth %d: check %d\n", depth+1, stretch)
	objects := stretch
	long := bottomUp(depth)
	for d := minDepth; d <= depth; d += 2 {
		times := 1 << (depth - d + minDepth)
		check := shortLived(d, times, threads)
		fmt.Fprintf(os.Stderr, "%d trees of depth %d: check %d\n", times, d, check)
		objects += check
	}
	check := long.count()
	fmt.Fprintf(os.Stderr, "long lived tree of depth %d: check %d\n", depth, check)
	objects += check
	runtime.KeepAlive(long)
	return began.stop(args, objects).perOp(), nil
}

// shortLived builds and counts so many trees, shared out among the threads.
func shortLived(depth, times, threads int) uint64 {
	if threads == 1 {
		return buildAndCount(depth, times)
	}
	var check atomic.Uint64
	var group sync.WaitGroup
	for thread := range threads {
		share := times / threads
		if thread < times%threads {
			share++
		}
		group.Add(1)
		go func() {
			defer group.Done()
			check.Add(buildAndCount(depth, share))
		}()
	}
	group.Wait()
	return check.Load()
}

func buildAndCount(depth, times int) uint64 {
	var check uint64
	for range times {
		check += bottomUp(depth).count()
	}
	return check
}
