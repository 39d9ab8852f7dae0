package p

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
)

var sink any

type point struct{ x, y int }

func (p point) String() string { return fmt.Sprintf("(%d, %d)", p.x, p.y) }

const limit = 64 * 1024

func join(a, b string, n int) string {
	s := a + ", " + b
	s += strconv.Itoa(n)
	return s + strings.Repeat("x", n)
}

func split(s string) []string {
	parts := strings.Split(s, ",")
	sort.Strings(parts)
	sort.Slice(parts, func(i, j int) bool { return parts[i] < parts[j] })
	return parts
}

func build(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q", name)
	}
	return b.String()
}

func fail(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer f.Close()
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("not there")
	}
	return nil
}

func forms(a []int, m map[string]int, i any, c chan int, f func(int) int) {
	sink = a[1] + 3*a[2]
	sink = -a[0]
	sink = !(a == nil || len(m) == 0)
	sink = ^a[0] &^ 3
	sink = a[1:]
	sink = a[:2:3]
	sink = *(&a[0])
	sink = m["k"]
	sink = i.(int)
	sink = i.(fmt.Stringer)
	sink = <-c
	sink = f(1)
	sink = string(rune(a[0]))
	sink = []byte("abc")
	sink = float64(a[0]) / 2.5
	sink = 'x'
	sink = "a \"quoted\" string\n"
	sink = 1.5e10
	sink = 1 << 3
	sink = complex(1, -2)
	sink = limit + 1
	sink = uint8(7)
	sink = point{1, 2}
	sink = &point{}
	sink = [2]point{{1, 2}}
	sink = []*point{{1, 2}, nil}
	sink = map[string][]int{"a": {1}}
	sink = struct{ a, b int }{1, 2}
	sink = [...]string{3: "d"}
	sink = make([]byte, limit)
	sink = make([]byte, limit+1)
	sink = make([]int, 3, len(a))
	sink = make(map[string]int, 3)
	sink = make(chan int)
	sink = new(point)
	sink = append(a, 1, 2)
	sink = append([]byte(nil), "x"...)
	sink = min(a[0], 3)
	sink = func() {}
	sink = any(nil)
	sink = fmt.Stringer(point{3, 4})
	sink = point.String
	sink = cap(a)
	sink = copy(a, a)
	sink = m == nil
	sink = i == 3
	var local [300]int
	sink = local[:]
	fmt.Println(a, len(m), "x", i)
	fmt.Println()
	println(a[0], "y")
	panic("z" + join("a", "b", 1))
}
