use super::*;
use core::time::Duration;

#[test]
fn moments_are_written_as_headers_have_them() {
    for (seconds, text) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_795_899_600, "Sat, 28 Nov 2026 21:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ] {
        assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), text);
    }
}

#[test]
fn a_head_without_its_document_says_how_long_it_would_be() {
    let reply = Reply::of(Kind::Text, &b"some words"[..]);
    let [with, without] =
        [true, false].map(|body| String::from_utf8(reply.bytes(body, After::Stay)).expect("text"));
    assert_eq!(with.strip_suffix("some words"), Some(without.as_str()));
    assert!(
        without.contains("\r\nContent-Length: 10\r\n") && without.ends_with("Connection: keep-alive\r\n\r\n")
    );
}

#[test]
fn every_status_has_a_place_a_number_and_words() {
    for (index, status) in Status::ALL.into_iter().enumerate() {
        assert_eq!(status as usize, index);
        let text = String::from_utf8(Reply::error(status).bytes(true, After::Close)).expect("text");
        let (code, words) = status.line();
        assert!(text.starts_with(&format!("HTTP/1.1 {code} {words}\r\n")), "{text}");
        // Lines end as they must, and the head ends once.
        let (head, _) = text.split_once("\r\n\r\n").expect("an end of the head");
        assert!(head.split("\r\n").all(|line| !line.contains('\n') && !line.ends_with(' ')), "{head}");
        assert!(head.contains("Content-Security-Policy: default-src 'none';"), "{head}");
        assert_eq!(head.contains("Allow: GET, HEAD"), status == Status::MethodNotAllowed);
        assert_eq!(head.contains("Retry-After: 1"), status == Status::Unavailable);
    }
}
