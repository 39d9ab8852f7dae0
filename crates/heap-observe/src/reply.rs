//! Replies: a status, a document and the headers that go with it, as bytes.
//!
//! Every reply forbids what the page does not need: other sites may not frame, embed or read it, nothing is loaded from anywhere
//! else, nothing is kept.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Status {
    Ok,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Gone,
    ContentTooLarge,
    UriTooLong,
    Misdirected,
    HeadersTooLarge,
    Failed,
    Unavailable,
    VersionNotSupported,
}

impl Status {
    /// All of them.
    pub(crate) const ALL: [Self; 14] = [
        Self::Ok,
        Self::BadRequest,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Gone,
        Self::ContentTooLarge,
        Self::UriTooLong,
        Self::Misdirected,
        Self::HeadersTooLarge,
        Self::Failed,
        Self::Unavailable,
        Self::VersionNotSupported,
    ];

    /// The number and the words of the first line.
    pub(crate) const fn line(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::BadRequest => (400, "Bad Request"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::RequestTimeout => (408, "Request Timeout"),
            Self::Gone => (410, "Gone"),
            Self::ContentTooLarge => (413, "Content Too Large"),
            Self::UriTooLong => (414, "URI Too Long"),
            Self::Misdirected => (421, "Misdirected Request"),
            Self::HeadersTooLarge => (431, "Request Header Fields Too Large"),
            Self::Failed => (500, "Internal Server Error"),
            Self::Unavailable => (503, "Service Unavailable"),
            Self::VersionNotSupported => (505, "HTTP Version Not Supported"),
        }
    }

    /// What a person is told who has asked by hand.
    const fn advice(self) -> &'static str {
        match self {
            Self::Ok => "",
            Self::BadRequest => "This is no request that is understood: GET /path HTTP/1.1, and one Host.",
            Self::Forbidden => "Pages of other sites may not ask.",
            Self::NotFound => {
                "There are /, /metrics, /heap.json, /census.json, /debug/pprof/heap and /debug/pprof/allocs."
            }
            Self::MethodNotAllowed => "Nothing can be changed here: GET and HEAD.",
            Self::RequestTimeout => "The request took too long to come.",
            Self::Gone => "The heap is gone.",
            Self::ContentTooLarge => "A request has no body here.",
            Self::UriTooLong => "The first line is too long.",
            Self::Misdirected => {
                "Ask by address, or as localhost: names that others can point here are not answered."
            }
            Self::HeadersTooLarge => "The headers are too long, or too many.",
            Self::Failed => "The document could not be made.",
            Self::Unavailable => "Not now. Ask again in a moment.",
            Self::VersionNotSupported => "HTTP/1.1 or HTTP/1.0.",
        }
    }
}

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Html,
    Css,
    Script,
    Svg,
    Json,
    Text,
    Metrics,
    /// A gzip file, with the name it is to be saved by.
    Profile(&'static str),
}

impl Kind {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Css => "text/css; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Svg => "image/svg+xml",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Metrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Profile(_) => "application/octet-stream",
        }
    }
}

/// What is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) status: Status,
    pub(crate) kind: Kind,
    pub(crate) body: Cow<'static, [u8]>,
}

/// Whether the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum After {
    /// Another request may come.
    Stay,
    /// This was the last.
    Close,
}

const ALWAYS: &str = "Cache-Control: no-store\r\n\
     Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
     Cross-Origin-Opener-Policy: same-origin\r\n\
     Cross-Origin-Resource-Policy: same-origin\r\n\
     Referrer-Policy: no-referrer\r\n\
     X-Content-Type-Options: nosniff\r\n";

impl Reply {
    /// A document.
    pub(crate) fn of(kind: Kind, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status: Status::Ok, kind, body: body.into() }
    }

    /// An error, in words.
    pub(crate) fn error(status: Status) -> Self {
        let (code, words) = status.line();
        let text = format!("{code} {words}\n{}\n", status.advice());
        Self { status, kind: Kind::Text, body: text.into_bytes().into() }
    }

    /// The reply as it is sent, with its document if that is wanted.
    pub(crate) fn bytes(&self, has_body: bool, after: After) -> Vec<u8> {
        let (code, words) = self.status.line();
        let mut head = String::with_capacity(640);
        // A string takes what is written to it.
        _ = write!(
            head,
            "HTTP/1.1 {code} {words}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{ALWAYS}",
            date(SystemTime::now()),
            self.kind.media_type(),
            self.body.len(),
        );
        if let Kind::Profile(name) = self.kind {
            _ = write!(head, "Content-Disposition: attachment; filename=\"{name}\"\r\n");
        }
        match self.status {
            Status::MethodNotAllowed => head.push_str("Allow: GET, HEAD\r\n"),
            Status::Unavailable => head.push_str("Retry-After: 1\r\n"),
            Status::Ok
            | Status::BadRequest
            | Status::Forbidden
            | Status::NotFound
            | Status::RequestTimeout
            | Status::Gone
            | Status::ContentTooLarge
            | Status::UriTooLong
            | Status::Misdirected
            | Status::HeadersTooLarge
            | Status::Failed
            | Status::VersionNotSupported => {}
        }
        head.push_str(match after {
            After::Stay => "Connection: keep-alive\r\n\r\n",
            After::Close => "Connection: close\r\n\r\n",
        });
        let mut bytes = head.into_bytes();
        if has_body {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment as headers write it: `Sat, 28 Nov 2026 21:05:09 GMT`.
fn date(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let weekday = DAYS[usize::try_from(day % 7).unwrap_or(0)];
    let mut year = 1970_u64;
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_of = |year| if is_leap(year) { 366 } else { 365 };
    while day >= days_of(year) {
        day -= days_of(year);
        year += 1;
    }
    let mut month = 0;
    loop {
        let days = match month {
            1 => 28 + u64::from(is_leap(year)),
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        if day < days || month == 11 {
            break;
        }
        day -= days;
        month += 1;
    }
    format!(
        "{weekday}, {:02} {} {year} {:02}:{:02}:{:02} GMT",
        day + 1,
        MONTHS[month],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests;
