//! Promise: what is malformed, too large, too slow or too much is answered with an error or closed; others are served meanwhile, and the
//! heap is whole.

use crate::client::{Client, LONG, get};
use heap_gc::Heap;
use heap_observe::{Limits, Observer};
use std::thread;
use std::time::{Duration, Instant};

const OK: &str = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.connections = 4;
    limits.request_time = Duration::from_millis(200);
    limits.idle_time = Duration::from_millis(400);
    limits.reply_time = Duration::from_millis(400);
    limits
}

fn observed(limits: Limits) -> (Heap, Observer) {
    let heap = Heap::new().expect("a heap");
    heap.attach().expect("attached").enter(|mu| (0..1000_u64).for_each(|number| _ = mu.alloc(number)));
    let observer = Observer::builder(&heap).limits(limits).bind("127.0.0.1:0").expect("an observer");
    (heap, observer)
}

fn is_whole(heap: &Heap, observer: &Observer) {
    assert_eq!(get(observer, "/metrics").status, 200);
    assert!(heap.verify().is_empty());
}

#[test]
fn malformed_and_oversized_requests_are_refused_and_closed() {
    let (heap, observer) = observed(Limits::default());
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100_000));
    let long_head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
    let body = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2000000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    for (bytes, status) in [
        ("\0\0\0\0", 400),
        ("hello\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
        ("PUT / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (
            "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            413,
        ),
        (long_line.as_str(), 414),
        (long_head.as_str(), 431),
        (body.as_str(), 413),
    ] {
        let mut client = Client::new(&observer);
        // The server may close before it has taken all.
        client.send(bytes);
        let reply = client.reply().unwrap_or_else(|| panic!("{bytes:.40?} is answered"));
        assert_eq!(reply.status, status, "{bytes:.40?}");
        assert_eq!(reply.header("Connection"), Some("close"));
        assert!(client.is_closed(), "{bytes:.40?}");
    }
    is_whole(&heap, &observer);
}

