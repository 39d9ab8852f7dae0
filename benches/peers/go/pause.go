package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// An operation replaces a tree of so many nodes, 16 bytes each.
	pauseNodes = 127
	treeBytes  = pauseNodes*16 + 8
	// Live bytes for each entry of the tables, and the bytes of one.
	bytesPerEntry = 2048
	entryBytes    = 56
	// Entries that an operation replaces, and that a request reads.
	entriesReplaced = 4
	entriesRead     = 16
	// An operation that takes longer is a gap.
	gapAtLeast = 20 * time.Microsecond
	// spin notes the worst gap of every tick; req has a request due so often.
	spinTick       = 100 * time.Microsecond
	betweenRequest = 500 * time.Microsecond
)

// pauseReport has the fields of `heap-lab bench pause`.
type pauseReport struct {
	report
	Collector      string  `json:"collector"`
	Observer       string  `json:"observer"`
	Mutators       int     `json:"mutators"`
	LiveBytes      uint64  `json:"live_bytes"`
	Operations     uint64  `json:"operations"`
	OpsPerSecond   float64 `json:"ops_per_s"`
	CPUMicrosPerOp float64 `json:"cpu_us_per_op"`
	AllocatedBytes uint64  `json:"allocated_bytes"`
	Samples        uint64  `json:"samples"`
	P50            float64 `json:"p50_us"`
	P90            float64 `json:"p90_us"`
	P99            float64 `json:"p99_us"`
	P999           float64 `json:"p999_us"`
	P9999          float64 `json:"p9999_us"`
	Longest        float64 `json:"max_us"`
	MMU1           float64 `json:"mmu_1ms"`
	MMU2           float64 `json:"mmu_2ms"`
	MMU5           float64 `json:"mmu_5ms"`
	MMU10          float64 `json:"mmu_10ms"`
	MMU20          float64 `json:"mmu_20ms"`
	MMU50          float64 `json:"mmu_50ms"`
	MMU100         float64 `json:"mmu_100ms"`
	MMU200         float64 `json:"mmu_200ms"`
	MMU500         float64 `json:"mmu_500ms"`
	MMU1000        float64 `json:"mmu_1000ms"`
	Gaps           int     `json:"gaps"`
	LongestGap     float64 `json:"longest_gap_us"`
	// The runtime's own histograms of the times it stopped the world: all of
	// a stop, and of it the time until everybody stood still. Upper bounds of
	// their buckets, about a tenth too long at worst.
	Stops       uint64  `json:"stops"`
	PauseP50    float64 `json:"pause_p50_us,omitempty"`
	PauseP99    float64 `json:"pause_p99_us,omitempty"`
	PauseMax    float64 `json:"pause_max_us,omitempty"`
	StoppingP50 float64 `json:"stopping_p50_us,omitempty"`
	StoppingMax float64 `json:"stopping_max_us,omitempty"`
	MarkCPU     float64 `json:"mark_cpu_s"`
	AssistCPU   float64 `json:"assist_cpu_s"`
	RSS         uint64  `json:"rss_bytes"`
}

type pauseWish struct {
	live      uint64
	mutators  int
	seconds   float64
	collector string
	observer  string
}

func pauseFlags(args []string) (pauseWish, error) {
	var wish pauseWish
	var live string
	flags := flag.NewFlagSet("pause", flag.ContinueOnError)
	flags.StringVar(&live, "live", "1GiB", "live bytes")
	flags.IntVar(&wish.mutators, "mutators", 2, "threads that change them")
	flags.Float64Var(&wish.seconds, "seconds", 20, "how long")
	flags.StringVar(&wish.collector, "collector", "concurrent", "concurrent, stop-the-world or off")
	flags.StringVar(&wish.observer, "observer", "self", "self, spin or req")
	flags.Bool("json", true, "one object, which is what it prints anyway")
	if err := flags.Parse(args); err != nil {
		return wish, err
	}
	stops := strings.Contains(os.Getenv("GODEBUG"), "gcstoptheworld=")
	switch {
	case flags.NArg() > 0:
		return wish, fmt.Errorf("pause takes flags only, not %q", flags.Args())
	case wish.mutators < 1 || wish.seconds <= 0:
		return wish, fmt.Errorf("--mutators and --seconds must be above 0")
	case wish.observer != "self" && wish.observer != "spin" && wish.observer != "req":
		return wish, fmt.Errorf("no observer %q; there are: self spin req", wish.observer)
	case wish.collector == "stop-the-world" && !stops:
		return wish, fmt.Errorf("to stop the world, set GODEBUG=gcstoptheworld=1 in the environment")
	case wish.collector != "concurrent" && wish.collector != "stop-the-world" && wish.collector != "off":
		return wish, fmt.Errorf("no collector %q; there are: concurrent stop-the-world off", wish.collector)
	}
	var err error
	wish.live, err = bytesOf(live)
	return wish, err
}

