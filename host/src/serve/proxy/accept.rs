//! Headers that come in.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use proxy_header::{ParseConfig, Protocol, ProxiedAddress, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Endpoints;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED: usize = 16;
/// The most bytes after the fixed part. Two addresses take at most 216 and most TLVs a few, but a proxy may send along its
/// client's certificate.
const MOST: usize = 16 << 10;
/// PP2_TYPE_CRC32C.
const CRC32C: u8 = 0x03;

/// The ends of the connection that `peer` made: what a header says if `peer` is `trusted`, itself if it is not. The header of a
/// trusted peer is taken off `stream`, and not one byte more; nothing is taken off any other stream.
///
/// # Errors
/// A trusted peer does not send a header of version 2, or a broken one; or the stream's error.
pub(crate) async fn endpoints<S: AsyncRead + Unpin>(
    stream: &mut S,
    peer: SocketAddr,
    trusted: &[IpNet],
) -> Result<Endpoints> {
    let itself = Endpoints { source: peer, destination: None };
    let address = peer.ip().to_canonical();
    if !trusted.iter().any(|network| network.contains(&address)) {
        return Ok(itself);
    }
    let header = read(stream).await.with_context(|| {
        format!("{address} is listed in --accept-proxy, so a PROXY protocol header of version 2 was expected")
    })?;
    match proxied(&header)? {
        Some(ProxiedAddress { source, destination, .. }) => Ok(Endpoints { source, destination: Some(destination) }),
        None => Ok(itself),
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>> {
    let mut header = vec![0; FIXED];
    // The signature by itself, so that who sends something else is not waited for.
    stream.read_exact(&mut header[..SIGNATURE.len()]).await?;
    ensure!(header.starts_with(SIGNATURE), "something else was found");
    stream.read_exact(&mut header[SIGNATURE.len()..]).await?;
    let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
    ensure!(length <= MOST, "its {length} bytes are more than the {MOST} that are read");
    header.resize(FIXED + length, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    Ok(header)
}

/// The addresses in a header; none for a connection of the proxy's own (LOCAL), and where the client has no IP address.
fn proxied(bytes: &[u8]) -> Result<Option<ProxiedAddress>> {
    let config = ParseConfig { include_tlvs: false, allow_v1: false, allow_v2: true };
    let (header, _) = ProxyHeader::parse(bytes, config).context("the PROXY protocol header is malformed")?;
    check_fields(bytes)?;
    let proxied = header.proxied_address().cloned();
    ensure!(
        proxied.as_ref().is_none_or(|proxied| proxied.protocol == Protocol::Stream),
        "the PROXY protocol header is one of datagrams, on a stream"
    );
    Ok(proxied)
}

/// Walks over the TLVs, which nobody here asks for, and verifies the checksum if it is among them.
fn check_fields(bytes: &[u8]) -> Result<()> {
    let addresses = match bytes[13] >> 4 {
        0 => 0,
        1 => 12,
        2 => 36,
        _ => 216,
    };
    let mut at = FIXED + addresses;
    while at < bytes.len() {
        let Some(&[kind, high, low]) = bytes.get(at..at + 3) else { bail!("the last TLV is cut off") };
        let value = at + 3..at + 3 + usize::from(u16::from_be_bytes([high, low]));
        let Some(found) = bytes.get(value.clone()) else { bail!("the last TLV is cut off") };
        if kind == CRC32C {
            let expected = [&bytes[..value.start], &[0; 4], bytes.get(value.start + 4..).unwrap_or_default()]
                .iter()
                .fold(0, |sum, part| crc32c::crc32c_append(sum, part));
            ensure!(found == expected.to_be_bytes(), "the PROXY protocol header's checksum is wrong");
        }
        at = value.end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proxy_header::Tlv;

    use super::*;

    const PROXY: &str = "192.0.2.1:999";
    const CLIENT: &str = "198.51.100.7:40000";

    fn addresses(source: &str, destination: &str) -> ProxiedAddress {
        ProxiedAddress::stream(source.parse().unwrap(), destination.parse().unwrap())
    }

    fn encoded(header: &ProxyHeader<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        header.encode_v2(&mut bytes).unwrap();
        bytes
    }

    fn of_client(fields: Vec<Tlv<'_>>) -> Vec<u8> {
        encoded(&ProxyHeader::with_tlvs(Some(addresses(CLIENT, "203.0.113.1:443")), fields))
    }

    /// What comes of `sent` by [`PROXY`], and what is left on the stream.
    async fn accepted(sent: &[u8], trusted: &[&str]) -> (Result<Endpoints>, Vec<u8>) {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut stream = sent;
        let endpoints = endpoints(&mut stream, PROXY.parse().unwrap(), &trusted).await;
        (endpoints, stream.to_vec())
    }

    async fn believed(sent: &[u8]) -> Result<Endpoints> {
        accepted(sent, &["192.0.2.0/24"]).await.0
    }

    #[tokio::test]
    async fn a_listed_source_says_where_its_connection_comes_from_and_what_follows_is_left() {
        for (source, destination) in [(CLIENT, "203.0.113.1:443"), ("[2001:db8::7]:1", "[2001:db8::1]:443")] {
            let header = encoded(&ProxyHeader::with_address(addresses(source, destination)));
            let (endpoints, rest) = accepted(&[&header[..], b"hello"].concat(), &["10.0.0.0/8", "192.0.2.1/32"]).await;
            let expected =
                Endpoints { source: source.parse().unwrap(), destination: Some(destination.parse().unwrap()) };
            assert_eq!(endpoints.unwrap(), expected);
            assert_eq!(rest, b"hello");
        }
    }

    #[tokio::test]
    async fn a_source_that_is_not_listed_speaks_for_itself_whatever_it_sends() {
        let header = of_client(vec![]);
        for trusted in [&[][..], &["192.0.2.2/32"], &["192.0.3.0/24", "::/0"]] {
            let (endpoints, rest) = accepted(&header, trusted).await;
            assert_eq!(endpoints.unwrap(), Endpoints { source: PROXY.parse().unwrap(), destination: None });
            assert_eq!(rest, header, "its header is left to the handshake, which is refused");
        }
    }

    #[tokio::test]
    async fn a_listed_ipv4_source_is_known_on_an_ipv6_socket_too() {
        let trusted = ["192.0.2.0/24".parse().unwrap()];
        let endpoints =
            endpoints(&mut &of_client(vec![])[..], "[::ffff:192.0.2.1]:999".parse().unwrap(), &trusted).await.unwrap();
        assert_eq!(endpoints.source, CLIENT.parse().unwrap());
    }

    #[tokio::test]
    async fn the_proxys_own_connection_is_its_own() {
        let header = encoded(&ProxyHeader::with_local());
        assert_eq!(believed(&header).await.unwrap(), Endpoints { source: PROXY.parse().unwrap(), destination: None });
        // LOCAL with addresses in it: they are to be ignored.
        let mut header = of_client(vec![]);
        header[12] = 0x20;
        assert_eq!(believed(&header).await.unwrap().source, PROXY.parse().unwrap());
    }

    #[tokio::test]
    async fn what_is_no_header_of_version_2_is_refused() {
        let good = of_client(vec![]);
        let patched = |at: usize, byte: u8| {
            let mut header = good.clone();
            header[at] = byte;
            header
        };
        for (what, sent) in [
            ("nothing", vec![]),
            ("version 1", b"PROXY TCP4 198.51.100.7 203.0.113.1 40000 443\r\n".to_vec()),
            ("a ClientHello", [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[7; 64]].concat()),
            ("another version", patched(12, 0x31)),
            ("an unknown command", patched(12, 0x22)),
            ("an unknown family", patched(13, 0x41)),
            ("datagrams", patched(13, 0x12)),
            ("addresses cut off", [&patched(15, 8)[..24]].concat()),
            ("a header cut off", good[..20].to_vec()),
            ("more than is read", [&patched(14, 0xff)[..], &[0; 0x1_0000]].concat()),
        ] {
            assert!(believed(&sent).await.is_err(), "{what}");
        }
    }

    #[tokio::test]
    async fn what_else_a_header_has_is_passed_over_and_must_be_whole() {
        let fields = || vec![Tlv::Authority("a.example".into()), Tlv::Noop(100), Tlv::Custom(0xe1, b"x"[..].into())];
        let header = of_client(fields());
        assert_eq!(believed(&header).await.unwrap().source, CLIENT.parse().unwrap());
        let mut cut = header.clone();
        cut[15] -= 1;
        assert!(believed(&cut).await.unwrap_err().to_string().contains("cut off"));
    }

    #[tokio::test]
    async fn a_checksum_is_verified() {
        // A header of another implementation, from the tests of the crate `proxy-header`.
        let foreign = [&b"\r\n\r\n\0\r\nQUIT\n"[..], b" \0\0\x0f\x03\0\x04\x88\x9d\xa1\xdf \0\x05\0\0\0\0\0"].concat();
        assert!(believed(&foreign).await.is_ok());
        let mut header = of_client(vec![Tlv::Crc32c(0), Tlv::Authority("a.example".into())]);
        let at = FIXED + 12 + 3;
        let sum = crc32c::crc32c(&header).to_be_bytes();
        header[at..at + 4].copy_from_slice(&sum);
        assert_eq!(believed(&header).await.unwrap().source, CLIENT.parse().unwrap());
        for flipped in [17, at, header.len() - 1] {
            let mut wrong = header.clone();
            wrong[flipped] ^= 1;
            assert!(believed(&wrong).await.unwrap_err().to_string().contains("checksum"), "{flipped}");
        }
        let short = of_client(vec![Tlv::Custom(CRC32C, b"abc"[..].into())]);
        assert!(believed(&short).await.is_err());
    }

    #[test]
    fn no_byte_of_a_header_is_trusted_so_far_that_it_brings_the_server_down() {
        let good = of_client(vec![Tlv::Authority("a.example".into()), Tlv::Crc32c(0), Tlv::Noop(3)]);
        for at in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut header = good.clone();
                header[at] = byte;
                let _ = proxied(&header);
                // As `read` leaves it: of the length that it says.
                let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
                header.resize(FIXED + length, 0);
                let _ = proxied(&header);
            }
        }
    }
}
