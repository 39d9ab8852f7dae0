//! Promise: an observer keeps no heap, ends when it is dropped, and says why it cannot begin.

use crate::client::{Client, LONG, get};
use crate::openmetrics::read;
use heap_gc::{Heap, Leaf};
use heap_observe::{BindError, Observer, Watched};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// Runs `f`, for that long at most.
fn in_time(f: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let thread = thread::spawn(move || {
        f();
        done.send(()).ok();
    });
    if is_done.recv_timeout(LONG).is_err() && !thread.is_finished() {
        panic!("not done after {LONG:?}");
    }
    thread.join().expect("it did not panic");
}

#[test]
fn a_heap_goes_with_its_last_handle_and_the_observer_says_so() {
    let heap = Heap::new().expect("a heap");
    let weak = heap.downgrade();
    let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    let mut client = Client::new(&observer);
    assert_eq!(client.get("/heap.json").status, 200);
    drop(heap);
    let begun = Instant::now();
    // A look of the observer may be under way, and holds it as long as that takes.
    while weak.upgrade().is_some() {
        assert!(begun.elapsed() < LONG, "the observer keeps it");
        thread::sleep(Duration::from_millis(1));
    }
    for path in ["/heap.json", "/census.json", "/debug/pprof/heap"] {
        assert_eq!(client.get(path).status, 410, "{path}");
    }
    let families = read(client.get("/metrics").text()).unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(families["tricolor_heap_up"].samples[0].1, 0.0);
    assert!(families["tricolor_heap_alloc_bytes"].samples.is_empty());
}

#[test]
fn dropping_it_closes_everything_at_once() {
    in_time(|| {
        let heap = Heap::new().expect("a heap");
        let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
        let address = observer.address();
        let mut idle = Client::new(&observer);
        assert_eq!(idle.get("/metrics").status, 200);
        let mut halfway = Client::new(&observer);
        halfway.send("GET /metr");
        let begun = Instant::now();
        drop(observer);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(idle.is_closed() && halfway.is_closed());
        assert!(TcpStream::connect_timeout(&address, LONG).is_err(), "nobody listens");
        // The port is free again.
        Observer::builder(&heap).bind(address).expect("an observer at the same place");
    });
}

#[test]
fn who_comes_again_at_once_keeps_neither_others_nor_the_end_waiting() {
    let heap = Heap::new().expect("a heap");
    let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    let (address, stops) = (observer.address(), AtomicBool::new(false));
    thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                // Ends with the test, and where that fails when nobody listens any more.
                for _ in (0..200_000).take_while(|_| !stops.load(Relaxed)) {
                    let Ok(mut socket) = TcpStream::connect_timeout(&address, LONG) else { return };
                    socket.write_all(b"GET /icon.svg HTTP/1.0\r\n\r\n").ok();
                    // Some of an answer, or that it was cut off.
                    let (Ok(_) | Err(_)) = socket.read(&mut [0; 4096]);
                }
            });
        }
        let mut worst = Duration::ZERO;
        for _ in 0..20 {
            let mut client = Client::new(&observer);
            let begun = Instant::now();
            assert_eq!(client.get("/heap.json").status, 200);
            worst = worst.max(begun.elapsed());
        }
        let begun = Instant::now();
        drop(observer);
        worst = worst.max(begun.elapsed());
        stops.store(true, Relaxed);
        assert!(worst < Duration::from_secs(5), "{worst:?}");
    });
}

#[test]
fn observers_come_and_go() {
    in_time(|| {
        let heap = Heap::new().expect("a heap");
        for round in 0..50 {
            let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
            if round % 2 == 0 {
                assert_eq!(get(&observer, "/heap.json?cells=1").status, 200);
            }
        }
    });
}

#[test]
fn an_object_may_hold_the_observer_of_its_heap() {
    in_time(|| {
        let heap = Heap::new().expect("a heap");
        let observer = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
        let address = observer.address();
        heap.attach().expect("attached").enter(|mu| _ = mu.alloc(Leaf::new(Mutex::new(observer))));
        drop(heap);
        // It went with the heap, on whatever thread that was.
        let begun = Instant::now();
        while TcpStream::connect_timeout(&address, LONG).is_ok() {
            assert!(begun.elapsed() < LONG);
            thread::sleep(Duration::from_millis(5));
        }
    });
}

#[test]
fn why_it_cannot_begin_is_said() {
    let heap = Heap::new().expect("a heap");
    let refused = |builder: heap_observe::ObserverBuilder, address: &str| {
        builder.bind(address).err().map(|error| (error.to_string(), error)).expect("an error")
    };
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("a port");
    let (text, error) = refused(Observer::builder(&heap), &address.to_string());
    assert!(
        matches!(error, BindError::Taken { .. }) && text.contains("is taken by another program"),
        "{text}"
    );
    let (text, error) = refused(Observer::builder(&heap), "0.0.0.0:0");
    assert!(matches!(error, BindError::Reachable { .. }) && text.contains("bind_anywhere"), "{text}");
    let (text, error) = refused(Observer::builder(&heap), "here");
    assert!(matches!(error, BindError::Address(_)) && text.contains("127.0.0.1:0"), "{text}");
    let twice = Observer::builder(Watched::new("one", &heap)).heap(Watched::new("one", &heap));
    let (text, error) = refused(twice, "127.0.0.1:0");
    assert!(matches!(error, BindError::SameName { .. }) && text.contains("\"one\""), "{text}");
}

#[test]
fn an_observer_for_all_answers_any_host() {
    let heap = Heap::new().expect("a heap");
    let ask = |observer: &Observer| {
        let mut client = Client::new(observer);
        client.send("GET /metrics HTTP/1.1\r\nHost: app.example:9100\r\n\r\n");
        client.reply().expect("a reply").status
    };
    let here = Observer::builder(&heap).bind("127.0.0.1:0").expect("an observer");
    assert_eq!(ask(&here), 421);
    // Bound to this machine all the same: the test opens nothing.
    let anywhere = Observer::builder(&heap).bind_anywhere("127.0.0.1:0").expect("an observer");
    assert_eq!(ask(&anywhere), 200);
}
