//! A TLS server on threads, with the library alone: `cargo run --example blocking -- 127.0.0.1:8443 policies`.
//!
//! Each connection is told whether it was resumed, and closed.

use std::{
    env,
    io::Write,
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use openssl::ssl::{Ssl, SslAcceptor, SslContext, SslFiletype, SslMethod, SslStream};
use reprise::{Host, Listener};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8443".into());
    let policies = arguments.next().unwrap_or_else(|| "policies".into());
    let certificate = arguments.next().unwrap_or_else(|| "cert.pem".into());
    let key = arguments.next().unwrap_or_else(|| "key.pem".into());

    let host = Arc::new(Host::builder().policies(policies).build()?);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor.set_certificate_chain_file(&certificate).with_context(|| format!("{certificate}: no certificate"))?;
    acceptor.set_private_key_file(&key, SslFiletype::PEM).with_context(|| format!("{key}: no private key"))?;
    host.install(&mut acceptor, Listener::named("public"))?;
    let context = acceptor.build().into_context();

    let listener = TcpListener::bind(&address)?;
    println!("listening on {}", listener.local_addr()?);
    for connection in listener.incoming() {
        let (host, context) = (host.clone(), context.clone());
        let connection = connection?;
        thread::spawn(move || {
            if let Err(error) = serve(&host, &context, connection) {
                eprintln!("{error:#}");
            }
        });
    }
    Ok(())
}

fn serve(host: &Host, context: &SslContext, connection: TcpStream) -> Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut ssl = Ssl::new(context)?;
    host.attach(&mut ssl, connection.peer_addr()?.ip())?;
    let mut stream = SslStream::new(ssl, connection)?;
    stream.accept().context("handshake")?;
    let report = host.connection(stream.ssl()).context("the connection missed the client-hello hook")?;
    let miss = report.miss.map_or("none".to_owned(), |miss| miss.to_string());
    // In one write, and so in one TLS record.
    stream.write_all(format!("resumed: {}\nmiss: {miss}\n", report.resumed).as_bytes())?;
    stream.shutdown()?;
    Ok(())
}
