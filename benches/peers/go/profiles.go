package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"peers/bakery"
	"peers/orchard"
	"peers/post"
)

// The program of t11: three workloads and five places that allocate.

type named struct {
	id   int
	name string
}

var (
	text       []byte
	sinkNamed  *named
	sinkNumber *[4]uint64
	sinkPlace  *[1024]byte
	sinkWords  *[21]uint64
)

//go:noinline
func siteName(id int) string {
	text = append(text[:0], "item-"...)
	text = strconv.AppendInt(text, int64(id), 10)
	return string(text)
}

//go:noinline
func siteItem(id int, name string) *named { return &named{id, name} }

//go:noinline
func siteSerialise(item *named) string {
	text = append(text[:0], `{"ID":`...)
	text = strconv.AppendInt(text, int64(item.id), 10)
	text = append(text, `,"Name":"`...)
	text = append(text, item.name...)
	text = append(text, `"}`...)
	return string(text)
}

//go:noinline
func siteConcatenate(to string) string { return to + "x" }

//go:noinline
func siteScratch(first int) *[1024]byte {
	buffer := new([1024]byte)
	buffer[0] = byte(first)
	return buffer
}

//go:noinline
func writeItems(from, to int) {
	for id := from; id < to; id++ {
		sinkNamed = siteItem(id, siteName(id))
		sinkString = siteSerialise(sinkNamed)
	}
}

//go:noinline
func buildStrings(count int) {
	for range count {
		sinkString = ""
		for range 10 {
			sinkString = siteConcatenate(sinkString)
		}
	}
}

//go:noinline
func takeBuffers(count int) {
	for i := range count {
		sinkBuffer = siteScratch(i)
	}
}

// workloads runs so many operations of each.
func workloads(count int) {
	const batch = 500
	for from := 0; from < count; from += batch {
		to := min(from+batch, count)
		writeItems(from, to)
		buildStrings(to - from)
		takeBuffers(to - from)
	}
}

// profile is what the runtime's memory profile has of each stack: records as
// they were sampled, not scaled up.
func profile() []runtime.MemProfileRecord {
	// What was allocated before a collection is published by the one after it.
	runtime.GC()
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 256)
	for {
		count, fits := runtime.MemProfile(records, true)
		if fits {
			return records[:count]
		}
		records = make([]runtime.MemProfileRecord, count+256)
	}
}

// functions are those of a stack, innermost first, without the runtime's.
func functions(record *runtime.MemProfileRecord) []string {
	var names []string
	frames := runtime.CallersFrames(record.Stack())
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			names = append(names, frame.Function)
		}
		if !more {
			return names
		}
	}
}

// counted are bytes and objects, and which stacks they are from.
type counted struct{ bytes, objects float64 }

func (c *counted) add(record *runtime.MemProfileRecord) {
	c.bytes += float64(record.AllocBytes)
	c.objects += float64(record.AllocObjects)
}

// grouped adds a profile up by what is said of each stack.
func grouped(records []runtime.MemProfileRecord, of func(names []string) string) map[string]*counted {
	groups := map[string]*counted{}
	for i := range records {
		key := of(functions(&records[i]))
		if groups[key] == nil {
			groups[key] = &counted{}
		}
		groups[key].add(&records[i])
	}
	return groups
}

