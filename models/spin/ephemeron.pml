/* Ephemerons: a value that is kept as long as its key is, beside mutators that read, replace and insert.
 *
 * Modelled: two mutators of one register that survives safepoints, three objects of one field, one weak place, one
 * ephemeron, cycle after cycle. The table that leads to the ephemeron is always reachable. A mutator whose register has the
 * key reads the value (three steps, as a weak load: the word; its mark; what the mark asks for), and may take it out then.
 * Mutators load and clear fields, and drop what they hold; one of them points the weak place at what it holds, if it is
 * empty, and both load it. With INSERT there is no weak place; one mutator makes an ephemeron where there is none, of what it
 * holds and what the field of that leads to, in either order, or of what it holds and a new object, whose field leads back or
 * nowhere. Rounds, the word of the heap, the weak place and its clearing are those of weak.pml. After each drain the collector looks:
 * if the key is marked it marks the value, and drains again. After a round D that brought nothing it looks once more, and
 * then exchanges OPEN for DECIDED. An ephemeron that is made after the first look of a cycle is left alone in that cycle.
 * When a cycle is decided the ephemeron is cleared if its key is unmarked.
 *
 * Left out: as in weak.pml; the steps of a drain and of a look (a drain is one step: start.pml has many; marks only come); that the
 * ephemeron has a mark itself, which is another thing to wait for, like the key's; more than one ephemeron (a chain is a key
 * that is marked late, which here the weak place does).
 *
 * Properties: no mutator holds a freed object; who reads the value of a key finds it live, and never reads that it is
 * dead; the ephemeron is not cleared while somebody holds its key, and its key is held by nobody ever after; those of weak.pml
 * for the weak place.
 *
 * Variants: ONELOOK (the collector looks once in a cycle), LOOKBEFORE (it does not look between round D and the decision),
 * EARLYCLEAR (a look that finds the key unmarked clears), NOTTOLD (reading a value shades it and does not say so), NOSHADE
 * (reading a value says so and does not shade), PLAIN (reading a value does neither), INSERT EARLYLIST (which ephemerons a
 * cycle looks at is decided when it begins).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 0.9 million states, and 2.9 with INSERT; the variants are in the table of
 * docs/design/on-the-fly.md.
 */
#define N 3
#define OFF 0
#define ON 1
#define TAKEN 2
#define OPEN 0
#define AGAIN 1
#define DECIDED 2
#define CLEARED 3
#define QUEUED 3

byte fld[N];
bit live[N], mk[N];
bit young[N];                   /* allocated by who has answered E: this sweep does not look at it */
bit any;                        /* the place was cleared */
byte grey[N];                   /* 0, 1 + the mutator whose buffer it is in, or QUEUED */
byte weak;
byte ek, ev;                    /* the ephemeron, if there is one: ek is not 0 */
byte es;                        /* 0: not in the cycle's list; 1: in it, waits; 2: in it, settled */
bit looked, found;
byte r[2], w[2], mph[2];        /* w: the word that a load has read */
bit byKey[2];                   /* the word was read from the ephemeron */
bit ep[2], colour[2], ask[2];
bit stale[2];                   /* what w leads to was freed since: only asserted */
byte round, word;
byte past;                      /* the key of the ephemeron that was cleared, until it is freed: only asserted */

inline shade(p, e, where) { if :: p != 0 && mk[p-1] != e -> mk[p-1] = e; if :: fld[p-1] != 0 -> grey[p-1] = where :: else fi :: else fi }
inline flush(m) {
  if :: grey[0] == m + 1 -> grey[0] = QUEUED :: else fi;
  if :: grey[1] == m + 1 -> grey[1] = QUEUED :: else fi;
  if :: grey[2] == m + 1 -> grey[2] = QUEUED :: else fi
}

/* The load finds nothing: nobody may hold the object, and it was not the value of a key. */
inline nothing(p) { assert(r[0] != p && r[1] != p) }
inline founds(p) {
  assert(live[p-1] && !stale[m]);
  if
  :: byKey[m] -> if :: r[m] = p :: r[m] = p; if :: ev == p -> ek = 0; ev = 0; es = 0 :: else fi fi
  :: else -> r[m] = p
  fi }
#define FREE (!live[0] || !live[1] || !live[2])

inline alloc(p, f) {
  if :: !live[0] -> p = 1 :: live[0] && !live[1] -> p = 2 :: else -> p = 3 fi;
  live[p-1] = 1; mk[p-1] = colour[m]; young[p-1] = !colour[m]; fld[p-1] = f }

