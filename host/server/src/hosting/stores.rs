//! `--store`: where sessions are kept, from what an operator writes to the stores of a host.

use std::{fmt, path::PathBuf, str::FromStr};

use anyhow::{Context, Result};
use reprise::HostBuilder;
use reprise_store::store::{Disk, DiskOptions, Memory, Redis, RedisOptions};

use super::{
    HostSettings,
    argument::ArgumentError,
    quantity::{Size, SizeOf},
    text::value_of_the_file,
};

/// What `memory` alone takes.
const MEMORY: Size = Size(64 << 20);

/// What `disk:PATH` alone takes.
const DISK: Size = Size(1 << 30);

/// A smaller store keeps some sessions of a busy second.
const LEAST: usize = 1 << 20;

/// A store that sessions are kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// This process's memory, this many bytes of it.
    Memory(Size),
    /// A directory on this machine's disk, which takes at most this many bytes.
    Disk(PathBuf, Size),
    /// What a fleet shares.
    Redis(RedisUrl),
}

/// Where a Redis or Valkey is, maybe with a password, which is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RedisUrl(String);

impl Default for StoreKind {
    fn default() -> Self {
        Self::Memory(MEMORY)
    }
}

impl StoreKind {
    /// Whether others than this process see what is put there, so that it has to be sealed.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self, Self::Memory(_))
    }

    /// How near it is: what it may stand in front of has a higher number.
    pub(crate) fn distance(&self) -> u8 {
        match self {
            Self::Memory(_) => 0,
            Self::Disk(..) => 1,
            Self::Redis(_) => 2,
        }
    }
}

/// Opens the stores of `settings`, the nearest first.
///
/// # Errors
/// A disk store cannot be opened, or a URL is none. A Redis that cannot be reached is no error: sessions are not found until it is.
pub(crate) fn open(mut host: HostBuilder, settings: &HostSettings) -> Result<HostBuilder> {
    for store in &settings.stores {
        host = match store {
            StoreKind::Memory(size) => host.store(Memory::with_capacity(size.0)),
            StoreKind::Disk(path, size) => {
                let options = DiskOptions { size: size.0 as u64 };
                host.store(Disk::open(path, options).context("--store")?)
            }
            StoreKind::Redis(url) => {
                let options = RedisOptions { namespace: settings.namespace.clone(), ..RedisOptions::default() };
                host.store(Redis::connect(&url.0, options).context("--store")?)
            }
        };
    }
    Ok(host)
}

impl FromStr for StoreKind {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let size = |size: &str| match size.parse::<SizeOf<LEAST, { usize::MAX >> 1 }>>() {
            Ok(SizeOf(bytes)) => Ok(Size(bytes)),
            Err(error) => Err(ArgumentError::new(format!("the size of `{text}`: {error}"))),
        };
        if text.starts_with("redis") {
            return Ok(Self::Redis(text.parse()?));
        }
        match text.split_once(':').unwrap_or((text, "")) {
            ("memory", "") if text == "memory" => Ok(Self::Memory(MEMORY)),
            ("memory", given) => Ok(Self::Memory(size(given)?)),
            ("disk", path) => {
                let (path, given) = match path.split_once('?') {
                    None => (path, DISK),
                    Some((path, query)) => {
                        let given = query.strip_prefix("size=").ok_or_else(|| {
                            ArgumentError::new(format!("`?{query}` is no setting of a disk store: write `?size=10GiB`"))
                        })?;
                        (path, size(given)?)
                    }
                };
                if path.is_empty() {
                    let message = format!("`{text}` names no directory: write `disk:/var/lib/reprise/sessions`");
                    return Err(ArgumentError::new(message));
                }
                Ok(Self::Disk(path.into(), given))
            }
            (kind, _) => Err(ArgumentError::new(format!(
                "no store is called `{kind}`: write `memory`, `memory:SIZE`, `disk:PATH`, or where a Redis or Valkey is, like \
                 `redis://127.0.0.1:6379`"
            ))),
        }
    }
}

impl FromStr for RedisUrl {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        Redis::check_url(text).map_err(|error| ArgumentError::new(error.to_string()))?;
        // What may be a password stands before the last `@`, and is not shown.
        let shown = text.rsplit_once('@').map_or(text, |(_, shown)| shown);
        let (hosts, path) =
            shown.rsplit_once("://").map_or(shown, |(_, rest)| rest).split_once('/').unwrap_or((shown, ""));
        let is_port_0 = |host: &str| {
            host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|digit| digit == b'0'))
        };
        if hosts.split(',').any(is_port_0) {
            return Err(ArgumentError::new(format!(
                "`…{shown}`: nothing listens on port 0; write one like `redis://127.0.0.1:6379`"
            )));
        }
        let database = path.rsplit('/').next().and_then(|database| database.parse::<u64>().ok());
        if database.is_some_and(|database| database > i32::MAX as u64) {
            return Err(ArgumentError::new(format!(
                "`…{shown}`: a database is a number from 0 to 2147483647; write one like `redis://127.0.0.1:6379/1`"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

value_of_the_file!(StoreKind);

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_kind_and_where_it_is() {
        for (text, store) in [
            ("memory", StoreKind::Memory(MEMORY)),
            ("memory:1MiB", StoreKind::Memory(Size(1 << 20))),
            ("disk:/var/sessions", StoreKind::Disk("/var/sessions".into(), DISK)),
            ("disk:sessions?size=2GiB", StoreKind::Disk("sessions".into(), Size(2 << 30))),
        ] {
            assert_eq!(text.parse::<StoreKind>().unwrap(), store);
        }
        for text in ["redis://10.0.0.1:6379", "rediss://:secret@cache:6380/2", "redis+sentinel://a:26379,b:26379/main"]
        {
            assert!(matches!(text.parse::<StoreKind>().expect(text), StoreKind::Redis(_)), "{text}");
        }
    }

    #[test]
    fn what_is_no_store_is_refused_with_an_example() {
        for text in [
            "",
            "disk",
            "disk:",
            "memory:",
            "memory:lots",
            "memory:0",
            "memory:1KiB",
            "disk:a?size=0",
            "disk:a?size=lots",
            "disk:a?siez=1",
            "redis",
            "redis:a",
            "mysql://a",
        ] {
            let error = text.parse::<StoreKind>().expect_err(text).to_string();
            assert!(error.contains("write ") || error.contains("expected one like "), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let store: StoreKind = "redis://user:hunter2@127.0.0.1:6379".parse().unwrap();
        assert!(!format!("{store:?}").contains("hunter2"));
        let error = "redis://user:hunter2@/nothing:here:".parse::<StoreKind>().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
