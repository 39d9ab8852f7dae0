use super::*;
use heap_gc::Heap;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

const AT_ONCE: Pace = Pace { read: usize::MAX, written: usize::MAX };

fn watched() -> (Heap, Vec<Watched>) {
    let heap = Heap::new().expect("a heap");
    let watched = vec![Watched::from(&heap)];
    (heap, watched)
}

#[test]
fn requests_that_come_together_are_answered_one_after_the_other() {
    let (heap, watched) = watched();
    let text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: [::1]\r\n\r\n\
                GET /heap.json HTTP/1.1\r\nHost: ::1\r\n\r\nGET /census.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n\
                GET /census.json?heap=other HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n\
                POST / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.0\r\n\r\n";
    let expected = [200, 200, 200, 200, 404, 421, 405];
    for pace in [AT_ONCE, Pace { read: 1, written: 1 }, Pace { read: 7, written: 1000 }] {
        let told = talk(text.as_bytes(), pace, &watched, &Limits::default());
        assert_eq!(told.statuses(), expected, "{pace:?}; what follows a refusal is not answered");
    }
    drop(heap);
    let told = talk(text.as_bytes(), AT_ONCE, &watched, &Limits::default());
    assert_eq!(told.statuses(), [200, 200, 410, 410, 404, 421, 405]);
}

/// Bytes of clients that know what they do, mostly.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let request = (
        proptest::sample::select(vec!["GET", "HEAD", "GET", "PUT"]),
        proptest::sample::select(vec![
            "/",
            "/metrics",
            "/heap.json?cells=9",
            "/census.json",
            "/debug/pprof/heap?debug=1",
            "/?",
            "x",
        ]),
        proptest::sample::select(vec![
            " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            " HTTP/1.1\nHost: a.b\n",
            " HTTP/1.0\r\n",
            " HTTP/1.1\r\n",
        ]),
        0_usize..9000,
    )
        .prop_map(|(method, path, rest, junk)| {
            let junk = junk.saturating_sub(5000);
            format!("{method} {path}{rest}Junk: {}\r\n\r\n", "x".repeat(junk)).into_bytes()
        });
    let piece = prop_oneof![8 => request, 1 => vec(any::<u8>(), 0..30)];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn how_bytes_come_and_go_does_not_matter(bytes in conversation(), read in 1_usize..5000, written in 1_usize..5000) {
        let (_heap, watched) = watched();
        let [at_once, in_pieces] = [AT_ONCE, Pace { read, written }]
            .map(|pace| talk(&bytes, pace, &watched, &Limits::default()).statuses());
        prop_assert_eq!(at_once.len(), in_pieces.len());
        for (at_once, in_pieces) in at_once.iter().zip(&in_pieces) {
            // Which of several reasons a request is refused for depends on how much of it was seen.
            prop_assert!(at_once == in_pieces || (*at_once >= 400 && *in_pieces >= 400));
        }
    }
}
