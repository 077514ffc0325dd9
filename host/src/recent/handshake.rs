//! A handshake, as it is kept.

use std::{sync::Arc, time::Duration};

use reprise_openssl::facts;
use reprise_policy::policy::{Asked, Callback};
use reprise_session::session::{Border, Miss, Record};

use super::Client;
use crate::{
    consultation::{About, LookUp, NotKept, shortened},
    funnel::Reason,
};

/// The most bytes of a name that are kept, whatever a client says.
const NAME: usize = 256;
/// Of how many policies it is kept what they said, of the session offered and of the one made.
const SAID: usize = 16;

/// A handshake that is complete.
#[derive(Debug, Default)]
pub struct Handshake {
    /// When it began.
    pub time: u64,
    pub client: Option<Client>,
    pub listener: Box<str>,
    pub site: Box<str>,
    pub server_name: Option<Box<str>>,
    /// As a wire number.
    pub version: i32,
    pub offered: Option<Offer>,
    pub seen: Option<Seen>,
    /// What policies said of the session offered, then of the one made.
    pub said: Vec<Said>,
    pub reason: Reason,
    pub miss: Option<Miss>,
    /// The session that was kept last: the beginning of its id, and when it stops resuming.
    pub kept: Option<(String, u64)>,
    pub not_kept: Option<NotKept>,
}

/// What a client offered.
#[derive(Debug)]
pub struct Offer {
    pub kind: facts::Offered,
    /// Its first bytes; of what is no session of a server like this one, nothing.
    pub session: String,
    /// It asked for 0-RTT.
    pub early_data: bool,
}

/// What was seen of the session that was asked for last.
#[derive(Debug)]
pub struct Seen {
    /// Its first bytes.
    pub session: String,
    /// The session, if it was found.
    pub about: Option<About>,
    /// Where it was made, if that was elsewhere.
    pub elsewhere: Option<Elsewhere>,
    pub look_up: Option<LookUp>,
}

/// Where a session was made.
#[derive(Debug, PartialEq, Eq)]
pub struct Elsewhere {
    pub listener: Box<str>,
    pub site: Box<str>,
    pub server_name: Option<Box<str>>,
}

/// What a policy said, without the terms and notes.
#[derive(Debug)]
pub struct Said {
    pub callback: Callback,
    pub policy: Arc<str>,
    pub generation: u64,
    pub verdict: &'static str,
    pub failure: Option<&'static str>,
    pub took: Duration,
}

impl Seen {
    /// Of what a client offers in a handshake that belongs `here`, what was found.
    pub fn new(offered: &[u8], found: Option<&Record>, here: Option<&Border>, look_up: Option<LookUp>) -> Self {
        let at = |border: &Border| Elsewhere {
            listener: place(&border.listener),
            site: place(&border.site),
            server_name: border.server_name.as_deref().map(place),
        };
        let elsewhere = found.zip(here).filter(|(record, here)| {
            let Border { server_name, listener, site, .. } = &record.border;
            (server_name, listener, site) != (&here.server_name, &here.listener, &here.site)
        });
        Self {
            session: shortened(offered),
            about: found.map(About::of),
            elsewhere: elsewhere.map(|(record, _)| at(&record.border)),
            look_up,
        }
    }
}

impl Handshake {
    /// What policies said of the session offered and of the one made.
    pub fn said(offered: &[Asked], made: &[Asked]) -> Vec<Said> {
        let said = |callback| move |asked: &Asked| Said::of(callback, asked);
        let (offered, made) = (offered.iter().take(SAID), made.iter().take(SAID));
        offered.map(said(Callback::Get)).chain(made.map(said(Callback::New))).collect()
    }
}

impl Said {
    fn of(callback: Callback, asked: &Asked) -> Self {
        let Asked { policy, generation, answer, took } = asked;
        let failure = answer.failure().map(|failure| failure.as_str());
        Self {
            callback,
            policy: policy.clone(),
            generation: *generation,
            verdict: answer.as_str(),
            failure,
            took: *took,
        }
    }
}

/// A name, as much of it as is kept.
pub fn place(name: &str) -> Box<str> {
    name[..name.floor_char_boundary(NAME)].into()
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::*;

    #[test]
    fn a_handshake_takes_no_more_than_is_said() {
        const NAMES: usize = 6;
        // Three ids of 16 digits; a policy's name is the policy's, and shared.
        let all = size_of::<Handshake>() + NAMES * NAME + 2 * SAID * size_of::<Said>() + 3 * 16;
        assert!(all < 8 << 10, "{all}");
        assert_eq!((place(&"é".repeat(200)).len(), &*place("a")), (NAME, "a"));
    }
}
