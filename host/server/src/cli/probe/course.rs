//! Which visits are made, in which order.

use std::{net::SocketAddr, time::Duration};

use reprise_session::session::{Keyring, ServerName};

use super::{
    super::output,
    line::Visitor,
    rows::{self, Expected, Row},
    visits::{self, Change, Home, Kind, Over, Resuming, Way},
};

/// What is asked for.
pub(super) struct Course<'a> {
    pub(super) home: Visitor<'a>,
    pub(super) names: &'a [ServerName],
    pub(super) addresses: Vec<(String, SocketAddr)>,
    pub(super) wait: Option<Duration>,
    pub(super) after: Option<&'a str>,
    pub(super) expected: Option<Expected>,
    pub(super) keyring: Option<&'a Keyring>,
}

/// A way, and what is known of it.
struct Tried<'a> {
    kind: Kind,
    found: Resuming,
    home: Home,
    /// None where OpenSSL here does not speak the version.
    way: Option<Way<'a>>,
}

impl<'a> Course<'a> {
    /// Makes the visits, and judges what was seen.
    pub(super) fn run(&self) -> Vec<Row> {
        let mut tried: Vec<Tried<'a>> = Vec::new();
        for kind in Kind::ALL {
            // A version that is not served is not served in another way either.
            let known = tried.iter().any(|other| other.kind.version() == kind.version() && !other.found.is_served());
            if !known {
                tried.push(self.tried(kind));
            }
        }
        let mut rows: Vec<Row> = tried.iter().flat_map(|this| judged(this, &tried)).collect();
        let (mut ways, homes): (Vec<_>, Vec<_>) = tried
            .into_iter()
            .filter(|tried| tried.found.resumes())
            .filter_map(|tried| Some((tried.way?, (tried.home, early_data(&tried.found)))))
            .unzip();
        for (way, (home, early_data)) in ways.iter_mut().zip(&homes) {
            rows.extend(self.elsewhere(way, home));
            if *early_data {
                rows.extend(rows::early(&way.early()));
            }
        }
        if let Some(span) = self.wait {
            output::tell(format_args!("renewing sessions for {span:?}"));
            rows.extend(visits::renewed(&mut ways, span).iter().map(|renewed| rows::renewed(renewed, span)));
        }
        if let Some(command) = self.after {
            match visits::happen(&mut ways, command) {
                Ok(offered) => rows.extend(offered.iter().map(|offered| rows::afterwards(offered, self.expected))),
                Err(error) => rows.extend(ways.iter().map(|way| rows::no_command(way.kind, &error))),
            }
        }
        // In the order in which they were made, of each way.
        rows.sort_by_key(|row| row.kind as u8);
        rows
    }

    /// Options by which more would be looked at.
    pub(super) fn not_asked(&self) -> Vec<&'static str> {
        let options = [
            ("another name (--also-name)", self.names.is_empty()),
            ("another address (--also)", self.addresses.is_empty()),
            ("client certificates (--cert, --key)", self.home.identity.is_none()),
            ("renewals (--wait)", self.wait.is_none()),
            ("reloads and revocations (--after)", self.after.is_none()),
        ];
        options.into_iter().filter_map(|(option, is_missing)| is_missing.then_some(option)).collect()
    }

    fn tried(&self, kind: Kind) -> Tried<'a> {
        match Way::new(kind, self.home) {
            Ok(mut way) => {
                let (found, home) = way.resuming(self.keyring);
                Tried { kind, found, home, way: Some(way) }
            }
            Err(why) => Tried { kind, found: Resuming::NotServed(why), home: Home::default(), way: None },
        }
    }

    fn elsewhere(&self, way: &mut Way<'a>, home: &Home) -> Vec<Row> {
        let names = self.names.iter().cloned().map(Change::Name);
        let no_name = self.home.server_name.map(|_| Change::NoName);
        let addresses = self.addresses.iter().cloned().map(|(written, address)| Change::Address(written, address));
        let no_certificate = self.home.identity.map(|_| Change::NoCertificate);
        let changes = no_name.iter().cloned().chain(names.clone()).chain(addresses).chain(no_certificate);
        let mut rounds: Vec<_> = changes.map(|change| (change, Over::Hello)).collect();
        if way.kind == Kind::Tls13 {
            let retried: Vec<_> = names.collect();
            let retried = if retried.is_empty() { no_name.into_iter().collect() } else { retried };
            rounds.extend(retried.into_iter().map(|change| (change, Over::Retry)));
        }
        let always = |change: &Change| matches!(change, Change::NoName);
        rounds
            .into_iter()
            .map(|(change, over)| {
                let counts = !always(&change);
                let found = way.elsewhere(change, over, home);
                Row { counts, ..rows::elsewhere(way.kind, &found, home) }
            })
            .collect()
    }
}

/// The rows of what is tried in any case.
fn judged(this: &Tried<'_>, all: &[Tried<'_>]) -> Vec<Row> {
    let others = all.iter().filter(|other| other.kind != this.kind && other.kind.version() == this.kind.version());
    let otherwise = others.clone().any(|other| other.found.resumes());
    let resuming = rows::resuming(this.kind, &this.found, otherwise);
    let again = match &this.found {
        Resuming::Offered { again: Some(again), .. } => Some(rows::again(this.kind, again)),
        _ => None,
    };
    std::iter::once(resuming).chain(again).collect()
}

fn early_data(found: &Resuming) -> bool {
    matches!(found, Resuming::Offered { kept, .. } if kept.early_data.is_some())
}