func innermost(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

var (
	places = map[string]string{
		"main.siteName": "name", "main.siteItem": "item", "main.siteSerialise": "serialise",
		"main.siteConcatenate": "concatenate", "main.siteScratch": "scratch",
	}
	callers = map[string]string{
		"main.writeItems": "write_items", "main.buildStrings": "build_strings", "main.takeBuffers": "take_buffers",
	}
)

// sites profiles the workloads with every allocation noted.
func (t *task) sites() error {
	runtime.MemProfileRate = 1
	before := memStats()
	workloads(t.numbers[0])
	after := memStats()
	runtime.MemProfileRate = 0
	records := profile()
	all := counted{}
	for function, of := range grouped(records, innermost) {
		if place, known := places[function]; known {
			t.Figures["flat "+place] = of.bytes
			t.Figures["objects "+place] = of.objects
			all.bytes += of.bytes
			all.objects += of.objects
		}
	}
	cumulative := func(names []string) string {
		at := slices.IndexFunc(names, func(name string) bool { return callers[name] != "" })
		if at < 0 {
			return ""
		}
		return callers[names[at]]
	}
	for caller, of := range grouped(records, cumulative) {
		if caller != "" {
			t.Figures["cumulative "+caller] = of.bytes
		}
	}
	t.Figures["all bytes"] = all.bytes
	t.Figures["all objects"] = all.objects
	t.Figures["bytes that the runtime counted"] = float64(after.TotalAlloc - before.TotalAlloc)
	return nil
}

// objectsAndBytes is the same, and what marking the same bytes costs in small
// objects and in large ones.
func (t *task) objectsAndBytes() error {
	if err := t.sites(); err != nil {
		return err
	}
	alive := t.numbers[1]
	t.Figures["mark 16"] = markOf(func() any {
		return many(alive/16, func(i int) *[2]uint64 { return &[2]uint64{uint64(i)} })
	})
	t.Figures["mark 1024"] = markOf(func() any {
		return many(alive/1024, func(i int) *[128]uint64 { return &[128]uint64{uint64(i)} })
	})
	t.Figures["mark 16 over 1024"] = t.Figures["mark 16"] / t.Figures["mark 1024"]
	return nil
}

// markOf is the median of the CPU time of marking in nanoseconds, of seven
// collections with build's answer alive.
func markOf(build func() any) float64 {
	root = build()
	runtime.GC()
	runtime.GC()
	var times []time.Duration
	for range 7 {
		before := markCPU()
		runtime.GC()
		times = append(times, markCPU()-before)
	}
	runtime.KeepAlive(root)
	root = nil
	return float64(median(times).Nanoseconds())
}

//go:noinline
func thePlace() *[1024]byte {
	block := new([1024]byte)
	block[1023] = 17
	return block
}

//go:noinline
func through(depth, count int) {
	if depth > 0 {
		through(depth-1, count)
	} else {
		for i := range count {
			sinkNumber = &[4]uint64{uint64(i)}
		}
	}
	// So that no call becomes a jump.
	sinkByte = byte(depth)
}

// oneAllocation looks for one place among forty stacks, with one allocation in
// RATE bytes noted; and when all are, for what noting them costs.
func (t *task) oneAllocation() error {
	rate, count, often, operations := t.numbers[0], t.numbers[1], t.numbers[2], t.numbers[3]
	const stacks = 40
	runtime.MemProfileRate = rate
	for depth := range stacks {
		through(depth, count)
	}
	sinkPlace = thePlace()
	runtime.MemProfileRate = 0
	records := profile()
	groups := grouped(records, innermost)
	of := func(function string) counted {
		if groups[function] == nil {
			return counted{}
		}
		return *groups[function]
	}
	t.Figures["objects"] = of("main.thePlace").objects
	t.Figures["bytes"] = of("main.thePlace").bytes
	t.Figures["objects of the others"] = of("main.through").objects
	var ours float64
	for i := range records {
		if name := innermost(functions(&records[i])); name == "main.thePlace" || name == "main.through" {
			ours++
		}
	}
	t.Figures["stacks"] = ours
	var file bytes.Buffer
	if err := pprof.Lookup("allocs").WriteTo(&file, 0); err != nil {
		return err
	}
	t.Figures["file bytes"] = float64(file.Len())
	if rate > 1 {
		seen := of("main.thePlace").objects
		runtime.MemProfileRate = rate
		for range often {
			sinkPlace = thePlace()
		}
		runtime.MemProfileRate = 0
		groups = grouped(profile(), innermost)
		t.Figures["samples"] = of("main.thePlace").objects - seen
		return nil
	}
	// The code is warm, and the stacks were seen, before it is timed.
	runtime.MemProfileRate = 1
	workloads(operations)
	var times [2][]time.Duration
	for range 5 {
		for rate := range times {
			runtime.MemProfileRate = rate
			runtime.GC()
			cpu := processCPU()
			workloads(operations)
			times[rate] = append(times[rate], processCPU()-cpu)
		}
	}
	runtime.MemProfileRate = 0
	off, every := median(times[0]), median(times[1])
	t.Figures["off: ns"] = float64(off.Nanoseconds()) / float64(operations)
	t.Figures["every: ns"] = float64(every.Nanoseconds()) / float64(operations)
	t.Figures["every over off"] = every.Seconds() / off.Seconds()
	return nil
}

// packageOf is the package that a function's name begins with.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	if dot := strings.IndexByte(function[slash:], '.'); dot >= 0 {
		return function[slash : slash+dot]
	}
	return function
}

// byPackage profiles three small packages and this one with every allocation
// noted: by the package of the code, and by the one that calls it.
func (t *task) byPackage() error {
	runtime.MemProfileRate = 1
	for range t.numbers[0] {
		round()
	}
	runtime.MemProfileRate = 0
	records := profile()
	known := []string{"orchard", "bakery", "post"}
	// This package has more that allocates than what is asked about.
	own := func(names []string) string {
		if name := innermost(names); name == "main.round" || slices.Contains(known, packageOf(name)) {
			return packageOf(name)
		}
		return ""
	}
	for name, of := range grouped(records, own) {
		if name != "" {
			t.Figures["bytes "+name] = of.bytes
			t.Figures["objects "+name] = of.objects
		}
	}
	calling := func(names []string) string {
		first := packageOf(innermost(names))
		for _, name := range names {
			if packageOf(name) != first && slices.Contains(known, first) {
				return packageOf(name)
			}
		}
		return ""
	}
	for name, of := range grouped(records, calling) {
		if slices.Contains(known, name) {
			t.Figures["called by "+name] = of.bytes
		}
	}
	if len(t.Figures) == 0 {
		return fmt.Errorf("the profile has none of %v", known)
	}
	return nil
}

//go:noinline
func round() {
	orchard.Grow(bakery.Bread{}, 100)
	orchard.Grow(orchard.Basket{1}, 1)
	orchard.Basket{1}.Ripen(90)
	bakery.Bake(80)
	bakery.Bread{}.Ripen(70)
	bakery.OrderFruit(60)
	post.Sack[uint32]{Letter: 5}.Fill(50)
	post.Deliver(40)
	for i := range 30 {
		sinkWords = &[21]uint64{uint64(i)}
	}
}
