//! 0-RTT: refused through the module, whatever nginx allows and whatever a client sends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use reprise_tests::{
    Client, PATIENCE, Version,
    modules::{Guests, Site, nginx},
    s_client,
};

use crate::{learned, own, site, visit};

#[test]
fn what_comes_early_reaches_nobody() {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let more = format!(
        "ssl_early_data on;
        location = /connection {{ return 200 \"site a.example early [$ssl_early_data]\\n\"; }}
        location /behind/ {{ proxy_pass http://{}; }}",
        backend.local_addr().unwrap()
    );
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in backend.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut request = String::new();
            stream.read_line(&mut request).unwrap();
            stream.get_mut().write_all(b"HTTP/1.0 200 OK\r\n\r\nanswered").unwrap();
            if tell.send(request).is_err() {
                return;
            }
        }
    });
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    let nginx = nginx(&guests, &[Site { more: &more, ..site("a.example", &identity) }]);
    let client = Client::new(Version::Tls13);
    let session = learned(&client, &nginx);
    let session = visit(&client, &nginx, Some(&session)).session.with_early_data();

    // The same first flight, and never more of the handshake.
    let flight = client.first_flight(&session, b"GET /behind/early HTTP/1.0\r\n\r\n");
    for _ in 0..2 {
        let mut tcp = TcpStream::connect(nginx.address()).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.write_all(&flight).unwrap();
        let mut record = [0; 5];
        tcp.read_exact(&mut record).expect("the server answers the ClientHello");
        assert_eq!(record[0], 22, "by a handshake record");
        tcp.shutdown(Shutdown::Write).unwrap();
        // Whether by an alert, by a reset or by nothing: it ends.
        let _ = tcp.read_to_end(&mut Vec::new());
    }
    // nginx's one worker has dealt with them by the time that it answers this.
    let open = client.connect(nginx.address(), Some(&session)).unwrap();
    assert!(open.exchange_for("GET /behind/late HTTP/1.0\r\n\r\n").unwrap().answer.contains("answered"));
    assert_eq!(
        told.recv_timeout(PATIENCE).unwrap().trim_end(),
        "GET /behind/late HTTP/1.0",
        "what came early came first"
    );

    // A client that goes on is told so, and asks again.
    let place = guests.place();
    place.write("session.pem", session.pem());
    place.write("request", "GET /behind/early HTTP/1.0\r\n\r\n");
    let early =
        ["-servername", "a.example", "-sess_in", &place.arg("session.pem"), "-early_data", &place.arg("request")];
    for _ in 0..2 {
        let shown = s_client::run(nginx.address(), Version::Tls13, &early);
        assert!(shown.output.contains("Early data was rejected"), "{}", shown.output);
        assert!(shown.output.contains("early []"), "{}", shown.output);
    }
    assert!(told.try_recv().is_err(), "what came early came in the end");
}
