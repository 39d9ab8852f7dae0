/* Who sweeps a span, when the generation moves on while mutators run.
 *
 * Modelled: two span records, two layouts and large spans, two mutators, a background walk, a collector, cycle after
 * cycle. A record has a generation (0: free; CACHED: in a mutator's hands; else that of its last sweep), a layout, and
 * one slot with an object: WHITE, MARKED or DEAD. A cycle: the epoch moves on (what lives is WHITE); a round after which
 * mutators allocate marked objects; marking decides what is WHITE; the generation moves on and round E is asked; when
 * all have answered, sweeping is finished. A mutator learns the generation when it answers E and hands back what it has
 * in its cache, with the generation it knew. Others and the walk sweep meanwhile. The first mutator refills for both
 * layouts and makes large spans, the second refills for one layout. A refill takes an entry of the layout's lists
 * (under their lock) and then claims what the entry names, without it: a swept span by an exchange from the generation
 * that the mutator knows to CACHED, an unswept one by an exchange from two below to one below. Who wins looks at the
 * layout: a span of another one is put where it belongs, swept if it was unswept. A fresh large span is of the heap's
 * generation or of the one its maker knows: free choice.
 *
 * An entry may name any record at any moment, which is more than any rule for lists allows. With LISTS the lists are as
 * the code has them: they roll on when somebody comes with a newer generation; who puts with an older one puts a hint,
 * who takes with an older one gets nothing; entries are not told of what becomes of the record. That is too large to
 * exhaust, and needs not be: it allows less. The variants have LISTS, so they are no fault of the larger freedom.
 *
 * Generations are kept relative to the heap's, which is H: it moves on by taking 2 from all others.
 *
 * Left out: weak memory (models/loom has the claim itself), full spans, the page heap, marking itself. The collector's
 * own sweeping is the walk's: it waits for one record after the other.
 *
 * Properties: whoever claims, takes or makes a span is its only owner; a span in a cache is of the layout asked for; a
 * sweep finds no WHITE object: it would free one that lives, being a second sweep in a generation or one while marking;
 * when the epoch moves on, no object is DEAD (a word that looks like a reference could lead to one, and its fields
 * dangle).
 *
 * Variants: MISMATCH (a span that was claimed for a sweep is used whatever its layout), TAKEMISMATCH (the same for one
 * that was taken as swept), NOCLAIM (an entry of the swept list is taken without an exchange), CLAIM2 (a claim is a load
 * and a store), NOWAIT (the collector does not wait for open claims), NOFINISH (sweeping is not finished), PUTNEW (who
 * answers E puts back with the new generation), PUTNEW with KEEP (dead objects may stay: safe), EARLYFINISH (sweeping is
 * finished before all have answered E).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 13.0 million states, 20 to 40 s, on a busy two-core machine; the
 * variants are in the table of docs/design/on-the-fly.md.
 */
#define S 2
#define NONE 3
#define CACHED 1
#define H 8
#define LARGE 2
#define WHITE 1
#define MARKED 2
#define DEAD 3

byte gen[S], layout[S], obj[S];
byte lgen[2];                    /* of a layout's lists */
bit swept[4], hint[4];           /* [2 * layout + span] */
byte known[2], c[2];             /* the generation a mutator knows; the span in its cache */
bit black[2], ask[2], e;         /* e: the round that is asked is E */
byte wg;                         /* the generation of the walk's claim */

/* Moves the lists of layout l on to generation g. */
inline roll(l, g) {
  if
  :: lgen[l] < g ->
     hint[2*l] = hint[2*l] || swept[2*l]; hint[2*l+1] = hint[2*l+1] || swept[2*l+1];
     swept[2*l] = 0; swept[2*l+1] = 0; lgen[l] = g
  :: else
  fi
}

/* An entry for a span of layout l that has generation g. */
inline enlist(s, l, g) {
#ifdef LISTS
  if
  :: l != LARGE ->
     roll(l, g);
     if :: lgen[l] == g -> swept[2*l+s] = 1 :: else -> hint[2*l+s] = 1 fi
  :: else
  fi
#else
  skip
#endif
}

#define OWNED(s) (gen[s] & 1)
inline let_go(s, g) { gen[s] = g }
inline put(s, g) { let_go(s, g); enlist(s, layout[s], g) }
inline own(s) { assert(!OWNED(s)) }
inline free(s) { gen[s] = 0; layout[s] = 0 }

inline sweep(s) {
  assert(obj[s] != WHITE);
  if :: obj[s] == DEAD -> obj[s] = 0 :: else fi
}

#ifdef LISTS
#define SWEPT(l, s) (lgen[l] == known[m] && swept[2*l+s])
#define HINT(l, s) (lgen[l] == known[m] && hint[2*l+s])
#define FORGET(what, l, s) what[2*l+s] = 0
#else
#define SWEPT(l, s) true
#define HINT(l, s) true
#define FORGET(what, l, s) skip
#endif

