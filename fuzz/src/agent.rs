use std::sync::OnceLock;

use reprise::{Host, fuzzing::AgentHears};
use reprise_wire::{
    LONGEST,
    answer::Answer,
    calls::{Calls, Header, read},
    greeting::Greeting,
};
use zeroize::Zeroizing;

/// What a module says to an agent, or an agent to a module: what is read encodes, no longer, to what reads the same; and an agent
/// answers what it is asked, and nothing else.
pub fn agent(bytes: &[u8]) {
    if let Ok(greeting) = Greeting::decode(bytes) {
        let encoded = greeting.encode();
        assert_eq!(Greeting::decode(&encoded), Ok(greeting));
    }
    if let Ok(answer) = Answer::decode(bytes) {
        let mut encoded = Zeroizing::default();
        answer.encode(&mut encoded);
        assert!(encoded.len() <= bytes.len());
        assert_eq!(format!("{:?}", Answer::decode(&encoded)), format!("{:?}", Ok::<_, ()>(answer)));
    }
    let Ok((header, reading)) = read(bytes) else { return };
    let mut again = Calls::default();
    let calls: Vec<_> = reading.map_while(Result::ok).collect();
    calls.iter().for_each(|call| again.call(call));
    let message = again.message(header);
    assert!(message.len() <= bytes.len());
    let (_, reread) = read(&message).expect("it was written so");
    let reread: Vec<_> = reread.map(|call| call.expect("it was written so")).collect();
    assert_eq!(format!("{reread:?}"), format!("{calls:?}"));
    heard(header, bytes);
}

fn heard(header: Header, bytes: &[u8]) {
    static HOST: OnceLock<(Host, AgentHears)> = OnceLock::new();
    let (_, hears) = HOST.get_or_init(|| {
        let host = Host::builder().build().expect("a host");
        let hears = AgentHears::new(&host);
        (host, hears)
    });
    if let Ok(Some(reply)) = hears.hear(bytes) {
        assert_ne!(header.answer, 0, "nothing was asked");
        assert!(reply.len() <= LONGEST);
        assert_eq!(Answer::decode(&reply).expect("an answer").number, header.answer);
    }
}
