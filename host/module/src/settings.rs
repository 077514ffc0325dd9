//! What the configuration says. nginx gives its workers no environment, and so everything is in the module's section.

use std::{path::PathBuf, time::Duration};

/// Where an agent's socket is, unless it is said.
pub const SOCKET: &str = "/run/reprise/agent.sock";

/// How long a look-up waits, unless it is said. An event loop stalls as long.
const DEADLINE: Duration = Duration::from_millis(5);

/// What the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The program's name, under which the agent knows it.
    pub program: String,
    /// The agent's socket.
    pub socket: PathBuf,
    /// The user that the agent runs as, beside root and this process's own.
    pub agent: Option<u32>,
    /// How long a look-up waits at the longest.
    pub deadline: Duration,
    /// What listeners are called whose socket OpenSSL does not have.
    pub listener: String,
    /// The file that the agent and the modules of its machine share. Without it, only who reaches the socket's file reaches the agent.
    pub secret: Option<PathBuf>,
    /// Whether handshakes are looked at, and nothing is decided.
    pub observe: bool,
    /// The programs that are hooked, by their files' names; empty for any that reads this.
    pub only: Vec<String>,
}

/// Why the settings are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A setting is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A setting is of no use.
    #[error("`{key} = {value}`: expected {expected}")]
    Meaningless {
        /// Its name.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it could say.
        expected: &'static str,
    },
}

impl Settings {
    /// The settings that `value` gives by their names.
    ///
    /// # Errors
    /// One is missing, or of no use.
    pub fn read(value: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let program = value("program").filter(|name| !name.is_empty()).ok_or(SettingsError::Missing("program"))?;
        let deadline = match value("deadline") {
            None => DEADLINE,
            Some(text) => match text.strip_suffix("ms").and_then(|number| number.parse().ok()) {
                Some(number @ 1..=1_000) => Duration::from_millis(number),
                _ => {
                    let expected = "a time from 1ms to 1000ms";
                    return Err(SettingsError::Meaningless { key: "deadline", value: text, expected });
                }
            },
        };
        let agent = value("agent").map(|text| match text.parse() {
            Ok(user) => Ok(user),
            Err(_) => Err(SettingsError::Meaningless { key: "agent", value: text, expected: "the number of a user" }),
        });
        let observe = match value("observe").as_deref() {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => {
                let (value, expected) = (other.to_owned(), "yes or no");
                return Err(SettingsError::Meaningless { key: "observe", value, expected });
            }
        };
        Ok(Self {
            agent: agent.transpose()?,
            secret: value("secret").filter(|path| !path.is_empty()).map(PathBuf::from),
            observe,
            only: value("only").map(|names| names_in(&names)).unwrap_or_default(),
            socket: value("socket").unwrap_or_else(|| SOCKET.into()).into(),
            listener: value("listener").unwrap_or_else(|| program.clone()),
            program,
            deadline,
        })
    }
}

impl Settings {
    /// Whether a program whose file has this name is hooked.
    pub fn concern(&self, program: Option<&str>) -> bool {
        self.only.is_empty() || program.is_some_and(|program| self.only.iter().any(|name| name == program))
    }
}

/// Names that are separated by commas or spaces.
fn names_in(text: &str) -> Vec<String> {
    text.split([',', ' ', '\t']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(says: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|key| says.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_program_is_all_that_must_be_said() {
        let settings = read(&[("program", "nginx")]).unwrap();
        assert_eq!((settings.socket, settings.deadline), (PathBuf::from(SOCKET), DEADLINE));
        assert_eq!((&*settings.listener, settings.agent), ("nginx", None));
        assert_eq!(read(&[]), Err(SettingsError::Missing("program")));
        assert_eq!(read(&[("program", "")]), Err(SettingsError::Missing("program")));
    }

    #[test]
    fn what_is_of_no_use_is_refused() {
        for (key, value) in [
            ("deadline", "5"),
            ("deadline", "0ms"),
            ("deadline", "1001ms"),
            ("deadline", "-1ms"),
            ("agent", "reprise"),
            ("agent", "-1"),
            ("observe", "true"),
        ] {
            let refused = read(&[("program", "nginx"), (key, value)]).unwrap_err().to_string();
            assert!(refused.contains(key) && refused.contains(value) && refused.contains("expected"), "{refused}");
        }
        let settings = read(&[("program", "nginx"), ("deadline", "20ms"), ("agent", "123")]).unwrap();
        assert_eq!((settings.deadline, settings.agent), (Duration::from_millis(20), Some(123)));
        assert_eq!((settings.secret, settings.observe), (None, false));
        let settings = read(&[("program", "nginx"), ("observe", "yes"), ("secret", "/s")]).unwrap();
        assert_eq!((settings.secret, settings.observe), (Some("/s".into()), true));
    }

    #[test]
    fn a_file_that_many_programs_read_is_for_those_that_it_names() {
        let settings = read(&[("program", "web"), ("only", "nginx, apache2")]).unwrap();
        assert!(settings.concern(Some("nginx")) && settings.concern(Some("apache2")));
        assert!(!settings.concern(Some("curl")) && !settings.concern(None));
        assert!(read(&[("program", "web")]).unwrap().concern(None));
    }
}
