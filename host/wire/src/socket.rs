//! Messages, sent and received.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

use nix::sys::{
    socket::{self, AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, sockopt},
    time::TimeVal,
};
use zeroize::Zeroize;

use crate::LONGEST;

/// One end of a socket that keeps messages apart.
#[derive(Debug)]
pub struct Line(OwnedFd);

/// A buffer for what is received. What was in it is overwritten with zeros before it is used for the next message: there may have been
/// secrets in it.
pub struct Inbox {
    bytes: Vec<u8>,
    used: usize,
}

impl Inbox {
    /// An empty one, with room for the longest message.
    pub fn new() -> Self {
        Self { bytes: vec![0; LONGEST], used: 0 }
    }

    /// The message received last.
    pub fn message(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Forgets it.
    pub fn clear(&mut self) {
        self.bytes[..self.used].zeroize();
        self.used = 0;
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// A new one, connected to whoever listens at `path` now, which and with whom nothing takes longer than `most`; zero for ever.
    ///
    /// # Errors
    /// Nobody listens there, or not to us, or takes us in.
    pub fn connect(path: &Path, most: Duration) -> io::Result<Self> {
        Self::connected(&UnixAddr::new(path)?, most)
    }

    /// The same with whoever listens under the name of `path` ([`Listening::named`]): anybody, until it is proven.
    ///
    /// # Errors
    /// As [`Line::connect`].
    pub fn connect_named(path: &Path, most: Duration) -> io::Result<Self> {
        Self::connected(&named(path)?, most)
    }

    fn connected(to: &UnixAddr, most: Duration) -> io::Result<Self> {
        let line = Self(unconnected()?);
        line.wait_at_most(most)?;
        socket::connect(line.0.as_raw_fd(), to)?;
        Ok(line)
    }

    /// Who is at the other end: the user, as the kernel has it from when it connected or listened (`SO_PEERCRED`). None where that
    /// user is none of ours, in a namespace of users.
    pub fn user(&self) -> Option<u32> {
        /// The user whom the kernel shows in the place of those that a namespace does not have.
        const NOBODY_OF_OURS: u32 = 65_534;
        let user = socket::getsockopt(&self.0, sockopt::PeerCredentials).ok()?.uid();
        (user != NOBODY_OF_OURS).then_some(user)
    }

    /// How long sending and receiving wait at the longest; zero for ever.
    ///
    /// # Errors
    /// The system does not take it.
    pub fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        let time = TimeVal::new(time.as_secs().try_into().unwrap_or(i64::MAX), time.subsec_micros().into());
        socket::setsockopt(&self.0, sockopt::ReceiveTimeout, &time)?;
        Ok(socket::setsockopt(&self.0, sockopt::SendTimeout, &time)?)
    }

    /// Ends it, in both directions and whoever else has it.
    pub fn hang_up(&self) {
        // It has ended, at worst.
        let _ = socket::shutdown(self.0.as_raw_fd(), socket::Shutdown::Both);
    }

    /// Sends one message; waits until there is room for it.
    ///
    /// # Errors
    /// The other end is gone (never a signal), or there was no room in time.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        self.sent(message, MsgFlags::MSG_NOSIGNAL)
    }

    /// Sends one message if there is room for it now.
    ///
    /// # Errors
    /// The other end is gone (never a signal), or there is no room.
    pub fn send_now(&self, message: &[u8]) -> io::Result<()> {
        self.sent(message, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT)
    }

