use super::*;
use heap_core::sync::{Arc, thread};

/// A queue that lends, and `len` numbers.
fn lending(len: usize) -> (GreyQueue, Vec<usize>) {
    let queue = GreyQueue::new(1);
    queue.open(1);
    (queue, (0..len).collect())
}

/// Gives back that much, in a vector of no room.
fn give_back(queue: &GreyQueue, objects: &[usize], pieces: &[Piece]) {
    queue.give_back(Batch::NOTHING, objects.iter().copied(), &mut pieces.to_vec());
}

#[test]
fn a_mutator_borrows_a_part_and_the_rest_stays_what_it_was() {
    let (queue, words) = lending(ROOM + 1);
    assert_eq!(queue.borrow(), None);
    assert!(queue.is_hungry(), "it is asked for");
    queue.offer_maybe(words.clone());
    let (rest, lent) = words.split_at(ROOM + 1 - LENT);
    assert_eq!(queue.borrow(), Some(Batch::Maybe(lent.to_vec())));
    assert_eq!(queue.borrow(), Some(Batch::Maybe(rest.to_vec())), "no objects by that");
    assert_eq!(queue.borrow(), None);
    // Two have borrowed, and one has given back.
    let piece = Piece { object: 8, from: 9 };
    give_back(&queue, &[7], &[piece]);
    assert_eq!(queue.offers_if_dry(), None);
    assert_eq!(queue.borrow(), Some(Batch::Objects(vec![7])));
    assert_eq!(queue.borrow(), Some(Batch::Piece(piece)));
    (0..3).for_each(|_| give_back(&queue, &[], &[]));
    assert_eq!(queue.offers_if_dry(), Some(1), "nobody has anything");
}

#[test]
fn nothing_is_lent_before_the_first_drain_and_after_the_end() {
    let queue = GreyQueue::new(1);
    queue.offer(vec![1]);
    assert_eq!(queue.borrow(), None);
    queue.open(1);
    assert_eq!(queue.borrow(), Some(Batch::Objects(vec![1])));
    assert!(!queue.close_if_dry(1), "it is lent");
    give_back(&queue, &[], &[]);
    assert!(queue.close_if_dry(1));
    queue.put(Batch::Objects(vec![2]));
    assert_eq!(queue.borrow(), None);
}

#[test]
fn what_was_not_taken_of_a_batch_goes_back_as_what_it_was() {
    let (queue, all) = lending(4);
    for kind in [Batch::Maybe, Batch::Objects] {
        queue.put(Batch::Objects(vec![9]));
        assert!(queue.borrow().is_some());
        queue.give_back(kind(vec![3]), all.iter().copied(), &mut Vec::new());
    }
    let back: Vec<_> = core::iter::from_fn(|| queue.borrow()).filter(|batch| !batch.is_empty()).collect();
    let (maybe, objects): (Vec<_>, Vec<_>) =
        back.into_iter().partition(|batch| matches!(batch, Batch::Maybe(_)));
    assert_eq!(maybe, [Batch::Maybe(vec![3])], "nothing is added to words that may be references");
    let mut objects: Vec<_> = objects.into_iter().flat_map(Batch::into_memory).collect();
    objects.sort_unstable();
    assert_eq!(objects, [0, 0, 1, 1, 2, 2, 3, 3, 3]);
}

#[test]
fn more_than_a_spare_has_room_for_is_given_back_as_one_batch() {
    let (queue, objects) = lending(2 * ROOM + 1);
    queue.offer(vec![1]);
    let Some(Batch::Objects(mut lent)) = queue.borrow() else { panic!("there is a batch") };
    lent.clear();
    queue.give_back(Batch::Objects(lent), objects.iter().copied(), &mut Vec::new());
    assert!(queue.state.lock().batches.iter().eq(&[Batch::Objects(objects)]));
}

/// The batches that are queued, each with so many references.
fn queued(queue: &GreyQueue) -> Vec<usize> {
    let len = |batch: &Batch| batch.clone().into_memory().len();
    queue.state.lock().batches.iter().map(len).collect()
}

