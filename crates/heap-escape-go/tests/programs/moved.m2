??:11: x escapes to heap in a:
??:11:   flow: {heap} ← &{storage for x}:
??:11:     from x (spill) at ??:11
??:11:     from sink = x (assign) at ??:11
foo.go:20:13: x escapes to heap in a:
foo.go:20:13:   flow: {heap} ← &{storage for x}:
foo.go:20:13:     from x (spill) at foo.go:20:13
foo.go:20:13:     from sink = x (assign) at foo.go:20:11
foo.go:20:25: x + 1 escapes to heap in a:
foo.go:20:25:   flow: {heap} ← &{storage for x + 1}:
foo.go:20:25:     from x + 1 (spill) at foo.go:20:25
foo.go:20:25:     from sink = x + 1 (assign) at foo.go:20:21
foo.go:21:9: x escapes to heap in a:
foo.go:21:9:   flow: {heap} ← &{storage for x}:
foo.go:21:9:     from x (spill) at foo.go:21:9
foo.go:21:9:     from sink = x (assign) at foo.go:21:7
foo.go:30:15: x escapes to heap in a:
foo.go:30:15:   flow: {heap} ← &{storage for x}:
foo.go:30:15:     from x (spill) at foo.go:30:15
foo.go:30:15:     from sink = x (assign) at foo.go:30:13
??:33: x escapes to heap in a:
??:33:   flow: {heap} ← &{storage for x}:
??:33:     from x (spill) at ??:33
??:33:     from sink = x (assign) at ??:33
??:34: x escapes to heap in a:
??:34:   flow: {heap} ← &{storage for x}:
??:34:     from x (spill) at ??:34
??:34:     from sink = x (assign) at ??:34
??:36: x escapes to heap in a:
??:36:   flow: {heap} ← &{storage for x}:
??:36:     from x (spill) at ??:36
??:36:     from sink = x (assign) at ??:36
??:40: x escapes to heap in a:
??:40:   flow: {heap} ← &{storage for x}:
??:40:     from x (spill) at ??:40
??:40:     from sink = x (assign) at ??:40
??:41: x escapes to heap in a:
??:41:   flow: {heap} ← &{storage for x}:
??:41:     from x (spill) at ??:41
??:41:     from sink = x (assign) at ??:41
??:11: x escapes to heap
foo.go:20:13: x escapes to heap
foo.go:20:25: x + 1 escapes to heap
foo.go:21:9: x escapes to heap
foo.go:30:15: x escapes to heap
??:33: x escapes to heap
??:34: x escapes to heap
??:36: x escapes to heap
??:40: x escapes to heap
??:41: x escapes to heap
zip.go:100:26: x escapes to heap in b:
zip.go:100:26:   flow: {heap} ← &{storage for x}:
zip.go:100:26:     from x (spill) at zip.go:100:26
zip.go:100:26:     from sink = x (assign) at zip.go:100:24
zip.go:100:26: x escapes to heap
