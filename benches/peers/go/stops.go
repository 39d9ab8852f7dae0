package main

import (
	"math"
	"runtime/metrics"
)

// pauses are the runtime's figures up to now.
type pauses struct {
	total, stopping *metrics.Float64Histogram
	mark, assist    float64
}

func readPauses() pauses {
	samples := []metrics.Sample{
		{Name: "/sched/pauses/total/gc:seconds"},
		{Name: "/sched/pauses/stopping/gc:seconds"},
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
	}
	metrics.Read(samples)
	return pauses{
		total:    samples[0].Value.Float64Histogram(),
		stopping: samples[1].Value.Float64Histogram(),
		assist:   samples[2].Value.Float64(),
		mark:     markCPU().Seconds(),
	}
}

// stopped fills in what the runtime says of its stops.
func (r *pauseReport) stopped(before, after pauses) {
	r.MarkCPU, r.AssistCPU = after.mark-before.mark, after.assist-before.assist
	r.Stops, r.PauseP50 = stopsAt(before.total, after.total, 0.5)
	_, r.PauseP99 = stopsAt(before.total, after.total, 0.99)
	_, r.PauseMax = stopsAt(before.total, after.total, 1)
	_, r.StoppingP50 = stopsAt(before.stopping, after.stopping, 0.5)
	_, r.StoppingMax = stopsAt(before.stopping, after.stopping, 1)
}

// stopsAt is how many stops came between two readings, and the quantile of
// their times in microseconds.
func stopsAt(before, after *metrics.Float64Histogram, quantile float64) (count uint64, us float64) {
	added := func(bucket int) uint64 { return after.Counts[bucket] - before.Counts[bucket] }
	for bucket := range after.Counts {
		count += added(bucket)
	}
	wanted := uint64(math.Ceil(float64(count) * quantile))
	var seen uint64
	for bucket := range after.Counts {
		seen += added(bucket)
		if count > 0 && seen >= wanted && added(bucket) > 0 {
			bound := after.Buckets[bucket+1]
			if math.IsInf(bound, 1) {
				bound = after.Buckets[bucket]
			}
			return count, bound * 1e6
		}
	}
	return count, 0
}
