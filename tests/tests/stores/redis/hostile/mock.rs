//! A server that says what a test has it say.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};

/// Where it gives up: it has done its harm.
const HARM: u64 = 256 << 20;

/// What it says to a command.
#[derive(Clone)]
pub enum Answer {
    /// This.
    Say(Vec<u8>),
    /// The first, and then the second until the connection ends.
    Endless(Vec<u8>, Vec<u8>),
}

impl Answer {
    pub fn say(said: impl AsRef<[u8]>) -> Self {
        Self::Say(said.as_ref().to_vec())
    }

    /// This, after it has said `first`.
    pub fn after(self, first: Self) -> Self {
        match (first, self) {
            (Self::Say(first), Self::Endless(begin, more)) => Self::Endless([first, begin].concat(), more),
            (Self::Say(first), Self::Say(then)) => Self::Say([first, then].concat()),
            (endless @ Self::Endless(..), _) => endless,
        }
    }
}

/// What a server says that means no harm, and has nothing.
pub fn friendly(command: &[String]) -> Answer {
    match command[0].as_str() {
        "HELLO" | "ASKING" => Answer::say("+OK\r\n"),
        "PING" => Answer::say("+PONG\r\n"),
        "INFO" => Answer::say("$13\r\nrole:master\r\n\r\n"),
        "SUBSCRIBE" => Answer::say(">3\r\n$9\r\nsubscribe\r\n$12\r\nreprise:news\r\n:1\r\n"),
        _ => Answer::say("-ERR it has nothing\r\n"),
    }
}

/// The server, at every address of loopback. It is there until the test ends.
pub struct Mock {
    port: u16,
    counts: Arc<Counts>,
}

/// What it has seen.
#[derive(Default)]
struct Counts {
    /// What it got rid of in one answer without an end.
    most: AtomicU64,
    /// Answers without an end that were ended.
    endings: AtomicUsize,
    /// Connections there are.
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Mock {
    pub fn start(answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(answer, |connection, answer, counts| converse(connection, answer, counts))
    }

    /// One that speaks TLS, with the certificate and the key of these files.
    pub fn start_tls(
        certificate: &Path,
        key: &Path,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_private_key_file(key, SslFiletype::PEM).unwrap();
        acceptor.set_certificate_file(certificate, SslFiletype::PEM).unwrap();
        let acceptor = acceptor.build();
        Self::serve(answer, move |connection, answer, counts| match acceptor.accept(connection) {
            Ok(stream) => converse(stream, answer, counts),
            Err(error) => Err(io::Error::other(error.to_string())),
        })
    }

    fn serve<A, C>(answer: A, converse: C) -> Self
    where
        A: Fn(&[String]) -> Answer + Send + Sync + 'static,
        C: Fn(TcpStream, &A, &Counts) -> io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::<Counts>::default();
        let (counted, serves) = (counts.clone(), Arc::new((answer, converse)));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (counts, serves) = (counted.clone(), serves.clone());
                thread::spawn(move || {
                    counts.most_open.fetch_max(counts.open.fetch_add(1, SeqCst) + 1, SeqCst);
                    // However it ended, it is over.
                    let _ = serves.1(connection, &serves.0, &counts);
                    counts.open.fetch_sub(1, SeqCst);
                });
            }
        });
        Self { port, counts }
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The most that was taken of an answer without an end.
    pub fn most_taken(&self) -> u64 {
        self.counts.most.load(SeqCst)
    }

    /// How many answers without an end came to one.
    pub fn endings(&self) -> usize {
        self.counts.endings.load(SeqCst)
    }

    /// The most connections that there were at once.
    pub fn most_open(&self) -> usize {
        self.counts.most_open.load(SeqCst)
    }
}

fn converse<S: Read + Write>(mut stream: S, answer: &dyn Fn(&[String]) -> Answer, counts: &Counts) -> io::Result<()> {
    loop {
        match answer(&command(&mut stream)?) {
            Answer::Say(said) => stream.write_all(&said)?,
            Answer::Endless(begin, more) => {
                harm(&mut stream, &begin, &more, counts);
                return Ok(());
            }
        }
    }
}

fn harm(stream: &mut impl Write, begin: &[u8], more: &[u8], counts: &Counts) {
    let more = more.repeat(65_536_usize.div_ceil(more.len()));
    let mut taken = 0;
    let mut next = begin;
    while taken < HARM
        && let Ok(written) = stream.write(next)
        && written > 0
    {
        taken += written as u64;
        counts.most.fetch_max(taken, SeqCst);
        next = if written < next.len() { &next[written..] } else { &more };
    }
    counts.endings.fetch_add(1, SeqCst);
}

/// The next command: its words.
fn command(stream: &mut impl Read) -> io::Result<Vec<String>> {
    let words = number(stream)?;
    let word = |_| {
        let mut word = vec![0; number(stream)? + 2];
        stream.read_exact(&mut word)?;
        word.truncate(word.len() - 2);
        Ok(String::from_utf8_lossy(&word).into_owned())
    };
    (0..words).map(word).collect()
}

/// A line that says how many come: a kind, a number, CR LF.
fn number(stream: &mut impl Read) -> io::Result<usize> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    let number = str::from_utf8(&line).ok().and_then(|line| line.get(1..)?.trim_end().parse().ok());
    number.ok_or_else(|| io::Error::other("it is no command"))
}
