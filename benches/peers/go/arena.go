package main

import (
	"fmt"
	"runtime"
	"slices"
)

// A chunk of a thousand objects, of which each keeps all: as close as Go comes
// to an arena without an experiment. Nobody counts references to it.

const inChunk = 1000

type (
	words2 struct {
		p *uint64
		v [1]uint64
	}
	words8 struct {
		p *uint64
		v [7]uint64
	}
	words12 struct {
		p *uint64
		v [11]uint64
	}
	numbered struct{ number uint64 }
)

var (
	sink2    *words2
	sink8    *words8
	sink12   *words12
	sinkDrop *numbered
	// Here and not in the function, where it could share its block with what
	// the cleanups are for, and keep that.
	gone uint64
)

// made is what a kind of object takes by itself and in a chunk: the least CPU
// of a few batches, since what disturbs one only adds to it.
func (t *task) made(name string, count int, alone, together func()) {
	var times [2][]float64
	for range 9 {
		for way, run := range []func(){alone, together} {
			cpu := processCPU()
			for range count / inChunk {
				run()
			}
			spent := processCPU() - cpu
			times[way] = append(times[way], float64(spent.Nanoseconds())/float64(count/inChunk*inChunk))
		}
	}
	byItself, inArena := slices.Min(times[0]), slices.Min(times[1])
	t.Figures[name+": alone ns"] = byItself
	t.Figures[name+": together ns"] = inArena
	t.Figures[name+": alone over together"] = byItself / inArena
}

func (t *task) arenas() error {
	count := t.numbers[0]
	if count < inChunk {
		return fmt.Errorf("%d objects are less than a chunk of %d", count, inChunk)
	}
	t.made("16 bytes", count, func() {
		for i := range inChunk {
			sink2 = &words2{v: [1]uint64{uint64(i)}}
		}
	}, func() {
		chunk := new([inChunk]words2)
		for i := range chunk {
			chunk[i].v[0] = uint64(i)
			sink2 = &chunk[i]
		}
	})
	t.made("64 bytes", count, func() {
		for i := range inChunk {
			sink8 = &words8{v: [7]uint64{uint64(i)}}
		}
	}, func() {
		chunk := new([inChunk]words8)
		for i := range chunk {
			chunk[i].v[0] = uint64(i)
			sink8 = &chunk[i]
		}
	})
	t.made("96 bytes", count, func() {
		for i := range inChunk {
			sink12 = &words12{v: [11]uint64{uint64(i)}}
		}
	}, func() {
		chunk := new([inChunk]words12)
		for i := range chunk {
			chunk[i].v[0] = uint64(i)
			sink12 = &chunk[i]
		}
	})
	t.made("8 bytes with a drop", count, func() {
		for i := range inChunk {
			object := &numbered{uint64(i)}
			runtime.AddCleanup(object, func(number uint64) { gone += number }, object.number)
			sinkDrop = object
		}
	}, func() {
		chunk := new([inChunk]numbered)
		for i := range chunk {
			chunk[i].number = uint64(i)
			sinkDrop = &chunk[i]
		}
		numbers := make([]uint64, inChunk)
		for i := range chunk {
			numbers[i] = chunk[i].number
		}
		runtime.AddCleanup(chunk, func(numbers []uint64) {
			for _, number := range numbers {
				gone += number
			}
		}, numbers)
	})
	sinkByte = byte(gone)
	return nil
}
