package main

import (
	"bufio"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// report is what one run prints; fields that do not apply are left out.
type report struct {
	Bench string   `json:"bench"`
	Args  []string `json:"args"`
	// The timed part, in seconds: by the clock, and of all the process's threads.
	WallSeconds float64 `json:"wall_s"`
	CPUSeconds  float64 `json:"cpu_s"`
	// The timed part by operation: an allocation, a tree node.
	NsPerOp    float64 `json:"ns_per_op,omitempty"`
	CPUNsPerOp float64 `json:"cpu_ns_per_op,omitempty"`
	// alloc, trees: objects allocated in the timed part. mark: objects alive.
	Objects uint64 `json:"objects"`
	// Collections in the timed part.
	Cycles uint32 `json:"cycles"`
	// mark: the median cycle, sweeping included.
	CycleWallMs float64 `json:"cycle_wall_ms,omitempty"`
	// mark: the process's CPU time of a cycle by object, sweeping included.
	CPUNsPerObject float64 `json:"cpu_ns_per_object,omitempty"`
	// mark: the same of the runtime's mark classes (assist, dedicated, idle).
	MarkCPUNsPerObject float64 `json:"mark_cpu_ns_per_object,omitempty"`
	// mark: live bytes by second of mark CPU, in 10^6 bytes.
	MarkMBPerSecond float64 `json:"mark_mb_per_s,omitempty"`
	// mark: MemStats after the heap is built and collected.
	HeapInuse uint64 `json:"heap_inuse_bytes,omitempty"`
	HeapAlloc uint64 `json:"heap_alloc_bytes,omitempty"`
	PeakRSS   uint64 `json:"peak_rss_bytes"`
	Peer      string `json:"peer"`
	MaxProcs  int    `json:"gomaxprocs"`
}

// clock takes the time and the process's CPU time of a part.
type clock struct {
	wall   time.Time
	cpu    time.Duration
	cycles uint32
}

func start() clock {
	return clock{cycles: memStats().NumGC, cpu: processCPU(), wall: time.Now()}
}

// stop makes the report of the part that began at c and did so many operations.
func (c clock) stop(args []string, objects uint64) *report {
	wall := time.Since(c.wall)
	cpu := processCPU() - c.cpu
	return &report{
		Bench:       args[0],
		Args:        args[1:],
		WallSeconds: wall.Seconds(),
		CPUSeconds:  cpu.Seconds(),
		Objects:     objects,
		Cycles:      memStats().NumGC - c.cycles,
		PeakRSS:     peakRSS(),
		Peer:        runtime.Version(),
		MaxProcs:    runtime.GOMAXPROCS(0),
	}
}

// perOp fills in the figures by operation.
func (r *report) perOp() *report {
	r.NsPerOp = r.WallSeconds * 1e9 / float64(r.Objects)
	r.CPUNsPerOp = r.CPUSeconds * 1e9 / float64(r.Objects)
	return r
}

func memStats() runtime.MemStats {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats
}

func processCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// markCPU is the CPU time of marking up to the end of the last cycle.
func markCPU() time.Duration {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
	}
	metrics.Read(samples)
	var seconds float64
	for _, sample := range samples {
		seconds += sample.Value.Float64()
	}
	return time.Duration(seconds * 1e9)
}

// peakRSS reads VmHWM: unlike getrusage's figure it does not begin with that
// of the process which started this one.
func peakRSS() uint64 { return status("VmHWM:") }

// currentRSS reads VmRSS.
func currentRSS() uint64 { return status("VmRSS:") }

// status reads a line in KiB of what the kernel says of this process, in bytes.
func status(name string) uint64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), name); found {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				return kib << 10
			}
		}
	}
	return 0
}

func median(of []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
