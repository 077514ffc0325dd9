//! What an operator of `reprise agent` can set. The doc comments are the text of `reprise agent --help`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Deserialize;

use super::{socket::Socket, user::User};
use crate::hosting::{
    HostOptions, HostSettings, declared_with_hosts,
    text::{one_or_many, path},
};

/// Where modules ask unless it is said, and where they look for it.
pub(crate) const SOCKET: &str = "/run/reprise/agent.sock";

declared_with_hosts! {
/// Every option of `reprise agent`, each as given or not.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct Options {
    /// Where modules ask [default: /run/reprise/agent.sock]
    ///
    /// The folder is made if it is not there and the one above it is. A socket that an agent left behind is replaced.
    #[arg(long, value_name = "PATH")]
    #[serde(deserialize_with = "path")]
    pub(crate) socket: Option<PathBuf>,

    /// A user whose processes may ask; repeatable [default: any user of this machine]
    ///
    /// A name, or a number. Who asks is told by the system, not by the module. It is the user that the server's workers run as, like
    /// `www-data`; list `root` too where the master process does handshakes.
    #[arg(long, value_name = "USER|NUMBER")]
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) uid: Vec<User>,
}
shared HostOptions
}

/// What an agent runs with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) host: HostSettings,
    pub(crate) socket: Socket,
}

impl Settings {
    /// The settings that `options` make, with a default for each that is not given.
    ///
    /// # Errors
    /// Options that contradict each other; the message says which and what to do.
    pub(crate) fn new(options: Options) -> Result<Self> {
        let path = options.socket.clone().unwrap_or_else(|| SOCKET.into());
        let uids = options.uid.iter().map(|user| user.0).collect();
        Ok(Self { host: HostSettings::new(&options.part())?, socket: Socket { path, uids } })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn its_options_are_keys_of_its_file() {
        let command = Command::command();
        let mut options: Vec<&str> = command.get_arguments().filter_map(|argument| argument.get_long()).collect();
        let error = toml::from_str::<Options>("no-such-key = 1").unwrap_err().to_string();
        let mut keys: Vec<&str> =
            error.split_once("expected one of").unwrap().1.split('`').skip(1).step_by(2).collect();
        let declared: Vec<String> = Options::OPTIONS.iter().map(|option| option.replace('_', "-")).collect();
        let mut declared: Vec<&str> = declared.iter().map(String::as_str).collect();
        for names in [&mut options, &mut keys, &mut declared] {
            names.sort_unstable();
        }
        assert_eq!(options, keys);
        assert_eq!(options, declared);
    }

    #[test]
    fn every_default_is_parsed() {
        Options::parse_defaults();
    }

    #[test]
    fn nothing_of_listeners_is_an_option() {
        for option in ["listen", "backend", "site", "cert", "tickets", "drain", "min-tls", "early-data"] {
            assert!(toml::from_str::<Options>(&format!("{option} = '1'")).is_err(), "{option}");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let file: Options = toml::from_str("socket = 'file'\nuid = [0, 'root']\nlifetime = '1h'").unwrap();
        let line = Command::try_parse_from(["agent", "--socket", "line", "--lifetime", "5m"]).unwrap().options;
        let settings = Settings::new(line.each_or(file)).unwrap();
        assert_eq!((settings.socket.path, settings.socket.uids), ("line".into(), vec![0, 0]));
        assert_eq!(settings.host.lifetime.as_secs(), 300);
    }

    #[test]
    fn modules_look_where_it_listens_by_default() {
        let module = concat!(env!("CARGO_MANIFEST_DIR"), "/../module/src/settings.rs");
        assert!(std::fs::read_to_string(module).unwrap().contains(&format!("{SOCKET:?}")));
        assert_eq!(Settings::new(Options::default()).unwrap().socket.path, PathBuf::from(SOCKET));
    }
}
