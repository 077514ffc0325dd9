//! A Sentinel that means harm, and a master that does, to which an honest one leads.

use std::net::SocketAddr;

use super::{
    Harm, friendly,
    mock::{Answer, Mock},
};

/// What a Sentinel says that knows the master.
pub fn naming(master: SocketAddr) -> Answer {
    let (host, port) = (master.ip().to_string(), master.port().to_string());
    Answer::say(format!("*2\r\n${}\r\n{host}\r\n${}\r\n{port}\r\n", host.len(), port.len()))
}

#[test]
fn a_sentinel_has_the_bounds_of_a_server() {
    for harm in Harm::each() {
        let answer = harm.answer();
        let sentinel =
            Mock::start(move |command| if command[0] == "SENTINEL" { answer.clone() } else { friendly(command) });
        harm.is_bounded(&format!("redis+sentinel://{}/sessions", sentinel.address()), &sentinel);
    }
}

#[test]
fn a_master_that_a_sentinel_names_has_bounds() {
    for moment in ["HELLO", "INFO", "SUBSCRIBE"] {
        for harm in Harm::each() {
            let answer = harm.answer();
            let master = Mock::start(move |command| match command[0].as_str() {
                "SUBSCRIBE" if moment == "SUBSCRIBE" => answer.clone().after(friendly(command)),
                asked if asked == moment => answer.clone(),
                _ => friendly(command),
            });
            let named = naming(master.address());
            let sentinel =
                Mock::start(move |command| if command[0] == "SENTINEL" { named.clone() } else { friendly(command) });
            harm.is_bounded(&format!("redis+sentinel://{}/sessions", sentinel.address()), &master);
        }
    }
}
