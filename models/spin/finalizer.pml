/* Finalizers: objects that are brought back for one call, with what they lead to.
 *
 * Modelled: two mutators of one register that survives safepoints, two objects of one field, a weak place, cycle after cycle.
 * A mutator loads and clears a field, allocates with an initialising store, makes the weak place if it leads nowhere, and takes
 * an object whose finalizer is due: that is a root until then. The first also stores what it holds into that object (a ring of
 * one), and sets or clears its finalizer; the second loads the weak place (three steps, as in weak.pml). Rounds: A, barrier on;
 * the roots; C, roots and black; D, buffers; the decision, by exchange; W, if the place was cleared; CLEARED; E, after whose
 * question sweeping begins at once.
 *
 * After C the collector drains, and then looks into each object that has a finalizer and is unmarked: what its field leads to is
 * shaded, the object is not. When CLEARED is put, such an object that is unmarked still is marked and due.
 *
 * Left out: weak memory, other roots (roots.pml), B, parked mutators (detach.pml), overflowing buffers and workers
 * (termination.pml), other weak places and COPY (weak.pml). A barrier and its store are one step.
 *
 * Properties: no mutator holds a freed object; what becomes due leads to nothing that is unmarked or due, so not to itself, and
 * nobody holds it; what is due is there, and no weak place leads to it when it is taken; an object that was gone, or due, is
 * not found in a place that was made before.
 *
 * Variants: EARLY (objects are looked into before C is asked), NOFIELDS (they are not looked into), ORDER (what is unmarked before
 * the look is due), NOMARK (what is due is not marked), NOROOT (what is due is no root in the next cycle), REVIVEFIRST (objects
 * are brought back before the place is cleared), WITHOUTW (after the clearing, and round W is not asked), LATE (after E was asked).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 9.7 million states; the variants are in the table of
 * docs/design/cleanups.md.
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
bit fin[N], due[N];
bit noted[N];                   /* ORDER */
bit any;                        /* the place was cleared */
byte grey[N];                   /* 0, 1 + the mutator whose buffer it is in, or QUEUED */
byte weak;
byte r[2], w[2], mph[2];        /* w: the word that a weak load has read */
bit ep[2], colour[2], ask[2];
bit stale[2];                   /* what w leads to was freed since: only asserted */
byte round, word;

inline shade(p, e, where) { if :: p != 0 && mk[p-1] != e -> mk[p-1] = e; if :: fld[p-1] != 0 -> grey[p-1] = where :: else fi :: else fi }
inline flush(m) {
  if :: grey[0] == m + 1 -> grey[0] = QUEUED :: else fi;
  if :: grey[1] == m + 1 -> grey[1] = QUEUED :: else fi
}
inline nothing(p) { assert(r[0] != p && r[1] != p); gone[p-1] = 1 }
inline found(p) { assert(live[p-1] && !gone[p-1] && !stale[m]); r[m] = p }

proctype mutator(byte m) {
again:
  do
  :: atomic { ask[m] ->
       if
       :: round == 1 -> mph[m] = ON; ep[m] = 1
       :: round == 3 -> shade(r[m], 1, m + 1); flush(m); mph[m] = TAKEN; colour[m] = 1
       :: round == 4 -> flush(m)
       :: round == 5 -> skip
       :: round == 0 -> mph[m] = OFF; colour[m] = 0
       fi;
       ask[m] = 0 }
  :: atomic { r[m] != 0 -> r[m] = fld[r[m]-1] }
  :: atomic { r[m] != 0 -> r[m] = 0 }
  :: atomic { r[m] != 0 && fld[r[m]-1] != 0 ->
       if :: mph[m] != OFF -> shade(fld[r[m]-1], ep[m], m + 1) :: else fi;
       fld[r[m]-1] = 0 }
  :: atomic { m == 0 && r[m] != 0 && fld[r[m]-1] == 0 ->        /* into itself: before C it is shaded, too */
       if :: mph[m] == ON -> shade(r[m], ep[m], m + 1); if :: grey[r[m]-1] == 0 -> grey[r[m]-1] = m + 1 :: else fi :: else fi;
       fld[r[m]-1] = r[m] }
  :: atomic { !(live[0] && live[1]) ->                          /* allocates, with an initialising store */
       w[m] = r[m];
       if :: !live[0] -> r[m] = 1 :: else -> r[m] = 2 fi;
       live[r[m]-1] = 1; gone[r[m]-1] = 0; mk[r[m]-1] = colour[m]; young[r[m]-1] = !colour[m]; fld[r[m]-1] = w[m]; w[m] = 0 }
  :: atomic { m == 0 && r[m] != 0 && !due[r[m]-1] -> fin[r[m]-1] = 1 - fin[r[m]-1] }
  :: atomic { r[m] != 0 && weak == 0 -> weak = r[m]; gone[r[m]-1] = 0 }
  :: atomic { m == 1 && r[m] == 0 && weak != 0 -> w[m] = weak; goto load }
  :: atomic { r[m] == 0 && due[0] -> assert(live[0] && weak != 1); due[0] = 0; r[m] = 1 }
  :: atomic { r[m] == 0 && due[1] -> assert(live[1] && weak != 2); due[1] = 0; r[m] = 2 }
  :: d_step { r[m] != 0 && !live[r[m]-1] -> assert(false) }
  od;
load:
  atomic {
    if
    :: mph[m] == OFF || mk[w[m]-1] == ep[m] -> found(w[m]); goto loaded
    :: else
    fi };
  atomic {
    if
    :: word == DECIDED -> goto look
    :: word == CLEARED -> found(w[m]); goto loaded
    :: else -> word = AGAIN
    fi;
    found(w[m]) };
  atomic { shade(w[m], ep[m], m + 1) };
  goto loaded;
look:
  atomic {
    if
    :: stale[m]
    :: !stale[m] && mk[w[m]-1] == ep[m] -> found(w[m])
    :: else -> nothing(w[m])
    fi };
loaded:
  atomic { w[m] = 0; stale[m] = 0; goto again }
}

