//! The header that goes out.

use std::net::{IpAddr, SocketAddr};

use openssl::{
    nid::Nid,
    ssl::{NameType, SslRef},
    x509::{X509Ref, X509VerifyResult},
};
use proxy_header::{Error, ProxiedAddress, ProxyHeader, SslInfo, Tlv};
use reprise_session::session::ServerName;

/// A byte that says whether the connection resumed a session: the first of the types that are anyone's to use
/// (PP2_TYPE_MIN_CUSTOM), since the protocol has none for it.
const RESUMED: u8 = 0xe0;
/// X.520 allows a common name 64 characters. One this long is somebody's trick.
const LONGEST_CN: usize = 256;

/// The header for a client's connection, whose handshake is done, from `source` to `destination`. OpenSSL forgets the server
/// name of a connection that resumed in TLS 1.2, so it is given.
///
/// # Errors
/// It would be too long, which the bounds of its parts rule out.
pub(crate) fn header(
    ssl: &SslRef,
    server_name: Option<&str>,
    source: SocketAddr,
    destination: SocketAddr,
) -> Result<Vec<u8>, Error> {
    let mut fields = Vec::new();
    if let Some(protocol) = ssl.selected_alpn_protocol() {
        fields.push(Tlv::Alpn(protocol.into()));
    }
    if let Some(name) = authority(ssl, server_name) {
        fields.push(Tlv::Authority(name.into()));
    }
    fields.push(Tlv::Ssl(tls(ssl)));
    fields.push(Tlv::Custom(RESUMED, vec![u8::from(ssl.session_reused())].into()));
    let mut bytes = Vec::new();
    ProxyHeader::with_tlvs(Some(addresses(source, destination)), fields).encode_v2(&mut bytes)?;
    Ok(bytes)
}

/// The server name as the client sent it, of which PP2_TYPE_AUTHORITY is "the exact copy". Where OpenSSL has forgotten it, the
/// name in the host's spelling, `known`.
fn authority<'a>(ssl: &'a SslRef, known: Option<&'a str>) -> Option<&'a str> {
    let sent = ssl.servername(NameType::HOST_NAME);
    sent.filter(|sent| known == Some(&ServerName::of_client(sent.as_bytes()))).or(known)
}

fn tls(ssl: &SslRef) -> SslInfo<'static> {
    let certificate = ssl.peer_certificate();
    let shown_here = certificate.is_some() && !ssl.session_reused();
    // The protocol wants anything but zero where no certificate was verified.
    let verified = match certificate {
        Some(_) => ssl.verify_result(),
        None => X509VerifyResult::APPLICATION_VERIFICATION,
    };
    let mut info = SslInfo::new(true, shown_here, certificate.is_some(), verified.as_raw().unsigned_abs());
    info.append_tlv(Tlv::SslVersion(ssl.version_str().into()));
    if let Some(cipher) = ssl.current_cipher() {
        info.append_tlv(Tlv::SslCipher(cipher.name().into()));
    }
    if let Some(name) = certificate.as_deref().and_then(common_name) {
        info.append_tlv(Tlv::SslCn(name.into()));
    }
    info
}

/// The subject's common name, unless it could be read for another one: a NUL ends it for some.
fn common_name(certificate: &X509Ref) -> Option<String> {
    let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next()?.data().to_string().ok()?;
    (name.len() <= LONGEST_CN && !name.contains(char::is_control)).then_some(name)
}

/// Both of one family, as the protocol has it. A dual-stack socket shows IPv4 addresses in IPv6.
fn addresses(source: SocketAddr, destination: SocketAddr) -> ProxiedAddress {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (canonical(source), canonical(destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return ProxiedAddress::stream(source, destination);
    }
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    ProxiedAddress::stream(mapped(source), mapped(destination))
}

#[cfg(test)]
mod tests {
    use openssl::{
        asn1::{Asn1Time, Asn1Type},
        ec::{EcGroup, EcKey},
        hash::MessageDigest,
        pkey::PKey,
        x509::{X509, X509Name},
    };

    use super::*;

    fn named(name: &str) -> X509 {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut subject = X509Name::builder().unwrap();
        // By its type, for OpenSSL holds no such text against X.520's bounds.
        subject.append_entry_by_nid_with_type(Nid::COMMONNAME, name, Asn1Type::UTF8STRING).unwrap();
        let mut certificate = X509::builder().unwrap();
        certificate.set_subject_name(&subject.build()).unwrap();
        certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        certificate.build()
    }

    #[test]
    fn a_common_name_that_could_be_read_for_another_is_left_out() {
        assert_eq!(common_name(&named("alice")).as_deref(), Some("alice"));
        let long = "a".repeat(LONGEST_CN);
        assert_eq!(common_name(&named(&long)).as_ref(), Some(&long));
        for trick in ["admin\0alice", "admin\nalice", &(long + "a")] {
            assert_eq!(common_name(&named(trick)), None);
        }
    }

    #[test]
    fn addresses_are_sent_in_one_family() {
        let shown = |source: &str, destination: &str| {
            let ProxiedAddress { source, destination, .. } =
                addresses(source.parse().unwrap(), destination.parse().unwrap());
            (source.to_string(), destination.to_string())
        };
        let expected = |source: &str, destination: &str| (source.to_owned(), destination.to_owned());
        assert_eq!(shown("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2"), expected("192.0.2.1:1", "192.0.2.2:2"));
        assert_eq!(shown("[2001:db8::1]:1", "192.0.2.2:2"), expected("[2001:db8::1]:1", "[::ffff:192.0.2.2]:2"));
    }
}
