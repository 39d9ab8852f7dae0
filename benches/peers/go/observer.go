package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"
)

// writeMetrics says all of runtime/metrics that is a number, and the ratio of
// HeapInuse to HeapAlloc, in the form that Prometheus reads. Nothing stops.
func writeMetrics(w io.Writer, samples []metrics.Sample) {
	metrics.Read(samples)
	values := map[string]float64{}
	for _, sample := range samples {
		value := 0.0
		switch sample.Value.Kind() {
		case metrics.KindUint64:
			value = float64(sample.Value.Uint64())
		case metrics.KindFloat64:
			value = sample.Value.Float64()
		default:
			continue
		}
		values[sample.Name] = value
		name := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, sample.Name)
		fmt.Fprintf(w, "# TYPE go%s gauge\ngo%s %g\n", name, name, value)
	}
	objects, unused := values["/memory/classes/heap/objects:bytes"], values["/memory/classes/heap/unused:bytes"]
	fmt.Fprintf(w, "# TYPE fragmentation gauge\nfragmentation %g\n# EOF\n", (objects+unused)/objects)
}

// churn keeps so many bytes alive, and replaces random objects of them until
// it is told to stop.
func churn(live int, ready chan<- struct{}, stop <-chan struct{}) {
	const size = 256
	all := make([]*[size / 8]uint64, live/size)
	for i := range all {
		all[i] = new([size / 8]uint64)
	}
	close(ready)
	dice := rand.New(rand.NewPCG(1, 2))
	for {
		select {
		case <-stop:
			runtime.KeepAlive(all)
			return
		default:
			for range 100 {
				all[dice.IntN(len(all))] = new([size / 8]uint64)
			}
		}
	}
}

// observed serves the runtime's metrics and asks for them: first alone, then
// every 3 ms while a program with so many bytes alive allocates.
func (t *task) observed() error {
	live, scrapes := t.numbers[0], t.numbers[1]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var samples []metrics.Sample
	for _, one := range metrics.All() {
		samples = append(samples, metrics.Sample{Name: one.Name})
	}
	var one sync.Mutex
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		one.Lock()
		defer one.Unlock()
		writeMetrics(w, samples)
	})}
	go server.Serve(listener)
	defer server.Close()
	url := "http://" + listener.Addr().String() + "/metrics"
	bytes := 0
	scrape := func() (time.Duration, error) {
		began := time.Now()
		reply, err := http.Get(url)
		if err != nil {
			return 0, err
		}
		defer reply.Body.Close()
		text, err := io.ReadAll(reply.Body)
		took := time.Since(began)
		if err == nil && !strings.HasSuffix(string(text), "# EOF\n") {
			err = fmt.Errorf("the metrics do not end")
		}
		bytes = len(text)
		return took, err
	}
	const alone = 300
	if _, err := scrape(); err != nil {
		return err
	}
	cpu := processCPU()
	for range alone {
		if _, err := scrape(); err != nil {
			return err
		}
	}
	t.Figures["alone: cpu ns"] = float64((processCPU() - cpu).Nanoseconds()) / alone

	ready, stop := make(chan struct{}), make(chan struct{})
	var churning sync.WaitGroup
	churning.Add(1)
	go func() {
		defer churning.Done()
		churn(live, ready, stop)
	}()
	<-ready
	cycles := memStats().NumGC
	var took, stats []time.Duration
	for due := time.Now(); len(took) < scrapes; due = due.Add(3 * time.Millisecond) {
		time.Sleep(time.Until(due))
		one, err := scrape()
		if err != nil {
			return err
		}
		took = append(took, one)
		if len(took)%10 == 0 {
			began := time.Now()
			memStats()
			stats = append(stats, time.Since(began))
		}
	}
	t.Figures["collections"] = float64(memStats().NumGC - cycles)
	close(stop)
	churning.Wait()
	t.Figures["p50 ns"], t.Figures["p99 ns"] = quantile(took, 0.5), quantile(took, 0.99)
	if len(stats) > 0 {
		t.Figures["ReadMemStats: p50 ns"], t.Figures["ReadMemStats: p99 ns"] = quantile(stats, 0.5), quantile(stats, 0.99)
	}
	t.Figures["bytes of a reply"] = float64(bytes)
	return nil
}

// quantile is that of some times, in nanoseconds.
func quantile(of []time.Duration, at float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return float64(sorted[int(at*float64(len(sorted)-1))].Nanoseconds())
}
