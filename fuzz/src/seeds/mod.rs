//! Where the corpus comes from: real ClientHellos, records and modules, made by those who make
//! them. `corpus/` has what this made once, and what was found since.

mod agent;

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSession, SslSessionCacheMode, SslStream,
    SslVerifyMode, SslVersion,
};
use reprise::{
    fuzzing::Revocation,
    policy::wit::types::{Certificate, TlsVersion},
    revocation::Matcher,
    session::{Border, Epoch, Keyring, Record, Secret, VerifiedChain},
};
use reprise_fixtures::{Callback, DATA, Fixture, hostile, policies, wasi};

use crate::binder::CONTEXT;
use crate::sealed::{ASSOCIATED, SECRET};
use crate::wire::{Wire, message, server};

/// A name and its bytes.
pub type Seed = (String, Vec<u8>);

/// The seeds of every target, by the target's name.
pub fn all() -> Vec<(&'static str, Vec<Seed>)> {
    vec![
        ("hello", hellos()),
        ("loader", modules()),
        ("manifest", manifests()),
        ("record", records()),
        ("sealed", sealed()),
        ("notice", notices()),
        ("keyring", keyrings()),
        ("reply", replies()),
        ("second", seconds()),
        ("agent", agent::said()),
        ("proxy", proxied()),
        ("verdicts", verdicts()),
    ]
}

/// Sealed records: one that opens, one of another session, one of another key.
fn sealed() -> Vec<Seed> {
    let seal = |secret: [u8; 32], associated: &[&[u8]]| {
        let keyring = Keyring::new(secret.into()).expect("OpenSSL derives keys");
        keyring.seal(associated, b"a record", 0).expect("there is randomness")
    };
    vec![
        ("opens".into(), seal(SECRET, &ASSOCIATED)),
        ("of-another-session".into(), seal(SECRET, &[b"session", b"reprise", &[8; 32]])),
        ("of-another-key".into(), seal([1; 32], &ASSOCIATED)),
    ]
}

/// What a Redis server says, of each kind.
fn replies() -> Vec<Seed> {
    let said: [(&str, &[u8]); 7] = [
        ("lines", b"+OK\r\n-ERR no\r\n:7\r\n_\r\n,1.5\r\n#t\r\n(12\r\n"),
        ("fetched", b"*3\r\n$6\r\n\x01\x02\x00abc\r\n:1000\r\n:0\r\n"),
        ("message", b">3\r\n$7\r\nmessage\r\n$12\r\nreprise:news\r\n$4\r\nabcd\r\n"),
        ("hello", b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nmodules\r\n*0\r\n"),
        ("attribute", b"|1\r\n+ttl\r\n:60\r\n$-1\r\n~2\r\n+a\r\n*-1\r\n"),
        ("verbatim", b"=7\r\ntxt:abc\r\n!6\r\nERR no\r\n"),
        ("nested", b"*1\r\n*1\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n"),
    ];
    said.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into()
}

fn notices() -> Vec<Seed> {
    let note = |policy: Option<&str>| Matcher::Note { policy: policy.map(str::to_owned), note: vec![1, 2] };
    let matchers = [
        ("server-name", Matcher::ServerName("a.example".into())),
        ("no-server-name", Matcher::NoServerName),
        ("certificate", Matcher::Certificate([7; 32])),
        ("note", note(None)),
        ("note-of-a-policy", note(Some("tenants"))),
        ("all", Matcher::All),
    ];
    let encoded = |matcher| Revocation { matcher, before: 1_700_000_000, expires: 1_700_604_800 }.encode();
    matchers.map(|(name, matcher)| (name.into(), encoded(matcher).expect("it encodes").bytes)).into()
}

fn keyrings() -> Vec<Seed> {
    let line = |byte: u8, seals_from: u64| {
        let ring = Keyring::new([byte; 32].into()).expect("OpenSSL derives keys");
        format!("{} {seals_from} {}", ring.keys(0)[0].id, format!("{byte:02x}").repeat(32))
    };
    let file = |lines: &[String]| format!("reprise-keyring 1\n# remark\n{}\n", lines.join("\n")).into_bytes();
    vec![
        ("one".into(), file(&[line(1, 0)])),
        ("two".into(), file(&[line(1, 1_700_000_000), line(2, 1_700_604_800)])),
        ("twice".into(), file(&[line(1, 0), line(1, 1)])),
        // Found: the error showed the first word.
        ("a-secret-in-front".into(), file(&[format!("{} 0 {}", "01".repeat(32), "01".repeat(32))])),
    ]
}

/// ClientHellos of each version, without and with a session, and with 0-RTT.
fn hellos() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (version, shown) in [(SslVersion::TLS1_2, "tls12"), (SslVersion::TLS1_3, "tls13")] {
        let (client, session) = client(version);
        seeds.push((format!("{shown}-first"), client_hello(&client, Some("A.Example"), None)));
        seeds.push((format!("{shown}-nameless"), client_hello(&client, None, None)));
        let session = session.lock().expect("one thread").take().expect("a session was made");
        seeds.push((format!("{shown}-session"), client_hello(&client, Some("a.example"), Some(&session))));
        if version == SslVersion::TLS1_3 {
            let (client, session) = self::client(version);
            let session = session.lock().expect("one thread").take().expect("a session was made");
            let mut stream = connecting(&client, Some("a.example"), Some(&session));
            // It waits for the answer.
            let _ = stream.write_early_data(b"early");
            seeds.push((format!("{shown}-early-data"), first_message(&stream)));
        }
    }
    let both = SslContext::builder(SslMethod::tls_client()).expect("there is memory").build();
    seeds.push(("both-versions".into(), client_hello(&both, Some("a.example"), None)));
    seeds
}

