/* Roots that move between threads while a cycle starts.
 *
 * Modelled: the safe API. A root is an entry of the heap's table; whoever has the handle may use it, so here any
 * thread may use any entry at any moment, which is more than moving handles allows. Two mutators whose registers are
 * empty outside `enter` (the first has two and stores; the second has one and does not), two entries, two objects of
 * one field. Inside: load from a root, load, store, allocate with an initialising store, make a root, point one
 * elsewhere. Inside and outside: clone a root, drop a root (outside this is also what a thread without a mutator
 * does). A mutator answers A, B and the last round also in the middle of an `enter`, keeping its registers, and C only
 * outside, where they are empty; with C it allocates black. After A and B the collector raises the table's flag and
 * looks at the entries one by one, then asks for C, after which no insertion is shaded. Each use of the table is one
 * step: it has a lock. Making, setting and cloning a root shades while the flag is up, whatever the mutator's own phase
 * is.
 *
 * Left out: weak memory, termination (the grey set is one set that all see), roots of the raw layer (start.pml); a
 * barrier and its store are one step but in TWOSTEP.
 *
 * Property: no mutator and no entry ever holds a freed object.
 *
 * Variants: BOTH (the second mutator has two registers and stores: safe), TWOSTEP (a barrier and its store are two
 * steps: safe), NOSHADE (neither making, setting nor cloning shades), NOCLONESHADE and NOSETSHADE (cloning, setting does
 * not), EARLYOFF (the flag goes down when the table was looked at), LATETABLE (the table is looked at after C),
 * EARLYTABLE (it is looked at before A is asked, with the flag up from
 * then on: safe here, since nothing is scanned before C), CINSIDE (C is answered inside, and the
 * registers are not taken), SNAPSHOT (the whole table in one step: safe), SNAPSHOT with NOSHADE, NOINS (no insertion
 * shade), BLACKB (black from B on), BOTH with NODEL (the second mutator stores as well, no deletion shade; with one that
 * stores, two objects do not suffice to lose one so).
 *
 * Bounds: as modelled. Expected: safe, exhausted with 2.3 million states, 4 to 12 s; BOTH 8.9 million, 18 s, on a busy
 * two-core machine; the variants are in the table of docs/design/on-the-fly.md.
 */
#define N 2
#ifdef BOTH
#define STORES true
#else
#define STORES (m == 0)
#endif
#define OFF 0
#define ON 1
#define TAKEN 2

byte fld[N];
bit live[N], mk[N], grey[N];
byte root[2];
byte r0[2], r1[2], mph[2];
bit inside[2], colour[2], ep[2], ask[2];
byte round;
bit flag;               /* the table's: making a root shades */

inline shade(p, e) { if :: p != 0 && mk[p-1] != e -> mk[p-1] = e; grey[p-1] = e :: else fi }

inline root_shade(p) {
#ifndef NOSHADE
  if :: flag -> shade(p, 1) :: else fi
#else
  skip
#endif
}

inline clone_shade(p) {
#ifndef NOCLONESHADE
  root_shade(p)
#else
  skip
#endif
}

inline set_shade(p) {
#ifndef NOSETSHADE
  root_shade(p)
#else
  skip
#endif
}

