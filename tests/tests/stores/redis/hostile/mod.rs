//! Servers that mean harm: that never come to an end, or have more to say than fits. Alone, over
//! TLS, where Sentinels are, and in a Cluster.

mod cluster;
mod mock;
mod sentinel;
mod tls;

use reprise::store::{Redis, Store};
use reprise_tests::until;

use self::mock::{Answer, Mock, friendly};
use super::{find, id, patient};

/// What loopback has under way of a connection that nobody reads: 32 MiB and 4 MiB by Linux' defaults, and more.
const UNDER_WAY: u64 = 48 << 20;

/// Something that it says first, what it says then without an end, and how much of it a node may
/// take before it has had enough.
struct Harm {
    begin: Vec<u8>,
    more: Vec<u8>,
    most: u64,
}

impl Harm {
    fn new(begin: &[u8], more: &[u8], most: u64) -> Self {
        Self { begin: begin.to_vec(), more: more.to_vec(), most }
    }

    /// One of each kind.
    fn each() -> Vec<Self> {
        vec![
            Self::bulk(),
            Self::new(b"+", b"aaaaaaaa", 0),
            Self::new(b"*2000000000\r\n", b":1\r\n", 0),
            Self::new(b"*1\r\n", b"*1\r\n", 0),
            Self::long_array(),
            Self::pushes(),
        ]
    }

    fn bulk() -> Self {
        Self::new(b"$3000000000\r\n", b"aaaaaaaa", 0)
    }

    /// As many as it says, and each as long as may be.
    fn long_array() -> Self {
        let long = [b"$1000000\r\n".as_slice(), &[b'a'; 1_000_000], b"\r\n"].concat();
        Self::new(b"*1000\r\n", &long, 64 << 20)
    }

    /// Long ones, of which a slow machine too takes more in a second than it may.
    fn pushes() -> Self {
        let begin = b">3\r\n$7\r\nmessage\r\n$12\r\nreprise:news\r\n$100000\r\n".as_slice();
        let message = [begin, &[b'a'; 100_000], b"\r\n"].concat();
        Self::new(&message, &message, 8 << 20)
    }

    fn answer(&self) -> Answer {
        Answer::Endless(self.begin.clone(), self.more.clone())
    }

    /// A node that is given this URL takes no more of it from `server` than it may, each time that
    /// it comes, and says that it has no session.
    fn is_bounded(&self, url: &str, server: &Mock) {
        let node = Redis::connect(url, patient("a")).unwrap();
        until("it has come, and had enough, several times", || server.endings() >= 3);
        let taken = server.most_taken();
        let begin = String::from_utf8_lossy(&self.begin[..self.begin.len().min(20)]);
        assert!(taken <= self.most + UNDER_WAY, "{begin:?}: it took {} MiB", taken >> 20);
        assert!(find(&node, &id()).is_err() && !node.tiers()[0].reachable, "{begin:?}");
    }
}

/// A node takes no more than it may of a server that lets it in, and then says this.
fn bounded(begin: &[u8], more: &[u8], most: u64) {
    bounded_harm(&Harm::new(begin, more, most));
}

fn bounded_harm(harm: &Harm) {
    let answer = harm.answer();
    let server = Mock::start(move |command| match command[0].as_str() {
        "SUBSCRIBE" => answer.clone().after(friendly(command)),
        _ => friendly(command),
    });
    harm.is_bounded(&format!("redis://{}", server.address()), &server);
}

#[test]
fn a_bulk_that_is_too_long_is_not_taken() {
    bounded_harm(&Harm::bulk());
}

#[test]
fn a_line_without_an_end_is_not_taken() {
    bounded(b"+", b"aaaaaaaa", 0);
    bounded(b"-ERR ", b"aaaaaaaa", 0);
    bounded(b":", b"1", 0);
}

#[test]
fn an_array_without_an_end_is_not_taken() {
    bounded(b"*2000000000\r\n", b":1\r\n", 0);
    bounded(b"*1", b"0", 0);
    bounded(b"*500000\r\n", b"*500000\r\n$-1\r\n", 0);
    bounded_harm(&Harm::long_array());
}

#[test]
fn arrays_in_arrays_without_an_end_are_not_taken() {
    bounded(b"*1\r\n", b"*1\r\n", 0);
    bounded(b"%1\r\n", b"|1\r\n", 0);
}

#[test]
fn pushes_without_an_end_are_not_taken() {
    bounded_harm(&Harm::pushes());
}
