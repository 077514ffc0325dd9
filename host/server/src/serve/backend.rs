//! Forwarding: what was decrypted goes to the backend, what it answers comes back.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{idle::Activity, wire::Severed};

/// A backend is near; one that takes longer to accept is as good as down.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a client may take to receive our goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Joins `client` and the backend at `address` until both are done, or nothing has moved for `idle`. When one side ends its
/// sending, so is the other told, and the opposite direction goes on. The backend is sent `header` first.
///
/// One side that breaks off is not taken for one that ends: the backend's connection is reset unless both have ended,
/// and the client is told goodbye unless the backend's connection broke.
///
/// # Errors
/// Either stream's error, or `TimedOut`.
pub(crate) async fn forward<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut S,
    address: &str,
    header: &[u8],
    idle: Duration,
) -> io::Result<()> {
    let connected = timeout(CONNECT, TcpStream::connect(address)).await;
    let backend = match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(backend) => backend,
        Err(error) => {
            tracing::warn!("the backend {address} cannot be reached, a connection is closed: {error}");
            let _ = timeout(GOODBYE, client.shutdown()).await;
            return Ok(());
        }
    };
    backend.set_nodelay(true)?;
    let activity = Activity::new();
    let mut backend = Severed::new(backend);
    // All that moves moves over the backend's stream.
    let mut noted = activity.note(&mut backend);
    let joined = async {
        noted.write_all(header).await?;
        tokio::io::copy_bidirectional(client, &mut noted).await
    };
    let joined = tokio::select! {
        joined = joined => Some(joined),
        () = activity.ceased_for(idle) => None,
    };
    match joined {
        Some(joined) => {
            joined?;
            backend.is_whole();
            Ok(())
        }
        None => {
            let _ = timeout(GOODBYE, client.shutdown()).await;
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing moved for {idle:?}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use tokio::{
        io::{AsyncReadExt, duplex},
        net::TcpListener,
    };

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn an_answer_still_comes_after_the_client_has_ended_its_sending() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let backend = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = String::new();
            stream.read_to_string(&mut question).await.unwrap();
            stream.write_all(format!("{question}!").as_bytes()).await.unwrap();
        };
        let (mut client, mut server) = duplex(64);
        let asking = async {
            client.write_all(b"there").await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let ((), forwarded, answer) = tokio::join!(backend, forward(&mut server, &address, b"", LONG), asking);
        forwarded.unwrap();
        assert_eq!(answer, "there!");
    }

    #[tokio::test]
    async fn a_backend_that_is_down_closes_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let (mut client, mut server) = duplex(64);
        forward(&mut server, &address, b"", LONG).await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_connection_on_which_nothing_moves_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let backend = async {
            let (_silent, _) = listener.accept().await.unwrap();
            pending::<()>().await;
        };
        let (mut client, mut server) = duplex(64);
        tokio::select! {
            forwarded = forward(&mut server, &address, b"", Duration::from_millis(50)) => {
                assert_eq!(forwarded.unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
            () = backend => unreachable!(),
        }
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "the client is told");
    }
}
