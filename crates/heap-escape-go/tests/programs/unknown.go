package p

import (
	"container/ring"
	"html/template"
	"log/slog"
	"net"
	"net/textproto"
)

type point struct{ x, y int }

func stored(r *ring.Ring, n int, p point) {
	r.Value = n
	r.Next().Value = p
	last := r
	last.Value = "text"
}

func executed(t *template.Template, names []string, p point) error {
	if err := t.Execute(nil, names); err != nil {
		return err
	}
	return t.Execute(nil, p)
}

func logged(l *slog.Logger, n int) {
	slog.Info("started", "n", n)
	l.Warn("late", "by", 7, "of", float64(n))
}

func made(n int) (textproto.MIMEHeader, textproto.MIMEHeader) {
	return make(textproto.MIMEHeader), make(textproto.MIMEHeader, n)
}

func joined(h textproto.MIMEHeader, s string) (string, string) {
	return h.Get(s) + s, "a" + h.Get(s) + "b"
}

func converted(t *template.Template, a slog.Attr) (string, []byte) {
	return string(t.Name()), []byte(a.Key)
}

func pointers(r *ring.Ring, p *point, f func()) {
	r.Value = p
	r.Value = f
	r.Value = nil
}

var text string
var bytes []byte

// A conversion that copies nothing.
func kept(h template.HTML, a net.IP) {
	text = string(h)
	bytes = []byte(a)
}

func literal(n int) *ring.Ring { return &ring.Ring{Value: n} }
