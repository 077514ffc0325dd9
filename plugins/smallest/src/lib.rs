//! Policy: a session resumes within an hour of its full handshake.

use reprise_sdk::prelude::*;

#[derive(Default)]
struct Fresh;

impl Policy for Fresh {
    fn get_session(&self, connection: &Connection, candidate: &Session) -> GetVerdict {
        let old = connection.now > candidate.authenticated + 3_600;
        if old { GetVerdict::FullHandshake } else { GetVerdict::Resume }
    }
}

reprise_sdk::export!(Fresh: get_session);

#[cfg(test)]
mod tests {
    use reprise_sdk::testing;

    use super::*;

    #[test]
    fn a_session_resumes_within_an_hour_of_its_full_handshake() {
        let (mut connection, session) = (testing::connection(), testing::session());
        connection.now = session.authenticated + 3_600;
        assert_eq!(Fresh.get_session(&connection, &session), GetVerdict::Resume);
        connection.now += 1;
        assert_eq!(Fresh.get_session(&connection, &session), GetVerdict::FullHandshake);
    }
}
