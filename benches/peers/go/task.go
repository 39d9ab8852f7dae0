package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
)

// task is what one experiment of the lab measures in Go: figures by name.
type task struct {
	Bench   string             `json:"bench"`
	Args    []string           `json:"args"`
	Figures map[string]float64 `json:"figures"`
	Peer    string             `json:"peer"`

	numbers []int
}

// tasks are what an experiment runs, and which numbers it gives.
var tasks = map[string]struct {
	numbers []string
	run     func(t *task) error
}{
	"t01": {nil, (*task).million},
	"t04": {nil, (*task).strings},
	"t05": {nil, (*task).classes},
	"t06": {nil, (*task).refills},
	"t07": {nil, (*task).small},
	"t08": {nil, (*task).pool},
	"t11": {[]string{"COUNT"}, (*task).sites},
	"t12": {[]string{"COUNT", "LIVE"}, (*task).objectsAndBytes},
	"t15": {nil, (*task).tiny},
	"t16": {nil, (*task).large},
	"t17": {[]string{"RATE", "COUNT", "OFTEN", "OPERATIONS"}, (*task).oneAllocation},
	"t19": {[]string{"ROUNDS"}, (*task).byPackage},
	"s1":  {nil, (*task).suite},
	"s2":  {[]string{"LIVE", "SCRAPES"}, (*task).observed},
	"s3":  {[]string{"COUNT"}, (*task).arenas},
}

func runTask(args []string) (any, error) {
	task, err := newTask(args)
	if err != nil {
		return nil, err
	}
	return task, tasks[args[1]].run(task)
}

// newTask is the task of these words, with no figures yet.
func newTask(args []string) (*task, error) {
	wanted, known := tasks[args[1]]
	if !known {
		return nil, fmt.Errorf("no task %q", args[1])
	}
	numbers, err := positive(args[2:])
	if err != nil {
		return nil, err
	}
	if len(numbers) != len(wanted.numbers) {
		return nil, fmt.Errorf("task %s takes %d numbers %v", args[1], len(wanted.numbers), wanted.numbers)
	}
	return &task{
		Bench:   args[0],
		Args:    args[1:],
		Figures: map[string]float64{},
		Peer:    runtime.Version(),
		numbers: numbers,
	}, nil
}

// Everything that is made goes through these, so that it must be on the heap.
var (
	sinkString string
	sinkError  error
	sinkBuffer *[1024]byte
	sinkByte   byte
	sinkInt8   *int8
	sinkBlock  *[16]byte
	sinkPtr    *ptr8
	sinkAny    any
)

type (
	item   struct{ x int }
	pair   struct{ a, b int32 }
	ptr8   struct{ p *int }
	triple struct{ a, b, c int64 }
)

// perOp runs n operations with a collector as it is, and keeps CPU time, bytes
// and allocations of one.
func (t *task) perOp(name string, n int, run func(n int)) {
	runtime.GC()
	before := memStats()
	cpu := processCPU()
	run(n)
	cpu = processCPU() - cpu
	after := memStats()
	t.Figures[name+": ns"] = float64(cpu.Nanoseconds()) / float64(n)
	t.Figures[name+": bytes"] = float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
	t.Figures[name+": allocs"] = float64(after.Mallocs-before.Mallocs) / float64(n)
}

// kept is what HeapAlloc and the counts grow by when build's answer is alive.
func kept(build func() any) (alloc, objects, mallocs, frees float64) {
	runtime.GC()
	before := memStats()
	sinkAny = build()
	runtime.GC()
	after := memStats()
	alloc = float64(after.HeapAlloc) - float64(before.HeapAlloc)
	objects = float64(after.HeapObjects) - float64(before.HeapObjects)
	mallocs = float64(after.Mallocs - before.Mallocs)
	frees = float64(after.Frees - before.Frees)
	runtime.KeepAlive(sinkAny)
	sinkAny = nil
	return
}

func many[T any](n int, one func(i int) *T) any {
	all := make([]*T, n)
	for i := range all {
		all[i] = one(i)
	}
	return all
}

func (t *task) million() error {
	alloc, objects, mallocs, frees := kept(func() any {
		return many(1_000_000, func(i int) *item { return &item{i} })
	})
	t.Figures["alloc"] = alloc
	t.Figures["objects"] = objects
	t.Figures["mallocs"] = mallocs
	t.Figures["frees"] = frees
	return nil
}

func number(i int) int { return 10_000 + i*7919%90_000 }

