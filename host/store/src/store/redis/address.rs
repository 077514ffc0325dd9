//! Where the servers are, as a URL says it.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion, cluster::ClusterClient};

use super::{RedisError, sentinel::Sentinels};

const SENTINEL_PORT: &str = "26379";

/// Where the servers are, read and understood. Has passwords, and shows none.
#[derive(Clone)]
pub struct Address {
    servers: Servers,
    /// The URL without user and password.
    shown: String,
}

/// The servers, and how they are run.
#[derive(Clone)]
pub enum Servers {
    Alone(ConnectionInfo),
    Sentinel(Sentinels),
    Cluster(Vec<ConnectionInfo>),
}

impl Address {
    /// Reads `redis://[user[:password]@]host[:port][/db]`, `redis+sentinel://…host:port,host:port/MASTER[/db]` or
    /// `redis+cluster://…host:port,host:port`, each also with `rediss` for TLS.
    pub fn parse(url: &str) -> Result<Self, RedisError> {
        let refused = |why: &str| RedisError::Url { url: without_credentials(url), why: why.to_owned() };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refused("it has no `://`"))?;
        let (kind, secure) = match scheme {
            "redis" => (Kind::Alone, false),
            "rediss" => (Kind::Alone, true),
            "redis+sentinel" => (Kind::Sentinel, false),
            "rediss+sentinel" => (Kind::Sentinel, true),
            "redis+cluster" => (Kind::Cluster, false),
            "rediss+cluster" => (Kind::Cluster, true),
            _ => return Err(refused("its scheme is none of those below")),
        };
        if rest.contains(['?', '#']) {
            return Err(refused("it has a `?` or a `#`, which mean nothing here (in a password they are %3F and %23)"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let (master, database) = match (kind, &segments[..]) {
            (Kind::Alone | Kind::Cluster, []) => ("", "0"),
            (Kind::Alone, [database]) => ("", *database),
            (Kind::Cluster, _) => return Err(refused("a Cluster has one database, which has no number")),
            (Kind::Sentinel, [master]) => (*master, "0"),
            (Kind::Sentinel, [master, database]) => (*master, *database),
            (Kind::Sentinel, []) => return Err(refused("it does not say what the Sentinels call the master")),
            _ => return Err(refused("it has too many `/`")),
        };
        let server = |host: &str| {
            if host.is_empty() {
                return Err(refused("a host is missing"));
            }
            let port =
                if kind == Kind::Sentinel && !has_port(host) { format!(":{SENTINEL_PORT}") } else { String::new() };
            let scheme = if secure { "rediss" } else { "redis" };
            let at = if credentials.is_empty() { "" } else { "@" };
            let server = format!("{scheme}://{credentials}{at}{host}{port}/{database}");
            // The library's own words may quote what it was given.
            let server =
                server.into_connection_info().map_err(|_| refused("a host, port, or the database is not one"))?;
            let settings = server.redis_settings().clone();
            Ok(server.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3)))
        };
        let servers = match kind {
            Kind::Alone if hosts.contains(',') => {
                return Err(refused("it has several hosts, and does not say `+sentinel` or `+cluster`"));
            }
            Kind::Alone => Servers::Alone(server(hosts)?),
            Kind::Sentinel => {
                let servers = hosts.split(',').map(server).collect::<Result<_, _>>()?;
                Servers::Sentinel(Sentinels { servers, master: master.to_owned() })
            }
            Kind::Cluster => Servers::Cluster(hosts.split(',').map(server).collect::<Result<_, _>>()?),
        };
        if let Servers::Cluster(nodes) = &servers
            && ClusterClient::new(nodes.clone()).is_err()
        {
            return Err(refused("its servers cannot be used together"));
        }
        Ok(Self { servers, shown: without_credentials(url) })
    }

    pub fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }

    pub fn servers(&self) -> &Servers {
        &self.servers
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Alone,
    Sentinel,
    Cluster,
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'))
}

/// A URL as it may be shown: whatever stands before the last `@` may be a password.
fn without_credentials(url: &str) -> String {
    let Some((before, after)) = url.rsplit_once('@') else { return url.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…@{after}"),
        None => format!("…@{after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Address::parse(url).err().unwrap_or_else(|| panic!("{url} is taken")).to_string()
    }

    #[test]
    fn every_way_to_run_redis_has_its_url() {
        for url in [
            "redis://cache",
            "redis://cache:6380/2",
            "redis://user:pass%3Fword@[::1]:6379",
            "rediss://:password@cache.example/0",
            "redis+sentinel://one,two:26380,three/sessions",
            "rediss+sentinel://user:password@one:26379/sessions/3",
            "redis+cluster://one:7000,two:7001,three",
            "rediss+cluster://:password@one",
        ] {
            assert!(Address::parse(url).is_ok(), "{url}: {}", refused(url));
        }
    }

    #[test]
    fn a_sentinel_has_a_port_of_its_own() {
        let Servers::Sentinel(Sentinels { servers, master }) =
            Address::parse("redis+sentinel://one,[::1],two:1/sessions").unwrap().servers
        else {
            panic!("these are Sentinels");
        };
        let addresses: Vec<_> = servers.iter().map(|sentinel| sentinel.addr().to_string()).collect();
        assert_eq!((addresses.join(" ").as_str(), master.as_str()), ("one:26379 ::1:26379 two:1", "sessions"));
    }

    #[test]
    fn a_url_that_makes_no_sense_is_refused_with_an_example() {
        for url in [
            "",
            "cache:6379",
            "http://cache",
            "redis://",
            "redis://one,two",
            "redis://cache:port",
            "redis://cache/first",
            "redis://cache/0/1",
            "redis://cache?db=1",
            "redis+sentinel://one,two",
            "redis+sentinel://one,/sessions",
            "redis+cluster://one/1",
        ] {
            assert!(refused(url).contains("redis+sentinel://"), "{}", refused(url));
        }
    }

    #[test]
    fn no_password_is_shown() {
        for url in [
            "redis://user:hunter2@cache:port",
            "redis://user:hunter2/@cache",
            "user:hunter2@cache",
            "redis:user:hunter2@x",
        ] {
            assert!(!refused(url).contains("hunter2"), "{}", refused(url));
        }
        let address = Address::parse("redis://user:hunter2@cache:6380/1").unwrap();
        assert_eq!(address.to_string(), "redis://…@cache:6380/1");
    }
}
