use super::*;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn serve(workload: Workload, address: &str) -> Serve {
    Serve { workload, address: address.to_owned(), live: 4 << 20, time: Some(Duration::from_millis(400)) }
}

#[test]
fn every_workload_is_shown_while_it_runs_and_stays_about_as_large_as_it_was_asked_to_be() {
    for workload in Workload::ALL {
        let (tell, told) = std::sync::mpsc::channel();
        let word = workload.word();
        let client = thread::spawn(move || {
            let url: String = told.recv().expect("a place");
            thread::sleep(Duration::from_millis(200));
            let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
            let mut socket = TcpStream::connect(address).expect("it listens");
            socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("sent");
            let mut text = String::new();
            socket.read_to_string(&mut text).expect("a reply");
            text
        });
        serve(*workload, ADDRESS)
            .run(|url| {
                tell.send(url.to_owned()).ok();
                Ok(())
            })
            .expect(word);
        let text = client.join().expect("no panic");
        assert!(text.contains(&format!("tricolor_heap_up{{heap=\"{word}\"}} 1")), "{text:.300}");

        let heap = builder(4 << 20).build().expect("a heap");
        let mut mutator = heap.attach().expect("attached");
        let mut live = Live::plant(&mut mutator, *workload, 4 << 20, 1, || false);
        // Every place several times over.
        (0..4000).for_each(|_| live.replace(&mut mutator));
        mutator.collect();
        // What is pinned counts: that is the point of it.
        let memory = heap.figures().memory;
        let bytes = if *workload == Workload::Pinned { memory.heap_inuse } else { memory.heap_alloc };
        let size = bytes.get() as f64 / f64::from(4 << 20);
        assert!((0.6..1.6).contains(&size), "{word}: {size} of what was asked for");
        let spans = heap.fragmentation().total;
        assert_eq!(
            spans.lone * 2 > spans.spans,
            *workload == Workload::Pinned,
            "{word}: {} of {}",
            spans.lone,
            spans.spans
        );
    }
}

#[test]
fn a_place_that_cannot_be_had_is_an_error_that_says_why() {
    let refused =
        |address: &str| serve(Workload::Trees, address).run(|_| Ok(())).expect_err("refused").to_string();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("an address").to_string();
    assert!(refused(&taken).contains("is taken by another program"), "{}", refused(&taken));
    assert!(refused("0.0.0.0:0").contains("from other machines: give one"), "{}", refused("0.0.0.0:0"));
    assert!(
        refused("nowhere").contains("--addr nowhere: the address is not understood"),
        "{}",
        refused("nowhere")
    );
}

#[test]
fn a_large_heap_grows_by_a_gibibyte_and_a_small_one_doubles() {
    for (live, percent_) in
        [(64 << 20, 100), (1 << 30, 100), (4 << 30, 25), (10_u64 << 30, 10), (100 << 30, 5)]
    {
        assert_eq!(percent(live), percent_, "{live}");
    }
}