// bytesOf reads 64MiB, 1GiB or a number of bytes.
func bytesOf(text string) (uint64, error) {
	number, shift := strings.TrimSuffix(text, "B"), 0
	for unit, bits := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if before, found := strings.CutSuffix(text, unit); found {
			number, shift = before, bits
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !(value > 0) {
		return 0, fmt.Errorf("%q is no size", text)
	}
	return uint64(value * float64(uint64(1)<<shift)), nil
}

// random is splitmix64.
type random uint64

func (r *random) bits() uint64 {
	*r += 0x9e3779b97f4a7c15
	bits := uint64(*r)
	bits = (bits ^ bits>>30) * 0xbf58476d1ce4e5b9
	bits = (bits ^ bits>>27) * 0x94d049bb133111eb
	return bits ^ bits>>31
}

func (r *random) below(bound int) int { return int(r.bits() % uint64(bound)) }

type entry struct{ words [4]uint64 }

// A part is what one mutator changes: a forest, and a map to small structs.
type part struct {
	forest []*tree
	table  map[uint64]*entry
	keys   []uint64
	random random
	found  uint64
}

func plant(trees, entries int, seed uint64) *part {
	part := &part{
		forest: make([]*tree, trees),
		table:  make(map[uint64]*entry, entries),
		keys:   make([]uint64, entries),
		random: random(seed),
	}
	for i := range part.forest {
		part.forest[i] = bottomUp(6)
	}
	for i := range part.keys {
		part.keys[i] = part.random.bits()
		part.insert(part.keys[i])
	}
	return part
}

func (p *part) insert(key uint64) { p.table[key] = &entry{[4]uint64{key, key, key, key}} }

// replace is one operation.
func (p *part) replace() {
	p.forest[p.random.below(len(p.forest))] = bottomUp(6)
	for range entriesReplaced {
		chosen := p.random.below(len(p.keys))
		delete(p.table, p.keys[chosen])
		p.keys[chosen] = p.random.bits()
		p.insert(p.keys[chosen])
	}
}

// served keeps the tree of a request from living on the stack.
var served atomic.Pointer[tree]

// serve is one request.
func (p *part) serve() {
	served.Store(bottomUp(6))
	for range entriesRead {
		p.found += p.table[p.keys[p.random.below(len(p.keys))]].words[0]
	}
}

// churning is one mutator's or observer's thread.
type churning struct {
	operations uint64
	felt       histogram
	gaps       []gap
}

func (c *churning) mutate(part *part, start time.Time, stop *atomic.Bool) {
	last := time.Now()
	for !stop.Load() {
		part.replace()
		now := time.Now()
		took := now.Sub(last)
		c.felt.record(took)
		if took > gapAtLeast {
			c.gaps = append(c.gaps, gap{last.Sub(start).Nanoseconds(), now.Sub(start).Nanoseconds()})
		}
		last = now
		c.operations++
	}
}

// spin reads the clock in a loop. A gap over several ticks counts once for
// each, shortened by one tick every time.
func (c *churning) spin(stop *atomic.Bool) {
	last := time.Now()
	ends := last.Add(spinTick)
	var worst time.Duration
	for !stop.Load() {
		now := time.Now()
		rest := now.Sub(last)
		last = now
		worst = max(worst, rest)
		for !now.Before(ends) {
			c.felt.record(worst)
			ends = ends.Add(spinTick)
			rest = max(rest-spinTick, 0)
			worst = rest
		}
	}
}

// requests serves an open stream of them. It waits in the kernel, as a server
// does that waits for its clients, and not in the runtime's own timers.
func (c *churning) requests(part *part, start time.Time, stop *atomic.Bool) {
	runtime.LockOSThread()
	due := start
	for !stop.Load() {
		due = due.Add(betweenRequest)
		if early := time.Until(due); early > 0 {
			wait := syscall.NsecToTimespec(early.Nanoseconds())
			// Woken early by a signal, it serves early, and takes no time for that.
			_ = syscall.Nanosleep(&wait, nil)
		}
		part.serve()
		c.felt.record(time.Since(due))
	}
}

// pause is what is felt over a live heap that changes.
func pause(args []string) (any, error) {
	wish, err := pauseFlags(args[1:])
	if err != nil {
		return nil, err
	}
	if wish.collector == "off" {
		debug.SetGCPercent(-1)
	}
	servers := 0
	if wish.observer == "req" {
		servers = 1
	}
	all := int(wish.live / bytesPerEntry)
	entries := max(all/(wish.mutators+servers), entriesRead)
	trees := max((int(wish.live)-all*entryBytes)/treeBytes/wish.mutators, 1)
	parts := make([]*part, wish.mutators)
	for i := range parts {
		parts[i] = plant(trees, entries, 1+uint64(i)*0x1_0000_0001)
	}
	server := plant(0, entries*servers, ^uint64(1))
	// What lives now sets the goal. Without a collector nothing has died, except what building a map left.
	if wish.collector != "off" {
		runtime.GC()
	}
	built := memStats()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)

	before := readPauses()
	threads := make([]churning, wish.mutators)
	var observer churning
	var stop atomic.Bool
	var group sync.WaitGroup
	began := start()
	now := time.Now()
	run := func(work func()) {
		group.Add(1)
		go func() {
			defer group.Done()
			work()
		}()
	}
	for i := range threads {
		run(func() { threads[i].mutate(parts[i], now, &stop) })
	}
	switch wish.observer {
	case "spin":
		run(func() { observer.spin(&stop) })
	case "req":
		run(func() { observer.requests(server, now, &stop) })
	}
	wait := syscall.NsecToTimespec(int64(wish.seconds * 1e9))
	for wait.Nano() > 0 {
		// Signals of the runtime's own wake it early: the rest is waited for again.
		if syscall.Nanosleep(&wait, &wait) == nil {
			break
		}
	}
	stop.Store(true)
	report := &pauseReport{report: *began.stop(args, built.HeapObjects)}
	ended := memStats()
	report.RSS = currentRSS()
	group.Wait()
	after := readPauses()

	report.Collector, report.Observer, report.Mutators = wish.collector, wish.observer, wish.mutators
	report.LiveBytes = built.HeapAlloc
	report.AllocatedBytes = ended.TotalAlloc - built.TotalAlloc
	report.felt(threads, &observer)
	report.CPUMicrosPerOp = report.CPUSeconds * 1e6 / float64(report.Operations)
	report.stopped(before, after)
	runtime.KeepAlive(parts)
	return report, nil
}

