//! A TLS server on tokio, with the library alone, and two sites chosen by server name:
//! `cargo run --example tokio -- 127.0.0.1:8443 policies cert.pem key.pem`.
//!
//! `a.example` and `b.example` share the certificate here and nothing else: a session of one never
//! resumes at the other.

use std::{collections::HashMap, env, pin::Pin, sync::Arc};

use anyhow::{Context, Result};
use openssl::ssl::{Ssl, SslAcceptor, SslContext, SslFiletype, SslMethod};
use reprise::{Alert, ClientHello, HelloResponse, Host, Listener};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_openssl::SslStream;

type Sites = Arc<HashMap<&'static str, SslContext>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8443".into());
    let policies = arguments.next().unwrap_or_else(|| "policies".into());
    let certificate = arguments.next().unwrap_or_else(|| "cert.pem".into());
    let key = arguments.next().unwrap_or_else(|| "key.pem".into());

    let host = Arc::new(Host::builder().policies(policies).build()?);
    let context = |listener: Listener| -> Result<SslContext> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate_chain_file(&certificate).with_context(|| format!("{certificate}: no certificate"))?;
        acceptor.set_private_key_file(&key, SslFiletype::PEM).with_context(|| format!("{key}: no private key"))?;
        host.install(&mut acceptor, listener)?;
        Ok(acceptor.build().into_context())
    };
    let mut sites = HashMap::new();
    for name in ["a.example", "b.example"] {
        sites.insert(name, context(Listener::named("public").site(name))?);
    }
    let sites: Sites = Arc::new(sites);
    let first = context(Listener::named("public").on_client_hello(choose(sites)))?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (connection, _) = listener.accept().await?;
        let (host, context) = (host.clone(), first.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(&host, &context, connection).await {
                eprintln!("{error:#}");
            }
        });
    }
}

/// Chooses the site by server name, in the client-hello callback: before OpenSSL looks for a session.
fn choose(sites: Sites) -> impl Fn(&mut ClientHello<'_>) -> Result<HelloResponse, Alert> {
    move |hello| {
        let site = hello.server_name().and_then(|name| sites.get(name)).ok_or(Alert::UNRECOGNIZED_NAME)?;
        hello.switch_to(site).map_err(|_| Alert::INTERNAL_ERROR)?;
        Ok(HelloResponse::Continue)
    }
}

async fn serve(host: &Host, context: &SslContext, connection: TcpStream) -> Result<()> {
    let mut ssl = Ssl::new(context)?;
    host.attach(&mut ssl, connection.peer_addr()?.ip())?;
    let mut stream = SslStream::new(ssl, connection)?;
    reprise::accept(host, Pin::new(&mut stream)).await.context("handshake")?;
    let report = host.connection(stream.ssl()).context("the connection missed the client-hello hook")?;
    stream.write_all(format!("site: {:?}\nresumed: {}\n", report.site, report.resumed).as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}