proctype mutator(byte m) {
  byte s = NONE, l = 0;
  do
  :: atomic { ask[m] ->
       if
       :: e ->
          if
          :: c[m] != NONE ->
#ifdef PUTNEW
             put(c[m], H);
#else
             put(c[m], known[m]);
#endif
             c[m] = NONE
          :: else
          fi;
          known[m] = H; black[m] = 0
       :: else -> black[m] = 1
       fi;
       ask[m] = 0 }
  :: atomic { c[m] != NONE && obj[c[m]] == 0 -> obj[c[m]] = (black[m] -> MARKED : WHITE) }   /* allocates */
  :: atomic { c[m] != NONE -> put(c[m], known[m]); c[m] = NONE }
  :: atomic { c[m] == NONE ->                                           /* refills for l: looks at the lists */
       if :: l = 1 :: m == 0 fi;
#ifdef LISTS
       roll(l, known[m]);
#endif
       if
       :: SWEPT(l, 0) -> FORGET(swept, l, 0); s = 0; goto resting
       :: SWEPT(l, 1) -> FORGET(swept, l, 1); s = 1; goto resting
       :: HINT(l, 0) -> FORGET(hint, l, 0); s = 0; goto unswept
       :: HINT(l, 1) -> FORGET(hint, l, 1); s = 1; goto unswept
       :: gen[0] == 0 -> s = 0; goto fresh
       :: gen[1] == 0 -> s = 1; goto fresh
       :: goto idle
       fi;
fresh:
       own(s);
       if
       :: layout[s] = l; gen[s] = CACHED; c[m] = s
       :: m == 0 -> layout[s] = LARGE; obj[s] = (black[m] -> MARKED : WHITE);
          if :: let_go(s, known[m]) :: known[m] != H -> let_go(s, H) fi
       fi;
       goto idle };
resting:
     atomic {
#ifdef NOCLAIM
       own(s); gen[s] = CACHED; c[m] = s;
#else
       if :: gen[s] == known[m] -> own(s); gen[s] = CACHED; c[m] = s :: else fi;
#endif
#ifndef TAKEMISMATCH
       if :: c[m] != NONE && layout[s] != l -> put(s, known[m]); c[m] = NONE :: else fi;
#endif
       goto filled };
unswept:
#ifdef CLAIM2
     if :: gen[s] == known[m] - 2 :: gen[s] != known[m] - 2 -> goto idle fi;
     atomic { own(s); gen[s] = known[m] - 1 };
#else
     atomic { if :: gen[s] == known[m] - 2 -> own(s); gen[s] = known[m] - 1 :: else -> goto idle fi };
#endif
     atomic {
       sweep(s);
       if
#ifndef MISMATCH
       :: layout[s] != l && obj[s] != 0 -> put(s, known[m])
       :: layout[s] == l -> gen[s] = CACHED; c[m] = s
#else
       :: gen[s] = CACHED; c[m] = s
#endif
       :: obj[s] == 0 -> free(s)
       fi };
filled:
     atomic { assert(c[m] == NONE || layout[c[m]] == l);
idle:  s = NONE; l = 0 }
  od
}

proctype walk() {
  byte s = NONE, l = NONE;
  do
  :: if :: s = 0 :: s = 1 fi;
#ifdef CLAIM2
     if :: gen[s] == H - 2 :: gen[s] != H - 2 -> goto next fi;
     atomic { own(s); wg = H; gen[s] = wg - 1 };
#else
     atomic { if :: gen[s] == H - 2 -> own(s); wg = H; gen[s] = wg - 1 :: else -> goto next fi };
#endif
     atomic { sweep(s);
       if
       :: obj[s] == 0 -> free(s)
       :: else ->
          let_go(s, wg);
#ifdef LISTS
          l = layout[s]                                         /* settled, and not yet on a list */
#endif
       fi;
       if :: l == NONE -> goto next :: else fi };
     atomic { enlist(s, l, wg);
next:  s = NONE; l = NONE; wg = 0 }
  od
}

#define HANDSHAKE (!ask[0] && !ask[1])
#define OLDER(x) x = (x >= 6 -> x - 2 : x)

/* The collector looks at one record after another; that it waits for what is unswept stands for sweeping it. */
inline finish() {
#if defined(NOFINISH)
  skip
#elif defined(NOWAIT)
  (gen[0] != H - 2); (gen[1] != H - 2)
#else
  (gen[0] != H - 2 && gen[0] != H - 1); (gen[1] != H - 2 && gen[1] != H - 1)
#endif
}

inline white(s) {
#ifdef KEEP
  if :: obj[s] == MARKED -> obj[s] = WHITE :: else fi
#else
  assert(obj[s] != DEAD);
  if :: obj[s] -> obj[s] = WHITE :: else fi
#endif
}
inline mark(s) { if :: obj[s] != WHITE :: obj[s] == WHITE -> obj[s] = MARKED :: obj[s] == WHITE -> obj[s] = DEAD fi }

proctype collector() {
  do
  :: /* the epoch moves on; A */
     atomic { white(0); white(1); e = 0; ask[0] = 1; ask[1] = 1 };
     HANDSHAKE;
     /* marking has ended; E */
     atomic {
       mark(0); mark(1);
       OLDER(gen[0]); OLDER(gen[1]); OLDER(known[0]); OLDER(known[1]); OLDER(lgen[0]); OLDER(lgen[1]); OLDER(wg);
       e = 1; ask[0] = 1; ask[1] = 1 };
#ifdef EARLYFINISH
     finish();
     HANDSHAKE
#else
     HANDSHAKE;
     finish()
#endif
  od
}

init { atomic {
  known[0] = H; known[1] = H; lgen[0] = H; lgen[1] = H; c[0] = NONE; c[1] = NONE;
  run mutator(0); run mutator(1); run walk(); run collector() } }