#[test]
fn who_sends_a_request_byte_by_byte_is_cut_off() {
    let (heap, observer) = observed(limits());
    let mut slow = Client::new(&observer);
    let begun = Instant::now();
    // Each byte comes in time; together they do not.
    for byte in OK.bytes().cycle() {
        if !slow.send([byte]) || begun.elapsed() > Duration::from_millis(600) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    // Nine bytes in ten were not asked for any more, so the refusal may be lost with them.
    if let Some(reply) = slow.reply() {
        assert_eq!(reply.status, 408);
    }
    assert!(slow.is_closed());
    is_whole(&heap, &observer);
}

#[test]
fn half_a_request_is_told_that_it_is_late_and_nothing_is_just_closed() {
    let (heap, observer) = observed(limits());
    let mut half = Client::new(&observer);
    half.send("GET /metrics HTT");
    let mut silent = Client::new(&observer);
    let reply = half.reply().expect("a refusal");
    assert_eq!((reply.status, reply.header("Connection")), (408, Some("close")));
    assert!(half.is_closed() && silent.is_closed());
    is_whole(&heap, &observer);
}

#[test]
fn who_is_idle_after_a_reply_is_closed_in_time() {
    let (heap, observer) = observed(limits());
    let mut client = Client::new(&observer);
    assert_eq!(client.get("/metrics").status, 200);
    thread::sleep(Duration::from_millis(250));
    assert_eq!(client.get("/metrics").status, 200, "longer than a request may take, shorter than a rest");
    let begun = Instant::now();
    assert!(client.is_closed());
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    is_whole(&heap, &observer);
}

#[test]
fn who_does_not_read_is_cut_off_and_holds_up_nobody() {
    let (heap, observer) = observed(limits());
    let mut greedy = Client::new(&observer);
    // Far more requests than the sockets hold, and replies.
    let page = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(1_000_000);
    let begun = Instant::now();
    greedy.socket.set_write_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let sent_all = greedy.send(page);
    assert!(!sent_all, "the server reads no further while a reply waits, and then closes");
    assert!(begun.elapsed() < LONG);
    is_whole(&heap, &observer);
}

#[test]
fn the_slow_and_the_many_do_not_keep_others_out() {
    let (heap, observer) = observed(limits());
    let slow: Vec<_> = (0..40)
        .map(|_| {
            let mut client = Client::new(&observer);
            client.send("GET /");
            client
        })
        .collect();
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(get(&observer, "/metrics").status, 200);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    drop(slow);
    is_whole(&heap, &observer);
}

#[test]
fn a_limit_may_be_more_than_there_can_be() {
    let mut limits = limits();
    (limits.request_line, limits.head) = (usize::MAX, usize::MAX);
    (limits.connections, limits.waiting) = (usize::MAX, usize::MAX);
    (limits.request_time, limits.idle_time) = (Duration::MAX, Duration::MAX);
    (limits.reply_time, limits.census_time) = (Duration::MAX, Duration::MAX);
    let (heap, observer) = observed(limits);
    let mut client = Client::new(&observer);
    for path in ["/", "/metrics", "/heap.json", "/census.json"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    is_whole(&heap, &observer);
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let (heap, observer) = observed(Limits::default());
    let mut client = Client::new(&observer);
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    let paths = ["/metrics", "/heap.json?cells=3", "/nothing", "/census.json", "/metrics"];
    client.send(paths.map(ask).concat().repeat(20));
    for round in 0..20 {
        for (path, status) in paths.iter().zip([200, 200, 404, 200, 200]) {
            let reply = client.reply().expect("a reply");
            assert_eq!(reply.status, status, "{round}: {path}");
        }
    }
    // What follows a request that is refused is not looked at.
    client.send(format!("{}BAD\r\n\r\n{}", ask("/metrics"), ask("/metrics")));
    assert_eq!(client.reply().map(|reply| reply.status), Some(200));
    assert_eq!(client.reply().map(|reply| reply.status), Some(400));
    assert!(client.is_closed());
    is_whole(&heap, &observer);
}

#[test]
fn who_sends_no_more_still_gets_his_answers() {
    let (heap, observer) = observed(Limits::default());
    for path in ["/metrics", "/heap.json", "/census.json"] {
        let mut client = Client::new(&observer);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").repeat(2));
        client.ends();
        assert_eq!(client.reply().map(|reply| reply.status), Some(200), "{path}");
        assert_eq!(client.reply().map(|reply| reply.status), Some(200), "{path}");
        assert!(client.is_closed());
    }
    let mut half = Client::new(&observer);
    half.send("GET /metr");
    half.ends();
    assert!(half.is_closed(), "half a request is none");
    is_whole(&heap, &observer);
}

#[test]
fn heads_have_no_documents_and_old_clients_one_request() {
    let (_heap, observer) = observed(Limits::default());
    let mut client = Client::new(&observer);
    client.send("HEAD /heap.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    client.ends();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut client.socket, &mut bytes).expect("a head");
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("Connection: close\r\n\r\n"), "{text}");
    let mut old = Client::new(&observer);
    old.send("GET /metrics HTTP/1.0\r\n\r\n");
    assert_eq!(
        old.reply().and_then(|reply| reply.header("Connection").map(str::to_owned)).as_deref(),
        Some("close")
    );
    assert!(old.is_closed());
}

#[test]
fn pages_of_other_sites_are_refused() {
    let (_heap, observer) = observed(Limits::default());
    let mut client = Client::new(&observer);
    client.send("GET /heap.json HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n\r\n");
    assert_eq!(client.reply().map(|reply| reply.status), Some(403));
    client.send("GET /heap.json HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
    assert_eq!(client.reply().map(|reply| reply.status), Some(421));
}

#[test]
fn more_documents_than_may_wait_are_refused_for_now() {
    let mut limits = Limits::default();
    limits.waiting = 1;
    let (heap, observer) = observed(limits);
    let mut clients: Vec<_> = (0..16).map(|_| Client::new(&observer)).collect();
    let mut statuses = Vec::new();
    for _ in 0..20 {
        for client in &mut clients {
            client.send("GET /heap.json?cells=8192 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        }
        statuses.extend(clients.iter_mut().map(|client| client.reply().expect("a reply").status));
    }
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    is_whole(&heap, &observer);
}
