//! Routes: from a request to what answers it.
#![forbid(unsafe_code)]

use crate::documents::Document;
use crate::page;
use crate::picture::CELLS;
use crate::reply::{Kind, Reply, Status};
use crate::request::Request;
use crate::watched::Watched;
use heap_profile::Shown;

/// Who may be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hosts {
    /// Requests to an address, or to `localhost`: what a page of another site cannot make its reader's browser send here under
    /// its own name.
    Addresses,
    /// Any.
    Any,
}

/// What answers a request.
pub(crate) enum Route {
    /// This.
    Now(Reply),
    /// The metrics, as they are now.
    Metrics,
    /// A document that is made beside the loop, of a heap by its number.
    Later {
        /// Which.
        document: Document,
        /// Of which heap.
        heap: usize,
    },
}

/// What answers a request.
pub(crate) fn route(request: &Request, hosts: Hosts, watched: &[Watched]) -> Route {
    if hosts == Hosts::Addresses && !request.is_for_an_address() {
        return Route::Now(Reply::error(Status::Misdirected));
    }
    if request.is_cross_site {
        return Route::Now(Reply::error(Status::Forbidden));
    }
    let document = match request.path.as_str() {
        "/" | "/index.html" => return asset(Kind::Html, page::HTML),
        "/page.css" => return asset(Kind::Css, page::CSS),
        "/page.js" => return asset(Kind::Script, page::SCRIPT),
        "/icon.svg" => return asset(Kind::Svg, page::ICON),
        "/metrics" => return Route::Metrics,
        "/heap.json" => {
            let Some(cells) = request.value("cells").map_or(Some(CELLS), |cells| cells.parse().ok()) else {
                return Route::Now(Reply::error(Status::BadRequest));
            };
            Document::Picture { cells }
        }
        "/census.json" => Document::Census,
        "/debug/pprof/heap" => profile(request, Shown::InUse),
        "/debug/pprof/allocs" => profile(request, Shown::Allocated),
        _ => return Route::Now(Reply::error(Status::NotFound)),
    };
    // Without a name, the first.
    let heap = match request.value("heap") {
        Some(name) => watched.iter().position(|one| one.name == name),
        None => Some(0),
    };
    heap.map_or_else(|| Route::Now(Reply::error(Status::NotFound)), |heap| Route::Later { document, heap })
}

fn asset(kind: Kind, text: &'static str) -> Route {
    Route::Now(Reply::of(kind, text.as_bytes()))
}

fn profile(request: &Request, shown: Shown) -> Document {
    // As Go has it: with debug=1 or more, text.
    let is_text = request.value("debug").is_some_and(|level| level != "0");
    Document::Profile { shown, is_text }
}
