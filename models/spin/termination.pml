/* How marking ends.
 *
 * Modelled: the deletion barrier is on, all roots are taken. Two mutators of two registers with private grey buffers,
 * one worker with a buffer of its own, four objects of one field in a chain. A buffer may overflow into the queue at
 * any moment. A mutator has a sticky flag: pushed since my last answer. Mutator 0 may detach: it flushes and answers.
 * Mutator 1 assists: it takes what the queue holds, marks some of it, puts the rest back; meanwhile it counts as a
 * worker, and it may even answer. The collector asks when the queue is empty and no worker is busy; it is over when in
 * one round no flag was up, and the queue is empty and no worker busy again. What the round saw is read and put down in
 * one step, at its end: who detaches between the look at the queue and the question has no later answer to raise a flag
 * in.
 *
 * Left out: weak memory, more workers (a worker that is not idle stands for all), allocation (it is black and needs no
 * scan, whatever its initialising stores were: start.pml), the start.
 *
 * Property: when marking is over, everything that a mutator holds is marked.
 *
 * Variants: BOTH (both mutators assist: safe), ASSISTUNCOUNTED (who assists does not count as a worker), NOROUND (an
 * empty queue and an idle worker suffice), NOFLAG (no flag), GLOBALFLAG (one flag for all, put down when a round
 * begins), OVQUIET (overflow raises no flag), DETACHQUIET (detaching raises no flag), EARLYDOWN (what the round saw is
 * put down when it begins), NOBUSY (the worker's own buffer is not looked at).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 4.5 million states, 13 s; BOTH 8.6 million, 31 s, on a busy
 * two-core machine; the variants are in the table of docs/design/on-the-fly.md.
 */
#define N 4
#ifdef BOTH
#define ASSISTS true
#else
#define ASSISTS (m == 1)
#endif
#define BIT(o) (1 << (o-1))

byte fld[N];
bit mk[N];
byte queue, buf[2], own, lot[2]; /* sets of objects; lot: what an assisting mutator took */
bit busy, ask[2], flag[2], saw, over, gone;
byte r[4];                      /* registers of mutator m: r[2m], r[2m+1] */

inline shade(p, b) { if :: p != 0 && !mk[p-1] -> mk[p-1] = 1; b = b | BIT(p) :: else fi }

inline answer() {
  if :: buf[m] != 0 || flag[m] -> queue = queue | buf[m]; buf[m] = 0; saw = 1; flag[m] = 0 :: else fi;
  ask[m] = 0
}

/* Marks what one object of the set leads to. */
inline scan_one(set) {
  if :: set & 1 -> o = 1 :: set & 2 -> o = 2 :: set & 4 -> o = 3 :: set & 8 -> o = 4 fi;
  set = set & (255 - BIT(o)); shade(fld[o-1], set); o = 0
}

proctype mutator(byte m) {
  byte o;
  do
  :: atomic { ask[m] -> answer() }
  :: atomic { r[2*m] != 0 -> r[2*m+1] = fld[r[2*m]-1] }
  :: atomic { r[2*m+1] != 0 -> r[2*m] = r[2*m+1] }
  :: atomic { r[2*m] != 0 && fld[r[2*m]-1] != 0 -> shade(fld[r[2*m]-1], buf[m]); fld[r[2*m]-1] = 0 }
  :: atomic { buf[m] != 0 -> queue = queue | buf[m]; buf[m] = 0;
#if defined(OVQUIET)
       skip
#elif defined(GLOBALFLAG)
       saw = 1
#else
       flag[m] = 1
#endif
     }
  :: atomic { ASSISTS && queue != 0 && lot[m] == 0 -> lot[m] = queue; queue = 0 }             /* assists */
  :: atomic { lot[m] != 0 -> scan_one(lot[m]) }
  :: atomic { lot[m] != 0 -> queue = queue | lot[m]; lot[m] = 0 }
  :: atomic { m == 0 && lot[m] == 0 ->
#ifdef DETACHQUIET
       queue = queue | buf[m]; buf[m] = 0; flag[m] = 0; ask[m] = 0;
#else
       answer();
#endif
       r[2*m] = 0; r[2*m+1] = 0; gone = 1; break }
  :: over -> assert((r[2*m] == 0 || mk[r[2*m]-1]) && (r[2*m+1] == 0 || mk[r[2*m+1]-1])); break
  od
}

proctype worker() {
  byte o;
  do
  :: atomic { queue != 0 && own == 0 -> own = queue; queue = 0; busy = 1 }
  :: own != 0 -> atomic {
       scan_one(own);
       if :: own == 0 -> busy = 0 :: else fi }
  :: over -> break
  od
}

#if defined(NOBUSY)
#define DRY (queue == 0 && lot[0] == 0 && lot[1] == 0)
#elif defined(ASSISTUNCOUNTED)
#define DRY (queue == 0 && !busy)
#else
#define DRY (queue == 0 && !busy && lot[0] == 0 && lot[1] == 0)
#endif

proctype collector() {
  do
  :: atomic { DRY -> skip };
#ifdef NOROUND
     break
#else
#if defined(EARLYDOWN) || defined(GLOBALFLAG)
     atomic { saw = 0; ask[0] = !gone; ask[1] = 1 };
#else
     atomic { ask[0] = !gone; ask[1] = 1 };
#endif
     (!ask[0] && !ask[1]);
     if
#ifdef NOFLAG
     :: atomic { DRY -> break }
#else
     :: atomic { !saw && DRY -> break }
#endif
     :: atomic { else -> saw = 0 }
     fi
#endif
  od;
  over = 1
}

init { atomic {
  fld[0] = 2; fld[1] = 3; fld[2] = 4; r[0] = 1; r[2] = 1; shade(1, queue);
  run mutator(0); run mutator(1); run worker(); run collector() } }
