//! ClientHellos of our own (RFC 8446 section 4.1.2), which offer a session, with a binder that is
//! right.

use openssl::{
    bn::BigNumContext,
    ec::{EcGroup, PointConversionForm},
    nid::Nid,
    rand::rand_bytes,
};
use reprise_openssl::{
    client::ClientSession,
    hello::{
        extension::{PRE_SHARED_KEY, PSK_KEY_EXCHANGE_MODES, SERVER_NAME, SUPPORTED_VERSIONS},
        transcript::{Message, Transcript},
    },
};

pub(super) const COOKIE: u16 = 44;
pub(super) const KEY_SHARE: u16 = 51;
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const X25519: u16 = 0x1d;
/// The curves of NIST.
const CURVES: [(u16, Nid); 3] = [(0x17, Nid::X9_62_PRIME256V1), (0x18, Nid::SECP384R1), (0x19, Nid::SECP521R1)];

/// What the ClientHellos of one handshake have in common.
pub(super) struct Hello<'a> {
    session: &'a ClientSession,
    ticket: Vec<u8>,
    binder: usize,
    random: [u8; 32],
    id: [u8; 32],
}

impl<'a> Hello<'a> {
    pub(super) fn new(session: &'a ClientSession) -> Option<Self> {
        let (mut random, mut id) = ([0; 32], [0; 32]);
        rand_bytes(&mut random).and_then(|()| rand_bytes(&mut id)).ok()?;
        Some(Self { session, ticket: session.ticket()?, binder: session.binder_length()?, random, id })
    }

    /// The message, with zeros for a binder.
    pub(super) fn message(&self, server_name: Option<&str>, share: Option<&[u8]>, cookie: Option<&[u8]>) -> Vec<u8> {
        let groups = [&[X25519][..], &CURVES.map(|(group, _)| group)].concat();
        // ECDSA, EdDSA and RSA, each with the hashes that go with them.
        let signatures = [0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601];
        const NO_AGE: [u8; 4] = [0; 4];
        let identity = [vector16(&self.ticket), NO_AGE.to_vec()].concat();
        let binder = [&[self.binder as u8][..], &vec![0; self.binder]].concat();
        let name = |name: &str| vector16(&[&[0][..], &vector16(name.as_bytes())].concat());
        let extensions = [
            server_name.map(|server_name| extension(SERVER_NAME, &name(server_name))).unwrap_or_default(),
            extension(SUPPORTED_GROUPS, &vector16(&numbers(&groups))),
            extension(SIGNATURE_ALGORITHMS, &vector16(&numbers(&signatures))),
            extension(SUPPORTED_VERSIONS, &[2, 3, 4]),
            // With a key exchange beside the session's secret.
            extension(PSK_KEY_EXCHANGE_MODES, &[1, 1]),
            extension(KEY_SHARE, &vector16(share.unwrap_or_default())),
            cookie.map(|cookie| extension(COOKIE, cookie)).unwrap_or_default(),
            extension(PRE_SHARED_KEY, &[vector16(&identity), vector16(&binder)].concat()),
        ]
        .concat();
        let suite = vector16(&self.session.cipher_suite().to_be_bytes());
        let hello = [&[3, 3][..], &self.random, &[32], &self.id, &suite, &[1, 0], &vector16(&extensions)].concat();
        [&[1, 0][..], &vector16(&hello)].concat()
    }

    /// The same with its binder, which is over these messages, too.
    pub(super) fn bound(&self, before: &[Message<'_>], message: &[u8]) -> Option<Vec<u8>> {
        let mut transcript = Transcript::default();
        before.iter().for_each(|message| transcript.add(*message));
        transcript.add(Message::ClientHello(message));
        let binder = self.session.binder(&transcript)?;
        Some([&message[..message.len() - binder.len()], &binder].concat())
    }
}

/// A share of this group: its base point, which everybody knows.
pub(super) fn key_share(group: u16) -> Option<Vec<u8>> {
    let point = if group == X25519 {
        [&[9][..], &[0; 31]].concat()
    } else {
        let (_, curve) = CURVES.iter().find(|(curve, _)| *curve == group)?;
        let curve = EcGroup::from_curve_name(*curve).ok()?;
        let mut context = BigNumContext::new().ok()?;
        curve.generator_opt()?.to_bytes(&curve, PointConversionForm::UNCOMPRESSED, &mut context).ok()?
    };
    Some([&group.to_be_bytes()[..], &vector16(&point)].concat())
}

fn numbers(list: &[u16]) -> Vec<u8> {
    list.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(content)].concat()
}

pub(super) fn vector16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}
