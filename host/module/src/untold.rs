//! What waits for the next message of a process, whatever that is about: there is no thread that could send it, and where many messages
//! go, one of its own would cost what it is to save.

use std::time::{Duration, Instant};

use reprise_openssl::facts::{Circumstances, Noted, Outcome};
use reprise_session::session::SessionId;
use reprise_wire::calls::Calls;

/// Sessions given up that are not told yet. More are forgotten: they are removed when they expire.
const GIVEN_UP: usize = 256;

/// Handshakes that are over and not told yet. With one more, all are told.
const OVER: usize = 32;

/// How soon one question follows another where many are asked.
const SOON: Duration = Duration::from_millis(10);

/// Questions that followed soon, each upon another, before the next is expected to.
const IN_A_ROW: u32 = 32;

/// What is told with what is told next.
#[derive(Default)]
pub struct Untold {
    /// By remove_cb, where nothing is sent.
    given_up: Vec<(SessionId, Circumstances)>,
    /// What became of so many contexts.
    contexts: Vec<(Noted, u32)>,
    /// Handshakes that made no session: the agent counts them, and no more.
    over: Vec<(u64, Outcome)>,
    asked: Option<Instant>,
    in_a_row: u32,
}

impl Untold {
    /// A question is asked now.
    pub fn asks(&mut self, now: Instant) {
        let soon = self.asked.is_some_and(|before| now.duration_since(before) < SOON);
        self.in_a_row = if soon { self.in_a_row.saturating_add(1) } else { 0 };
        self.asked = Some(now);
    }

    /// A handshake is over that made no session. False if that is to be told now: nothing says that there is a question soon.
    pub fn over(&mut self, connection: u64, outcome: Outcome) -> bool {
        let waits = self.in_a_row >= IN_A_ROW && self.over.len() < OVER;
        if waits {
            self.over.push((connection, outcome));
        }
        waits
    }

    /// Whether a question was expected, and did not come.
    pub fn is_late(&self) -> bool {
        !self.over.is_empty() && self.asked.is_none_or(|asked| asked.elapsed() >= SOON)
    }

    /// OpenSSL has given up a session.
    pub fn given_up(&mut self, id: SessionId, circumstances: Circumstances) {
        if self.given_up.len() < GIVEN_UP {
            self.given_up.push((id, circumstances));
        }
    }

    /// Something became of a context.
    pub fn note(&mut self, noted: Noted) {
        match self.contexts.iter_mut().find(|(known, _)| *known == noted) {
            Some((_, contexts)) => *contexts = contexts.saturating_add(1),
            None => self.contexts.push((noted, 1)),
        }
    }

    /// It is not to be told any more.
    pub fn unnote(&mut self, noted: Noted) {
        self.contexts.retain(|(known, _)| *known != noted);
    }

    /// As if many questions had been asked until now.
    #[cfg(test)]
    pub fn expect_more(&mut self) {
        // A slow machine does not make it late.
        self.asked = Some(Instant::now() + Duration::from_secs(3_600));
        self.in_a_row = IN_A_ROW;
    }

    /// As if the last question had been asked long ago.
    #[cfg(test)]
    pub fn be_late(&mut self) {
        self.asked = None;
    }

    /// Has the next message tell all of it.
    pub fn tell(&mut self, calls: &mut Calls) {
        self.over.drain(..).for_each(|(connection, outcome)| calls.over(connection, &outcome));
        self.contexts.drain(..).for_each(|(noted, contexts)| calls.noted(noted, contexts));
        self.given_up.drain(..).for_each(|(id, circumstances)| calls.given_up(&id, &circumstances));
    }
}

#[cfg(test)]
mod tests {
    use reprise_openssl::facts::EarlyData;

    use super::*;

    const DONE: Outcome = Outcome { version: 0x0303, resumed: true, sessions: 0, early_data: EarlyData::NotOffered };

    fn asked(times: &[Instant]) -> Untold {
        let mut untold = Untold::default();
        times.iter().for_each(|time| untold.asks(*time));
        untold
    }

    fn soon(questions: u32) -> Vec<Instant> {
        let start = Instant::now();
        (0..questions).map(|number| start + SOON / 2 * number).collect()
    }

    #[test]
    fn a_handshake_waits_to_be_told_only_where_many_questions_are_asked() {
        assert!(!asked(&[]).over(1, DONE));
        assert!(!asked(&soon(IN_A_ROW)).over(1, DONE));
        assert!(asked(&soon(IN_A_ROW + 1)).over(1, DONE));
        // One that came late.
        let mut times = soon(IN_A_ROW + 1);
        times.push(times[IN_A_ROW as usize] + SOON);
        assert!(!asked(&times).over(1, DONE));
    }

    #[test]
    fn a_bounded_number_waits_and_not_for_long() {
        let mut untold = asked(&soon(IN_A_ROW + 1));
        assert!(!untold.is_late(), "nothing waits");
        assert!((0..OVER as u64).all(|connection| untold.over(connection, DONE)));
        assert!(!untold.over(99, DONE), "one more");
        assert!(!untold.is_late());
        untold.asked = Instant::now().checked_sub(SOON);
        assert!(untold.is_late());
        let mut calls = Calls::default();
        untold.tell(&mut calls);
        assert!(untold.over.is_empty() && !untold.is_late() && !calls.is_empty());
    }
}
