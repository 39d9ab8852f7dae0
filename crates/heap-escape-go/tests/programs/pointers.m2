pointers.go:13:2: x escapes to heap in address:
pointers.go:13:2:   flow: ~r0 ← &x:
pointers.go:13:2:     from &x (address-of) at pointers.go:14:9
pointers.go:13:2:     from return &x (return) at pointers.go:14:2
pointers.go:13:2: moved to heap: x
pointers.go:24:2: a escapes to heap in throughVariables:
pointers.go:24:2:   flow: b ← &a:
pointers.go:24:2:     from &a (address-of) at pointers.go:25:7
pointers.go:24:2:     from b := &a (assign) at pointers.go:25:4
pointers.go:24:2:   flow: c ← b:
pointers.go:24:2:     from c := b (assign) at pointers.go:26:4
pointers.go:24:2:   flow: ~r0 ← c:
pointers.go:24:2:     from return c (return) at pointers.go:27:2
pointers.go:24:2: moved to heap: a
pointers.go:30:13: n does not escape
pointers.go:30:22: parameter p leaks to {heap} for stored with derefs=0:
pointers.go:30:22:   flow: {heap} ← p:
pointers.go:30:22:     from n.word[0] = p (assign) at pointers.go:33:12
pointers.go:30:22: leaking param: p
pointers.go:31:2: x escapes to heap in stored:
pointers.go:31:2:   flow: {heap} ← &x:
pointers.go:31:2:     from &x (address-of) at pointers.go:32:12
pointers.go:31:2:     from &x (interface-converted) at pointers.go:32:12
pointers.go:31:2:     from n.value = &x (assign) at pointers.go:32:10
pointers.go:31:2: moved to heap: x
pointers.go:36:11: parameter n leaks to ~r0 for next with derefs=1:
pointers.go:36:11:   flow: ~r0 ← *n:
pointers.go:36:11:     from n.next (dot of pointer) at pointers.go:36:41
pointers.go:36:11:     from return n.next (return) at pointers.go:36:33
pointers.go:36:11: leaking param: n to result ~r0 level=1
pointers.go:37:16: parameter n leaks to ~r0 for afterNext with derefs=2:
pointers.go:37:16:   flow: ~r0 ← **n:
pointers.go:37:16:     from next(n) (call parameter) at pointers.go:37:44
pointers.go:37:16:     from next(n).next (dot of pointer) at pointers.go:37:47
pointers.go:37:16:     from return next(n).next (return) at pointers.go:37:33
pointers.go:37:16: leaking param: n to result ~r0 level=2
pointers.go:38:14: parameter n leaks to ~r0 for inArray with derefs=0:
pointers.go:38:14:   flow: ~r0 ← n:
pointers.go:38:14:     from n.word (dot) at pointers.go:38:41
pointers.go:38:14:     from n.word[1] (fixed-array-index-of) at pointers.go:38:46
pointers.go:38:14:     from return n.word[1] (return) at pointers.go:38:33
pointers.go:38:14: leaking param: n to result ~r0 level=0
pointers.go:39:14: parameter p leaks to {storage for &node{...}} for literal with derefs=0:
pointers.go:39:14:   flow: {storage for &node{...}} ← p:
pointers.go:39:14:     from [2]*int{...} (array literal element) at pointers.go:39:59
pointers.go:39:14:     from node{...} (struct literal element) at pointers.go:39:45
pointers.go:39:14: leaking param: p
pointers.go:39:40: &node{...} escapes to heap in literal:
pointers.go:39:40:   flow: ~r0 ← &{storage for &node{...}}:
pointers.go:39:40:     from &node{...} (spill) at pointers.go:39:40
pointers.go:39:40:     from return &node{...} (return) at pointers.go:39:33
pointers.go:39:40: &node{...} escapes to heap
pointers.go:40:11: parameter n leaks to ~r0 for slot with derefs=0:
pointers.go:40:11:   flow: ~r0 ← n:
pointers.go:40:11:     from n.word (dot of pointer) at pointers.go:40:42
pointers.go:40:11:     from n.word[1] (fixed-array-index-of) at pointers.go:40:47
pointers.go:40:11:     from &n.word[1] (address-of) at pointers.go:40:40
pointers.go:40:11:     from return &n.word[1] (return) at pointers.go:40:33
pointers.go:40:11: leaking param: n to result ~r0 level=0
pointers.go:41:12: parameter n leaks to ~r0 for deref with derefs=2:
pointers.go:41:12:   flow: ~r0 ← **n:
pointers.go:41:12:     from *n (indirection) at pointers.go:41:41
pointers.go:41:12:     from *(*n) (indirection) at pointers.go:41:40
pointers.go:41:12:     from return *(*n) (return) at pointers.go:41:33
pointers.go:41:12: leaking param: n to result ~r0 level=2
pointers.go:43:11: parameter n leaks to {heap} for self with derefs=2:
pointers.go:43:11:   flow: {heap} ← **n:
pointers.go:43:11:     from n.next (dot of pointer) at pointers.go:45:12
pointers.go:43:11:     from n.next.next (dot of pointer) at pointers.go:45:17
pointers.go:43:11:     from n.next = n.next.next (assign) at pointers.go:45:9
pointers.go:43:11: leaking param content: n
pointers.go:44:12: self ignoring self-assignment in n.word[0] = n.word[1]
pointers.go:46:18: self ignoring self-assignment in n.value, n.next = n.value, n.next
pointers.go:46:18: self ignoring self-assignment in n.value, n.next = n.value, n.next
pointers.go:52:3: x escapes to heap in loop:
pointers.go:52:3:   flow: last ← &x:
pointers.go:52:3:     from &x (address-of) at pointers.go:53:10
pointers.go:52:3:     from last = &x (assign) at pointers.go:53:8
pointers.go:52:3:   flow: {heap} ← last:
pointers.go:52:3:     from global = last (assign) at pointers.go:55:9
pointers.go:52:3: moved to heap: x
pointers.go:61:2: x escapes to heap in jumps:
pointers.go:61:2:   flow: last ← &x:
pointers.go:61:2:     from &x (address-of) at pointers.go:62:9
pointers.go:61:2:     from last = &x (assign) at pointers.go:62:7
pointers.go:61:2: moved to heap: x
pointers.go:68:12: parameter a leaks to first for mixed with derefs=0:
pointers.go:68:12:   flow: first ← a:
pointers.go:68:12:     from first = a (assign) at pointers.go:69:8
pointers.go:68:12: leaking param: a to result first level=0
pointers.go:68:15: b does not escape
pointers.go:68:23: parameter n leaks to {heap} for mixed with derefs=1:
pointers.go:68:23:   flow: {heap} ← *n:
pointers.go:68:23:     from n.value (dot of pointer) at pointers.go:71:10
pointers.go:68:23:     from sink = n.value (assign) at pointers.go:71:7
pointers.go:68:23: leaking param content: n
pointers.go:70:11: *b escapes to heap in mixed:
pointers.go:70:11:   flow: second ← &{storage for *b}:
pointers.go:70:11:     from *b (spill) at pointers.go:70:11
pointers.go:70:11:     from second = *b (assign) at pointers.go:70:9
pointers.go:70:11: *b escapes to heap
pointers.go:75:11: n does not escape
pointers.go:82:10: n does not escape
