package p

import (
	"reflect"
	"sync/atomic"
	"unsafe"
)

type header struct {
	n    int32
	data [4]byte
}

var word unsafe.Pointer
var count atomic.Int64
var current atomic.Pointer[header]

func bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func cast(p *header) *int32 { return (*int32)(unsafe.Pointer(p)) }

func offset(p unsafe.Pointer, n uintptr) unsafe.Pointer {
	return unsafe.Pointer(uintptr(p) + n*unsafe.Sizeof(header{}))
}

func add(p unsafe.Pointer) unsafe.Pointer { return unsafe.Add(p, 8) }

func store(h *header) {
	atomic.StorePointer(&word, unsafe.Pointer(h))
	count.Add(1)
	current.Store(h)
}

func data(s []byte) unsafe.Pointer {
	return unsafe.Pointer((*reflect.SliceHeader)(unsafe.Pointer(&s)).Data)
}

func array(s []int) [4]int    { return [4]int(s) }
func pointer(s []int) *[4]int { return (*[4]int)(s) }

func large() {
	var big [200 * 1024]byte
	_ = big[3]
	small := [1024]byte{}
	_ = small
	p := new([70 * 1024]byte)
	_ = p
	n := 100
	_ = make([]int, n)
	m := n * 2
	_ = make([]int, m)
	_ = make([]struct{}, 3)
	_ = make([]int, 0, 9000)
}

func convert(b []byte, s string) int {
	m := map[string]int{}
	n := m[string(b)]
	for range []byte(s) {
		n++
	}
	if string(b) == s {
		n++
	}
	return n + len([]rune(s))
}

type buffer struct {
	buf   []byte
	arr   [8]byte
	inner struct{ a, b *int }
}

func (b *buffer) shift() {
	b.buf = b.buf[1:]
	b.buf = b.arr[:]
	b.inner.a = b.inner.b
	b.arr[0] = b.arr[1]
}

func clear2(m map[string]*int, s []*int) {
	clear(m)
	clear(s)
	copy(s, s[1:])
	s = append(s[:1], s[2:]...)
	_ = s
}