    /// Sends one message, which is these parts one behind the other; waits until there is room for it unless it is to go `now`.
    ///
    /// # Errors
    /// As [`Line::send`].
    pub fn send_parts(&self, parts: [&[u8]; 3], now: bool) -> io::Result<()> {
        let wait = if now { MsgFlags::MSG_DONTWAIT } else { MsgFlags::empty() };
        let flags = (MsgFlags::MSG_NOSIGNAL | wait).bits();
        let (line, parts) = (socket2::SockRef::from(&self.0), parts.map(IoSlice::new));
        loop {
            match line.send_vectored_with_flags(&parts, flags) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn sent(&self, message: &[u8], flags: MsgFlags) -> io::Result<()> {
        loop {
            match socket::send(self.0.as_raw_fd(), message, flags) {
                Ok(_) => return Ok(()),
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the next message. False when the other end is gone.
    ///
    /// # Errors
    /// None came in time, or it is longer than messages are.
    pub fn receive(&self, inbox: &mut Inbox) -> io::Result<bool> {
        self.received(inbox, MsgFlags::empty())
    }

    /// The next message, if it is there.
    ///
    /// # Errors
    /// It is not (`WouldBlock`), or it is longer than messages are.
    pub fn receive_now(&self, inbox: &mut Inbox) -> io::Result<bool> {
        self.received(inbox, MsgFlags::MSG_DONTWAIT)
    }

    fn received(&self, inbox: &mut Inbox, flags: MsgFlags) -> io::Result<bool> {
        inbox.clear();
        loop {
            match socket::recv(self.0.as_raw_fd(), &mut inbox.bytes, flags | MsgFlags::MSG_TRUNC) {
                Ok(0) => return Ok(false),
                Ok(length) if length > inbox.bytes.len() => {
                    inbox.used = inbox.bytes.len();
                    inbox.clear();
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is longer than messages are"));
                }
                Ok(length) => {
                    inbox.used = length;
                    return Ok(true);
                }
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl From<OwnedFd> for Line {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

impl From<Line> for OwnedFd {
    fn from(line: Line) -> Self {
        line.0
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// This process's user (`geteuid`).
pub fn own_user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// A socket that others connect to.
#[derive(Debug)]
pub struct Listening(socket2::Socket);

impl Listening {
    /// Listens at `path`, where nothing is.
    ///
    /// # Errors
    /// Something is there, or it is not ours to write to.
    pub fn at(path: &Path) -> io::Result<Self> {
        Self::bound(&UnixAddr::new(path)?)
    }

    /// Listens under the name of `path`, where there is no file to reach: in the kernel's list of names (unix(7), "abstract"), which is
    /// one for each network namespace, and in which anybody may take a name that is free.
    ///
    /// # Errors
    /// Somebody has the name, or it is too long for one.
    pub fn named(path: &Path) -> io::Result<Self> {
        Self::bound(&named(path)?)
    }

    fn bound(at: &UnixAddr) -> io::Result<Self> {
        let socket = unconnected()?;
        // It is asked whether somebody comes, and not waited for.
        socket2::SockRef::from(&socket).set_nonblocking(true)?;
        socket::bind(socket.as_raw_fd(), at)?;
        socket::listen(&socket, Backlog::MAXCONN)?;
        Ok(Self(socket.into()))
    }

    /// The next that has connected.
    ///
    /// # Errors
    /// Nobody has (`WouldBlock`), or what `accept4` says.
    pub fn accept(&self) -> io::Result<Line> {
        loop {
            match self.0.accept() {
                Ok((socket, _)) => {
                    socket.set_nonblocking(false)?;
                    return Ok(Line(socket.into()));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn named(path: &Path) -> io::Result<UnixAddr> {
    Ok(UnixAddr::new_abstract(path.as_os_str().as_encoded_bytes())?)
}

fn unconnected() -> io::Result<OwnedFd> {
    Ok(socket::socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Line, Line) {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (one, other) = socket::socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        (one.into(), other.into())
    }

    #[test]
    fn messages_stay_apart_and_leave_nothing_behind() {
        let (one, other) = pair();
        let mut inbox = Inbox::new();
        one.send(b"a secret").unwrap();
        one.send(b"no").unwrap();
        assert!(other.receive(&mut inbox).unwrap());
        assert_eq!(inbox.message(), b"a secret");
        assert!(other.receive(&mut inbox).unwrap());
        assert_eq!((inbox.message(), &inbox.bytes[..8]), (&b"no"[..], &b"no\0\0\0\0\0\0"[..]));
        one.send_parts([b"in ", b"", b"parts"], true).unwrap();
        assert!(other.receive(&mut inbox).unwrap());
        assert_eq!(inbox.message(), b"in parts");
        assert_eq!(other.receive_now(&mut inbox).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(one);
        assert!(!other.receive(&mut inbox).unwrap(), "the other end is gone");
        // Without a signal.
        assert!(other.send(b"to nobody").is_err());
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_whole() {
        let (one, other) = pair();
        let mut inbox = Inbox::new();
        one.send(&vec![1; LONGEST + 1]).unwrap();
        one.send(b"next").unwrap();
        assert_eq!(other.receive(&mut inbox).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(inbox.message().is_empty());
        assert!(other.receive(&mut inbox).unwrap());
        assert_eq!(inbox.message(), b"next");
    }

    #[test]
    fn nobody_is_waited_for_longer_than_it_says() {
        let (one, _other) = pair();
        one.wait_at_most(Duration::from_millis(1)).unwrap();
        assert_eq!(one.receive(&mut Inbox::new()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        // Nor is who does not read.
        let full = (0..10_000).find_map(|_| one.send(&[0; 4_096]).err()).unwrap();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn who_listens_is_known_by_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut listening = Some(Listening::at(&path).unwrap());
        for named in [false, true] {
            let listening = if named { Listening::named(&path).unwrap() } else { listening.take().unwrap() };
            assert_eq!(listening.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
            let connect = if named { Line::connect_named } else { Line::connect };
            let line = connect(&path, Duration::ZERO).unwrap();
            let accepted = listening.accept().unwrap();
            assert_eq!((line.user(), accepted.user()), (Some(own_user()), Some(own_user())));
        }
        assert!(Listening::at(&path).is_err(), "something is there");
    }
}
