use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    ops::Range,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use ipnet::IpNet;
use reprise_server::fuzzing::{Endpoints, endpoints};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;

/// The type of a TLV that has a checksum.
const CRC32C: u8 = 3;

/// The PROXY protocol: of a header that is believed exactly what it says is done, and exactly its bytes are taken; of a
/// stranger's nothing is.
///
/// The bytes are what comes on a connection. Nobody guesses a checksum, so what comes is looked at with it put right,
/// too.
pub fn proxy(bytes: &[u8]) {
    agrees(bytes);
    if let Some(at) = header(bytes).and_then(|header| checksums(header).into_iter().next()?) {
        let mut right = bytes.to_vec();
        right[at..at + 4].fill(0);
        let header = header(&right).expect("it is as long as it was");
        let sum = crc32c(&[header]).to_be_bytes();
        right[at..at + 4].copy_from_slice(&sum);
        agrees(&right);
        // What it says it says of every bit.
        right[at] ^= 1;
        agrees(&right);
    }
}

fn agrees(bytes: &[u8]) {
    static PEER: LazyLock<SocketAddr> = LazyLock::new(|| "192.0.2.1:999".parse().expect("it is an address"));
    static TRUSTED: LazyLock<[IpNet; 1]> = LazyLock::new(|| ["192.0.2.0/24".parse().expect("it is a network")]);
    static OTHERS: LazyLock<[IpNet; 2]> =
        LazyLock::new(|| ["192.0.3.0/24", "::/0"].map(|network| network.parse().expect("it is a network")));
    let itself = Endpoints { source: *PEER, destination: None };

    let (found, left) = accepted(bytes, *PEER, &*OTHERS);
    assert_eq!((found, left), (Some(itself), bytes), "a stranger is believed, or loses what it sent");

    let (found, left) = accepted(bytes, *PEER, &*TRUSTED);
    let Some(header) = header(bytes) else { return assert_eq!(found, None, "there is no header of version 2") };
    assert_eq!(bytes.len() - left.len(), header.len(), "the length says how much is taken");
    assert_eq!(found, said(header).map(|said| said.unwrap_or(itself)));
}

/// The ends of a connection on which these bytes come, if it is accepted, and those that were left.
fn accepted<'a>(mut bytes: &'a [u8], peer: SocketAddr, trusted: &[IpNet]) -> (Option<Endpoints>, &'a [u8]) {
    let found = {
        let asked = pin!(endpoints(&mut bytes, peer, trusted));
        match asked.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(found) => found.ok(),
            Poll::Pending => panic!("all that comes is there"),
        }
    };
    (found, bytes)
}

/// A whole header with the block that its length says, whatever it means.
fn header(bytes: &[u8]) -> Option<&[u8]> {
    let fixed = bytes.get(..FIXED).filter(|fixed| fixed.starts_with(SIGNATURE))?;
    bytes.get(..FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]])))
}

/// What a header says by section 2.2 of the specification: none if it is refused, none inside if the connection's own
/// ends count.
fn said(header: &[u8]) -> Option<Option<Endpoints>> {
    let [command, of] = [header[12], header[13]];
    let block = &header[FIXED..];
    let local = match command {
        0x20 => true,
        0x21 => false,
        _ => return None,
    };
    let known = of >> 4 <= 3 && of & 0x0f <= 2;
    let whole = addresses(of).unwrap_or(0) <= block.len();
    if !(local || known && whole) {
        return None;
    }
    let walked = walk(header);
    // What has no addresses may have anything in their place.
    let strict = !local && matches!(of, 0x11 | 0x21);
    if strict && walked.cut || walked.checksums.iter().any(|value| !is_right(header, value)) {
        return None;
    }
    let ends = |address: fn(&[u8]) -> IpAddr, size: usize| {
        let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
        Endpoints {
            source: (address(&block[..size]), port(2 * size)).into(),
            destination: Some((address(&block[size..2 * size]), port(2 * size + 2)).into()),
        }
    };
    Some(match (local, of) {
        (false, 0x11) => Some(ends(|bytes| <[u8; 4]>::try_from(bytes).expect("there are four").into(), 4)),
        (false, 0x21) => Some(ends(|bytes| <[u8; 16]>::try_from(bytes).expect("there are sixteen").into(), 16)),
        _ => None,
    })
}

/// How many bytes addresses take, where the specification says it.
fn addresses(of: u8) -> Option<usize> {
    match (of >> 4, of & 0x0f) {
        (0, 0..=2) => Some(0),
        (1, 1 | 2) => Some(12),
        (2, 1 | 2) => Some(36),
        (3, 1 | 2) => Some(216),
        _ => None,
    }
}

/// The TLVs behind the addresses.
struct Walked {
    /// Where the values of those with a checksum are.
    checksums: Vec<Range<usize>>,
    cut: bool,
}

fn walk(header: &[u8]) -> Walked {
    let mut walked = Walked { checksums: Vec::new(), cut: false };
    // Of an unassigned family all may be addresses, where nobody says that it is the proxy's own connection.
    let mut at = match (header[12] & 0x0f, addresses(header[13])) {
        (_, Some(length)) => FIXED + length,
        (1, None) => FIXED,
        _ => header.len(),
    };
    while at < header.len() {
        let Some([kind, high, low]) = header.get(at..at + 3) else {
            walked.cut = true;
            break;
        };
        let value = at + 3..at + 3 + usize::from(u16::from_be_bytes([*high, *low]));
        if value.end > header.len() {
            walked.cut = true;
            break;
        }
        at = value.end;
        if *kind == CRC32C {
            walked.checksums.push(value);
        }
    }
    walked
}

/// Where those checksums are that a header may have right.
fn checksums(header: &[u8]) -> Vec<Option<usize>> {
    walk(header).checksums.into_iter().map(|value| (value.len() == 4).then_some(value.start)).collect()
}

/// Whether a checksum is that of the header with four zeros in its place.
fn is_right(header: &[u8], value: &Range<usize>) -> bool {
    value.len() == 4 && {
        let sum = crc32c(&[&header[..value.start], &[0; 4], &header[value.end..]]);
        header[value.clone()] == sum.to_be_bytes()
    }
}

/// CRC-32C (RFC 9260 appendix A), a bit at a time.
fn crc32c(parts: &[&[u8]]) -> u32 {
    !parts.concat().iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_that_is_meant() {
        assert_eq!(crc32c(&[b"1234", b"56789"]), 0xe306_9283);
    }
}