/// ClientHellos and those that OpenSSL's client answers a HelloRetryRequest with.
fn seconds() -> Vec<Seed> {
    let (client, session) = client(SslVersion::TLS1_3);
    let session = session.lock().expect("one thread").take().expect("a session was made");
    let other = client_hello(&client, Some("b.example"), None);
    vec![
        ("retry".into(), retried(&client, Some("A.Example"), None)),
        ("retry-nameless".into(), retried(&client, None, None)),
        ("retry-session".into(), retried(&client, Some("a.example"), Some(&session))),
        ("retry-lists".into(), retried(&with_lists(), Some("a.example"), None)),
        ("two-visits".into(), [client_hello(&client, Some("a.example"), None), other].concat()),
    ]
}

/// A client that asks for protocols, too.
fn with_lists() -> SslContext {
    let mut context = SslContext::builder(SslMethod::tls_client()).expect("there is memory");
    context.set_alpn_protos(b"\x02h2\x08http/1.1").expect("they are protocols");
    context.build()
}

/// A client's first two messages, where its first has no key of a group that the server takes.
fn retried(context: &SslContext, name: Option<&str>, session: Option<&SslSession>) -> Vec<u8> {
    let mut accepting = server(SslMethod::tls_server());
    accepting.set_groups_list("P-384").expect("it is a group");
    let mut near = connecting(context, name, session);
    // It waits for the answer, twice.
    let _ = near.do_handshake();
    let first = near.get_ref().written();
    let mut far = Wire::new(first.clone()).accepting(Ssl::new(&accepting.build()).expect("there is memory"));
    let _ = far.do_handshake();
    near.get_ref().reversed().write_all(&far.get_ref().written()).expect("there is memory");
    let _ = near.do_handshake();
    let second = near.get_ref().written();
    // What is there for middleboxes (RFC 8446 appendix D.4).
    let second = second.strip_prefix(&[20, 3, 3, 0, 1, 1]).unwrap_or(&second);
    let [first, second] = [&first[..], second].map(message);
    assert!(first.starts_with(&[1]) && second.starts_with(&[1]) && first != second, "the client tries again");
    [first, second].concat()
}

/// Headers of the PROXY protocol, and what else may come.
fn proxied() -> Vec<Seed> {
    let header = |command: u8, of: u8, block: &[u8]| {
        let length = (block.len() as u16).to_be_bytes();
        [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, of], &length, block, b"hello"].concat()
    };
    let four = [198, 51, 100, 7, 203, 0, 113, 1, 0x9c, 0x40, 1, 0xbb];
    let six = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[1], &four[8..]].concat();
    let with = |addresses: &[u8], fields: &[u8]| [addresses, fields].concat();
    let (name, sum, nothing) = (b"\x02\0\x09a.example", b"\x03\0\x04abcd", b"\x04\0\x03\0\0\0");
    vec![
        ("ipv4".into(), header(0x21, 0x11, &four)),
        ("ipv6".into(), header(0x21, 0x21, &six)),
        ("ipv4-fields".into(), header(0x21, 0x11, &with(&four, &[&name[..], nothing].concat()))),
        ("ipv4-checksum".into(), header(0x21, 0x11, &with(&four, &[&sum[..], name].concat()))),
        ("ipv6-checksum".into(), header(0x21, 0x21, &with(&six, &[&name[..], sum].concat()))),
        ("datagrams".into(), header(0x21, 0x12, &four)),
        ("unix".into(), header(0x21, 0x31, &with(&[b'/'; 216], sum))),
        ("no-addresses".into(), header(0x21, 0, sum)),
        ("local".into(), header(0x20, 0, b"")),
        ("local-addresses".into(), header(0x20, 0x11, &with(&four, sum))),
        ("local-unassigned".into(), header(0x20, 0x41, &four)),
        ("version-1".into(), b"PROXY TCP4 198.51.100.7 203.0.113.1 40000 443\r\nhello".to_vec()),
    ]
}

