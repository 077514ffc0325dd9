//! What runs in the server, each a step that nothing comes between.

use std::sync::LazyLock;

use redis::{Cmd, RedisError, ServerErrorKind, ToRedisArgs};

/// A script in Lua, known to the server by its digest.
pub struct Script {
    text: &'static str,
    digest: String,
}

/// Scripts that ask which history the server writes.
macro_rules! with_incarnation {
    ($file:literal) => {
        concat!(include_str!("scripts/incarnation.lua"), include_str!($file))
    };
}

pub static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(with_incarnation!("scripts/put.lua")));
pub static FETCH: LazyLock<Script> = LazyLock::new(|| Script::new(with_incarnation!("scripts/fetch.lua")));
pub static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/remove.lua")));
pub static POLL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/poll.lua")));
pub static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/read.lua")));
pub static PUBLISH: LazyLock<Script> = LazyLock::new(|| Script::new(with_incarnation!("scripts/publish.lua")));
pub static ACKNOWLEDGED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/acknowledged.lua")));

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, digest: redis::Script::new(text).get_hash().to_owned() }
    }

    /// The command that runs it by its digest: `EVALSHA`.
    pub fn by_digest(&self, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
        Self::command("EVALSHA", &self.digest, keys, arguments)
    }

    /// The command that brings it along, after which the server knows it: `EVAL`.
    pub fn by_text(&self, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
        Self::command("EVAL", self.text, keys, arguments)
    }

    fn command(name: &str, script: impl ToRedisArgs, keys: &[&[u8]], arguments: &[&[u8]]) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
        command
    }
}

/// Whether the server does not know the script, and so has not run it: it was started since.
pub fn is_unknown(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoScript)
}
