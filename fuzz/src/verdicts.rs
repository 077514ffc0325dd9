//! A guest that answers with its input: the session's id is copied to [`IMAGE`], and its first four
//! bytes are what the callback returns. So the rest is what the host lifts a verdict from, wherever
//! the input says it lies.

use std::{path::Path, sync::LazyLock, time::Duration};

use reprise::{
    policy::{
        Budget, Candidate, Chain, Failure, GetDecision, Manifest, NewDecision, Notes, Runtime, RuntimeOptions, Terms,
        wit::types::{Connection, Priority, Reach, Removal, RemoveVerdict, Session, TlsVersion},
    },
    session::SessionId,
};
use reprise_fixtures::{Callback, DATA, Fixture};

/// Where the input lies in the guest's memory.
const IMAGE: u32 = DATA;
/// The longest input.
const LONGEST: usize = 8 << 10;
/// The guest's memory, unless it grows: two pages.
const MEMORY: u64 = 128 << 10;

/// Lifting of verdicts: what the host reads is what the guest wrote, by the canonical ABI, within
/// the interface's limits; everything else is a failed call.
pub fn verdicts(input: &[u8]) {
    static CHAIN: LazyLock<Chain> = LazyLock::new(chain);
    let image = &input[..input.len().min(LONGEST)];
    let (connection, session, notes) = (connection(), session(image.to_vec()), Notes::new());
    // A failed call costs its instance, and the next one waits for another.
    let budget = || Budget::new(Duration::from_secs(60));

    let (decision, _) = CHAIN.decide_new(&mut budget(), &connection, &session, &notes);
    let lifted = match decision {
        NewDecision::Keep(terms) => {
            assert_ne!(terms.lifetime, Some(0), "that is a refusal");
            assert!(terms.notes.iter().all(|(policy, note)| policy == "echo" && note.len() <= 1_024));
            Lifted::Keep(terms)
        }
        NewDecision::Refuse(objection) => match objection.failure {
            None => Lifted::Refuse,
            Some(failure) => {
                assert_eq!(failure, Failure::InvalidVerdict, "nothing else can go wrong");
                Lifted::Invalid
            }
        },
    };
    if let Some(expected) = Memory(image).new_verdict() {
        assert_eq!(lifted, expected);
    }

    let number = Memory(image).u32(IMAGE).unwrap_or_default();
    let (decision, _) = CHAIN.decide_get(&mut budget(), &connection, &session, &notes);
    let failure = Some(Failure::InvalidVerdict);
    match (number, decision) {
        (0, GetDecision::Resume { early_data: true }) | (1, GetDecision::Resume { early_data: false }) => {}
        (2, GetDecision::FullHandshake(objection)) if objection.failure.is_none() => {}
        (3.., GetDecision::FullHandshake(objection)) if objection.failure == failure => {}
        (_, decision) => panic!("{number} was lifted to {decision:?}"),
    }

    let id = SessionId::from(std::array::from_fn(|at| image.get(at).copied().unwrap_or_default()));
    let (verdict, _) = CHAIN.decide_remove(&mut budget(), &id, Some((&session, &notes)), Removal::Unknown);
    assert_eq!(verdict == RemoveVerdict::Forget, number == 1, "{number} was lifted to {verdict:?}");
}

fn chain() -> Chain {
    // What is left of the input before is wiped. In `remove-session` the id comes first.
    let answer = |id: u32| {
        format!(
            "(memory.fill (i32.const {IMAGE}) (i32.const 0) (i32.const {LONGEST}))
             (memory.copy (i32.const {IMAGE})
                          (i32.load offset={id} (local.get $facts)) (i32.load offset={} (local.get $facts)))
             (i32.load (i32.const {IMAGE}))",
            id + 4
        )
    };
    let module = Fixture::default()
        .on(Callback::New, answer(56))
        .on(Callback::Get, answer(56))
        .on(Callback::Remove, answer(0))
        .data(vec![0; LONGEST])
        .build();
    let options = RuntimeOptions { instances: 1, policies: 1, ..RuntimeOptions::default() };
    let runtime = Runtime::new(options).expect("wasmtime works here");
    let manifest = Manifest::default();
    let (file, name) = (Path::new("10-echo.wasm"), "echo");
    let policy = runtime.load(Candidate { file, name, generation: 1, module: &module, manifest: &manifest });
    Chain::new(vec![policy.expect("the guest is a policy")])
}

/// What a verdict of `new-session` comes to.
#[derive(Debug, PartialEq)]
enum Lifted {
    Keep(Terms),
    Refuse,
    Invalid,
}

/// The guest's memory as far as it is known: the image, and what is nothing but zeros before it.
struct Memory<'a>(&'a [u8]);

/// A place in memory that cannot be read: beyond its end, or not known.
#[derive(Clone, Copy, PartialEq)]
enum Unread {
    Beyond,
    Unknown,
}