/// A session as its server has it, and ClientHellos that offer it.
pub fn offers() -> (Vec<u8>, Vec<Seed>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&kept);
    let (client, session) = client_of(SslVersion::TLS1_3, move |accepting| {
        accepting.set_session_id_context(CONTEXT).expect("it is short");
        accepting.set_session_cache_mode(SslSessionCacheMode::SERVER | SslSessionCacheMode::NO_INTERNAL);
        accepting.set_new_session_callback(move |_, session| {
            *keeps.lock().expect("one thread") = session.to_der().expect("it encodes");
        });
    });
    let session = session.lock().expect("one thread").take().expect("a session was made");
    let session = || SslSession::from_der(&session.to_der().expect("it encodes")).expect("it decodes");
    let offered = client_hello(&client, Some("a.example"), Some(&session()));
    let mut stream = connecting(&client, Some("a.example"), Some(&session()));
    // It waits for the answer.
    let _ = stream.write_early_data(b"early");
    let hellos = vec![
        ("offered".into(), offered),
        ("offered-nameless".into(), client_hello(&client, None, Some(&session()))),
        ("with-early-data".into(), first_message(&stream)),
    ];
    let mut kept = kept.lock().expect("one thread").clone();
    // When it was made, as an integer of four bytes: it is to be good for long.
    let time = kept.windows(4).position(|bytes| bytes == [0xa1, 6, 2, 4]).expect("it has a time") + 4;
    kept[time..time + 4].copy_from_slice(&i32::MAX.to_be_bytes());
    (kept, hellos)
}

/// A client's context of one version, and a session that it has made with a server that allows 0-RTT.
fn client(version: SslVersion) -> (SslContext, Arc<Mutex<Option<SslSession>>>) {
    client_of(version, |_| {})
}

/// The same, with a server adjusted.
fn client_of(
    version: SslVersion,
    adjust: impl FnOnce(&mut SslContextBuilder),
) -> (SslContext, Arc<Mutex<Option<SslSession>>>) {
    let mut accepting = server(SslMethod::tls_server());
    accepting.set_options(SslOptions::NO_TICKET);
    accepting.set_session_id_context(b"seeds").expect("it is short");
    accepting.set_max_early_data(1_024).expect("it is allowed");
    adjust(&mut accepting);
    let mut context = SslContext::builder(SslMethod::tls_client()).expect("there is memory");
    context.set_verify(SslVerifyMode::NONE);
    context.set_min_proto_version(Some(version)).expect("it is a version");
    context.set_max_proto_version(Some(version)).expect("it is a version");
    context.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
    let session = Arc::new(Mutex::new(None));
    let given = Arc::clone(&session);
    context.set_new_session_callback(move |_, session| *given.lock().expect("one thread") = Some(session));
    let context = context.build();

    let wire = Wire::default();
    let mut near = wire.clone().connecting(Ssl::new(&context).expect("there is memory"));
    let mut far = wire.reversed().accepting(Ssl::new(&accepting.build()).expect("there is memory"));
    // As many flights as the longest handshake has.
    for _ in 0..4 {
        let _ = near.do_handshake();
        let _ = far.do_handshake();
    }
    // Ended as it should be, for OpenSSL forgets a session otherwise; the ticket is read on the way.
    let _ = far.shutdown();
    let _ = near.ssl_read(&mut [0]);
    let _ = near.shutdown();
    (context, session)
}

fn client_hello(context: &SslContext, name: Option<&str>, session: Option<&SslSession>) -> Vec<u8> {
    let mut stream = connecting(context, name, session);
    // It waits for the answer.
    let _ = stream.do_handshake();
    first_message(&stream)
}

fn connecting(context: &SslContext, name: Option<&str>, session: Option<&SslSession>) -> SslStream<Wire> {
    let mut ssl = Ssl::new(context).expect("there is memory");
    if let Some(name) = name {
        ssl.set_hostname(name).expect("it is a name");
    }
    if let Some(session) = session {
        // SAFETY: the session was made by this context's client.
        unsafe { ssl.set_session(session).expect("it is the client's") };
    }
    Wire::default().connecting(ssl)
}

fn first_message(stream: &SslStream<Wire>) -> Vec<u8> {
    message(&stream.get_ref().written())
}

