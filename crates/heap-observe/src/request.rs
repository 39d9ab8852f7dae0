//! Requests: from bytes that anybody may have sent to a method and a path, or to the error that answers them.
//!
//! Parsing is `httparse`'s. What is decided here is what a reader of a heap needs and nothing else: `GET` and `HEAD`, no body, one
//! `Host`, bounded lines. Nothing here blocks, and nothing allocates more than the head that it is given.
#![forbid(unsafe_code)]

use crate::limits::Limits;
use crate::reply::Status;
use httparse::{EMPTY_HEADER, Error};

/// Headers of a request, at most.
const MOST_HEADERS: usize = 64;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    /// The document.
    Get,
    /// What would come with the document, without it.
    Head,
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path, as it was sent.
    pub(crate) path: String,
    /// What followed its `?`.
    query: String,
    /// The host that the client thinks it talks to, without a port.
    pub(crate) host: Option<String>,
    /// Whether another request may follow on the connection.
    pub(crate) keeps_alive: bool,
    /// Whether a page of another site asks, and not by sending its reader here.
    pub(crate) is_cross_site: bool,
}

impl Request {
    /// The value of a name in the query, decoded; the first, if there are several.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    }

    /// Whether the host is an address, or `localhost`: a name that nobody else can make point here.
    pub(crate) fn is_for_an_address(&self) -> bool {
        self.host.as_deref().is_none_or(|host| {
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
        })
    }
}

/// What some bytes are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Parsed {
    /// The beginning of a request.
    Partial,
    /// A request of so many bytes.
    Whole(Request, usize),
    /// Nothing that is answered with a document. The connection ends with this.
    Refused(Status),
}

/// Reads the request at the beginning of `bytes`.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Parsed {
    let begins = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let line = bytes[begins..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - begins);
    if line > limits.request_line {
        return Parsed::Refused(Status::UriTooLong);
    }
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(len)) if len > limits.head => Parsed::Refused(Status::HeadersTooLarge),
        Ok(httparse::Status::Complete(len)) => match understood(&head) {
            Ok(request) => Parsed::Whole(request, len),
            Err(status) => Parsed::Refused(status),
        },
        Ok(httparse::Status::Partial) if bytes.len() >= limits.head => {
            Parsed::Refused(Status::HeadersTooLarge)
        }
        Ok(httparse::Status::Partial) => Parsed::Partial,
        Err(Error::TooManyHeaders) => Parsed::Refused(Status::HeadersTooLarge),
        Err(Error::Version) => Parsed::Refused(Status::VersionNotSupported),
        Err(Error::HeaderName | Error::HeaderValue | Error::NewLine | Error::Status | Error::Token) => {
            Parsed::Refused(Status::BadRequest)
        }
    }
}

/// What a whole head says.
fn understood(head: &httparse::Request<'_, '_>) -> Result<Request, Status> {
    let is_new = head.version == Some(1);
    let mut request = Request {
        method: Method::Get,
        path: String::new(),
        query: String::new(),
        host: None,
        keeps_alive: is_new,
        is_cross_site: false,
    };
    let mut navigates = false;
    for header in head.headers.iter() {
        let value = core::str::from_utf8(header.value).map_err(|_| Status::BadRequest)?.trim();
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("host") {
            if request.host.replace(without_port(value).to_owned()).is_some() {
                return Err(Status::BadRequest);
            }
        } else if is("content-length") {
            match value.parse::<u64>() {
                Ok(0) => {}
                Ok(_) => return Err(Status::ContentTooLarge),
                Err(_) => return Err(Status::BadRequest),
            }
        } else if is("transfer-encoding") {
            return Err(Status::ContentTooLarge);
        } else if is("connection") {
            for word in value.split(',').map(str::trim) {
                if word.eq_ignore_ascii_case("close") {
                    request.keeps_alive = false;
                } else if word.eq_ignore_ascii_case("keep-alive") && !is_new {
                    request.keeps_alive = true;
                }
            }
        } else if is("sec-fetch-site") {
            request.is_cross_site = value.eq_ignore_ascii_case("cross-site");
        } else if is("sec-fetch-mode") {
            navigates = value.eq_ignore_ascii_case("navigate");
        }
    }
    request.is_cross_site &= !navigates;
    if is_new && request.host.is_none() {
        return Err(Status::BadRequest);
    }
    request.method = match head.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some(_) | None => return Err(Status::MethodNotAllowed),
    };
    let target = head.path.unwrap_or_default();
    // A proxy's form of it names the host first.
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    if !target.starts_with('/') {
        return Err(Status::BadRequest);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (request.path, request.query) = (path.to_owned(), query.to_owned());
    Ok(request)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
        }
        Some(_) | None => host,
    }
}

/// A value of a query as text: `%41` is `A`, `+` a space, and what is no text a mark.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut left = value.as_bytes();
    while let Some((&byte, rest)) = left.split_first() {
        left = rest;
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, rest) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, ..]) if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                bytes.push(high * 16 + low);
                left = &rest[2..];
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