func (t *task) strings() error {
	const n = 1 << 18
	t.perOp("sprintf", n, func(n int) {
		for i := range n {
			sinkString = fmt.Sprintf("%d", number(i))
		}
	})
	t.perOp("sprintf of a constant", n, func(n int) {
		for range n {
			sinkString = fmt.Sprintf("%d", 12345)
		}
	})
	t.perOp("itoa", n, func(n int) {
		for i := range n {
			sinkString = strconv.Itoa(number(i))
		}
	})
	buffer := make([]byte, 0, 32)
	t.perOp("append", n, func(n int) {
		for i := range n {
			buffer = strconv.AppendInt(buffer[:0], int64(number(i)), 10)
		}
	})
	sinkByte = buffer[0]
	t.perOp("errorf", n, func(n int) {
		for i := range n {
			sinkError = fmt.Errorf("got %d", number(i))
		}
	})
	t.perOp("errors.New", n, func(n int) {
		for i := range n {
			sinkError = errors.New("got " + strconv.Itoa(number(i)))
		}
	})
	return nil
}

func (t *task) small() error {
	const n = 100_000
	one := 1
	t.Figures["pairs"], _, _, _ = kept(func() any {
		return many(n, func(i int) *pair { return &pair{int32(i), int32(-i)} })
	})
	t.Figures["references"], _, _, _ = kept(func() any {
		return many(n, func(int) *ptr8 { return &ptr8{&one} })
	})
	t.Figures["triples"], _, _, _ = kept(func() any {
		return many(n, func(i int) *triple { return &triple{int64(i), 2, 3} })
	})
	return nil
}

func write(buffer *[1024]byte, seed int) {
	for i := range buffer {
		buffer[i] = byte((seed + i) % 10)
	}
	sinkByte = buffer[0]
}

func (t *task) pool() error {
	// A pool has a part for each processor: with one, it is the rule that is
	// seen, and not who happened to run where.
	runtime.GOMAXPROCS(1)
	t.perOp("fresh", 1<<14, func(n int) {
		for i := range n {
			sinkBuffer = new([1024]byte)
			write(sinkBuffer, i)
		}
	})
	made := 0
	buffers := sync.Pool{New: func() any { made++; return new([1024]byte) }}
	use := func(i int) {
		buffer := buffers.Get().(*[1024]byte)
		write(buffer, i)
		buffers.Put(buffer)
	}
	t.perOp("pooled", 1<<14, func(n int) {
		for i := range n {
			use(i)
		}
	})
	for collections := 1; collections <= 2; collections++ {
		buffers.Get()
		made = 0
		const n = 200
		for i := range n {
			use(i)
			for range collections {
				runtime.GC()
			}
		}
		t.Figures[fmt.Sprintf("made with %d collections", collections)] = float64(made)
	}
	return nil
}

func (t *task) tiny() error {
	const n = 1 << 20
	t.perOp("int8", n, func(n int) {
		for i := range n {
			sinkInt8 = new(int8)
			*sinkInt8 = int8(i)
		}
	})
	t.perOp("[16]byte", n, func(n int) {
		for i := range n {
			sinkBlock = new([16]byte)
			sinkBlock[0] = byte(i)
		}
	})
	t.perOp("{p *int}", n, func(n int) {
		for range n {
			sinkPtr = new(ptr8)
		}
	})
	return nil
}

// written makes n blocks of so many bytes and writes each whole.
func written(bytes, n int) {
	ones := slices.Repeat([]byte{1}, bytes)
	for range n {
		block := make([]byte, bytes)
		copy(block, ones)
		sinkAny = block
	}
}

func (t *task) large() error {
	for _, bytes := range []int{8 << 10, 32 << 10, 64 << 10, 128 << 10} {
		// With what is copied, which is one block of many.
		t.perOp(strconv.Itoa(bytes), 32<<20/bytes, func(n int) { written(bytes, n) })
	}
	debug.SetGCPercent(-1)
	for _, bytes := range []int{32 << 10, 32<<10 + 1, 40_000, 64 << 10, 128 << 10} {
		const n = 100
		blocks := make([][]byte, n)
		before := memStats()
		for i := range blocks {
			blocks[i] = make([]byte, bytes)
		}
		after := memStats()
		sinkAny = blocks
		t.Figures[fmt.Sprintf("bytes of %d", bytes)] = float64(after.TotalAlloc-before.TotalAlloc) / n
	}
	return nil
}
