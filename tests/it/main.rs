//! The promises of the library, tested through its public interface: one module a promise.

mod support;
#[path = "../support/raw_scenes.rs"]
mod raw_scenes;
#[path = "../support/cleanup_scenes.rs"]
mod cleanup_scenes;
#[path = "../support/ephemeron_scenes.rs"]
mod ephemeron_scenes;
#[path = "../support/arena_scenes.rs"]
mod arena_scenes;
#[path = "../support/map_scenes.rs"]
mod map_scenes;
#[path = "../support/pool_scenes.rs"]
mod pool_scenes;
#[path = "../support/finalizer_scenes.rs"]
mod finalizer_scenes;
#[path = "../support/released.rs"]
mod released;
#[path = "../support/scenes.rs"]
mod scenes;
#[path = "../support/snapshot_scenes.rs"]
mod snapshot_scenes;
#[path = "../support/stage.rs"]
mod stage;
#[path = "../support/vector_scenes.rs"]
mod vector_scenes;
#[path = "../support/weak_scenes.rs"]
mod weak_scenes;

mod alloc;
mod arena;
mod attacks;
mod beside;
mod cleanup;
mod census;
mod crossings;
mod drop;
mod figures;
mod frames;
mod finalizer;
mod frames_mixed;
mod given_back;
mod limit;
mod many;
mod map;
mod map_keys;
mod onlookers;
mod os;
mod panics;
mod period;
mod phases;
mod pool;
mod programs;
mod raw;
mod reach;
mod reentrant;
mod refusals;
mod sampling;
mod scav;
mod shared;
mod sieve;
mod snapshot;
mod strings;
mod threads;
mod tiny;
mod vectors;
mod weak;
mod weak_heap;
mod weak_map;
