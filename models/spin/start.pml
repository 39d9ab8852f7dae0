/* How a cycle starts: three ragged rounds.
 *
 * Modelled: two mutators, each with two registers that survive its safepoints (the raw layer's roots; the safe API has
 * none), three objects of one field, one collector, cycle after cycle. Rounds: A, barrier on; B, nothing but that
 * everybody has answered A; C, own roots taken, allocate black. The barrier shades what a store deletes, always, and
 * what it inserts, until the mutator's roots are taken. A barrier and its store are two steps. The field of an object
 * is written by both mutators. An object is allocated with an initialising store: its field is empty or leads to what
 * the mutator holds, without a barrier.
 *
 * Left out: weak memory (every step is seen at once by all), grey buffers and termination (termination.pml: here the
 * grey set is one set that all see), the root table (roots.pml), parked mutators (detach.pml), sweep claims
 * (sweep.pml).
 *
 * Marks are kept relative to the collector's epoch: the epoch moves on by turning all marks over in one step, and so
 * do the colours that the mutators still have of the cycle before. This is the same as a new number, and half the
 * states.
 *
 * Property: no mutator ever holds a freed object.
 *
 * Variants: ROUNDS=1 (all in one round), ROUNDS=2 (barrier on; then roots and black), BLACK1 (black from the first
 * round on), BLACKB (black from the second), NOINS (no insertion shade), NODEL (no deletion shade).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 14.9 million states, 25 to 55 s, on a busy two-core machine; the
 * variants are in the table of docs/design/on-the-fly.md.
 */
#define N 3
#ifndef ROUNDS
#define ROUNDS 3
#endif
#define OFF 0
#define ON 1
#define TAKEN 2

byte fld[N];            /* an object's field: 0, or an object's number from 1 */
bit live[N], mk[N], grey[N];
byte r0[2], r1[2];      /* registers */
byte mph[2];            /* a mutator's barrier: OFF, ON (its roots not taken), TAKEN */
bit colour[2];          /* the mark an object is born with */
bit ep[2];              /* the epoch a mutator shades with; 1: the collector's */
bit ask[2];             /* asked, not answered */
byte round;             /* what is asked: 1 A, 2 B, 3 C, 0 barrier off */

inline shade(p, e) { if :: p != 0 && mk[p-1] != e -> mk[p-1] = e; grey[p-1] = e :: else fi }

inline barrier() {
  atomic {
    if
    :: mph[m] != OFF ->
#ifndef NODEL
       shade(fld[r0[m]-1], ep[m]);
#endif
#ifndef NOINS
       if :: mph[m] == ON -> shade(r1[m], ep[m]) :: else fi
#else
       skip
#endif
    :: else
    fi
  }
}

inline take_roots() { shade(r0[m], 1); shade(r1[m], 1); mph[m] = TAKEN; colour[m] = 1 }

proctype mutator(byte m) {
  do
  :: atomic { ask[m] ->
       if
       :: round == 1 -> mph[m] = ON; ep[m] = 1;
#ifdef BLACK1
          colour[m] = 1;
#endif
#if ROUNDS == 1
          take_roots();
#endif
          skip
       :: round == 2 ->
#ifdef BLACKB
          colour[m] = 1;
#endif
          skip
       :: round == 3 -> take_roots()
       :: round == 0 -> mph[m] = OFF
       fi;
       ask[m] = 0 }
  :: atomic { r0[m] != 0 -> r1[m] = fld[r0[m]-1] }
  :: atomic { r1[m] != 0 -> r0[m] = r1[m] }
  :: atomic { r1[m] != 0 -> r1[m] = 0 }
  :: r0[m] != 0 -> barrier(); fld[r0[m]-1] = r1[m]
  :: atomic { !(live[0] && live[1] && live[2]) ->
       if
       :: !live[0] -> r1[m] = 1
       :: live[0] && !live[1] -> r1[m] = 2
       :: live[0] && live[1] -> r1[m] = 3
       fi;
       live[r1[m]-1] = 1; mk[r1[m]-1] = colour[m];
       if :: fld[r1[m]-1] = 0 :: r0[m] != 0 -> fld[r1[m]-1] = r0[m] fi }
  :: d_step { !((r0[m] == 0 || live[r0[m]-1]) && (r1[m] == 0 || live[r1[m]-1])) -> assert(false) }
  od
}

#define HANDSHAKE(w) atomic { round = w; ask[0] = 1; ask[1] = 1 }; (!ask[0] && !ask[1])

inline scan(i) { atomic { grey[i] -> grey[i] = 0; shade(fld[i], 1) } }
inline sweep(i) { d_step { if :: live[i] && !mk[i] -> live[i] = 0; fld[i] = 0; grey[i] = 0 :: else fi } }

proctype collector() {
  do
  :: d_step { mk[0] = !mk[0]; mk[1] = !mk[1]; mk[2] = !mk[2]; colour[0] = !colour[0]; colour[1] = !colour[1];
              ep[0] = !ep[0]; ep[1] = !ep[1];
              round = 1; ask[0] = 1; ask[1] = 1 };
     (!ask[0] && !ask[1]);
#if ROUNDS == 3
     HANDSHAKE(2);
#endif
#if ROUNDS >= 2
     HANDSHAKE(3);
#endif
     do
     :: scan(0) :: scan(1) :: scan(2)
     :: atomic { !grey[0] && !grey[1] && !grey[2] -> break }
     od;
     sweep(0); sweep(1); sweep(2);
     HANDSHAKE(0)
  od
}

init { atomic {
  live[0] = 1; live[1] = 1; fld[0] = 2; r0[0] = 1; r0[1] = 1;
  mk[0] = 1; mk[1] = 1; mk[2] = 1; colour[0] = 1; colour[1] = 1; ep[0] = 1; ep[1] = 1;
  run mutator(0); run mutator(1); run collector() } }
