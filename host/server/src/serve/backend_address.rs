//! `--backend`: where what was decrypted goes.

use std::{fmt, net::SocketAddr, str::FromStr};

use reprise_session::session::ServerName;

use crate::hosting::{argument::ArgumentError, text::value_of_the_file};

/// A host and a TCP port. A name is resolved at each connection, for what it stands for may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackendAddress {
    /// As it is connected to.
    text: String,
    is_name: bool,
}

impl BackendAddress {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Warns if it is a name that cannot be resolved now. It is no error: a backend may come later, and its name with it.
    pub(crate) async fn look_up(self) {
        if !self.is_name {
            return;
        }
        let found = tokio::net::lookup_host(&self.text).await.map(|mut addresses| addresses.next());
        let why = match found {
            Ok(Some(_)) => return,
            Ok(None) => "it has no address".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!("--backend {self} cannot be resolved: {why}; until it can, each connection is closed");
    }
}

impl FromStr for BackendAddress {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let is_name = read(text).map_err(|why| {
            ArgumentError::new(format!(
                "`{text}` is not a host and a port: {why}; write one like `127.0.0.1:8080`, `[::1]:8080` or `backend.example:8080`"
            ))
        })?;
        Ok(Self { text: text.to_owned(), is_name })
    }
}

/// Whether its host is a name and no address.
fn read(text: &str) -> Result<bool, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() == 0 { Err("nothing listens on port 0".into()) } else { Ok(false) };
    }
    if text.contains("://") {
        return Err("it is a URL".into());
    }
    if text.contains('/') {
        return Err("it has a path".into());
    }
    let Some((host, port)) = text.rsplit_once(':') else { return Err("it has no port".into()) };
    if host.is_empty() {
        return Err("it has no host".into());
    }
    if host.contains([':', '[', ']']) {
        return Err("an IPv6 address stands in brackets, and nothing else does".into());
    }
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if !is_port {
        return Err("a port is a number from 1 to 65535".into());
    }
    // The dot at its end keeps the resolver from trying other domains first.
    match host.parse::<ServerName>() {
        Ok(_) => Ok(true),
        Err(_) if !host.is_ascii() => Err("beyond ASCII a name is written in its `xn--` form".into()),
        Err(_) => Err(format!("`{host}` is neither an address nor a name")),
    }
}

impl fmt::Display for BackendAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

value_of_the_file!(BackendAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_a_host_and_a_port() {
        for text in ["127.0.0.1:8080", "[::1]:1", "localhost:65535", "my_app.example.:80", "APP:8080", "[fe80::1%2]:80"]
        {
            assert_eq!(text.parse::<BackendAddress>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_backend_is_refused_with_an_example() {
        for (text, why) in [
            ("", "no port"),
            ("localhost", "no port"),
            ("8080", "no port"),
            (":8080", "no host"),
            ("http://localhost:8080", "URL"),
            ("localhost:8080/", "path"),
            ("/run/backend.sock", "path"),
            ("unix:/run/backend.sock", "path"),
            ("localhost:70000", "1 to 65535"),
            ("localhost:0", "1 to 65535"),
            ("localhost:+80", "1 to 65535"),
            ("localhost:http", "1 to 65535"),
            ("localhost:", "1 to 65535"),
            ("127.0.0.1:0", "port 0"),
            ("127.0.0.1:70000", "1 to 65535"),
            ("300.0.0.1:80", "neither"),
            ("::1:8080", "brackets"),
            ("[::1:8080", "brackets"),
            ("[]:80", "brackets"),
            ("local host:80", "neither"),
            ("a,b:80", "neither"),
            ("*:80", "neither"),
            ("bücher.example:80", "xn--"),
        ] {
            let error = text.parse::<BackendAddress>().expect_err(text).to_string();
            assert!(error.contains(why) && error.contains("`127.0.0.1:8080`"), "{text}: {error}");
        }
    }
}
