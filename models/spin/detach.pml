/* A mutator detaches, parks or attaches while a handshake waits for answers.
 *
 * Modelled: two mutators with a gate each, and a collector that asks for three rounds, the last of which collects the
 * buffers. A mutator attaches, enters, works (it pushes to its own buffer), answers at the edges of `enter`, leaves,
 * and may stay outside for good (parked) or detach and attach again. Outside it is answered for: the collector moves
 * the gate from OUTSIDE to HELD, does what the answer does, and lets go; who wants in or away meanwhile waits. An
 * answer is two steps: emptying the buffer is not atomic, so two at once would lose work. Detaching takes the gate,
 * empties the buffer and answers. Attaching takes the phase and joins the list in one step, under the lock of the
 * list.
 *
 * Left out: the bell (waiting is for a condition: a collector that sleeps has to be rung, as in
 * docs/design/handshake.md), weak memory, what the rounds mean (start.pml), the flag that a detaching mutator raises
 * (termination.pml).
 *
 * Properties: after a round every attached mutator is in its phase; all work that was pushed arrives; nobody waits for
 * good (an end state with somebody waiting is an error).
 *
 * Variants: NOTHELD (the collector answers without holding the gate), WAITPARKED (it does not answer for who is
 * outside), NOFLUSH (detaching leaves the buffer), NOANSWER (detaching does not answer), LATEJOIN (the phase is read
 * before the lock is taken), FREEAWAY (who detaches does not wait for the gate).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 0.35 million states, 2 s, on a busy two-core machine; the
 * variants are in the table of docs/design/on-the-fly.md.
 */
#define ABSENT 0
#define OUTSIDE 1
#define INSIDE 2
#define HELD 3
#define LAST 3
#ifndef TURNS
#define TURNS 3
#endif

byte gate[2], ph[2];
byte buf[2], queue, pushed;
bit ask[2];
byte phase;                     /* the collector's */
bit ended;

/* What an answer does; for the owner of the gate. */
inline answer(m, t) {
  t = buf[m];
  atomic { queue = queue + t; buf[m] = 0; t = 0; ph[m] = phase; ask[m] = 0 }
}

proctype mutator(byte m) {
  byte t = 0, turns = 0;
absent:
  if
  :: turns < TURNS -> turns++;
#ifdef LATEJOIN
     t = phase;
     atomic { ph[m] = t; t = 0; gate[m] = OUTSIDE }
#else
     atomic { ph[m] = phase; gate[m] = OUTSIDE }
#endif
  :: goto out
  fi;
outside:
  if
  :: atomic { turns < TURNS && gate[m] == OUTSIDE -> gate[m] = INSIDE; turns++ };   /* enter */
     if :: ask[m] -> answer(m, t) :: else fi;
     if
     :: atomic { pushed < 3 -> pushed++; buf[m]++ }                                 /* work */
     :: skip
     fi;
     if :: ask[m] -> answer(m, t) :: else fi;
     gate[m] = OUTSIDE;                                                             /* leave */
     goto outside
#ifdef FREEAWAY
  :: atomic { gate[m] != ABSENT -> gate[m] = INSIDE };
#else
  :: atomic { gate[m] == OUTSIDE -> gate[m] = INSIDE };                             /* detach */
#endif
#ifndef NOFLUSH
     t = buf[m];
     atomic { queue = queue + t; buf[m] = 0; t = 0 };
#else
     buf[m] = 0;
#endif
#ifdef NOANSWER
     gate[m] = ABSENT;
#else
     atomic { ask[m] = 0; gate[m] = ABSENT };
#endif
     goto absent
  :: goto out                                                                       /* parked for good */
  fi;
out:
  skip
}

#ifdef NOTHELD
#define HOLD(m) atomic { ask[m] && gate[m] == OUTSIDE -> skip }
#define LET_GO(m) skip
#else
#define HOLD(m) atomic { ask[m] && gate[m] == OUTSIDE -> gate[m] = HELD }
#define LET_GO(m) gate[m] = OUTSIDE
#endif

proctype collector() {
  byte t = 0;
  do
  :: phase < LAST ->
     atomic { phase++;                                          /* asks all of the list, under its lock */
       if :: gate[0] != ABSENT -> ask[0] = 1 :: else fi;
       if :: gate[1] != ABSENT -> ask[1] = 1 :: else fi };
     do
#ifndef WAITPARKED
     :: HOLD(0); answer(0, t); LET_GO(0)
     :: HOLD(1); answer(1, t); LET_GO(1)
#endif
     :: atomic { !ask[0] && !ask[1] ->
          assert((gate[0] == ABSENT || ph[0] == phase) && (gate[1] == ABSENT || ph[1] == phase)); break }
     od
  :: else -> break
  od;
  ended = 1
}

/* When all have stopped, what was pushed is in the queue or with a mutator. */
proctype witness() {
  atomic { ended && _nr_pr == 2 -> assert(queue + buf[0] + buf[1] == pushed) }
}

init { atomic { run witness(); run collector(); run mutator(0); run mutator(1) } }
