//! A first flight with 0-RTT data. Whoever sees it can send it again, and so can we.

use std::{io::Write, net::TcpStream};

use openssl::ssl::SslStream;
use reprise_openssl::client::{Client, ClientSession};

use super::{
    Failed, Visit, Visitor, refused,
    wire::{Wire, await_encrypted},
};

/// What is sent early: an empty line, which HTTP servers pass over (RFC 9112 section 2.2).
const EARLY: &[u8] = b"\r\n";

/// Everything that a client sends before it hears anything.
pub(in super::super) struct Flight {
    stream: SslStream<Wire>,
}

impl Visitor<'_> {
    /// The first flight of a client that offers this session, which must allow 0-RTT data. It is
    /// not sent yet.
    pub(in super::super) fn flight(&self, client: &Client, offered: &ClientSession) -> Result<Flight, Failed> {
        let mut stream = self.stream(client, Some(offered))?;
        stream.write_early_data(EARLY).map_err(refused)?;
        Ok(Flight { stream })
    }
}

impl Flight {
    /// Sends it on a connection of its own, which stays open: one that breaks off may take the
    /// session along. Answers how long the first encrypted record of the answer is, if there is
    /// one: four bytes longer where 0-RTT data is accepted than where it is not, for the server
    /// says so there (RFC 8446 section 4.2.10).
    pub(in super::super) fn send(&self, visitor: &Visitor<'_>) -> Result<(TcpStream, Option<usize>), Failed> {
        let mut tcp = self.sent(visitor)?;
        let answer = await_encrypted(&mut tcp);
        Ok((tcp, answer))
    }

    /// Sends it, and goes on to the end.
    pub(in super::super) fn complete(mut self, visitor: &Visitor<'_>, client: &Client) -> Result<Visit, Failed> {
        let tcp = self.sent(visitor)?;
        self.stream.get_mut().goes_on_over(tcp);
        visitor.complete(client, self.stream)
    }

    fn sent(&self, visitor: &Visitor<'_>) -> Result<TcpStream, Failed> {
        let mut tcp = visitor.dial()?;
        tcp.write_all(self.stream.get_ref().held()).map_err(|error| Failed::Unreachable(error.to_string()))?;
        Ok(tcp)
    }
}