#[test]
fn what_is_left_goes_where_there_is_room_and_else_into_a_batch_of_its_own() {
    let (queue, all) = lending(2 * ROOM);
    let borrowed = || queue.borrow().expect("there is a batch").into_memory();
    queue.offer(all[..ROOM - 1].to_vec());
    let mut rest = borrowed();
    assert_eq!((rest.len(), queued(&queue)), (ROOM - 1, vec![]), "a small batch is lent whole");
    assert_eq!(queue.state.lock().spares.len(), 0, "and takes no other memory");
    rest.pop();
    queue.give_back(Batch::Objects(rest), 0..2, &mut Vec::new());
    assert_eq!(queued(&queue), [ROOM], "what was found lies with what was not taken");
    let rest = borrowed();
    queue.give_back(Batch::Objects(rest), 0..1, &mut Vec::new());
    assert_eq!(queued(&queue), [ROOM, 1], "there is no room for one more");
    let mut emptied = borrowed();
    emptied.clear();
    let memory = emptied.as_ptr();
    queue.give_back(Batch::Objects(emptied), 0..ROOM, &mut Vec::new());
    assert_eq!(queued(&queue), [ROOM, ROOM], "what was emptied has room for as many");
    let again = borrowed();
    assert_eq!(again.as_ptr(), memory, "and is what they lie in");
    queue.give_back(Batch::Maybe(vec![1]), 0..1, &mut Vec::new());
    assert_eq!(queued(&queue), [ROOM, 1, 1], "what may be a reference lies alone");
}

#[test]
fn assists_that_find_more_than_they_take_do_not_splinter_the_queue() {
    let (queue, all) = lending(LENT);
    queue.offer(all);
    let mut references = LENT;
    for _ in 0..20 * ROOM {
        let mut rest = queue.borrow().expect("there is a batch").into_memory();
        rest.pop();
        queue.give_back(Batch::Objects(rest), 0..2, &mut Vec::new());
        references += 1;
    }
    let queued = queued(&queue);
    assert_eq!(queued.iter().sum::<usize>(), references);
    assert!(queued.len() <= 2 * references.div_ceil(ROOM - LENT), "{queued:?}");
}

#[test]
fn memory_goes_round_and_is_tidied_away() {
    let (queue, objects) = lending(LENT);
    let spares = || queue.state.lock().spares.len();
    queue.ready(3);
    assert_eq!(spares(), 3);
    queue.ready(2);
    assert_eq!(spares(), 3, "there are enough");
    let mut buffer = queue.spare();
    assert_eq!((spares(), buffer.is_empty(), buffer.capacity()), (2, true, ROOM));
    let memory = buffer.as_ptr();
    buffer.extend(&objects);
    queue.offer(buffer);
    let Some(Batch::Objects(mut lent)) = queue.borrow() else { panic!("there is a batch") };
    assert_eq!((lent.as_ptr(), spares()), (memory, 2), "all of it is lent");
    lent.clear();
    queue.give_back(Batch::Objects(lent), 0..1, &mut Vec::new());
    let Some(Batch::Objects(again)) = queue.take() else { panic!("something was left") };
    assert_eq!((again.as_ptr(), spares()), (memory, 2), "what was emptied is used next");
    queue.keep(again);
    queue.keep(Vec::with_capacity(4 * ROOM));
    queue.keep(Vec::with_capacity(ROOM - 1));
    assert_eq!(spares(), 4, "too small a vector is none");
    queue.tidy(2);
    assert_eq!(spares(), 2);
    assert!(
        queue.state.lock().spares.iter().all(|spare| spare.capacity() == ROOM),
        "what has grown goes first"
    );
    queue.tidy(0);
    assert_eq!(spares(), 0);
}

#[test]
fn every_batch_is_taken_once_and_all_workers_leave() {
    for workers in 1..=4 {
        let queue = Arc::new(GreyQueue::new(workers));
        queue.put(Batch::Objects(vec![6]));
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    let mut taken = 0_u64;
                    // A batch of n begets two of n - 1: 2^7 - 1 batches in all.
                    while let Some(batch) = queue.take() {
                        let Batch::Objects(depth) = batch else { continue };
                        taken += 1;
                        if depth[0] > 0 {
                            queue.put(Batch::Objects(vec![depth[0] - 1]));
                            queue.put(Batch::Objects(vec![depth[0] - 1]));
                        }
                    }
                    taken
                })
            })
            .collect();
        let taken: u64 = threads.into_iter().map(|thread| thread.join().expect("no worker panics")).sum();
        assert_eq!(taken, 127);
    }
}
