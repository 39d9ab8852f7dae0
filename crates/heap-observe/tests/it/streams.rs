//! Promise: whatever bytes come, in whatever pieces, from however many at once: each connection is answered with whole replies or
//! closed, the observer goes on, and the heap that is at work beside it is whole.

use crate::client::{Client, get};
use heap_gc::Heap;
use heap_observe::{Limits, Observer};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// A piece of what a client sends, and whether it waits a moment after it.
fn piece() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let known = proptest::sample::select(vec![
        "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /heap.json?cells=5 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "HEAD / HTTP/1.0\r\n\r\n",
        "GET /census.json HTTP/1.1\r\nHost: [::1]\r\n\r\n",
        "GET ",
        "/debug/pprof/heap",
        "?heap=%",
        " HTTP/1.1\r\n",
        "Host: a\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
        "\r\n",
        "\n",
        "\0",
    ]);
    let bytes = prop_oneof![
        6 => known.prop_map(|text| text.as_bytes().to_vec()),
        2 => vec(any::<u8>(), 0..64),
        1 => (any::<u8>(), 0_usize..20_000).prop_map(|(byte, count)| vec![byte; count]),
    ];
    (bytes, any::<bool>())
}

/// Sends all of it and reads until the end. Replies that come are whole: the client insists on that.
fn exchange(observer: &Observer, pieces: &[(Vec<u8>, bool)], ends: bool) {
    let mut client = Client::new(observer);
    for (bytes, waits) in pieces {
        if !client.send(bytes) {
            break;
        }
        if *waits {
            thread::sleep(Duration::from_micros(200));
        }
    }
    if ends {
        client.socket.shutdown(std::net::Shutdown::Write).ok();
    }
    // A head has no document, and these clients do not keep in mind what they asked: what comes is looked at as bytes.
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut client.socket, &mut bytes).ok();
    assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 "), "{:?}", String::from_utf8_lossy(&bytes));
}

#[test]
fn any_bytes_in_any_pieces_are_answered_or_closed() {
    let heap = Heap::builder().least_heap(1 << 20).build().expect("a heap");
    let mut limits = Limits::default();
    limits.connections = 6;
    limits.request_time = Duration::from_millis(40);
    limits.idle_time = Duration::from_millis(40);
    limits.reply_time = Duration::from_millis(200);
    let observer = Observer::builder(&heap).limits(limits).bind("127.0.0.1:0").expect("an observer");
    let stops = AtomicBool::new(false);
    let cases = if cfg!(debug_assertions) { 150 } else { 600 };
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut mutator = heap.attach().expect("attached");
            let mut kept = std::collections::VecDeque::new();
            while !stops.load(Relaxed) {
                mutator.enter(|mu| {
                    (0..200_u64).for_each(|number| _ = mu.alloc([number; 5]));
                    kept.push_back(mu.root(mu.alloc([7_u64; 9])));
                });
                if kept.len() > 300 {
                    kept.pop_front();
                }
                // Not before the first collection, which on a busy machine may else come after the last client.
                if heap.figures().cycles > 0 {
                    mutator.park(|| thread::sleep(Duration::from_micros(300)));
                }
            }
        });
        let clients: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let config = Config { cases, failure_persistence: None, ..Config::default() };
                    TestRunner::new(config).run(&(vec(piece(), 0..8), any::<bool>()), |(pieces, ends)| {
                        exchange(&observer, &pieces, ends);
                        Ok(())
                    })
                })
            })
            .collect();
        let results: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        stops.store(true, Relaxed);
        for result in results {
            result.expect("no panic").expect("every case holds");
        }
    });
    assert_eq!(get(&observer, "/metrics").status, 200);
    assert!(heap.verify().is_empty());
    assert!(heap.figures().cycles > 0, "there were collections meanwhile");
}
