use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

#[tokio::test]
async fn a_site_is_chosen_by_server_name_and_the_default_serves_the_rest() {
    let files = Files::new();
    let default = files.issue("default", None).certificate;
    let a = files.issue("a.example", None).certificate;
    let wild = files.issue("wild", None).certificate;
    let sites = "site = ['a.example={}/a.example.crt,{}/a.example.key', '*.b.example={}/wild.crt,{}/wild.key']";
    let server = Running::start(&files, sites).await;
    for (server_name, expected) in [
        (None, &default),
        (Some("c.example"), &default),
        (Some("a.example"), &a),
        (Some("A.EXAMPLE"), &a),
        (Some("x.b.example"), &wild),
        (Some("y.x.b.example"), &default),
        (Some("b.example"), &default),
        (Some("a.example."), &a),
        (Some("X.b.example."), &wild),
        (Some("a.example.."), &default),
        (Some("*.b.example"), &default),
        (Some(".b.example"), &default),
        (Some("x y.b.example"), &default),
    ] {
        let stream = server.connect(server_name).await.unwrap();
        assert_eq!(certificate(&stream).to_der().unwrap(), expected.to_der().unwrap(), "{server_name:?}");
    }
}

#[tokio::test]
async fn the_report_is_that_of_the_connection_it_comes_over() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "").await;
    let mut stream = server.connect(Some("a.example")).await.unwrap();
    let report: serde_json::Value = serde_json::from_str(&get(&mut stream, "/connection").await.unwrap()).unwrap();
    assert_eq!(report["protocol"], "TLSv1.3");
    assert_eq!(report["cipher"], stream.ssl().current_cipher().unwrap().name());
    assert_eq!(report["server_name"], "a.example");
    assert_eq!(report["resumed"], false);
}

#[tokio::test]
async fn a_site_with_a_client_ca_refuses_clients_without_a_certificate_even_if_the_default_site_has_none() {
    let files = Files::new();
    files.issue("default", None);
    files.issue("a.example", None);
    let ca = files.issue("ca", None);
    let good = files.issue("client", Some(&ca));
    let stranger = files.issue("stranger", None);
    let server = Running::start(&files, "site = 'a.example={}/a.example.crt,{}/a.example.key,{}/ca.crt'").await;
    for (client, served) in [(None, false), (Some(&stranger), false), (Some(&good), true)] {
        let answered = match server.connect_as(Some("a.example"), client).await {
            Ok(mut stream) => get(&mut stream, "/connection").await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(answered, served);
    }
    let mut stream = server.connect(None).await.unwrap();
    assert!(get(&mut stream, "/connection").await.is_ok());
}

#[tokio::test]
async fn optional_client_authentication_serves_those_without_and_refuses_those_with_a_bad_one() {
    let files = Files::new();
    files.issue("default", None);
    let ca = files.issue("ca", None);
    let good = files.issue("client", Some(&ca));
    let stranger = files.issue("stranger", None);
    let server = Running::start(&files, "client-ca = '{}/ca.crt'\nclient-auth = 'optional'").await;
    for (client, served) in [(None, true), (Some(&stranger), false), (Some(&good), true)] {
        let answered = match server.connect_as(None, client).await {
            Ok(mut stream) => get(&mut stream, "/connection").await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(answered, served);
    }
}

#[tokio::test]
async fn a_client_that_offers_no_protocol_we_speak_is_refused() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "").await;
    for (offered, chosen) in [
        (&b"\x02h2"[..], None),
        (b"\x08http/0.9", None),
        (b"\x02h2\x08http/1.1", Some(&b"http/1.1"[..])),
        (b"\x08http/1.0", Some(b"http/1.0")),
        (b"\x08http/1.0\x08http/1.1", Some(b"http/1.1")),
    ] {
        let mut context = client_context();
        context.set_alpn_protos(offered).unwrap();
        let stream = TcpStream::connect(server.address).await.unwrap();
        let mut stream = SslStream::new(Ssl::new(&context.build()).unwrap(), stream).unwrap();
        assert_eq!(Pin::new(&mut stream).connect().await.is_ok(), chosen.is_some());
        assert_eq!(stream.ssl().selected_alpn_protocol(), chosen);
    }
}

#[tokio::test]
async fn the_backend_gets_what_was_decrypted_and_its_answer_comes_back() {
    let backend = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let files = Files::new();
    files.issue("default", None);
    let toml = format!("backend = '{}'", backend.local_addr().unwrap());
    let server = Running::start(&files, &toml).await;
    let echo = tokio::spawn(async move {
        let (mut stream, _) = backend.accept().await.unwrap();
        let mut asked = [0; 5];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(&asked).await.unwrap();
        // And hangs up, which the client must be told.
    });
    let mut stream = server.connect(None).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"hello");
    echo.await.unwrap();
}

#[tokio::test]
async fn a_listener_shares_its_name_with_others_or_has_one_of_its_own() {
    let files = Files::new();
    files.issue("default", None);
    let settings = settings(&files, "listen = ['127.0.0.1:0', 'inside=127.0.0.1:0', '127.0.0.1:0']");
    let server = Server::bind(settings).await.unwrap();
    let names: Vec<&str> = server.addresses().map(|(_, name)| name).collect();
    assert_eq!(names, ["default", "inside", "default"]);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let files = Files::new();
    files.issue("default", None);
    let settings = settings(&files, &format!("listen = '{address}'"));
    let error = format!("{:#}", Server::bind(settings).await.err().unwrap());
    assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
}