fn modules() -> Vec<Seed> {
    let fixture = || Fixture::default().no_opinion(Callback::Get);
    let small: [(&str, Vec<u8>); 12] = [
        ("no-opinion", policies::no_opinion()),
        ("note", policies::note(b"note")),
        ("counts", policies::counts_in_state()),
        ("settings", policies::note_from_settings("no")),
        ("trap", policies::trap_in(Callback::Get)),
        ("not-a-callback", policies::none_of_the_callbacks()),
        ("instances-that-double", hostile::doubling(6)),
        ("components-inside-one-another", hostile::matryoshka(20)),
        ("types-inside-one-another", hostile::deep_type(35)),
        ("core-module", fixture().core_module()),
        ("text", fixture().core().into()),
        ("wasi", wasi::get_session(6, "(call $poll (i32.const 0) (i32.const 0) (i32.const 512)) (i32.const 0)", "")),
    ];
    small.map(|(name, module)| (name.to_owned(), module)).into()
}

fn manifests() -> Vec<Seed> {
    let texts = [
        (
            "limits",
            "on-failure = \"abstain\"\nattributes = [\"site\"]\nbudget-ms = 5\nmemory = \"32 MiB\"\ninstances = 3\n",
        ),
        (
            "settings",
            "[settings]\nzone = \"a b\"\nlimit = 1.5\nnames = [\"x\", \"y\"]\n[settings.limits]\n\"a.b\".days = 3\n",
        ),
        (
            "tables",
            "[[settings.site]]\nname = 'one'\nports = [1, [2]]\nsince = 2024-01-01T00:00:00Z\n[[settings.site]]\n",
        ),
        ("unknown-key", "lifetime = 3\n"),
        ("several-lines", "memory = '''\ntwo\nlines'''\n"),
        ("a-key-of-two-lines", "\"two\\nlines\" = 1\n"),
        ("no-toml", "[settings\n"),
    ];
    texts.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).into()
}

fn records() -> Vec<Seed> {
    let bare = Record {
        border: Border {
            server_name: Some("a.example".into()),
            listener: "public".into(),
            site: "default".into(),
            verify_mode: 1,
            epoch: Epoch::of(b"one"),
        },
        version: TlsVersion::Tls13,
        cipher_suite: 0x1302,
        extended_master_secret: true,
        alpn: Some("h2".into()),
        authenticated: 1_700_000_000,
        expires: 1_700_007_200,
        resumptions: 3,
        peer_certificate: None,
        chain: None,
        notes: vec![("tenants".into(), vec![0xa5; 8])],
        der: Secret::new(vec![0x30, 0x03, 0x02, 0x01, 0x01]),
    };
    let certificate = Certificate {
        sha256: vec![1; 32],
        spki_sha256: vec![2; 32],
        subject: "CN=client".into(),
        issuer: "CN=CA".into(),
        serial: vec![3],
        not_before: 1_690_000_000,
        not_after: 1_790_000_000,
        alternative_names: vec![("dns".into(), "a.example".into())],
        verified: true,
    };
    let identified = Record { peer_certificate: Some(certificate), version: TlsVersion::Tls12, ..bare.clone() };
    let chain = VerifiedChain { not_before: 1_690_000_000, not_after: 1_780_000_000, issuers: vec![0xdead_beef, 7] };
    let verified = Record { chain: Some(chain), ..identified.clone() };
    let seeds = [("bare", bare), ("certificate", identified), ("chain", verified)];
    seeds.map(|(name, record)| (name.into(), record.encode().expect("it encodes").to_vec())).into()
}

/// Images of a guest's memory: the address of the verdict, then the verdict, then what it points to.
fn verdicts() -> Vec<Seed> {
    let at = DATA + 4;
    let mut keep = [0; 40];
    keep[4..12].copy_from_slice(&[1, 0, 0, 0, 60, 0, 0, 0]);
    keep[12..18].copy_from_slice(&[1, 1, 1, 0, 1, 2]);
    keep[20] = 1;
    keep[24..28].copy_from_slice(&(at + 40).to_le_bytes());
    keep[28] = 4;
    keep[32..36].copy_from_slice(&(at + 48).to_le_bytes());
    keep[36] = 1;
    let note = b"note\0\0\0\0";
    let tuple: Vec<u8> = [at + 40, 4, at + 40, 2].into_iter().flat_map(u32::to_le_bytes).collect();
    let mut refuse = [0; 40];
    refuse[0] = 1;
    let image = |verdict: &[u8]| [&at.to_le_bytes()[..], verdict].concat();
    vec![
        ("keep".into(), image(&[&keep[..], note, &tuple].concat())),
        ("keep-plain".into(), image(&[0; 40])),
        ("refuse".into(), image(&refuse)),
        ("resume".into(), vec![0; 4]),
        ("full-handshake".into(), vec![2, 0, 0, 0]),
        ("no-such-case".into(), vec![9, 0, 0, 0]),
        ("beyond-memory".into(), vec![0xff; 4]),
    ]
}
