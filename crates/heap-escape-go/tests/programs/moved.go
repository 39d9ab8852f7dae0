package p

// Places are told to be elsewhere, in all the ways in which a comment may say so.
var sink any

//line :10
func a(x int) {
	sink = x
/*line foo.go:20:5*/ sink = x; sink = x + 1
	sink = x
/*line :30:7*/ sink = x
	/*line :33*/ sink = x
	sink = x
  //line bar.go:40
	sink = x
	s := `
//line raw.go:50
`
	_ = s; sink = x
	_ = s; sink = x
}
//line zip.go:100:3
func b(x int) { sink = x }
