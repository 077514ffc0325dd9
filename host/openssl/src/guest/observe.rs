//! Handshakes that are looked at, and left as they are: nothing of the program's is displaced, and its info callback is called as before.

use openssl::ssl::SslRef;

use crate::{
    facts::Offered,
    hooks::{client_hello::read_hello, connection::Connection, ex_data},
};

/// A ClientHello was read.
pub fn hello(ssl: &SslRef, connection: &Connection) {
    connection.guest.observe(offered(ssl));
    // From here on, its end is heard of, too.
    ex_data::of_or_new(ssl);
}

/// What the client offers, as far as its ClientHello tells.
fn offered(ssl: &SslRef) -> Offered {
    let hello = read_hello(ssl);
    if !hello.identities.is_empty() {
        Offered::Psk
    } else if hello.ticket {
        Offered::Ticket
    } else if hello.session_id.is_some() && !hello.made_up_session_id {
        Offered::SessionId
    } else {
        Offered::Nothing
    }
}
