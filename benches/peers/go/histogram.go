package main

import (
	"math/bits"
	"time"
)

// A histogram keeps durations to three digits: 1024 buckets for each power of
// two nanoseconds, which is one part in a thousand.
type histogram struct {
	buckets [64 << histogramBits]uint64
	count   uint64
	longest time.Duration
}

const histogramBits = 10

func bucketOf(nanos uint64) int {
	shift := max(bits.Len64(nanos)-histogramBits-1, 0)
	return shift<<histogramBits + int(nanos>>shift)
}

// lowest is the least duration that falls into a bucket.
func lowest(bucket int) uint64 {
	shift := max(bucket>>histogramBits-1, 0)
	return uint64(bucket-shift<<histogramBits) << shift
}

func (h *histogram) record(took time.Duration) {
	h.buckets[bucketOf(uint64(max(took, 0)))]++
	h.count++
	h.longest = max(h.longest, took)
}

func (h *histogram) add(other *histogram) {
	for bucket, count := range other.buckets {
		h.buckets[bucket] += count
	}
	h.count += other.count
	h.longest = max(h.longest, other.longest)
}

// at is the percentile in microseconds; 0 of nothing.
func (h *histogram) at(percentile float64) float64 {
	wanted := uint64(float64(h.count)*percentile/100 + 0.5)
	var seen uint64
	for bucket, count := range h.buckets {
		seen += count
		if count > 0 && seen >= wanted {
			return float64(lowest(bucket)) / 1e3
		}
	}
	return 0
}
