//! Messages of the module.

use std::sync::Arc;

use reprise::session::Epoch;
use reprise_openssl::{
    facts::{
        Able, ClientCertificate, EarlyData, HelloFacts, Here, OfferFacts, Outcome, Place, SessionFacts, Suites, TLS13,
        Turn,
    },
    hello::Hello,
};
use reprise_session::session::{RevocationLists, SessionId};
use reprise_wire::{
    answer::{Answer, Says},
    calls::{Call, Calls, Header, HelloAt, Made, bytes},
    greeting::Greeting,
};
use zeroize::Zeroizing;

use super::Seed;

/// What a module says to an agent in a full handshake and in a resumption, and an answer.
pub fn said() -> Vec<Seed> {
    let id = SessionId::from([5; 32]);
    let place = Arc::new(Place {
        listener: "127.0.0.1:443".into(),
        site: "dns:a.example".into(),
        epoch: Epoch::of(b"one"),
        revocation_lists: RevocationLists::default(),
    });
    let hello = HelloFacts {
        turn: Turn::First,
        hello: Arc::new(Hello {
            server_name: Some("a.example".into()),
            ciphers: vec![0x13, 1].into(),
            ..Hello::default()
        }),
        peer: Some([127, 0, 0, 1].into()),
        hooked: place.clone(),
        here: Some(Here { place, verify_mode: 0 }),
        learns: false,
        ahead: None,
    };
    let session = SessionFacts {
        id: id.as_bytes().to_vec(),
        version: TLS13,
        cipher_suite: Some(0x1301),
        extended_master_secret: true,
        alpn: Some("h2".into()),
        resumed: false,
        switched: false,
        expected: 1,
        certificate: ClientCertificate::None,
        chain: None,
    };
    let able = Able { ciphers: Suites::Listed(vec![0x1301]), extended_master_secret: true, early_data: false };
    let offer = OfferFacts { id: id.as_bytes(), version: TLS13, switched: false, able, proof: None };
    let outcome = Outcome { version: TLS13, resumed: false, sessions: 1, early_data: EarlyData::NotOffered };
    let said = |answer, calls: &[Call<'_>]| {
        let mut said = Calls::default();
        calls.iter().for_each(|call| said.call(call));
        said.message(Header { answer, told: 0, connection: 1 }).to_vec()
    };
    let at = HelloAt {
        turn: Turn::First,
        hello: hello.hello.clone(),
        peer: hello.peer,
        hooked: 0,
        here: Some((0, 0)),
        learns: false,
    };
    let numbers = [Call::Place(0, Place::clone(&hello.hooked)), Call::Suites(0, vec![0x1301])];
    let offered_with = Call::OfferedWith(OfferFacts { able: Able::default(), ..offer.clone() }, 0, false);
    let by_number = [&numbers[..], &[Call::HelloAt(at), offered_with]].concat();
    let made = Made { id, encoding: Ok(bytes(b"a session")) };
    let mut answer = Zeroizing::default();
    Answer { number: 7, says: Says::Full }.encode(&mut answer);
    vec![
        ("greeting".into(), Greeting::new("nginx", 1, false).encode()),
        ("full".into(), said(7, &[Call::Hello(hello.clone()), Call::Ticket(session)])),
        ("made".into(), said(0, &[Call::Made(made), Call::Done(outcome), Call::Gone])),
        ("offer".into(), said(7, &[Call::Hello(hello), Call::Offered(offer, false)])),
        ("unusable".into(), said(0, &[Call::Unusable])),
        ("by-number".into(), said(7, &by_number)),
        ("over".into(), said(0, &[Call::Over(1, outcome), Call::Over(2, outcome), Call::Gone])),
        ("answer".into(), answer.to_vec()),
    ]
}
