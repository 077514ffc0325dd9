//! What a server may say: so much in one reply, so deeply nested, so many pushes in a second.
//!
//! The client's parser takes what it is told to take: a bulk of any length, an array of any number,
//! a line without an end. So what comes from the socket is read along, byte by byte of structure
//! and length by length of content, before the parser has it, and where it becomes too much the
//! connection ends with the reason.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that one reply may take, its elements counted with `ELEMENT` each. The largest of ours
/// has every notice in force: some 200,000 of them fit.
pub const REPLY: u64 = 64 << 20;

/// What an element takes beside its bytes, once it is parsed.
const ELEMENT: u64 = 128;

/// The longest bulk. A session's record has some hundred bytes, with a chain of certificates some thousand.
pub const BULK: u64 = 4 << 20;

/// The longest line: a length, a number, a status, an error.
pub const LINE: u64 = 16 << 10;

/// How deeply arrays may be nested. Ours have three levels, a Cluster's slots five.
pub const DEPTH: usize = 16;

/// The bytes of pushes in a second: some 90,000 messages, each that a session is gone.
pub const PUSHES: u64 = 8 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// A reply of more than [`REPLY`].
    Reply,
    /// A bulk of more than [`BULK`].
    Bulk,
    /// A line of more than [`LINE`].
    Line,
    /// A reply nested more than [`DEPTH`] deep.
    Depth,
    /// More than `PUSHES` in a second.
    Pushes,
    /// What should be a length is none, or nothing begins like this.
    NoReply,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Excess::Reply => write!(f, "a reply of more than {} MiB", REPLY >> 20),
            Excess::Bulk => write!(f, "a bulk of more than {} MiB", BULK >> 20),
            Excess::Line => write!(f, "a line of more than {} KiB", LINE >> 10),
            Excess::Depth => write!(f, "a reply nested more than {DEPTH} deep"),
            Excess::Pushes => write!(f, "more than {} MiB of pushes in a second", PUSHES >> 20),
            Excess::NoReply => f.write_str("what is no reply of a Redis server"),
        }
    }
}

/// Reads RESP along, the second version and the third, whatever pieces it comes in.
#[derive(Default)]
pub struct Scanner {
    state: State,
    /// Elements that are still to come, of each array that is open.
    open: Vec<u64>,
    /// What the reply that is under way takes so far.
    spent: u64,
    /// It is a push.
    is_push: bool,
    pushed: u64,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// The first byte of an element is next.
    #[default]
    Element,
    Line {
        kind: u8,
        length: u64,
        /// The last byte was a CR.
        ends: bool,
        number: Number,
    },
    /// So many bytes of a bulk are next, its CR LF among them.
    Bulk(u64),
}

/// A number in a line, as far as it was read.
#[derive(Clone, Copy, Default)]
enum Number {
    #[default]
    Begins,
    /// Below zero, if there is any digit but 0: `-0` is no way to say that there is nothing.
    Negative {
        is_some: bool,
    },
    Is(u64),
    None,
}

impl Number {
    fn then(self, byte: u8) -> Self {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            b'-' if matches!(self, Number::Begins) => return Number::Negative { is_some: false },
            _ => return Number::None,
        };
        match self {
            Number::Begins => Number::Is(digit),
            Number::Negative { is_some } => Number::Negative { is_some: is_some || digit > 0 },
            // What does not fit is more than anything may have.
            Number::Is(number) => Number::Is(number.saturating_mul(10).saturating_add(digit)),
            Number::None => Number::None,
        }
    }
}

