package main

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

// The definition, read literally.
func slowUtilisation(gaps []gap, span, window int64) float64 {
	window = max(min(window, span), 1)
	inside := make([]int64, span)
	for _, one := range gaps {
		for time := one.start; time < min(one.end, span); time++ {
			inside[time] = 1
		}
	}
	var most int64
	for from := int64(0); from+window <= span; from++ {
		var sum int64
		for _, one := range inside[from : from+window] {
			sum += one
		}
		most = max(most, sum)
	}
	return 1 - float64(most)/float64(window)
}

func TestUtilisationAgreesWithItsDefinition(t *testing.T) {
	random := random(7)
	for range 200 {
		span := int64(1 + random.below(120))
		var gaps []gap
		for time := int64(random.below(20)); time < span; {
			end := min(time+int64(random.below(12)), span)
			gaps = append(gaps, gap{time, end})
			time = end + 1 + int64(random.below(25))
		}
		for _, window := range []int64{1, 2, 7, 20, 119, 500} {
			got, expected := utilisation(gaps, span, window), slowUtilisation(gaps, span, window)
			if math.Abs(got-expected) > 1e-12 {
				t.Fatalf("%v of %d, %d: %v, not %v", gaps, span, window, got, expected)
			}
		}
	}
}

func TestAHistogramKeepsThreeDigits(t *testing.T) {
	var h histogram
	for micros := 1; micros <= 10_000; micros++ {
		h.record(time.Duration(micros) * time.Microsecond)
	}
	for percentile, micros := range map[float64]float64{50: 5000, 99: 9900, 99.9: 9990, 100: 10000} {
		if got := h.at(percentile); math.Abs(got-micros)/micros > 0.002 {
			t.Errorf("p%v is %v, not %v", percentile, got, micros)
		}
	}
	for nanos := uint64(1); nanos < 1<<40; nanos = nanos*3 + 1 {
		if low := lowest(bucketOf(nanos)); low > nanos || float64(nanos-low) > float64(nanos)/1000 {
			t.Errorf("%d falls into a bucket from %d", nanos, low)
		}
	}
}

func TestPauseRunsWithEveryObserver(t *testing.T) {
	for _, observer := range []string{"self", "spin", "req"} {
		args := []string{"pause", "--live", "1MiB", "--mutators", "1", "--seconds", "0.1", "--observer", observer, "--json"}
		report, err := pause(args)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"wall_s", "cpu_s", "objects", "operations", "samples", "p999_us", "max_us", "rss_bytes"} {
			if number, _ := fields[field].(float64); number <= 0 {
				t.Errorf("%s: %s is %v", observer, field, fields[field])
			}
		}
	}
}
