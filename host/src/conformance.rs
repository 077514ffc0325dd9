//! A policy held against vectors: settings, calls and the verdicts that are expected, in a file that any language's author can
//! read and write.
//!
//! The policy runs as it would in a server: in the sandbox, loaded, configured and probed, asked through the chain. What differs
//! is time, of which there is plenty. `reprise test POLICY VECTORS` is this on the command line.
//!
//! A suite is a TOML file; `docs/conformance.md` tells its format:
//!
//! ```
//! let suite = reprise::conformance::Suite::parse(r#"
//!     [[vector]]
//!     name = "a session stays in its network"
//!     settings = { ipv4-prefix = 24 }
//!     calls = [
//!       { call = "new-session", connection.peer = "192.0.2.1", verdict = "keep", terms.note = "010018c0000200" },
//!       { call = "get-session", connection.peer = "192.0.3.1", session.note = "kept", verdict = "full-handshake" },
//!     ]
//!
//!     [[vector]]
//!     name = "a prefix longer than an address is an error"
//!     settings = { ipv4-prefix = 33 }
//!     rejected = "setting `ipv4-prefix`: expected a number from 0 to 32, found `33`"
//! "#)?;
//! assert_eq!(suite.len(), 2);
//! # Ok::<_, reprise::conformance::SuiteError>(())
//! ```

pub use reprise_policy::conformance::{Outcome, Subject, Suite, SuiteError};
