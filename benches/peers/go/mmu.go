package main

import "sort"

// A gap is a stretch of time in which a mutator got nothing done, in
// nanoseconds since the start.
type gap struct{ start, end int64 }

// mmuWindows are the windows of a curve, in milliseconds.
var mmuWindows = []int64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}

// utilisation is the least part of any window that was the mutator's own. The
// gaps are in the order of time and do not overlap. The worst window begins
// with a gap or ends with one.
func utilisation(gaps []gap, span, window int64) float64 {
	window = max(min(window, span), 1)
	before := make([]int64, len(gaps)+1)
	for i, one := range gaps {
		before[i+1] = before[i] + one.end - one.start
	}
	until := func(time int64) int64 {
		begun := sort.Search(len(gaps), func(i int) bool { return gaps[i].start >= time })
		if begun == 0 {
			return 0
		}
		last := gaps[begun-1]
		return before[begun-1] + min(last.end, time) - last.start
	}
	var most int64
	for _, one := range gaps {
		for _, from := range []int64{one.start, one.end - window} {
			from = min(max(from, 0), max(span-window, 0))
			most = max(most, until(from+window)-until(from))
		}
	}
	return 1 - float64(most)/float64(window)
}
