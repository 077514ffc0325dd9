//! Headers that come in.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use proxy_header::{ParseConfig, ProxiedAddress, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Endpoints;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;
/// PP2_TYPE_CRC32C.
const CRC32C: u8 = 0x03;

/// The ends of the connection that `peer` made: what a header says if `peer` is `trusted`, itself if it is not. The header of a
/// trusted peer is taken off `stream`, and not one byte more; nothing is taken off any other stream.
///
/// # Errors
/// A trusted peer does not send a header of version 2, or a broken one; or the stream's error.
pub async fn endpoints<S: AsyncRead + Unpin>(stream: &mut S, peer: SocketAddr, trusted: &[IpNet]) -> Result<Endpoints> {
    let itself = Endpoints { source: peer, destination: None };
    let address = peer.ip().to_canonical();
    if !trusted.iter().any(|network| network.contains(&address)) {
        return Ok(itself);
    }
    let header = read(stream).await.with_context(|| {
        format!("{address} is listed in --accept-proxy, so a PROXY protocol header of version 2 was expected")
    })?;
    let proxied =
        proxied(&header).with_context(|| format!("the PROXY protocol header that {address} sent is malformed"))?;
    Ok(proxied.map_or(itself, |ProxiedAddress { source, destination, .. }| Endpoints {
        source,
        destination: Some(destination),
    }))
}

/// The whole header. Its length is a number of two bytes, so that no header takes more than 64 KiB.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>> {
    let mut header = vec![0; FIXED];
    // The signature by itself, so that who sends something else is not waited for.
    stream.read_exact(&mut header[..SIGNATURE.len()]).await?;
    ensure!(header.starts_with(SIGNATURE), "something else was found");
    stream.read_exact(&mut header[SIGNATURE.len()..]).await?;
    let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
    header.resize(FIXED + length, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    Ok(header)
}

/// The addresses in a header; none where the real connection's count: it is the proxy's own (LOCAL), or the protocol has no
/// Internet addresses of a stream for it (UNSPEC and what is to be taken for it, section 2.2).
fn proxied(bytes: &[u8]) -> Result<Option<ProxiedAddress>> {
    const LOCAL: u8 = 0;
    const PROXY: u8 = 1;
    let (version, command) = (bytes[12] >> 4, bytes[12] & 0x0f);
    ensure!(version == 2, "its version is {version}, and only 2 is defined");
    match command {
        // Its block is discarded, the family included.
        LOCAL => {
            if let Some(at) = addresses(bytes[13]).map(|length| FIXED + length) {
                check_fields(bytes, at, Cut::Ignored)?;
            }
            return Ok(None);
        }
        PROXY => {}
        other => bail!("its command is {other}, and only 0 (LOCAL) and 1 (PROXY) are defined"),
    }
    let (family, protocol) = (bytes[13] >> 4, bytes[13] & 0x0f);
    ensure!(family <= 3, "its address family is {family}, and only 0 to 3 are defined");
    ensure!(protocol <= 2, "its transport protocol is {protocol}, and only 0 to 2 are defined");
    let (length, found) = (addresses(bytes[13]).unwrap_or(0), bytes.len() - FIXED);
    ensure!(length <= found, "its addresses take {length} bytes, and {found} follow");
    if !matches!(bytes[13], TCP4 | TCP6) {
        check_fields(bytes, FIXED + length, Cut::Ignored)?;
        return Ok(None);
    }
    check_fields(bytes, FIXED + length, Cut::Refused)?;
    let config = ParseConfig { include_tlvs: false, allow_v1: false, allow_v2: true };
    let (header, _) = ProxyHeader::parse(bytes, config)?;
    Ok(header.proxied_address().cloned())
}

const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

/// How many bytes the addresses of a family and protocol take; none where the protocol does not say.
fn addresses(family_and_protocol: u8) -> Option<usize> {
    match family_and_protocol {
        // UNSPEC
        0x00..=0x02 => Some(0),
        // IPv4, over TCP and UDP
        TCP4 | 0x12 => Some(12),
        // IPv6
        TCP6 | 0x22 => Some(36),
        // Unix
        0x31 | 0x32 => Some(216),
        _ => None,
    }
}

