//! The command's side of the socket.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::socket;
use crate::state_dir;

/// How long a server may take to answer: longer than it takes to look at a directory of policies.
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_HEADERS: usize = 32;

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
    pub(crate) fn ask(&self, method: &str, path: &str) -> Result<String> {
        let socket = state_dir::choose(self.state_dir.as_deref())?.join(socket::NAME);
        let stream = UnixStream::connect(&socket).map_err(|error| unreachable(&socket, &error))?;
        let answer = exchange(stream, method, path)
            .with_context(|| format!("the server at {} did not answer: its log may say why", socket.display()))?;
        let (code, body) = parse(&answer)
            .with_context(|| format!("what answers at {} is no server of this version", socket.display()))?;
        if code != 200 {
            bail!("{}", body.trim_end());
        }
        Ok(body.to_owned())
    }
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

fn exchange(mut stream: UnixStream, method: &str, path: &str) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{method} {path} HTTP/1.1\r\nHost: reprise\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// The status code and the body of an answer.
fn parse(answer: &[u8]) -> Result<(u16, &str)> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(answer)? else { bail!("half an answer") };
    let length = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length: usize = std::str::from_utf8(length.context("an answer without a length")?.value)?.parse()?;
    let body = answer[head..].get(..length).context("half an answer")?;
    Ok((response.code.context("an answer without a status")?, std::str::from_utf8(body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_open_the_socket_is_told_whose_it_is_and_what_to_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let owner = file.as_file().metadata().unwrap().uid();
        let said = unreachable(file.path(), &io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(said.contains(&format!("another user (user {owner})")) && said.contains("as root"), "{said}");
    }

    #[test]
    fn an_answer_cut_short_is_no_answer() {
        let whole = b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno a";
        assert_eq!(parse(whole).unwrap(), (404, "no a"));
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{end}");
        }
    }
}