impl Scanner {
    /// Reads along. Once it has objected, nothing more may be read.
    ///
    /// # Errors
    /// It is too much.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        while let Some((&first, rest)) = bytes.split_first() {
            match self.state {
                State::Element => {
                    self.begin(first)?;
                    bytes = rest;
                }
                State::Line { .. } => bytes = self.line(bytes)?,
                State::Bulk(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[taken..];
                    self.state = State::Bulk(left - taken as u64);
                    if left == taken as u64 {
                        self.ended();
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a reply ended with the last byte, and none has begun.
    pub fn is_between_replies(&self) -> bool {
        self.open.is_empty() && matches!(self.state, State::Element)
    }

    /// The bytes of pushes since this was asked last.
    pub fn take_pushed(&mut self) -> u64 {
        std::mem::take(&mut self.pushed)
    }

    fn begin(&mut self, kind: u8) -> Result<(), Excess> {
        if !b"+-:_,#($!=*~>%|".contains(&kind) {
            return Err(Excess::NoReply);
        }
        if self.open.is_empty() {
            self.is_push = kind == b'>';
        }
        self.state = State::Line { kind, length: 0, ends: false, number: Number::Begins };
        self.spend(ELEMENT)
    }

    /// Reads on in a line, and gives what comes after it.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Excess> {
        let State::Line { kind, mut length, mut ends, mut number } = self.state else { return Ok(bytes) };
        for (at, &byte) in bytes.iter().enumerate() {
            if ends && byte == b'\n' {
                self.spend(length)?;
                self.after_line(kind, number)?;
                return Ok(&bytes[at + 1..]);
            }
            if ends {
                // A CR in the middle: of a number it is no part.
                number = number.then(b'\r');
            }
            ends = byte == b'\r';
            if !ends {
                number = number.then(byte);
            }
            length += 1;
            if length > LINE {
                return Err(Excess::Line);
            }
        }
        self.state = State::Line { kind, length, ends, number };
        Ok(&[])
    }

    fn after_line(&mut self, kind: u8, number: Number) -> Result<(), Excess> {
        let elements_each = match kind {
            b'$' | b'!' | b'=' => 0,
            b'*' | b'~' | b'>' => 1,
            b'%' | b'|' => 2,
            _ => {
                self.ended();
                return Ok(());
            }
        };
        let number = match number {
            Number::Is(number) => number,
            // Nothing: of an array, and of a bulk. Of the other kinds the parser has a word to say.
            Number::Negative { is_some: true } if matches!(kind, b'$' | b'*' | b'~' | b'>') => {
                self.ended();
                return Ok(());
            }
            _ => return Err(Excess::NoReply),
        };
        if elements_each == 0 {
            if number > BULK {
                return Err(Excess::Bulk);
            }
            self.spend(number)?;
            self.state = State::Bulk(number + 2);
            return Ok(());
        }
        // What attributes are about comes after them.
        let elements = number.saturating_mul(elements_each).saturating_add(u64::from(kind == b'|'));
        if self.spent.saturating_add(elements.saturating_mul(ELEMENT)) > REPLY {
            return Err(Excess::Reply);
        }
        if elements == 0 {
            self.ended();
            return Ok(());
        }
        if self.open.len() >= DEPTH {
            return Err(Excess::Depth);
        }
        self.open.push(elements);
        self.state = State::Element;
        Ok(())
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Excess> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > REPLY { Err(Excess::Reply) } else { Ok(()) }
    }

    /// An element is whole, and with it perhaps those around it.
    fn ended(&mut self) {
        self.state = State::Element;
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        if self.is_push {
            self.pushed = self.pushed.saturating_add(self.spent);
        }
        self.spent = 0;
    }
}

/// A connection that ends when the server says too much.
pub struct Bounded<S> {
    stream: S,
    scanner: Scanner,
    /// What was pushed since, and when that second began.
    pushed: u64,
    since: Instant,
}

impl<S> Bounded<S> {
    /// One that has read nothing.
    pub fn new(stream: S) -> Self {
        Self { stream, scanner: Scanner::default(), pushed: 0, since: Instant::now() }
    }

    fn look(&mut self, bytes: &[u8]) -> Result<(), Excess> {
        self.scanner.read(bytes)?;
        let pushed = self.scanner.take_pushed();
        if pushed > 0 {
            if self.since.elapsed() > SECOND {
                (self.pushed, self.since) = (0, Instant::now());
            }
            self.pushed += pushed;
            if self.pushed > PUSHES {
                return Err(Excess::Pushes);
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let looked = self.look(&into.filled()[before..]);
        Poll::Ready(looked.map_err(|excess| {
            into.set_filled(before);
            tracing::warn!("the session store's server sent {excess}: the connection is closed");
            io::Error::new(io::ErrorKind::ConnectionAborted, format!("the server sent {excess}"))
        }))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it says of `bytes`, in one piece and in pieces of each of these lengths.
    fn read(bytes: &[u8]) -> Result<(), Excess> {
        let whole = Scanner::default().read(bytes);
        for length in [1, 2, 3, 7] {
            let mut scanner = Scanner::default();
            let pieces = bytes.chunks(length).try_for_each(|piece| scanner.read(piece));
            assert_eq!(pieces, whole, "{length} at a time");
        }
        whole
    }

    #[test]
    fn what_redis_says_passes() {
        for said in [
            b"+OK\r\n-ERR no\r\n:7\r\n:-7\r\n_\r\n,1.5\r\n#t\r\n(123\r\n".as_slice(),
            b"$-1\r\n*-1\r\n$0\r\n\r\n$5\r\n\r\n\r\n\r\r\n",
            b"*3\r\n$3\r\nabc\r\n:1\r\n*0\r\n",
            b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n+OK\r\n",
            b"%1\r\n+server\r\n$5\r\nredis\r\n|1\r\n+ttl\r\n:1\r\n:2\r\n~1\r\n+a\r\n=6\r\ntxt:ab\r\n!3\r\nERR\r\n",
            b"+a\rb\r\n",
        ] {
            assert_eq!(read(said), Ok(()), "{}", String::from_utf8_lossy(said));
        }
    }

    #[test]
    fn a_reply_that_would_be_too_much_ends_where_it_says_so() {
        assert_eq!(read(b"$99999999999\r\n"), Err(Excess::Bulk));
        assert_eq!(read(b"=18446744073709551615\r\n"), Err(Excess::Bulk));
        assert_eq!(read(b"$99999999999999999999999\r\n"), Err(Excess::Bulk));
        assert_eq!(read(b"*1000000000\r\n"), Err(Excess::Reply));
        assert_eq!(read(b"%9223372036854775807\r\n"), Err(Excess::Reply));
        assert_eq!(read(b"*2\r\n*300000\r\n:1\r\n"), Ok(()));
        assert_eq!(read(b"*2\r\n*300000\r\n*300000\r\n"), Ok(()), "the second is an element of the first");
    }

    #[test]
    fn what_has_no_end_ends_within_the_bound() {
        let endless = |begin: &[u8], more: &[u8]| {
            let mut scanner = Scanner::default();
            scanner.read(begin).unwrap();
            let mut read = 0;
            loop {
                if let Err(excess) = scanner.read(more) {
                    return (excess, read);
                }
                read += more.len() as u64;
                assert!(read <= 2 * REPLY, "it has read {read} bytes, and reads on");
            }
        };
        let (excess, read) = endless(b"+", &[b'a'; 1000]);
        assert!(excess == Excess::Line && read <= LINE, "{excess:?} after {read}");
        let (excess, read) = endless(b"", b"*1\r\n");
        assert!(excess == Excess::Depth && read <= 4 * DEPTH as u64, "{excess:?} after {read}");
        let (excess, read) = endless(b"*500000\r\n", b"$1000\r\n");
        assert!(excess == Excess::NoReply && read <= 2_000, "{excess:?} after {read}");
        let bulk = [b"$1000\r\n".as_slice(), &[b'a'; 1000], b"\r\n"].concat();
        let (excess, read) = endless(b"*500000\r\n", &bulk);
        assert!(excess == Excess::Reply && read <= REPLY, "{excess:?} after {read}");
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for said in [
            b"HTTP/1.1 400\r\n".as_slice(),
            b"\x15\x03\x01",
            b"$abc\r\n",
            b"$?\r\n",
            b"*1 \r\n",
            b"*\r\n",
            b"%-1\r\n",
            b"$-0\r\n",
            b"*-\r\n",
            b"$1\r2\r\n",
            b"\r\n",
        ] {
            assert_eq!(read(said), Err(Excess::NoReply), "{}", String::from_utf8_lossy(said));
        }
    }

    #[test]
    fn pushes_without_end_are_too_much_in_a_second_and_replies_are_not() {
        let push = b">2\r\n$7\r\nmessage\r\n$1000\r\n".as_slice();
        let push = [push, &[b'a'; 1000], b"\r\n"].concat();
        let mut bounded = Bounded::new(());
        let pushes = (0..PUSHES / 1_000).find(|_| bounded.look(&push).is_err());
        let pushed = pushes.expect("it has an end") * push.len() as u64;
        assert!(pushed <= PUSHES, "{pushed}");
        // As many again are none too many in the next second.
        let mut bounded = Bounded::new(());
        for _ in 0..2 {
            (0..pushed / push.len() as u64).for_each(|_| bounded.look(&push).unwrap());
            bounded.since = bounded.since.checked_sub(2 * SECOND).unwrap();
        }
        // Of replies there may be any number, of which none is too much.
        let reply = [b"$100000\r\n".as_slice(), &[b'a'; 100_000], b"\r\n"].concat();
        let mut bounded = Bounded::new(());
        (0..REPLY / 100_000 * 2).for_each(|_| bounded.look(&reply).unwrap());
    }
}
