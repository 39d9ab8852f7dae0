package p

import "io"

type writer struct{ w io.Writer }

func (w writer) WriteString(s string) (int, error) { return w.w.Write([]byte(s)) }

// A variable that is declared with another one may hold something else than what is assigned to it later.
func asserted(w io.Writer, lines []string) {
	sw, ok := w.(io.StringWriter)
	if !ok {
		sw = writer{w}
	}
	for _, line := range lines {
		sw.WriteString(line)
	}
}

func pair() (io.StringWriter, error) { return nil, nil }

func declared(w io.Writer) {
	var sw, err = pair()
	if err != nil {
		sw = writer{w}
	}
	sw.WriteString("a")
}

func typed(w io.Writer) {
	var sw, other io.StringWriter = two(w)
	sw = writer{w}
	sw.WriteString("b")
	other.WriteString("c")
}

func two(w io.Writer) (io.StringWriter, io.StringWriter) { return writer{w}, writer{w} }

func looked(m map[string]func(*int) *int, n int) int {
	f, ok := m["f"]
	if !ok {
		f = func(p *int) *int { return p }
	}
	return *f(&n)
}

func only(w io.Writer) {
	var sw io.StringWriter = writer{w}
	sw.WriteString("d")
}
