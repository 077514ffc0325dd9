//! The command's side of the socket.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    string::FromUtf8Error,
    time::Duration,
};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    time::timeout,
};

use super::socket;
use crate::state_dir;

/// How long a server may take to answer: longer than it takes to look at a directory of policies.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which server is asked.
#[derive(Args)]
pub(crate) struct Running {
    /// The server's --state-dir [default: as for `reprise serve`]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl Running {
    /// What the server answers to a request.
    ///
    /// # Errors
    /// Nobody is there, or may not be asked by this user; or it says no, in words for the operator.
    pub(crate) fn ask(&self, method: Method, path: &str) -> Result<String> {
        let socket = state_dir::choose(self.state_dir.as_deref())?.join(socket::NAME);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (status, body) = runtime.block_on(async {
            let stream = UnixStream::connect(&socket).await.map_err(|error| unreachable(&socket, &error))?;
            let answer = timeout(PATIENCE, exchange(stream, method, path)).await;
            answer.map_err(anyhow::Error::from).flatten().map_err(|error| unanswered(&socket, error))
        })?;
        if status != StatusCode::OK {
            bail!("{}", body.trim_end());
        }
        Ok(body)
    }
}

/// Which of the two it is: silence, or an answer that is none.
fn unanswered(socket: &Path, error: anyhow::Error) -> anyhow::Error {
    let shown = socket.display();
    let strange = error.is::<FromUtf8Error>() || error.downcast_ref().is_some_and(hyper::Error::is_parse);
    error.context(if strange {
        format!("what answers at {shown} is no server of this version")
    } else {
        format!("the server at {shown} did not answer: its log may say why")
    })
}

fn unreachable(socket: &Path, error: &io::Error) -> anyhow::Error {
    let shown = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow!(
            "no server answers at {shown}: start `reprise serve`; if one runs as another user, or with a --state-dir, name \
             its directory with --state-dir"
        ),
        io::ErrorKind::PermissionDenied => {
            let owner = fs::metadata(socket).map(|file| format!(" (user {})", file.uid())).unwrap_or_default();
            anyhow!("{shown} belongs to another user{owner}: ask as that user, or as root")
        }
        _ => anyhow!("{shown} cannot be reached: {error}"),
    }
}

/// The server's answer on this connection: its status and its body.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    method: Method,
    path: &str,
) -> Result<(StatusCode, String)> {
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder().method(method).uri(path).header(HOST, "reprise").header(CONNECTION, "close");
    let request = request.body(Empty::<Bytes>::new())?;
    let answer = async {
        let (head, body) = requests.send_request(request).await?.into_parts();
        Ok((head.status, String::from_utf8(body.collect().await?.to_bytes().into())?))
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // It ends with the answer. Its errors are the answer's, too.
        _ended = connection => answer.await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn who_may_not_open_the_socket_is_told_whose_it_is_and_what_to_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let owner = file.as_file().metadata().unwrap().uid();
        let said = unreachable(file.path(), &io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(said.contains(&format!("another user (user {owner})")) && said.contains("as root"), "{said}");
    }

    /// What a server that hears the request, sends this and hangs up answers.
    async fn answered(answer: &[u8]) -> Result<(StatusCode, String)> {
        let (client, mut server) = tokio::io::duplex(1 << 10);
        let serve = async {
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n") {
                heard.push(server.read_u8().await.unwrap());
            }
            server.write_all(answer).await.unwrap();
            server.shutdown().await.unwrap();
        };
        tokio::join!(exchange(client, Method::GET, "/status"), serve).0
    }

    #[tokio::test]
    async fn an_answer_cut_short_is_no_answer() {
        let whole = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno a";
        assert_eq!(answered(whole).await.unwrap(), (StatusCode::NOT_FOUND, "no a".into()));
        for end in 0..whole.len() {
            let error = answered(&whole[..end]).await.unwrap_err();
            let error = unanswered(Path::new("s"), error).to_string();
            assert!(error.contains("did not answer"), "{end}: {error}");
        }
    }

    #[tokio::test]
    async fn a_stranger_is_no_server() {
        for answer in [&b"SSH-2.0-OpenSSH\r\n"[..], b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff"] {
            let error = unanswered(Path::new("s"), answered(answer).await.unwrap_err()).to_string();
            assert!(error.contains("no server of this version"), "{error}");
        }
    }
}
