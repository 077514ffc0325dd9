//! Sessions of the names in the settings resume for ten minutes, and only from the address that made them.

use reprise_sdk::prelude::*;

#[derive(Default)]
struct Cautious {
    names: Vec<String>,
}

impl Policy for Cautious {
    fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
        Ok(Self { names: settings.server_names("name")? })
    }

    fn new_session(&self, connection: &Connection, session: &Session) -> NewVerdict {
        if !session.server_name.as_ref().is_some_and(|name| self.names.contains(name)) {
            return NewVerdict::no_opinion();
        }
        let note = connection.peer.as_ref().map(|peer| peer.as_bytes().to_vec());
        NewVerdict::Keep(Terms { lifetime: Some(600), note, ..Terms::default() })
    }

    fn get_session(&self, connection: &Connection, candidate: &Session) -> GetVerdict {
        let elsewhere = candidate.note.as_deref() != connection.peer.as_ref().map(|peer| peer.as_bytes());
        if candidate.note.is_some() && elsewhere { GetVerdict::FullHandshake } else { GetVerdict::Resume }
    }
}

reprise_sdk::export!(Cautious: new_session, get_session);

#[cfg(test)]
mod tests {
    use reprise_sdk::testing;

    use super::*;

    #[test]
    fn a_session_of_a_name_in_the_settings_resumes_only_from_where_it_was_made() {
        let policy: Cautious = testing::configured(&[("name", "a.example")]).unwrap();
        let made = testing::connection();
        let NewVerdict::Keep(terms) = policy.new_session(&made, &testing::session()) else { panic!("it is kept") };
        assert_eq!(terms.lifetime, Some(600));

        let candidate = Session { note: terms.note, ..testing::session() };
        assert_eq!(policy.get_session(&made, &candidate), GetVerdict::Resume);
        let elsewhere = Connection { peer: Some("198.51.100.7".into()), ..made };
        assert_eq!(policy.get_session(&elsewhere, &candidate), GetVerdict::FullHandshake);
    }

    #[test]
    fn a_session_of_another_name_is_none_of_its_business() {
        let policy: Cautious = testing::configured(&[("name", "bank.example")]).unwrap();
        assert_eq!(policy.new_session(&testing::connection(), &testing::session()), NewVerdict::no_opinion());
        assert_eq!(policy.get_session(&testing::connection(), &testing::session()), GetVerdict::Resume);
    }
}
