use super::*;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

fn limits() -> Limits {
    Limits::default()
}

fn whole(text: &str) -> Request {
    match parse(text.as_bytes(), &limits()) {
        Parsed::Whole(request, len) => {
            assert_eq!(len, text.len(), "{text:?}");
            request
        }
        other @ (Parsed::Partial | Parsed::Refused(_)) => panic!("{text:?} is {other:?}"),
    }
}

fn refused(bytes: &[u8]) -> Status {
    match parse(bytes, &limits()) {
        Parsed::Refused(status) => status,
        other @ (Parsed::Partial | Parsed::Whole(..)) => {
            panic!("{:?} is {other:?}", String::from_utf8_lossy(bytes))
        }
    }
}

#[test]
fn what_a_browser_sends_is_understood() {
    let request = whole(
        "GET /heap.json?heap=a%20b&cells=12 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\nSec-Fetch-Site: same-origin\r\n\r\n",
    );
    assert_eq!((request.method, request.path.as_str()), (Method::Get, "/heap.json"));
    assert_eq!(request.host.as_deref(), Some("127.0.0.1"));
    assert!(request.keeps_alive && !request.is_cross_site && request.is_for_an_address());
    assert_eq!(request.value("heap").as_deref(), Some("a b"));
    assert_eq!(request.value("cells").as_deref(), Some("12"));
    assert_eq!(request.value("cell"), None);
}

#[test]
fn connections_are_kept_as_the_version_and_the_client_say() {
    for (text, keeps) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ("GET / HTTP/1.1\nHost: a\n\n", true),
    ] {
        assert_eq!(whole(text).keeps_alive, keeps, "{text:?}");
    }
}

#[test]
fn hosts_are_addresses_or_names() {
    for (host, is_address) in [
        ("127.0.0.1", true),
        ("127.0.0.1:9", true),
        ("localhost:80", true),
        ("LocalHost", true),
        ("[::1]:8080", true),
        ("[::1]", true),
        ("evil.example", false),
        ("evil.example:8080", false),
        ("127.0.0.1.evil.example", false),
        ("localhost.evil.example", false),
        ("", false),
    ] {
        let request = whole(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(request.is_for_an_address(), is_address, "{host:?}");
    }
    assert!(whole("GET / HTTP/1.0\r\n\r\n").is_for_an_address(), "who names none, reached an address");
}

#[test]
fn a_proxys_form_and_other_sites_are_understood() {
    assert_eq!(whole("GET http://127.0.0.1/metrics?x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").path, "/metrics");
    assert_eq!(whole("GET http://127.0.0.1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").path, "/");
    let from_elsewhere =
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n\r\n";
    assert!(whole(from_elsewhere).is_cross_site);
    assert!(!whole(&from_elsewhere.replace("no-cors", "navigate")).is_cross_site, "a link may lead here");
}

#[test]
fn what_is_refused_says_why() {
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(3000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(65));
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(9000));
    for (text, status) in [
        ("GARBAGE\r\n\r\n", Status::BadRequest),
        ("GET / HTTP/1.1\r\n\r\n", Status::BadRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Status::BadRequest),
        ("GET metrics HTTP/1.1\r\nHost: a\r\n\r\n", Status::BadRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", Status::BadRequest),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Status::BadRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", Status::ContentTooLarge),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Status::ContentTooLarge),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Status::MethodNotAllowed),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", Status::MethodNotAllowed),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Status::VersionNotSupported),
        (long.as_str(), Status::UriTooLong),
        (many.as_str(), Status::HeadersTooLarge),
        (large.as_str(), Status::HeadersTooLarge),
    ] {
        assert_eq!(refused(text.as_bytes()), status, "{text:.60?}");
    }
    assert_eq!(refused(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n"), Status::BadRequest);
    assert_eq!(refused(b"\x16\x03\x01\x02\x00\x01"), Status::BadRequest, "somebody speaks TLS");
    assert_eq!(refused(&b"\r\n".repeat(5000)), Status::HeadersTooLarge, "nothing is not sent for ever");
}

#[test]
fn values_are_decoded_whatever_they_are() {
    for (raw, value) in [("a+b", "a b"), ("%41%4a%zz%4", "AJ%zz%4"), ("%e2%9c%93", "✓"), ("%ff", "\u{fffd}")]
    {
        assert_eq!(decoded(raw), value);
    }
}

/// Bytes that are nearly requests.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec![
            "GET ", "HEAD ", "POST ", "/", "/metrics", "?heap=", "%4", " HTTP/1.1", " HTTP/1.0", "\r\n", "\n", "Host: ", "a",
            "127.0.0.1", ":", "Content-Length: ", "0", "99999999999999999999", "Connection: close", "Transfer-Encoding: chunked", " ", "\t",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..20),
        1 => (any::<u8>(), 0_usize..3000).prop_map(|(byte, count)| vec![byte; count]),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4096))]

    #[test]
    fn any_bytes_are_a_beginning_a_request_or_refused(bytes in nearly()) {
        match parse(&bytes, &limits()) {
            Parsed::Partial => prop_assert!(bytes.len() < limits().head),
            Parsed::Whole(request, len) => {
                prop_assert!(len <= bytes.len() && len <= limits().head);
                prop_assert!(request.path.starts_with('/'));
                // What follows changes nothing.
                prop_assert_eq!(parse(&bytes[..len], &limits()), Parsed::Whole(request, len));
            }
            Parsed::Refused(status) => prop_assert!(status.line().0 >= 400),
        }
    }

    #[test]
    fn what_has_come_of_a_request_is_its_beginning(path in "/[a-z%?=&]{0,40}", host in "[a-z.]{1,20}", junk in "[ -~]{0,60}") {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nJunk: {junk}\r\n\r\n");
        for end in 0..text.len() {
            prop_assert_eq!(parse(&text.as_bytes()[..end], &limits()), Parsed::Partial, "{}", end);
        }
        prop_assert!(matches!(parse(text.as_bytes(), &limits()), Parsed::Whole(_, len) if len == text.len()));
    }
}