impl Memory<'_> {
    fn bytes(&self, at: u32, length: u32) -> Result<Vec<u8>, Unread> {
        let end = u64::from(at) + u64::from(length);
        if end > MEMORY {
            return Err(Unread::Beyond);
        }
        if end > u64::from(IMAGE) + LONGEST as u64 {
            return Err(Unread::Unknown);
        }
        let byte = |at: u32| at.checked_sub(IMAGE).and_then(|at| self.0.get(at as usize)).copied().unwrap_or_default();
        Ok((at..at + length).map(byte).collect())
    }

    fn u32(&self, at: u32) -> Result<u32, Unread> {
        Ok(u32::from_le_bytes(self.bytes(at, 4)?.try_into().unwrap_or_default()))
    }

    /// The `new-verdict` at the address that the image begins with; none where it is not known what there is.
    fn new_verdict(&self) -> Option<Lifted> {
        match self.u32(IMAGE).and_then(|at| self.new_verdict_at(at)) {
            Ok(lifted) => Some(lifted),
            Err(Unread::Beyond) => Some(Lifted::Invalid),
            Err(Unread::Unknown) => None,
        }
    }

    fn new_verdict_at(&self, at: u32) -> Result<Lifted, Unread> {
        let verdict = self.bytes(at, 40)?;
        if !at.is_multiple_of(4) {
            return Ok(Lifted::Invalid);
        }
        let word = |at: usize| u32::from_le_bytes([verdict[at], verdict[at + 1], verdict[at + 2], verdict[at + 3]]);
        let mut terms = Terms::default();
        match verdict[0] {
            0 => {}
            1 => return Ok(Lifted::Refuse),
            _ => return Ok(Lifted::Invalid),
        }
        // Each option: where its discriminant is.
        if [4, 12, 14, 16, 20].into_iter().any(|option| verdict[option] > 1) {
            return Ok(Lifted::Invalid);
        }
        if verdict[4] == 1 {
            terms.lifetime = Some(word(8));
        }
        if verdict[12] == 1 {
            // Any number but 0 is true.
            terms.single_use = Some(verdict[13] != 0);
        }
        if verdict[14] == 1 {
            terms.reach = match verdict[15] {
                0 => Some(Reach::Node),
                1 => Some(Reach::Fleet),
                _ => return Ok(Lifted::Invalid),
            };
        }
        if verdict[16] == 1 {
            terms.priority = match verdict[17] {
                0 => Some(Priority::Low),
                1 => Some(Priority::Normal),
                2 => Some(Priority::High),
                _ => return Ok(Lifted::Invalid),
            };
        }
        let (attributes, count) = (word(32), word(36));
        let mut budget = 32 << 10;
        for tuple in 0..count {
            // More than the host takes in one call, or nearly: where it stops is its own business.
            budget = u32::checked_sub(budget, 64).ok_or(Unread::Unknown)?;
            let at = u64::from(attributes) + u64::from(tuple) * 16;
            let at = u32::try_from(at).map_err(|_| Unread::Beyond)?;
            for string in [at, at.checked_add(8).ok_or(Unread::Beyond)?] {
                let length = self.u32(string + 4)?;
                budget = u32::checked_sub(budget, length).ok_or(Unread::Unknown)?;
                if String::from_utf8(self.bytes(self.u32(string)?, length)?).is_err() {
                    return Ok(Lifted::Invalid);
                }
            }
        }
        if !attributes.is_multiple_of(4) || u64::from(attributes) + u64::from(count) * 16 > MEMORY {
            return Ok(Lifted::Invalid);
        }
        if verdict[20] == 1 {
            let (at, length) = (word(24), word(28));
            if length > 1_024 || u64::from(at) + u64::from(length) > MEMORY {
                return Ok(Lifted::Invalid);
            }
            terms.notes = vec![("echo".into(), self.bytes(at, length)?)];
        }
        Ok(if terms.lifetime == Some(0) { Lifted::Refuse } else { Lifted::Keep(terms) })
    }
}

/// A connection's facts.
pub(crate) fn connection() -> Connection {
    Connection {
        server_name: Some("a.example".into()),
        peer: Some("192.0.2.7".into()),
        listener: "public".into(),
        now: 1_800_000_000,
        early_data: false,
        attributes: Vec::new(),
    }
}

/// A session's facts, with this id.
pub(crate) fn session(id: Vec<u8>) -> Session {
    Session {
        id,
        version: TlsVersion::Tls13,
        cipher_suite: 0x1301,
        server_name: Some("a.example".into()),
        alpn: None,
        authenticated: 1_800_000_000,
        expires: 1_800_086_400,
        resumptions: 0,
        peer_certificate: None,
        note: None,
        attributes: Vec::new(),
    }
}
