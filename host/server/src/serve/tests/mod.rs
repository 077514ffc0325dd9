//! The whole server, from outside: over TCP, with a client of the openssl crate.

mod breaking;
mod certificates;
mod endings;
mod file;
mod living;
mod options;
mod reloading;
mod serving;

use std::{net::SocketAddr, pin::Pin, sync::Arc};

use openssl::{
    ssl::{Ssl, SslContext, SslContextBuilder, SslMethod},
    x509::X509,
};
use reprise_session::vital::Vitals;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
};
use tokio_openssl::SslStream;

pub(super) use self::certificates::{Files, revocation_list};
use super::{Server, Settings, Sites};
use crate::hosting::Reload;
use reprise_testing::certificates::Identity;

/// A server that runs in the background.
struct Running {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    sites: Arc<Sites>,
    reload: Reload,
    vitals: Vitals,
    stop: Arc<Notify>,
    hurry: Arc<Notify>,
    done: JoinHandle<()>,
}

impl Running {
    /// A server with the options in `toml`, and `default.crt` of `files` unless `toml` names another.
    async fn start(files: &Files, toml: &str) -> Self {
        Self::with(settings(files, toml)).await
    }

    async fn with(settings: Settings) -> Self {
        let mut server = Server::bind(settings).await.unwrap();
        let (stop, hurry) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (address, _) = server.addresses().next().unwrap();
        let hosting = server.hosting();
        let (admin, vitals) = (hosting.admin_address(), hosting.health().vitals().clone());
        let reload = hosting.reload();
        let sites = Arc::clone(&server.shared.sites);
        let (stopped, hurried) = (Arc::clone(&stop), Arc::clone(&hurry));
        let done = tokio::spawn(async move {
            server.run(stopped.notified(), hurried.notified()).await.unwrap();
        });
        Self { address, admin, sites, reload, vitals, stop, hurry, done }
    }

    async fn connect(&self, server_name: Option<&str>) -> Result<SslStream<TcpStream>, openssl::ssl::Error> {
        self.connect_as(server_name, None).await
    }

    /// Connects with a client certificate. In TLS 1.3 a refusal comes only with the first read.
    async fn connect_as(
        &self,
        server_name: Option<&str>,
        client: Option<&Identity>,
    ) -> Result<SslStream<TcpStream>, openssl::ssl::Error> {
        let mut context = client_context();
        if let Some(client) = client {
            context.set_certificate(&client.certificate).unwrap();
            context.set_private_key(&client.key).unwrap();
        }
        let mut ssl = Ssl::new(&context.build()).unwrap();
        if let Some(name) = server_name {
            ssl.set_hostname(name).unwrap();
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut stream = SslStream::new(ssl, stream).unwrap();
        Pin::new(&mut stream).connect().await?;
        Ok(stream)
    }
}

/// The settings that `toml` makes, with every FILE written as `{}/FILE`.
pub(super) fn settings(files: &Files, toml: &str) -> Settings {
    let toml = toml.replace("{}", files.path("").to_str().unwrap().trim_end_matches('/'));
    let mut options: super::Options = toml::from_str(&toml).unwrap();
    if options.cert.is_none() {
        options.cert = Some(files.path("default.crt"));
        options.key = Some(files.path("default.key"));
    }
    if options.listen.is_empty() {
        options.listen = vec!["127.0.0.1:0".parse().unwrap()];
    }
    options.state_dir.get_or_insert_with(|| files.path("state"));
    Settings::new(options).unwrap()
}

fn client_context() -> SslContextBuilder {
    SslContext::builder(SslMethod::tls_client()).unwrap()
}

fn certificate(stream: &SslStream<TcpStream>) -> X509 {
    stream.ssl().peer_certificate().unwrap()
}

/// The answer to `GET path`, without its head.
async fn get(stream: &mut SslStream<TcpStream>, path: &str) -> std::io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}