/// What becomes of a TLV that is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Refused,
    /// It may be none: what stands there is to be ignored.
    Ignored,
}

/// Walks over the TLVs, which begin at `at` and which nobody here asks for, and verifies the checksum if it is among them.
fn check_fields(bytes: &[u8], mut at: usize, cut: Cut) -> Result<()> {
    while at < bytes.len() {
        let length = bytes.get(at + 1..at + 3).map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])));
        let Some(value) = length.map(|length| at + 3..at + 3 + length).filter(|value| value.end <= bytes.len()) else {
            ensure!(cut == Cut::Ignored, "its last TLV is cut off");
            return Ok(());
        };
        if bytes[at] == CRC32C {
            let rest = bytes.get(value.start + 4..).unwrap_or_default();
            let expected =
                [&bytes[..value.start], &[0; 4], rest].iter().fold(0, |sum, part| crc32c::crc32c_append(sum, part));
            ensure!(bytes[value.clone()] == expected.to_be_bytes(), "its checksum is wrong");
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

    /// A header put together by hand: version and command, family and protocol, and what follows.
    fn raw(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, block].concat()
    }

    /// 198.51.100.7:40000 to 203.0.113.1:443.
    const FOUR: &[u8] = &[198, 51, 100, 7, 203, 0, 113, 1, 0x9c, 0x40, 1, 0xbb];

    fn itself() -> Endpoints {
        Endpoints { source: PROXY.parse().unwrap(), destination: None }
    }

    /// "The receiver must accept this connection as valid and must use the real connection endpoints and discard the protocol
    /// block including the family which is ignored."
    #[tokio::test]
    async fn local_is_accepted_whatever_follows() {
        for (what, family, block) in [
            ("as it should be", 0x00, &[][..]),
            ("with addresses", 0x11, FOUR),
            ("a family without its addresses", 0x11, &[]),
            ("addresses cut off", 0x21, FOUR),
            ("datagrams", 0x12, FOUR),
            ("a Unix socket", 0x31, &[0; 216]),
            ("an unassigned family", 0x41, FOUR),
            ("an unassigned protocol", 0x1f, FOUR),
            ("bytes that are no TLV", 0x00, &[1, 0xff, 0xff, 0]),
            ("a TLV", 0x00, &[2, 0, 1, b'a']),
            ("the longest block", 0x00, &[0; 0xffff]),
        ] {
            let sent = [&raw(0x20, family, block)[..], b"hello"].concat();
            let (endpoints, rest) = accepted(&sent, &["192.0.2.0/24"]).await;
            assert_eq!(endpoints.unwrap_or_else(|error| panic!("{what}: {error:#}")), itself(), "{what}");
            assert_eq!(rest, b"hello", "{what}: the length says what is skipped");
        }
    }

    /// "The receiver must then use the information provided in the protocol block", where it is Internet addresses of a stream.
    #[tokio::test]
    async fn each_form_of_address_is_taken_or_ignored() {
        let six =
            [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[1], &FOUR[8..]].concat();
        let client = |source: &str, destination: &str| Endpoints {
            source: source.parse().unwrap(),
            destination: Some(destination.parse().unwrap()),
        };
        let (ipv4, ipv6) = (client(CLIENT, "203.0.113.1:443"), client("[2001:db8::7]:40000", "[2001:db8::1]:443"));
        for (family, block, expected) in [
            (0x11, FOUR, ipv4),
            (0x21, &six, ipv6),
            // What is not a stream over IP falls back to UNSPEC, whose address information is ignored.
            (0x12, FOUR, itself()),
            (0x22, &six, itself()),
            (0x31, &[b'/'; 216], itself()),
            (0x32, &[b'/'; 216], itself()),
            (0x00, &[], itself()),
            (0x00, FOUR, itself()),
            (0x01, &[], itself()),
            (0x02, FOUR, itself()),
            (0x10, FOUR, itself()),
            (0x20, &six, itself()),
            (0x30, &[], itself()),
        ] {
            let found = believed(&raw(0x21, family, block)).await;
            assert_eq!(found.unwrap_or_else(|error| panic!("{family:#x}: {error:#}")), expected, "{family:#x}");
        }
    }

    #[tokio::test]
    async fn an_unassigned_value_is_refused_by_name() {
        for version in (0..16).filter(|version| *version != 2) {
            let error = believed(&raw(version << 4 | 1, 0x11, FOUR)).await.unwrap_err();
            assert!(format!("{error:#}").contains(&format!("its version is {version}, ")), "{error:#}");
        }
        for command in 2..16 {
            let error = believed(&raw(0x20 | command, 0x11, FOUR)).await.unwrap_err();
            assert!(format!("{error:#}").contains(&format!("its command is {command}, ")), "{error:#}");
        }
        for family in 4..16 {
            let error = believed(&raw(0x21, family << 4 | 1, FOUR)).await.unwrap_err();
            assert!(format!("{error:#}").contains(&format!("its address family is {family}, ")), "{error:#}");
        }
        for protocol in 3..16 {
            let error = believed(&raw(0x21, 0x10 | protocol, FOUR)).await.unwrap_err();
            assert!(format!("{error:#}").contains(&format!("its transport protocol is {protocol}, ")), "{error:#}");
        }
    }

    #[tokio::test]
    async fn addresses_must_be_there_whole() {
        for (family, length) in [(0x11, 12), (0x12, 12), (0x21, 36), (0x22, 36), (0x31, 216), (0x32, 216)] {
            let error = believed(&raw(0x21, family, &[0; 216][..length - 1])).await.unwrap_err();
            let expected = format!("its addresses take {length} bytes, and {} follow", length - 1);
            assert!(format!("{error:#}").contains(&expected), "{error:#}");
            assert!(believed(&raw(0x21, family, &[0; 216][..length])).await.is_ok());
        }
    }

    /// "The receiver must also reject incoming connections containing partial protocol headers."
    #[tokio::test]
    async fn a_header_that_is_cut_off_is_refused() {
        let whole = raw(0x21, 0x11, FOUR);
        for length in 0..whole.len() {
            assert!(believed(&whole[..length]).await.is_err(), "{length} bytes");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_of_version_2_is_refused() {
        for (what, sent) in [
            ("version 1", b"PROXY TCP4 198.51.100.7 203.0.113.1 40000 443\r\n".to_vec()),
            ("a ClientHello", [&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3][..], &[7; 64]].concat()),
        ] {
            let error = believed(&sent).await.unwrap_err();
            assert!(
                format!("{error:#}").contains("version 2 was expected: something else was found"),
                "{what}: {error:#}"
            );
        }
    }

    /// "Receivers MUST always consider this field to skip the appropriate number of bytes": no length is too long.
    #[tokio::test]
    async fn the_longest_header_is_read() {
        let block = [FOUR, &[4, 0xff, 0xf0], &[0; 0xfff0]].concat();
        let (endpoints, rest) = accepted(&[&raw(0x21, 0x11, &block)[..], b"hello"].concat(), &["192.0.2.1/32"]).await;
        assert_eq!(endpoints.unwrap().source, CLIENT.parse().unwrap());
        assert_eq!(rest, b"hello");
    }

    #[tokio::test]
    async fn what_else_a_header_has_is_passed_over_and_must_be_whole() {
        let fields = || vec![Tlv::Authority("a.example".into()), Tlv::Noop(100), Tlv::Custom(0xe1, b"x"[..].into())];
        let header = of_client(fields());
        assert_eq!(believed(&header).await.unwrap().source, CLIENT.parse().unwrap());
        let mut cut = header.clone();
        cut[15] -= 1;
        assert!(format!("{:#}", believed(&cut).await.unwrap_err()).contains("its last TLV is cut off"));
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
            assert!(
                format!("{:#}", believed(&wrong).await.unwrap_err()).contains("its checksum is wrong"),
                "{flipped}"
            );
            // A connection that a flipped bit makes the proxy's own is none either.
            wrong[12] = 0x20;
            assert!(believed(&wrong).await.is_err(), "{flipped}");
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