inline barrier() {
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

#ifdef CINSIDE
#define EDGE true
#else
#define EDGE !inside[m]
#endif
#define HELD(p) (p == 0 || live[p-1])

proctype mutator(byte m) {
  byte was = 0;
  do
  :: atomic { ask[m] && (round != 3 || EDGE) ->
       if
       :: round == 1 -> mph[m] = ON; ep[m] = 1
       :: round == 2 ->
#ifdef BLACKB
          colour[m] = 1;
#endif
          skip
       :: round == 3 -> mph[m] = TAKEN; colour[m] = 1
       :: round == 0 -> mph[m] = OFF
       fi;
       ask[m] = 0 }
  :: atomic { !inside[m] -> inside[m] = 1 }
  :: atomic { inside[m] -> inside[m] = 0; r0[m] = 0; r1[m] = 0 }
  :: atomic { inside[m] && root[0] != 0 -> r1[m] = root[0] }
  :: atomic { inside[m] && root[1] != 0 -> r1[m] = root[1] }
  :: atomic { r0[m] != 0 -> r1[m] = fld[r0[m]-1] }
  :: atomic { STORES && r1[m] != 0 -> r0[m] = r1[m] }
#ifdef TWOSTEP
  :: atomic { r0[m] != 0 -> barrier() }; fld[r0[m]-1] = r1[m]
#else
  :: atomic { r0[m] != 0 -> barrier(); fld[r0[m]-1] = r1[m] }
#endif
  :: atomic { inside[m] && !(live[0] && live[1]) ->
       was = r1[m];
       if :: !live[0] -> r1[m] = 1 :: else -> r1[m] = 2 fi;
       live[r1[m]-1] = 1; mk[r1[m]-1] = colour[m];
       if :: fld[r1[m]-1] = 0 :: was != 0 -> fld[r1[m]-1] = was :: r0[m] != 0 -> fld[r1[m]-1] = r0[m] fi;
       was = 0 }
  :: atomic { r1[m] != 0 && root[0] == 0 -> root_shade(r1[m]); root[0] = r1[m] }
  :: atomic { r1[m] != 0 && root[1] == 0 -> root_shade(r1[m]); root[1] = r1[m] }
  :: atomic { r1[m] != 0 && root[0] != 0 -> set_shade(r1[m]); root[0] = r1[m] }
  :: atomic { r1[m] != 0 && root[1] != 0 -> set_shade(r1[m]); root[1] = r1[m] }
  :: atomic { root[0] != 0 && root[1] == 0 -> clone_shade(root[0]); root[1] = root[0] }
  :: atomic { root[1] != 0 && root[0] == 0 -> clone_shade(root[1]); root[0] = root[1] }
  :: atomic { root[0] != 0 -> root[0] = 0 }
  :: atomic { root[1] != 0 -> root[1] = 0 }
  :: d_step { !(HELD(r0[m]) && HELD(r1[m]) && HELD(root[0]) && HELD(root[1])) -> assert(false) }
  od
}

#define HANDSHAKE(w) atomic { round = w; ask[0] = 1; ask[1] = 1 }; (!ask[0] && !ask[1])

inline scan(i) { atomic { grey[i] -> grey[i] = 0; shade(fld[i], 1) } }
inline sweep(i) { d_step { if :: live[i] && !mk[i] -> live[i] = 0; fld[i] = 0; grey[i] = 0 :: else fi } }

inline table() {
#ifdef SNAPSHOT
  atomic { flag = 1; shade(root[0], 1); shade(root[1], 1) };
#else
  flag = 1;
  atomic { shade(root[0], 1) };
  atomic { shade(root[1], 1) };
#endif
#ifdef EARLYOFF
  flag = 0;
#endif
}

proctype collector() {
  do
  :: d_step { mk[0] = !mk[0]; mk[1] = !mk[1]; colour[0] = !colour[0]; colour[1] = !colour[1]; ep[0] = !ep[0]; ep[1] = !ep[1];
              round = 0 };
#ifdef EARLYTABLE
     table();
#endif
     HANDSHAKE(1);
     HANDSHAKE(2);
#if !defined(LATETABLE) && !defined(EARLYTABLE)
     table();
#endif
     HANDSHAKE(3);
#ifdef LATETABLE
     table();
#endif
     do
     :: scan(0) :: scan(1)
     :: atomic { !grey[0] && !grey[1] -> break }
     od;
     flag = 0;
     sweep(0); sweep(1);
     HANDSHAKE(0)
  od
}

init { atomic {
  live[0] = 1; live[1] = 1; fld[0] = 2; root[0] = 1;
  mk[0] = 1; mk[1] = 1; colour[0] = 1; colour[1] = 1; ep[0] = 1; ep[1] = 1;
  run mutator(0); run mutator(1); run collector() } }
