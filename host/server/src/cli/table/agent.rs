//! The options of `reprise agent` that `reprise serve` has not.

use super::serve::{ANY_PATH, NO_PATH};
use super::{Row, row};

/// `reprise agent`, whose options are the file's keys.
pub(super) const AGENT: &[Row] = &[
    row("socket", ANY_PATH, NO_PATH, &[]),
    row(
        "uid",
        &["root", "0", "33"],
        &[("", "`www-data`"), ("no-such-user", "`www-data`"), ("-1", "`www-data`"), ("65534", "anybody")],
        &[],
    ),
];