proctype mutator(byte m) {
  byte n;
again:
  do
  :: atomic { ask[m] ->
       if
       :: round == 1 -> mph[m] = ON; ep[m] = 1
       :: round == 3 -> shade(r[m], 1, m + 1); flush(m); mph[m] = TAKEN; colour[m] = 1
       :: round == 4 -> flush(m)
       :: round == 5 -> skip
       :: round == 0 -> flush(m); mph[m] = OFF; colour[m] = 0
       fi;
       ask[m] = 0 }
  :: atomic { r[m] != 0 -> r[m] = fld[r[m]-1] }
  :: atomic { r[m] != 0 -> r[m] = 0 }
  :: atomic { r[m] != 0 && fld[r[m]-1] != 0 ->
       if :: mph[m] != OFF -> shade(fld[r[m]-1], ep[m], m + 1) :: else fi;
       fld[r[m]-1] = 0 }
#ifdef INSERT
  :: atomic { m == 0 && r[m] != 0 && ek == 0 && fld[r[m]-1] != 0 ->
       if :: ek = r[m]; ev = fld[r[m]-1] :: ek = fld[r[m]-1]; ev = r[m] fi }
  :: atomic { m == 0 && r[m] != 0 && ek == 0 && FREE -> n = 0; alloc(n, 0); if :: fld[n-1] = r[m] :: true fi; ek = r[m]; ev = n; n = 0 }
#else
  :: atomic { m == 0 && r[m] != 0 && weak == 0 -> weak = r[m] }
#endif
  :: atomic { r[m] == 0 && weak != 0 -> w[m] = weak; goto load }
  :: atomic { r[m] != 0 && ek == r[m] -> w[m] = ev; byKey[m] = 1; assert(live[ev-1]); goto load }
  :: d_step { r[m] != 0 && (!live[r[m]-1] || r[m] == past) -> assert(false) }
  od;
load:
#ifdef PLAIN
  atomic { if :: byKey[m] -> founds(w[m]); goto loaded :: else fi };
#endif
  atomic {
    if
    :: mph[m] == OFF || mk[w[m]-1] == ep[m] -> founds(w[m]); goto loaded
    :: else
    fi };
  atomic {
    if
    :: word == DECIDED -> goto look
    :: word == CLEARED -> founds(w[m]); goto loaded
    :: else ->
#ifdef NOTTOLD
       if :: byKey[m] :: else -> word = AGAIN fi
#else
       word = AGAIN
#endif
    fi };
#ifdef NOSHADE
  atomic { if :: byKey[m] :: else -> shade(w[m], ep[m], m + 1) fi; founds(w[m]) };
#else
  atomic { shade(w[m], ep[m], m + 1); founds(w[m]) };
#endif
  goto loaded;
look:
  atomic {
    if
    :: stale[m] -> assert(!byKey[m])
    :: !stale[m] && mk[w[m]-1] == ep[m] -> founds(w[m])
    :: else -> assert(!byKey[m]); nothing(w[m])
    fi };
loaded:
  atomic { w[m] = 0; stale[m] = 0; byKey[m] = 0; goto again }
}

#define HANDSHAKE(n) atomic { round = n; ask[0] = 1; ask[1] = 1 }; (!ask[0] && !ask[1])

inline scan(i) { if :: grey[i] == QUEUED -> grey[i] = 0; shade(fld[i], 1, QUEUED) :: else fi }
inline sweep(i) { if :: live[i] && !mk[i] && !young[i] -> live[i] = 0; fld[i] = 0; grey[i] = 0; mk[i] = 0; if :: past == i + 1 -> past = 0 :: else fi;
  if :: w[0] == i + 1 -> stale[0] = 1 :: else fi; if :: w[1] == i + 1 -> stale[1] = 1 :: else fi :: else fi }

#define CLEAR { assert(r[0] != ek && r[1] != ek); past = ek; ek = 0; ev = 0; es = 0 }

inline looks() {
  atomic {
    found = 0;
    if :: !looked && ek != 0 -> es = 1 :: else fi;
#ifdef ONELOOK
    if :: looked -> goto done :: else fi;
#endif
    looked = 1;
    if
    :: es == 1 && mk[ek-1] -> es = 2; if :: !mk[ev-1] -> shade(ev, 1, QUEUED); found = 1 :: else fi
#ifdef EARLYCLEAR
    :: es == 1 && !mk[ek-1] -> CLEAR
#endif
    :: else
    fi;
#ifdef ONELOOK
done: skip
#endif
  }
}

proctype collector() {
  do
  :: atomic { !ask[0] && !ask[1] ->
              mk[0] = 0; mk[1] = 0; mk[2] = 0; young[0] = 0; young[1] = 0; young[2] = 0; any = 0;
              ep[0] = 0; ep[1] = 0; es = 0; looked = 0; word = OPEN; round = 1; ask[0] = 1; ask[1] = 1;
#ifdef EARLYLIST
              looked = 1; if :: ek != 0 -> es = 1 :: else fi
#endif
            };
     (!ask[0] && !ask[1]);
     HANDSHAKE(3);
drain:
     skip;
     d_step {
       do
       :: grey[0] != QUEUED && grey[1] != QUEUED && grey[2] != QUEUED -> break
       :: else -> scan(0); scan(1); scan(2)
       od };
     looks();
     if :: found -> goto drain :: else fi;
     atomic { word = OPEN; round = 4; ask[0] = 1; ask[1] = 1 };
     (!ask[0] && !ask[1]);
     if :: grey[0] == QUEUED || grey[1] == QUEUED || grey[2] == QUEUED -> goto drain :: else fi;
#ifndef LOOKBEFORE
     looks();
     if :: found -> goto drain :: else fi;
#endif
     atomic { if :: word == AGAIN -> goto drain :: else -> word = DECIDED fi };
     atomic { if :: weak != 0 && !mk[weak-1] -> nothing(weak); weak = 0; any = 1 :: else fi };
     atomic { if :: es == 1 && !mk[ek-1] -> CLEAR :: else fi };
     if :: any -> HANDSHAKE(5) :: else fi;
     atomic { word = CLEARED };
     atomic { round = 0; ask[0] = 1; ask[1] = 1 };
     d_step { sweep(0); sweep(1); sweep(2); es = 0; looked = 0; any = 0 }
  od
}

init { atomic {
  live[0] = 1; live[1] = 1; live[2] = 1; fld[1] = 3; r[0] = 1; ek = 1; ev = 2; word = CLEARED;
#ifndef INSERT
  weak = 1;
#endif
 
  mk[0] = 1; mk[1] = 1; mk[2] = 1; colour[0] = 0; colour[1] = 0; ep[0] = 1; ep[1] = 1;
  run mutator(0); run mutator(1); run collector() } }
