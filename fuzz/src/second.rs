use reprise::fuzzing::hello_changed;

const STRUCTURE: &str = "its structure";
const IDENTITIES: &str = "the PSK identities";

/// What is asked about before the identities. After them come the lists.
const BEFORE_IDENTITIES: [&str; 6] = [
    "legacy_version",
    "the random",
    "legacy_session_id",
    "the cipher suites",
    "legacy_compression_methods",
    "the server name",
];

/// Extensions (RFC 6066 section 3, RFC 8446 section 4.2.11, RFC 9849).
const SERVER_NAME: u16 = 0;
const PRE_SHARED_KEY: u16 = 41;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// The comparison of two ClientHellos: a hello is no other than itself, it does not matter which of two comes first,
/// and what was compared first says nothing of what comes after it.
///
/// The bytes are two handshake messages, one after the other. Two that differ in all stop at the first difference, so
/// the second's extensions are held against the first's in a hello that is the first one otherwise, too.
pub fn second(bytes: &[u8]) {
    let (first, second) = parted(bytes);
    itself(first);
    itself(second);
    either_way(first, second);
    if let (Some(hello), Some(other)) = (Parts::read(first), Parts::read(second)) {
        either_way(first, &Parts { extensions: other.extensions, ..hello }.message());
    }
}

/// The first message, as long as it says, and the rest.
fn parted(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = match bytes {
        [_, high, middle, low, ..] => 4 + (u32::from_be_bytes([0, *high, *middle, *low]) as usize),
        _ => 0,
    };
    bytes.split_at(length.min(bytes.len()))
}

/// A session id of this host's, for the comparison.
fn ours(identity: &[u8]) -> bool {
    identity.len() == 32
}

fn changed(first: &[u8], second: &[u8]) -> Option<&'static str> {
    hello_changed(first, second, ours)
}

/// Nothing of it has changed, nor if its name is written in other letters.
fn itself(message: &[u8]) {
    let Some(hello) = Parts::read(message) else {
        return assert_eq!(changed(message, message), Some(STRUCTURE));
    };
    assert_eq!(changed(message, message), None);
    let mut shouted = hello.clone();
    if let Some(name) = shouted.of(SERVER_NAME).and_then(|content| name_in(content)) {
        name.iter_mut().filter(|byte| byte.is_ascii_alphabetic()).for_each(|byte| *byte ^= 0x20);
    }
    assert_eq!(changed(message, &shouted.message()), None, "a name has no case");
}

/// The same fact either way, but for the identities: some may be left out, and none added.
fn either_way(first: &[u8], second: &[u8]) {
    let (there, back) = (changed(first, second), changed(second, first));
    let (Some(one), Some(other)) = (Parts::read(first), Parts::read(second)) else {
        return assert_eq!((there, back), (Some(STRUCTURE), Some(STRUCTURE)));
    };
    // They are asked about before the lists are.
    let [one_of_none, other_of_none] = [&one, &other].map(|hello| hello.without(PRE_SHARED_KEY));
    let rest = changed(&one_of_none.message(), &other_of_none.message());
    assert_eq!(rest, changed(&other_of_none.message(), &one_of_none.message()), "it matters which comes first");
    assert_ne!(rest, Some(IDENTITIES));
    let sooner = rest.is_some_and(|fact| BEFORE_IDENTITIES.contains(&fact));
    for found in [there, back] {
        let hidden = found == Some(IDENTITIES) && !sooner;
        assert!(hidden || found == rest, "{found:?} with the identities, {rest:?} without");
    }
    let outer = [&one, &other].iter().all(|hello| hello.is_outer());
    if !sooner && !outer && ![there, back].contains(&Some(IDENTITIES)) {
        assert_eq!(one.identities(), other.identities(), "an identity was added");
    }
    if rest.is_none() {
        assert_eq!((one.version, one.random, one.session_id), (other.version, other.random, other.session_id));
        assert_eq!(one.compression, other.compression);
        assert_eq!(one.name(), other.name(), "another name was taken for the same");
    }
}

