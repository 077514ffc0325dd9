//! What the browser loads, and what it may do with it.

use hyper::StatusCode;

use crate::http::Answer;

/// Fields of every answer at `--admin`: nothing is loaded from, sent to or shown within anything else, no script runs that is not a
/// file of this server's, and nothing is taken for another type than it says.
pub(crate) const FIELDS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, type and content.
pub(super) const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("index.html")),
    ("/page/style.css", CSS, include_str!("style.css")),
    ("/page/icon.svg", SVG, include_str!("icon.svg")),
    ("/page/page.js", SCRIPT, include_str!("page.js")),
    ("/page/draw.js", SCRIPT, include_str!("draw.js")),
    ("/page/funnel.js", SCRIPT, include_str!("funnel.js")),
    ("/page/history.js", SCRIPT, include_str!("history.js")),
    ("/page/policies.js", SCRIPT, include_str!("policies.js")),
    ("/page/stores.js", SCRIPT, include_str!("stores.js")),
    ("/page/recent.js", SCRIPT, include_str!("recent.js")),
];

/// The file at this path.
pub(crate) fn at(path: &str) -> Option<Answer> {
    let (_, kind, content) = FILES.iter().find(|(at, ..)| *at == path)?;
    Some(Answer::new(StatusCode::OK, kind, (*content).to_owned()))
}
