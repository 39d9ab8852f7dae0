package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// moment is where the bytes are: seconds since the start, HeapAlloc,
// HeapInuse, HeapIdle that is not released, HeapReleased, resident size.
type moment [6]float64

// timeline is what a residence run prints.
type timeline struct {
	Bench   string   `json:"bench"`
	Args    []string `json:"args"`
	Moments []moment `json:"moments"`
	Cycles  uint32   `json:"cycles"`
	Peer    string   `json:"peer"`

	start time.Time
}

func (t *timeline) take() {
	stats := memStats()
	t.Cycles = stats.NumGC
	t.Moments = append(t.Moments, moment{
		time.Since(t.start).Seconds(),
		float64(stats.HeapAlloc),
		float64(stats.HeapInuse),
		float64(stats.HeapIdle - stats.HeapReleased),
		float64(stats.HeapReleased),
		float64(currentRSS()),
	})
}

// residence shows where the bytes are while memory is dropped or kept.
func residence(args []string) (any, error) {
	kind, rest := args[1], args[2:]
	t := &timeline{Bench: args[0], Args: args[1:], Peer: runtime.Version(), start: time.Now()}
	if kind == "shapes" {
		return t, manyShapes(t, rest)
	}
	numbers, err := positive(rest)
	if err != nil {
		return nil, err
	}
	switch {
	case kind == "drop" && len(numbers) == 2:
		dropped(t, numbers[0], time.Duration(numbers[1])*time.Second)
	case kind == "free" && len(numbers) == 1:
		freed(t, numbers[0])
	case kind == "few" && len(numbers) == 2:
		few(t, numbers[0], time.Duration(numbers[1])*time.Millisecond)
	default:
		return nil, fmt.Errorf("cannot run %q", args)
	}
	return t, nil
}

// fill makes pieces of 1 MiB, every byte of them written.
func fill(count int) [][]byte {
	pieces := make([][]byte, count)
	for i := range pieces {
		pieces[i] = make([]byte, 1<<20)
		for at := range pieces[i] {
			pieces[i][at] = 1
		}
	}
	return pieces
}

// dropped fills, drops and collects, and then only looks. It collects twice:
// the scavenger passes over chunks that were dense when the last cycle ended.
func dropped(t *timeline, mib int, long time.Duration) {
	t.take()
	pieces := fill(mib)
	t.take()
	runtime.KeepAlive(pieces)
	pieces = nil
	runtime.GC()
	t.take()
	runtime.GC()
	dropped := time.Now()
	for t.take(); time.Since(dropped) < long; t.take() {
		time.Sleep(250 * time.Millisecond)
	}
}

// freed fills, drops, collects, and gives everything back.
func freed(t *timeline, mib int) {
	t.take()
	pieces := fill(mib)
	t.take()
	runtime.KeepAlive(pieces)
	pieces = nil
	runtime.GC()
	t.take()
	debug.FreeOSMemory()
	t.take()
}

type small struct{ a, b int }

// few is a practice text's program: eight goroutines make 50,000 small
// objects each, one in a thousand is kept, and of those kept the older half
// is dropped when there are 5,000.
func few(t *timeline, rounds int, pause time.Duration) {
	var lock sync.Mutex
	var kept []*small
	for range rounds {
		var all sync.WaitGroup
		for worker := range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				local := make([]*small, 50_000)
				for i := range local {
					local[i] = &small{worker, i}
				}
				lock.Lock()
				defer lock.Unlock()
				for i := 0; i < len(local); i += 1000 {
					kept = append(kept, local[i])
				}
				if len(kept) > 5000 {
					kept = kept[2500:]
				}
				runtime.KeepAlive(local)
			}()
		}
		all.Wait()
		runtime.GC()
		t.take()
		time.Sleep(pause)
	}
	runtime.KeepAlive(kept)
}

// manyShapes fills so many MiB with objects of one size after the other, keeps
// the first of every SLOTS of them, and drops the rest.
func manyShapes(t *timeline, texts []string) error {
	mib, err := strconv.Atoi(texts[0])
	if err != nil || mib < 1 {
		return fmt.Errorf("%q is not a positive number", texts[0])
	}
	var kept []*byte
	for _, text := range texts[1:] {
		first, second, found := strings.Cut(text, ":")
		numbers, err := positive([]string{first, second})
		if err != nil || !found {
			return fmt.Errorf("%q is not SIZE:SLOTS", text)
		}
		size, slots := numbers[0], numbers[1]
		local := make([]*byte, (mib<<20)/size)
		for i := range local {
			object := make([]byte, size)
			object[0] = 1
			local[i] = &object[0]
		}
		for i := 0; i < len(local); i += slots {
			kept = append(kept, local[i])
		}
		runtime.KeepAlive(local)
		local = nil
		runtime.GC()
		t.take()
	}
	runtime.KeepAlive(kept)
	return nil
}
