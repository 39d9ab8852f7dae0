/* Weak places, and when a cycle decides them.
 *
 * Modelled: the safe API's weak references: a word that marking does not follow. Two mutators of one register that
 * survives safepoints (the raw layer's roots), two objects of one field, two weak places, cycle after cycle. A mutator
 * loads a weak place (three steps: the word; its mark; what the mark asks for), points one at what it holds, loads and
 * clears fields, drops what it holds, allocates. Rounds: A, barrier on; C, roots and black; D, buffers; then the
 * decision; then W; then E, after whose question sweeping begins at once. Between A and E a weak load of an unmarked
 * object looks at one word of the heap: OPEN, AGAIN or DECIDED. If it is not DECIDED, the load exchanges OPEN for AGAIN,
 * then shades. If it is, the load finds nothing. When marking has ended for all that is known, the collector exchanges
 * OPEN for DECIDED; if it finds AGAIN, it goes on with marking and
 * another round D, and puts OPEN back when it asks for that. After the
 * decision it clears the places that lead to unmarked objects, by an exchange, and then asks for round W: its end says
 * that nobody is in the middle of a load that began before the clearing. Then it puts CLEARED, with which a load finds what
 * is there, and only then does the generation move on: from their answer to E mutators allocate white.
 *
 * Who shades an object without references tells nobody. So a load that reads DECIDED looks at the mark again.
 *
 * Marks are cleared when a cycle begins; nobody looks at them before A.
 *
 * Left out: weak memory, the root table (roots.pml), B (here a barrier and its store are one step: start.pml has two),
 * parked mutators (detach.pml), overflowing buffers and workers (termination.pml).
 *
 * Properties: no mutator holds a freed object; a load finds nothing, or a place is cleared, only if nobody holds the
 * object; an object that was gone once is never found again.
 *
 * Variants: RAGGED (no word: a mutator's own answer to W, asked after D, makes it read an unmarked object as gone; who
 * has not answered shades, and then marking goes on), FLAG (the decision is a flag that is set and not an exchange: a
 * load that has read "not decided" shades after it), NOAGAIN (a load shades and does not say so), NOSHADE (a load does
 * not shade), NOW (no round W), WFIRST (round W before the clearing), NOCLEAR (nothing is cleared), CLEARSTORE (a place
 * is cleared by a look and a store), COPY (copying a place copies the word and does not load). RAGGED with ORDERONLY:
 * also if only "gone, then found" counts. NOLOOK (a load that reads DECIDED does not look at the mark again), NOCLEARED (the
 * word stays DECIDED until the next cycle), SKIPW (W is asked only if a place was cleared: another mutator may have pointed one
 * elsewhere between the load's look and the clearing). SKIPW with FIXED is as the heap is, and safe: a place is pointed at
 * an object only while it is empty, as a new one is.
 *
 * Bounds: as modelled. Expected: safe, exhausted with 4.3 million states, 8 s, on a busy two-core machine; the variants
 * are in the table of docs/design/on-the-fly.md.
 */
#define N 2
#define OFF 0
#define ON 1
#define TAKEN 2
#define OPEN 0
#define AGAIN 1
#define DECIDED 2
#define CLEARED 3
#define QUEUED 3

byte fld[N];
bit live[N], mk[N], gone[N];
bit young[N];                   /* allocated by who has answered E: this sweep does not look at it */
bit any;                        /* a place was cleared */
byte grey[N];                   /* 0, 1 + the mutator whose buffer it is in, or QUEUED */
byte weak[2];
byte r[2], w[2], mph[2];        /* w: the word that a weak load has read */
bit ep[2], colour[2], ask[2], learnt[2];
bit stale[2];                   /* what w leads to was freed since: only asserted */
byte round, word;

inline shade(p, e, where) { if :: p != 0 && mk[p-1] != e -> mk[p-1] = e; if :: fld[p-1] != 0 -> grey[p-1] = where :: else fi :: else fi }
inline flush(m) {
  if :: grey[0] == m + 1 -> grey[0] = QUEUED :: else fi;
  if :: grey[1] == m + 1 -> grey[1] = QUEUED :: else fi
}

/* The load finds nothing: nobody may hold the object. */
#ifdef ORDERONLY
inline nothing(p) { gone[p-1] = 1 }
#else
inline nothing(p) { assert(r[0] != p && r[1] != p); gone[p-1] = 1 }
#endif
inline found(p) { assert(live[p-1] && !gone[p-1] && !stale[m]); r[m] = p }

