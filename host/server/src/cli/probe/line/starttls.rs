//! What comes before TLS in protocols that begin in clear.

use std::io::{self, Read, Write};

use clap::ValueEnum;

/// The most bytes of what a server says before TLS begins.
const MOST: usize = 64 << 10;

/// A protocol that begins in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Protocol {
    /// RFC 3207
    Smtp,
    /// RFC 2033 and RFC 3207
    Lmtp,
    /// RFC 9051 section 6.2.1
    Imap,
    /// RFC 2595 section 4
    Pop3,
    /// RFC 4217
    Ftp,
    /// RFC 5804 section 2.2
    Sieve,
    /// PostgreSQL's SSLRequest
    Postgres,
}

impl Protocol {
    /// Speaks with the server until TLS begins.
    ///
    /// # Errors
    /// The connection's; the server has no TLS, or says what the protocol does not know.
    pub(in super::super) fn begin(self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let mut dialogue = Dialogue { stream, heard: 0 };
        match self {
            Self::Smtp | Self::Lmtp => {
                dialogue.reply("220")?;
                dialogue.say(if self == Self::Smtp { "EHLO reprise.invalid" } else { "LHLO reprise.invalid" })?;
                dialogue.reply("250")?;
                dialogue.say("STARTTLS")?;
                dialogue.reply("220")
            }
            Self::Ftp => {
                dialogue.reply("220")?;
                dialogue.say("AUTH TLS")?;
                dialogue.reply("234")
            }
            Self::Imap => {
                dialogue.until("* ", "* OK")?;
                dialogue.say("a STARTTLS")?;
                dialogue.until("a ", "a OK")
            }
            Self::Pop3 => {
                dialogue.until("", "+OK")?;
                dialogue.say("STLS")?;
                dialogue.until("", "+OK")
            }
            Self::Sieve => {
                dialogue.answer_of_sieve()?;
                dialogue.say("STARTTLS")?;
                dialogue.answer_of_sieve()
            }
            Self::Postgres => {
                dialogue.stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])?;
                match dialogue.byte()? {
                    b'S' => Ok(()),
                    other => Err(unexpected("the byte `S`", &char::from(other).to_string())),
                }
            }
        }
    }
}

/// A dialogue in lines. Read byte by byte: what follows the last line is TLS's.
struct Dialogue<'a, S> {
    stream: &'a mut S,
    heard: usize,
}

impl<S: Read + Write> Dialogue<'_, S> {
    fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes())?;
        self.stream.flush()
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        self.heard += 1;
        if self.heard > MOST {
            return Err(io::Error::other(format!("the server says more than {MOST} bytes before TLS begins")));
        }
        Ok(byte[0])
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
                byte => line.push(byte),
            }
        }
    }

    /// A reply of this code, of one line or several (RFC 5321 section 4.2.1).
    fn reply(&mut self, code: &str) -> io::Result<()> {
        let mut goes_on = false;
        loop {
            let line = self.line()?;
            match line.strip_prefix(code) {
                Some(rest) if rest.starts_with('-') => goes_on = true,
                Some(_) => return Ok(()),
                // In FTP the lines between may have no code (RFC 959 section 4.2).
                None if goes_on => {}
                None => return Err(unexpected(&format!("a reply {code}"), &line)),
            }
        }
    }

    /// The first line that begins with `tag`, which is to begin with `wanted`.
    fn until(&mut self, tag: &str, wanted: &str) -> io::Result<()> {
        loop {
            let line = self.line()?;
            if line.starts_with(wanted) {
                return Ok(());
            }
            if line.starts_with(tag) {
                return Err(unexpected(&format!("`{wanted}`"), &line));
            }
        }
    }

    /// Capabilities, and `OK`.
    fn answer_of_sieve(&mut self) -> io::Result<()> {
        loop {
            let line = self.line()?;
            if line.starts_with("OK") {
                return Ok(());
            }
            if line.starts_with("NO") || line.starts_with("BYE") {
                return Err(unexpected("`OK`", &line));
            }
        }
    }
}

fn unexpected(expected: &str, found: &str) -> io::Error {
    io::Error::other(format!("the server has no TLS to begin here: expected {expected}, found `{found}`"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A server that says all of this at once, and what it heard.
    struct Server(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Server {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Server {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What comes of it, what the server heard, and what is left to read.
    fn begin(protocol: Protocol, says: &str) -> (io::Result<()>, Vec<u8>, Vec<u8>) {
        let mut server = Server(Cursor::new([says.as_bytes(), b"\x16TLS"].concat()), Vec::new());
        let begun = protocol.begin(&mut server);
        let mut rest = Vec::new();
        server.0.read_to_end(&mut rest).unwrap();
        (begun, server.1, rest)
    }

    #[test]
    fn tls_begins_behind_the_last_line_of_each_protocol() {
        for (protocol, says, hears) in [
            (
                Protocol::Smtp,
                "220-a\r\n220 b\r\n250-c\r\n250 STARTTLS\r\n220 go\r\n",
                "EHLO reprise.invalid\r\nSTARTTLS\r\n",
            ),
            (Protocol::Lmtp, "220 b\r\n250 STARTTLS\r\n220 go\r\n", "LHLO reprise.invalid\r\nSTARTTLS\r\n"),
            (Protocol::Imap, "* OK here\r\n* CAPABILITY\r\na OK go\r\n", "a STARTTLS\r\n"),
            (Protocol::Pop3, "+OK\r\n+OK go\r\n", "STLS\r\n"),
            (Protocol::Ftp, "220-a\r\nhere\r\n220 b\r\n234 go\r\n", "AUTH TLS\r\n"),
            (Protocol::Sieve, "\"STARTTLS\"\r\nOK\r\nOK go\r\n", "STARTTLS\r\n"),
            (Protocol::Postgres, "S", "\0\0\0\u{8}\u{4}"),
        ] {
            let (begun, heard, rest) = begin(protocol, says);
            begun.unwrap();
            assert!(heard.starts_with(hears.as_bytes()), "{protocol:?}: {heard:?}");
            assert_eq!(rest, b"\x16TLS", "{protocol:?}");
        }
    }

    #[test]
    fn a_server_without_tls_is_told_of_with_what_it_said() {
        for (protocol, says) in [
            (Protocol::Smtp, "220 a\r\n250 c\r\n502 no\r\n"),
            (Protocol::Imap, "* OK here\r\na BAD no\r\n"),
            (Protocol::Pop3, "+OK\r\n-ERR no\r\n"),
            (Protocol::Ftp, "220 a\r\n502 no\r\n"),
            (Protocol::Sieve, "OK\r\nNO no\r\n"),
            (Protocol::Postgres, "N"),
        ] {
            let (begun, ..) = begin(protocol, says);
            let error = begun.unwrap_err().to_string();
            assert!(
                error.contains("has no TLS") && error.contains(says.trim_end().rsplit('\n').next().unwrap()),
                "{error}"
            );
        }
    }

    #[test]
    fn one_that_never_comes_to_the_point_is_not_listened_to_for_ever() {
        let (begun, ..) = begin(Protocol::Imap, &"x CAPABILITY\r\n".repeat(10_000));
        assert!(begun.unwrap_err().to_string().contains("more than 65536 bytes"));
    }
}
