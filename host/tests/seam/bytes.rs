//! A handler that turns each call into bytes and back, and then asks another: what a socket would do.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex},
    task::Waker,
    time::Instant,
};

use reprise_openssl::{
    Handler, Handshakes,
    facts::{
        Circumstances, Encoded, HelloFacts, HelloResponse, Made, OfferFacts, Outcome, Renewal, Resumed, SessionFacts,
        Stored, Ticket, Unencoded,
    },
};
use reprise_session::session::{Prototype, Secret, SessionId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// In front of a handler that hears of nothing but bytes.
pub struct Bytes {
    beyond: Arc<dyn Handler>,
    decoded: Arc<Numbered>,
}

/// Stands between the hooks and a handler.
pub fn between(beyond: Arc<dyn Handler>) -> Arc<dyn Handler> {
    Arc::new(Bytes { beyond, decoded: Arc::default() })
}

/// What is alive stays in its process. Its number crosses.
#[derive(Default)]
struct Numbered(Mutex<HashMap<u64, Prototype>>);

impl Numbered {
    fn number(&self, prototype: Prototype) -> u64 {
        let mut numbered = self.0.lock().unwrap();
        let number = numbered.len() as u64;
        numbered.insert(number, prototype);
        number
    }

    fn of(&self, number: u64) -> Prototype {
        self.0.lock().unwrap()[&number].clone()
    }
}

/// As it comes out at the other end.
fn crossed<T: Serialize + DeserializeOwned>(value: &T) -> T {
    postcard::from_bytes(&postcard::to_stdvec(value).unwrap()).unwrap()
}

/// [`Resumed`], as it crosses.
#[derive(Serialize, Deserialize)]
struct Answer {
    id: SessionId,
    session: Kept,
    expires: u64,
    early_data: bool,
    certificate: Option<Vec<u8>>,
    ends: bool,
    decoded_wanted: bool,
    renewal: Option<Box<Renewal>>,
}

#[derive(Serialize, Deserialize)]
enum Kept {
    Der(Vec<u8>),
    Decoded(u64),
}

/// [`Made`], as it crosses.
#[derive(Serialize, Deserialize)]
struct Encoding {
    id: SessionId,
    encoding: Result<(Vec<u8>, Option<u64>), Unencoded>,
}

impl Handler for Bytes {
    fn connection(&self) -> Box<dyn Handshakes> {
        Box::new(Calls { beyond: self.beyond.connection(), decoded: self.decoded.clone() })
    }

    fn new_id(&self, nonce: [u8; 16]) -> Option<SessionId> {
        crossed(&self.beyond.new_id(crossed(&nonce)))
    }

    fn recognises(&self, id: &[u8]) -> bool {
        self.beyond.recognises(&crossed(&id.to_vec()))
    }

    fn given_up(&self, id: SessionId, circumstances: Circumstances) {
        self.beyond.given_up(crossed(&id), crossed(&circumstances));
    }
}

/// The calls of one connection.
struct Calls {
    beyond: Box<dyn Handshakes>,
    decoded: Arc<Numbered>,
}

impl Handshakes for Calls {
    fn hello(&mut self, hello: &HelloFacts<'_>, waker: Option<&Waker>) -> HelloResponse {
        let bytes = postcard::to_stdvec(hello).unwrap();
        crossed(&self.beyond.hello(&postcard::from_bytes(&bytes).unwrap(), waker))
    }

    fn pending(&self) -> Option<Instant> {
        self.beyond.pending()
    }

    fn offered(&mut self, offer: &OfferFacts<'_>, waker: Option<&Waker>) -> Option<Resumed> {
        let bytes = postcard::to_stdvec(offer).unwrap();
        let resumed = self.beyond.offered(&postcard::from_bytes(&bytes).unwrap(), waker)?;
        let Resumed { id, session, expires, early_data, certificate, ends, decoded_wanted, renewal } = resumed;
        let session = match session {
            Stored::Der(der) => Kept::Der(der.to_vec()),
            Stored::Decoded(prototype) => Kept::Decoded(self.decoded.number(prototype)),
        };
        let answer = crossed(&Answer { id, session, expires, early_data, certificate, ends, decoded_wanted, renewal });
        let Answer { id, session, expires, early_data, certificate, ends, decoded_wanted, renewal } = answer;
        let session = match session {
            Kept::Der(der) => Stored::Der(Arc::new(Secret::new(der))),
            Kept::Decoded(number) => Stored::Decoded(self.decoded.of(number)),
        };
        Some(Resumed { id, session, expires, early_data, certificate, ends, decoded_wanted, renewal })
    }

    fn decoded(&mut self, session: Prototype) {
        let number = crossed(&self.decoded.number(session));
        self.beyond.decoded(self.decoded.of(number));
    }

    fn unusable(&mut self) {
        self.beyond.unusable();
    }

    fn ticket(&mut self, session: &SessionFacts) -> Ticket {
        crossed(&self.beyond.ticket(&crossed(session)))
    }

    fn made(&mut self, Made { id, encoding }: Made) {
        let encoding = encoding
            .map(|Encoded { der, decoded }| (der.to_vec(), decoded.map(|prototype| self.decoded.number(prototype))));
        let Encoding { id, encoding } = crossed(&Encoding { id, encoding });
        let encoding = encoding.map(|(der, decoded)| Encoded {
            der: Secret::new(der),
            decoded: decoded.map(|number| self.decoded.of(number)),
        });
        self.beyond.made(Made { id, encoding });
    }

    fn done(&mut self, outcome: &Outcome) {
        self.beyond.done(&crossed(outcome));
    }

    fn as_any(&self) -> &dyn Any {
        self.beyond.as_any()
    }
}