proctype mutator(byte m) {
again:
  do
  :: atomic { ask[m] ->
       if
       :: round == 1 -> mph[m] = ON; ep[m] = 1
       :: round == 3 -> shade(r[m], 1, m + 1); flush(m); mph[m] = TAKEN; colour[m] = 1
       :: round == 4 -> flush(m)
       :: round == 5 -> learnt[m] = 1; flush(m)
       :: round == 0 -> mph[m] = OFF; learnt[m] = 0; colour[m] = 0
       fi;
       ask[m] = 0 }
  :: atomic { r[m] != 0 -> r[m] = fld[r[m]-1] }
  :: atomic { r[m] != 0 -> r[m] = 0 }
  :: atomic { r[m] != 0 && fld[r[m]-1] != 0 ->
       if :: mph[m] != OFF -> shade(fld[r[m]-1], ep[m], m + 1) :: else fi;
       fld[r[m]-1] = 0 }
  :: atomic { !(live[0] && live[1]) ->                          /* allocates, with an initialising store */
       w[m] = r[m];
       if :: !live[0] -> r[m] = 1 :: else -> r[m] = 2 fi;
       live[r[m]-1] = 1; gone[r[m]-1] = 0; mk[r[m]-1] = colour[m]; young[r[m]-1] = !colour[m]; fld[r[m]-1] = w[m]; w[m] = 0 }
#ifdef FIXED
  :: atomic { r[m] != 0 && weak[0] == 0 -> weak[0] = r[m] }
  :: atomic { r[m] != 0 && weak[1] == 0 -> weak[1] = r[m] }
#else
  :: atomic { r[m] != 0 -> if :: weak[0] = r[m] :: weak[1] = r[m] fi }
#endif
#ifdef COPY
  :: atomic { weak[0] != 0 -> weak[1] = weak[0] }
  :: atomic { weak[1] != 0 -> weak[0] = weak[1] }
#endif
  :: atomic { r[m] == 0 && weak[0] != 0 -> w[m] = weak[0]; goto load }
  :: atomic { r[m] == 0 && weak[1] != 0 -> w[m] = weak[1]; goto load }
  :: d_step { r[m] != 0 && !live[r[m]-1] -> assert(false) }
  od;
load:
  atomic {
    if
    :: mph[m] == OFF || mk[w[m]-1] == ep[m] -> found(w[m]); goto loaded
    :: else
    fi };
#if defined(RAGGED)
  atomic {
    if
    :: learnt[m] -> if :: stale[m] :: else -> nothing(w[m]) fi
    :: else -> shade(w[m], ep[m], m + 1); word = AGAIN; found(w[m])
    fi };
#elif defined(FLAG)
  if
  :: atomic { word == DECIDED -> if :: stale[m] :: else -> nothing(w[m]) fi }
  :: word != DECIDED -> atomic { shade(w[m], ep[m], m + 1); found(w[m]) }
  fi;
#else
  atomic {
    if
#ifdef NOLOOK
    :: word == DECIDED -> if :: stale[m] :: else -> nothing(w[m]) fi; goto loaded
#else
    :: word == DECIDED -> goto look
#endif
    :: word == CLEARED -> found(w[m]); goto loaded
    :: else ->
#ifndef NOAGAIN
       word = AGAIN
#endif
    fi;
    found(w[m]) };
#ifndef NOSHADE
  atomic { shade(w[m], ep[m], m + 1) };
#endif
#ifndef NOLOOK
  goto loaded;
look:
  atomic {
    if
    :: stale[m]
    :: !stale[m] && mk[w[m]-1] == ep[m] -> found(w[m])
    :: else -> nothing(w[m])
    fi };
#endif
#endif
loaded:
  atomic { w[m] = 0; stale[m] = 0; goto again }
}

#define HANDSHAKE(n) atomic { round = n; ask[0] = 1; ask[1] = 1 }; (!ask[0] && !ask[1])

inline scan(i) { atomic { grey[i] == QUEUED -> grey[i] = 0; shade(fld[i], 1, QUEUED) } }
inline sweep(i) { d_step { if :: live[i] && !mk[i] && !young[i] -> live[i] = 0; fld[i] = 0; grey[i] = 0;
  if :: w[0] == i + 1 -> stale[0] = 1 :: else fi; if :: w[1] == i + 1 -> stale[1] = 1 :: else fi :: else fi } }
#define DOOMED(i) (weak[i] != 0 && !mk[weak[i]-1])

inline clear(i) {
#ifdef CLEARSTORE
  if :: DOOMED(i) -> gone[weak[i]-1] = 1; weak[i] = 0; any = 1 :: else fi
#else
  atomic { if :: DOOMED(i) -> nothing(weak[i]); weak[i] = 0; any = 1 :: else fi }
#endif
}

proctype collector() {
  do
  :: d_step { mk[0] = 0; mk[1] = 0; young[0] = 0; young[1] = 0; any = 0; ep[0] = !ep[0]; ep[1] = !ep[1];
              word = OPEN; round = 1; ask[0] = 1; ask[1] = 1 };
     (!ask[0] && !ask[1]);
     HANDSHAKE(3);
drain:
     do
     :: scan(0) :: scan(1)
     :: atomic { grey[0] != QUEUED && grey[1] != QUEUED -> break }
     od;
     atomic { word = OPEN; round = 4; ask[0] = 1; ask[1] = 1 };
     (!ask[0] && !ask[1]);
     if :: grey[0] == QUEUED || grey[1] == QUEUED -> goto drain :: else fi;
#ifdef RAGGED
     HANDSHAKE(5);
     atomic { if :: word == AGAIN -> goto drain :: else fi };
#endif
     atomic { if :: word == AGAIN -> goto drain :: else -> word = DECIDED fi };
#ifdef WFIRST
     HANDSHAKE(5);
#endif
#ifndef NOCLEAR
     clear(0); clear(1);
#endif
#if !defined(NOW) && !defined(WFIRST)
#ifdef SKIPW
     if :: any -> HANDSHAKE(5) :: else fi;
#else
     HANDSHAKE(5);
#endif
#endif
#ifdef FLAG
     if :: grey[0] == QUEUED || grey[1] == QUEUED -> goto drain :: else fi;
#endif
#if !defined(RAGGED) && !defined(NOCLEARED)
     atomic { word = CLEARED };
#endif
     atomic { round = 0; ask[0] = 1; ask[1] = 1 };
     sweep(0); sweep(1);
     (!ask[0] && !ask[1])
  od
}

init { atomic {
  live[0] = 1; live[1] = 1; fld[0] = 2; r[0] = 1; weak[0] = 1; weak[1] = 2;
  mk[0] = 1; mk[1] = 1; colour[0] = 1; colour[1] = 1; ep[0] = 1; ep[1] = 1;
  run mutator(0); run mutator(1); run collector() } }