/// A ClientHello, as RFC 8446 section 4.1.2 has it.
#[derive(Clone)]
struct Parts<'a> {
    head: &'a [u8],
    version: &'a [u8],
    random: &'a [u8],
    session_id: &'a [u8],
    ciphers: &'a [u8],
    compression: &'a [u8],
    /// Each extension, and last what is too short to be one.
    extensions: (Vec<(u16, Vec<u8>)>, &'a [u8]),
}

impl<'a> Parts<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut rest = message;
        Some(Self {
            head: take(&mut rest, 4)?,
            version: take(&mut rest, 2)?,
            random: take(&mut rest, 32)?,
            session_id: vector(&mut rest, 1)?,
            ciphers: vector(&mut rest, 2)?,
            compression: vector(&mut rest, 1)?,
            extensions: extensions(vector(&mut rest, 2)?),
        })
    }

    fn message(&self) -> Vec<u8> {
        let short = |part: &[u8]| [&[part.len() as u8][..], part].concat();
        let long = |part: &[u8]| [&(part.len() as u16).to_be_bytes()[..], part].concat();
        let (whole, cut) = &self.extensions;
        let mut extensions: Vec<u8> = Vec::new();
        whole.iter().for_each(|(kind, content)| extensions.extend([&kind.to_be_bytes()[..], &long(content)].concat()));
        extensions.extend_from_slice(cut);
        [
            self.head,
            self.version,
            self.random,
            &short(self.session_id),
            &long(self.ciphers),
            &short(self.compression),
            &long(&extensions),
        ]
        .concat()
    }

    fn of(&mut self, kind: u16) -> Option<&mut Vec<u8>> {
        self.extensions.0.iter_mut().find_map(|(found, content)| (*found == kind).then_some(content))
    }

    fn without(&self, kind: u16) -> Self {
        let mut hello = self.clone();
        hello.extensions.0.retain(|(found, _)| *found != kind);
        hello
    }

    /// The name, of which neither case nor one dot at its end says anything.
    fn name(&self) -> Option<Vec<u8>> {
        let mut hello = self.clone();
        let name: &[u8] = hello.of(SERVER_NAME).and_then(|content| name_in(content))?;
        let undotted = name.strip_suffix(b".").filter(|name| !name.is_empty() && !name.ends_with(b"."));
        Some(undotted.unwrap_or(name).to_ascii_lowercase())
    }

    /// The identities offered, up to one that is cut off.
    fn identities(&self) -> Vec<Vec<u8>> {
        let mut hello = self.clone();
        let content: &[u8] = hello.of(PRE_SHARED_KEY).map_or(&[], |content| content);
        let mut list = vector(&mut &content[..], 2).unwrap_or_default();
        let mut identities = Vec::new();
        while let Some(identity) = vector(&mut list, 2)
            && take(&mut list, 4).is_some()
        {
            identities.push(identity.to_vec());
        }
        identities
    }

    /// Whether this is the outer one of two (RFC 9849): its identities may be made up.
    fn is_outer(&self) -> bool {
        self.extensions.0.iter().any(|(kind, _)| *kind == ENCRYPTED_CLIENT_HELLO)
    }
}

fn extensions(mut rest: &[u8]) -> (Vec<(u16, Vec<u8>)>, &[u8]) {
    let mut whole = Vec::new();
    loop {
        let cut = rest;
        let kind = take(&mut rest, 2);
        let (Some(kind), Some(content)) = (kind, vector(&mut rest, 2)) else { return (whole, cut) };
        whole.push((u16::from_be_bytes([kind[0], kind[1]]), content.to_vec()));
    }
}

/// The host's name in a `server_name` extension, if it names one.
fn name_in(content: &mut [u8]) -> Option<&mut [u8]> {
    let (length, list) = content.split_first_chunk_mut::<2>()?;
    let list = list.get_mut(..usize::from(u16::from_be_bytes(*length)))?;
    let [0, high, low, rest @ ..] = list else { return None };
    let name = rest.get_mut(..usize::from(u16::from_be_bytes([*high, *low])))?;
    (!name.is_empty() && !name.contains(&0)).then_some(name)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// What stands behind its length, in so many bytes.
fn vector<'a>(rest: &mut &'a [u8], of: usize) -> Option<&'a [u8]> {
    let length = take(rest, of)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    take(rest, length)
}