// felt fills in what the threads found.
func (r *pauseReport) felt(threads []churning, observer *churning) {
	span := int64(r.WallSeconds * 1e9)
	curve := []*float64{&r.MMU1, &r.MMU2, &r.MMU5, &r.MMU10, &r.MMU20, &r.MMU50, &r.MMU100, &r.MMU200, &r.MMU500, &r.MMU1000}
	for i, millis := range mmuWindows {
		*curve[i] = 1
		for _, thread := range threads {
			*curve[i] = min(*curve[i], utilisation(thread.gaps, span, millis*1e6))
		}
	}
	felt := &observer.felt
	for i := range threads {
		r.Operations += threads[i].operations
		r.Gaps += len(threads[i].gaps)
		if r.Observer == "self" {
			felt.add(&threads[i].felt)
		}
		for _, one := range threads[i].gaps {
			r.LongestGap = max(r.LongestGap, float64(one.end-one.start)/1e3)
		}
	}
	r.OpsPerSecond = float64(r.Operations) / r.WallSeconds
	r.Samples = felt.count
	r.P50, r.P90, r.P99 = felt.at(50), felt.at(90), felt.at(99)
	r.P999, r.P9999 = felt.at(99.9), felt.at(99.99)
	r.Longest = float64(felt.longest.Nanoseconds()) / 1e3
}
