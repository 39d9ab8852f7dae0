/* Who sweeps a span, when the generation moves on while mutators run.
 *
 * Modelled: two span records, two layouts, two mutators, a background walk, a collector that moves the heap's
 * generation on twice. A record has a generation (0: free; CACHED: in a mutator's hands; else that of its last sweep)
 * and a layout. A layout has a list of swept spans and a list of hints to unswept ones, both of one generation, that
 * roll on when they are first touched in a new one. The first mutator refills for either layout, the second for one:
 * it takes from the swept list or claims a hint, in two steps (it holds no lock between taking an entry and claiming
 * it), or makes a fresh span; and puts it back. It learns the generation by a handshake in which it has nothing in its
 * hands; so for a while some mutators are a generation behind. The walk claims by number, sweeps, and gives the record
 * back or puts it on its layout's list; so an idle layout's list keeps a hint to a record that is another layout's by
 * now. Before the next cycle's generation, all claims are settled.
 *
 * Left out: weak memory (models/loom has the claim itself), slots (whether a sweep leaves something alive is free
 * choice), full spans, page heap, marking (a run that is refilled while marking is marked whole, so its span may be
 * swept).
 *
 * Properties: whoever claims, takes or makes a span is its only owner; a refill gets a span of its layout; no span is
 * left unswept when the generation moves on.
 *
 * Variants: CARRY (lists that were left keep their entries for two generations), NOCLAIM (an entry of the swept list
 * is taken without a claim), CLAIM2 (a claim is a load and a store), OWNGEN (a fresh span is of the generation that
 * its maker knows, instead of the heap's, read after the record was taken), NOWAIT (the collector does not wait until
 * the walk has settled what it claimed), NOFINISH (the generation moves on without finishing the sweep).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 22.3 million states, 37 s, on a busy two-core machine; the
 * variants are in the table of docs/design/on-the-fly.md.
 */
#define S 2
#define NONE 255
#define CACHED 1
#define FIRST 4
#ifndef MOVES
#define MOVES 2
#endif
#define LAST (FIRST + 2 * MOVES)

byte h = FIRST;
byte gen[S], layout[S], was[S];  /* was: the generation of a CACHED span */
bit owned[S];                    /* somebody's; only asserted */
byte lgen[2];                    /* of a layout's lists */
bit swept[4], hint[4];           /* [2 * layout + span] */
byte known[2];                   /* the generation a mutator knows */
bit ask[2];
byte claims;                     /* claims of the walk that are not settled */

/* Moves the lists of layout l on to generation g. */
inline roll(l, g) {
  if
  :: lgen[l] < g ->
     if
     :: lgen[l] + 2 == g ->
        hint[2*l] = swept[2*l]; hint[2*l+1] = swept[2*l+1]
     :: else ->
#ifdef CARRY
        hint[2*l] = hint[2*l] || swept[2*l]; hint[2*l+1] = hint[2*l+1] || swept[2*l+1]
#else
        hint[2*l] = 0; hint[2*l+1] = 0
#endif
     fi;
     swept[2*l] = 0; swept[2*l+1] = 0; lgen[l] = g
  :: else
  fi
}

/* Puts a span of generation g on its layout's list. The caller owns it until now. */
inline put(s, g) {
  roll(layout[s], g);
  owned[s] = 0; gen[s] = g;
  if
  :: lgen[layout[s]] == g -> swept[2*layout[s]+s] = 1
  :: else -> hint[2*layout[s]+s] = 1
  fi
}

inline own(s) { assert(!owned[s]); owned[s] = 1 }

