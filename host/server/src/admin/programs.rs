//! What `reprise module stand-down` asks of an agent.

use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::resources::status;
use crate::{health::Health, http::Answer};

const PREFIX: &str = "/programs/";

/// What is to become of programs that have the module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// None for all.
    pub(crate) program: Option<String>,
    /// Whether they are left alone, or taken again.
    pub(crate) stand_down: bool,
}

impl Wish {
    /// The path of the request: `/programs/stand-down`, `/programs/NAME/stand-down`; `stand-up` takes it back. NAME is percent-encoded.
    pub(crate) fn path(&self) -> String {
        let wish = if self.stand_down { "stand-down" } else { "stand-up" };
        match &self.program {
            Some(name) => format!("{PREFIX}{}/{wish}", utf8_percent_encode(name, NON_ALPHANUMERIC)),
            None => format!("{PREFIX}{wish}"),
        }
    }

    /// The wish that a path is for.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix(PREFIX)?;
        let (program, wish) = match path.split_once('/') {
            Some((name, wish)) => (Some(percent_decode_str(name).decode_utf8().ok()?.into_owned()), wish),
            None => (None, path),
        };
        let stand_down = match wish {
            "stand-down" => true,
            "stand-up" => false,
            _ => return None,
        };
        Some(Self { program, stand_down })
    }

    /// The answer is how everything is afterwards.
    pub(super) fn fulfil(&self, health: &Health) -> Answer {
        let Some(agent) = health.agent() else {
            let words = "No program asks this server: it was started without --agent.";
            return Answer::text(StatusCode::CONFLICT, words);
        };
        match agent.stand_down(self.program.as_deref(), self.stand_down) {
            Ok(()) => Answer::new(StatusCode::OK, "application/json", status(health, true)),
            Err(error) => {
                let words = format!("it holds until the agent ends, for it could not be written down: {error}");
                Answer::text(StatusCode::INTERNAL_SERVER_ERROR, words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read_from_its_path() {
        for program in [None, Some("nginx"), Some("a@b/c é")] {
            for stand_down in [false, true] {
                let wish = Wish { program: program.map(str::to_owned), stand_down };
                assert_eq!(Wish::of(&wish.path()), Some(wish));
            }
        }
        assert_eq!(Wish::of("/programs/nginx/stop"), None);
        assert_eq!(Wish::of("/policies/reload"), None);
    }
}