#define HANDSHAKE(n) atomic { round = n; ask[0] = 1; ask[1] = 1 }; (!ask[0] && !ask[1])

inline scan(i) { atomic { grey[i] == QUEUED -> grey[i] = 0; shade(fld[i], 1, QUEUED) } }
inline drain() {
  do
  :: scan(0) :: scan(1)
  :: atomic { grey[0] != QUEUED && grey[1] != QUEUED -> break }
  od
}
inline sweep(i) { d_step { if :: live[i] && !mk[i] && !young[i] -> live[i] = 0; fld[i] = 0; grey[i] = 0; fin[i] = 0; gone[i] = 0;
  if :: w[0] == i + 1 -> stale[0] = 1 :: else fi; if :: w[1] == i + 1 -> stale[1] = 1 :: else fi :: else fi } }

inline root(i) { atomic { if :: due[i] -> shade(i + 1, 1, QUEUED) :: else fi } }
inline lookinto(i) { atomic { if :: live[i] && fin[i] && !mk[i] -> shade(fld[i], 1, QUEUED) :: else fi } }
inline note(i) { atomic { noted[i] = live[i] && fin[i] && !mk[i] } }
#ifdef ORDER
#define ISDEAD(i) (live[i] && fin[i] && noted[i])
#else
#define ISDEAD(i) (live[i] && fin[i] && !mk[i])
#endif
inline revive(i) { atomic { if :: ISDEAD(i) ->
    assert(r[0] != i + 1 && r[1] != i + 1);
    fin[i] = 0; due[i] = 1; gone[i] = 1;
#ifndef NOMARK
    mk[i] = 1
#endif
  :: else fi } }
inline reviveall() {
  revive(0); revive(1);
  d_step {
    assert(!(due[0] && fld[0] != 0 && (due[fld[0]-1] || !mk[fld[0]-1])));
    assert(!(due[1] && fld[1] != 0 && (due[fld[1]-1] || !mk[fld[1]-1]))) }
}

proctype collector() {
  do
  :: d_step { mk[0] = 0; mk[1] = 0; young[0] = 0; young[1] = 0; any = 0; noted[0] = 0; noted[1] = 0; ep[0] = !ep[0]; ep[1] = !ep[1];
              word = OPEN; round = 1; ask[0] = 1; ask[1] = 1 };
     (!ask[0] && !ask[1]);
#ifdef EARLY
     lookinto(0); lookinto(1);
#endif
#ifndef NOROOT
     root(0); root(1);
#endif
     HANDSHAKE(3);
     drain();
#ifdef ORDER
     note(0); note(1);
#endif
#if !defined(EARLY) && !defined(NOFIELDS)
     lookinto(0); lookinto(1);
#endif
again:
     drain();
     atomic { word = OPEN; round = 4; ask[0] = 1; ask[1] = 1 };
     (!ask[0] && !ask[1]);
     if :: grey[0] == QUEUED || grey[1] == QUEUED -> goto again :: else fi;
     atomic { if :: word == AGAIN -> goto again :: else -> word = DECIDED fi };
#ifdef REVIVEFIRST
     reviveall();
#endif
     atomic { if :: weak != 0 && !mk[weak-1] -> nothing(weak); weak = 0; any = 1 :: else fi };
#ifndef WITHOUTW
     if :: any -> HANDSHAKE(5) :: else fi;
#endif
     atomic { word = CLEARED };
#if !defined(REVIVEFIRST) && !defined(LATE)
     reviveall();
#endif
     atomic { round = 0; ask[0] = 1; ask[1] = 1 };
#ifdef LATE
     reviveall();
#endif
     sweep(0); sweep(1);
     (!ask[0] && !ask[1]);
     d_step { young[0] = 0; young[1] = 0; any = 0; noted[0] = 0; noted[1] = 0 }
  od
}

init { atomic {
  live[0] = 1; live[1] = 1; fld[0] = 2; r[0] = 1; weak = 1;
  mk[0] = 1; mk[1] = 1; colour[0] = 1; colour[1] = 1; ep[0] = 1; ep[1] = 1;
  run mutator(0); run mutator(1); run collector() } }
