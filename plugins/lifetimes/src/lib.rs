//! Policy: how long a session lives after its full handshake, and whether it resumes only once, by server name.
//!
//! See README.md for its settings.

#![deny(unsafe_code)]

use reprise_sdk::{
    prelude::*,
    server_name::{Pattern, ServerNames},
};

/// What the settings say of each server name. By default nothing: no opinion.
#[derive(Default)]
pub struct Lifetimes {
    /// In seconds from the full handshake, for names that no pattern in `lifetimes` matches and for connections without one.
    default: Option<u32>,
    lifetimes: ServerNames<u32>,
    single_use: ServerNames<()>,
}

impl Policy for Lifetimes {
    fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            default: settings.one("default")?,
            lifetimes: settings.table::<Pattern, u32>("lifetime")?.into_iter().collect(),
            single_use: settings.all::<Pattern>("single-use")?.into_iter().map(|pattern| (pattern, ())).collect(),
        })
    }

    fn new_session(&self, connection: &Connection, session: &Session) -> NewVerdict {
        let lifetime = match self.end(session) {
            Some(end) if end <= connection.now => return NewVerdict::Refuse,
            // What is left fits, unless the clock of the node that authenticated is ahead of this one's.
            Some(end) => Some(u32::try_from(end - connection.now).unwrap_or(u32::MAX)),
            None => None,
        };
        let once = session.server_name.as_ref().and_then(|name| self.single_use.find(name));
        NewVerdict::Keep(Terms { lifetime, single_use: once.map(|()| true), ..Terms::default() })
    }

    /// The store lets a session go when the lifetime is over that it was kept with. This is for one that has been shortened
    /// since.
    fn get_session(&self, connection: &Connection, candidate: &Session) -> GetVerdict {
        match self.end(candidate) {
            Some(end) if end <= connection.now => GetVerdict::FullHandshake,
            _ => GetVerdict::Resume,
        }
    }
}

impl Lifetimes {
    /// When `session` stops resuming, in seconds since the Unix epoch. Counted from the full handshake, so that the renewals of
    /// TLS 1.3 (a new session at each resumption) do not prolong it.
    fn end(&self, session: &Session) -> Option<u64> {
        let named = session.server_name.as_ref().and_then(|name| self.lifetimes.find(name));
        let lifetime = named.copied().or(self.default)?;
        Some(session.authenticated.saturating_add(lifetime.into()))
    }
}

reprise_sdk::export!(Lifetimes: new_session, get_session);

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_sdk::testing::{NOW, configured, connection, session};

    fn policy(settings: &[(&str, &str)]) -> Lifetimes {
        configured(settings).unwrap()
    }

    fn named(name: Option<&str>) -> Session {
        Session { server_name: name.map(str::to_owned), ..session() }
    }

    fn terms(policy: &Lifetimes, session: &Session) -> Terms {
        match policy.new_session(&connection(), session) {
            NewVerdict::Keep(terms) => terms,
            NewVerdict::Refuse => panic!("refused"),
        }
    }

    #[test]
    fn without_settings_it_has_no_opinion() {
        let policy = policy(&[]);
        assert_eq!(policy.new_session(&connection(), &session()), NewVerdict::no_opinion());
        assert_eq!(policy.get_session(&connection(), &session()), GetVerdict::Resume);
    }

    #[test]
    fn the_most_specific_name_gives_the_lifetime() {
        let policy = policy(&[("default", "1"), ("lifetime.*.example", "2"), ("lifetime.a.example", "3")]);
        for (name, lifetime) in
            [(Some("a.example"), 3), (Some("b.example"), 2), (Some("b.a.example"), 2), (Some("other"), 1), (None, 1)]
        {
            assert_eq!(terms(&policy, &named(name)).lifetime, Some(lifetime), "{name:?}");
        }
    }

    #[test]
    fn a_renewal_gets_what_is_left_since_the_full_handshake() {
        let policy = policy(&[("default", "600")]);
        let renewed = Session { authenticated: NOW - 599, resumptions: 7, ..session() };
        assert_eq!(terms(&policy, &renewed).lifetime, Some(1));
        let past = Session { authenticated: NOW - 600, ..session() };
        assert_eq!(policy.new_session(&connection(), &past), NewVerdict::Refuse);
    }

    #[test]
    fn a_lifetime_that_was_shortened_holds_for_sessions_kept_before() {
        let kept = Session { authenticated: NOW - 600, ..session() };
        assert_eq!(policy(&[("default", "601")]).get_session(&connection(), &kept), GetVerdict::Resume);
        assert_eq!(policy(&[("default", "600")]).get_session(&connection(), &kept), GetVerdict::FullHandshake);
    }

    #[test]
    fn a_lifetime_of_zero_keeps_nothing() {
        let policy = policy(&[("lifetime.a.example", "0")]);
        assert_eq!(policy.new_session(&connection(), &session()), NewVerdict::Refuse);
        assert_eq!(policy.get_session(&connection(), &session()), GetVerdict::FullHandshake);
        assert_eq!(policy.new_session(&connection(), &named(Some("b.example"))), NewVerdict::no_opinion());
    }

    #[test]
    fn single_use_is_asked_for_just_the_names_listed() {
        let policy = policy(&[("single-use", "a.example"), ("single-use", "*.pay.example")]);
        for (name, once) in [
            (Some("a.example"), Some(true)),
            (Some("x.pay.example"), Some(true)),
            (Some("pay.example"), None),
            (None, None),
        ] {
            assert_eq!(terms(&policy, &named(name)).single_use, once, "{name:?}");
        }
    }

    #[test]
    fn a_clock_that_lags_behind_keeps_the_session() {
        let policy = policy(&[("default", "4294967295")]);
        let ahead = Session { authenticated: NOW + 10, ..session() };
        assert_eq!(terms(&policy, &ahead).lifetime, Some(u32::MAX));
    }

    #[test]
    fn settings_that_make_no_sense_reject_the_policy() {
        for (setting, message) in [
            (("lifetime.a.example", "1h"), "`lifetime.a.example`: expected a whole number"),
            (("lifetime.*", "1"), "`lifetime.*`: expected a server name"),
            (("single-use", "a..example"), "`single-use`: expected a server name"),
            (("lifetimes.a.example", "1"), "unknown setting `lifetimes.a.example`"),
        ] {
            let error = configured::<Lifetimes>(&[setting]).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(message), "{setting:?}: {error}");
        }
    }
}