proctype mutator(byte m) {
  byte s = NONE, l = 0;
  bit won = 0;
  do
  :: atomic { ask[m] -> known[m] = h; ask[m] = 0 }
  :: atomic { if :: m == 0 -> l = 0 :: l = 1 fi;                         /* refill for layout l */
       if :: lgen[l] <= known[m] -> roll(l, known[m]) :: else fi };
     if
     :: atomic { lgen[l] == known[m] && swept[2*l] -> swept[2*l] = 0; s = 0 }; goto resting
     :: atomic { lgen[l] == known[m] && swept[2*l+1] -> swept[2*l+1] = 0; s = 1 }; goto resting
     :: atomic { lgen[l] == known[m] && hint[2*l] -> hint[2*l] = 0; s = 0 }; goto unswept
     :: atomic { lgen[l] == known[m] && hint[2*l+1] -> hint[2*l+1] = 0; s = 1 }; goto unswept
     :: atomic { gen[0] == 0 && !owned[0] -> own(0); s = 0 }; goto fresh
     :: atomic { gen[1] == 0 && !owned[1] -> own(1); s = 1 }; goto fresh
     :: goto idle
     fi;
resting:
#ifdef NOCLAIM
     atomic { own(s); won = 1; was[s] = known[m]; gen[s] = CACHED };
#else
     atomic { if :: gen[s] == known[m] -> own(s); won = 1; was[s] = known[m]; gen[s] = CACHED :: else fi };
#endif
     goto taken;
unswept:
#ifdef CLAIM2
     if :: gen[s] == known[m] - 2 -> atomic { own(s); gen[s] = known[m] - 1; won = 1 } :: else fi;
#else
     atomic { if :: gen[s] == known[m] - 2 -> own(s); gen[s] = known[m] - 1; won = 1 :: else fi };
#endif
     if
     :: !won
     :: won -> assert(layout[s] == l);                          /* sweeping */
        if
        :: atomic { was[s] = known[m]; gen[s] = CACHED }
        :: atomic { gen[s] = 0; layout[s] = 0; owned[s] = 0; won = 0 }
        fi
     fi;
     goto taken;
fresh:
#ifdef OWNGEN
     atomic { was[s] = known[m];
#else
     atomic { was[s] = h;
#endif
       layout[s] = l; gen[s] = CACHED; won = 1 };
taken:
     if
     :: won -> assert(layout[s] == l);                          /* allocating */
        atomic { put(s, was[s]); was[s] = 0 }
     :: else
     fi;
idle:
     atomic { won = 0; s = NONE; l = 0 }
  od
}

/* Sweeps what is not swept in generation g. */
inline walk_one(s, g, count) {
#ifdef CLAIM2
  if
  :: gen[s] == g - 2 -> atomic { own(s); claims = claims + count; gen[s] = g - 1; won = 1 }
  :: else
  fi;
#else
  atomic { if :: gen[s] == g - 2 -> own(s); claims = claims + count; gen[s] = g - 1; won = 1 :: else fi };
#endif
  if
  :: won ->
     if
     :: atomic { gen[s] = 0; layout[s] = 0; owned[s] = 0; claims = claims - count; won = 0 }
     :: gen[s] = g;                                             /* settled, and not yet on a list */
        atomic { put(s, g); claims = claims - count; won = 0 }
     fi
  :: else
  fi
}

proctype walk() {
  byte g = 0;
  bit won = 0;
  do
  :: atomic { g = h; claims++ };                                /* a turn reads the generation once */
     walk_one(0, g, 1);
     walk_one(1, g, 1);
     atomic { g = 0; claims-- }
  od
}

#define SETTLED(s) (gen[s] == 0 || gen[s] == CACHED || gen[s] == h)

proctype collector() {
  bit won = 0;
  do
  :: h < LAST ->
     /* marking has ended */
     atomic { assert(SETTLED(0) && SETTLED(1)); h = h + 2; ask[0] = 1; ask[1] = 1 };
     (!ask[0] && !ask[1])
#ifndef NOFINISH
     ; walk_one(0, h, 0);                                         /* the next cycle: finish */
     walk_one(1, h, 0);
     (SETTLED(0) && SETTLED(1))
#ifndef NOWAIT
     ; (claims == 0)
#endif
#endif
  :: else -> break
  od
}

init { atomic {
  known[0] = FIRST; known[1] = FIRST; lgen[0] = FIRST; lgen[1] = FIRST;
  gen[0] = FIRST; layout[0] = 0; swept[0] = 1;
  run mutator(0); run mutator(1); run walk(); run collector() } }
