package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const pageBytes = 8 << 10

var (
	sinkBytes []byte
	sink64    *[64]byte
	sinkOwn   [4]*[64]byte
)

var inuse = []metrics.Sample{
	{Name: "/memory/classes/heap/objects:bytes"},
	{Name: "/memory/classes/heap/unused:bytes"},
}

// heapInuse is what MemStats calls HeapInuse. ReadMemStats would take the
// spans out of the processors' caches; reading metrics leaves them there.
func heapInuse() uint64 {
	metrics.Read(inuse)
	return inuse[0].Value.Uint64() + inuse[1].Value.Uint64()
}

// classes makes objects one by one and looks when the heap makes a span.
func (t *task) classes() error {
	debug.SetGCPercent(-1)
	for _, size := range []int{17, 24, 32, 64, 480, 1024, 1408, 32768} {
		slots, span := spanOf(size)
		t.Figures[fmt.Sprintf("objects of %d", size)] = float64(slots)
		t.Figures[fmt.Sprintf("span of %d", size)] = float64(span)
		lost := 1 - float64(slots*size)/float64(span)
		t.Figures[fmt.Sprintf("waste of %d", size)] = 100 * lost
	}
	sizes := []metrics.Sample{{Name: "/gc/heap/allocs-by-size:bytes"}}
	metrics.Read(sizes)
	// The last bucket is for all that is larger than small.
	t.Figures["classes"] = float64(len(sizes[0].Value.Float64Histogram().Counts) - 1)
	const n = 100
	before := memStats()
	for range n {
		sinkBytes = make([]byte, 16<<10+1)
	}
	after := memStats()
	t.Figures["bytes of 16385"] = float64(after.TotalAlloc-before.TotalAlloc) / n
	return nil
}

// spanOf is how many objects of so many bytes, without pointers, a span holds,
// and its bytes. A span of another size that comes between two looks as if one
// held fewer: so the most of a few counts.
func spanOf(size int) (slots int, span uint64) {
	last, made := heapInuse(), 0
	for found := 0; found < 6; {
		sinkBytes = make([]byte, size)
		made++
		now := heapInuse()
		if now == last {
			continue
		}
		// The first objects fill up a span that was there before.
		if found > 0 && made > slots {
			slots, span = made, now-last
		}
		last, made = now, 0
		found++
	}
	return slots, span
}

func make64(count int) {
	for i := range count {
		sink64 = new([64]byte)
		sink64[0] = byte(i)
	}
}

// spansMade is by how many pages HeapInuse grows: a span of 64 bytes is a page.
func spansMade(run func()) float64 {
	before := heapInuse()
	run()
	return float64(heapInuse()-before) / pageBytes
}

// refills counts the spans that 100,000 objects of 64 bytes need. Go does not
// say how often a cache was refilled, but in an empty heap each is a new span.
func (t *task) refills() error {
	const count, rounds = 100_000, 20
	percent := debug.SetGCPercent(-1)
	before := memStats()
	t.Figures["spans, one"] = spansMade(func() { make64(count) })
	after := memStats()
	t.Figures["mallocs"] = float64(after.Mallocs - before.Mallocs)

	one := runtime.GOMAXPROCS(len(sinkOwn))
	t.Figures["spans, four"] = spansMade(func() {
		var all sync.WaitGroup
		for own := range sinkOwn {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := range count / len(sinkOwn) {
					sinkOwn[own] = new([64]byte)
					sinkOwn[own][0] = byte(i)
				}
			}()
		}
		all.Wait()
	})
	runtime.GOMAXPROCS(one)

	kept := make([]*[64]byte, count/2)
	for i := range kept {
		make64(1)
		kept[i] = new([64]byte)
	}
	runtime.GC()
	t.Figures["spans, among survivors"] = spansMade(func() { make64(count / 2) })
	runtime.KeepAlive(kept)
	kept = nil

	runtime.GC()
	debug.SetGCPercent(percent)
	cycles := memStats().NumGC
	make64(rounds * count)
	t.Figures["collections"] = float64(memStats().NumGC - cycles)
	return nil
}
