//! The build takes OpenSSL from 3.0 on, and names what it refuses.

#[path = "../build/openssl.rs"]
mod openssl;

fn accept(reported: &[(&str, &str)]) -> Result<(), String> {
    openssl::accept(|name| reported.iter().find(|(n, _)| *n == name).map(|(_, value)| value.to_string()))
}

#[test]
fn openssl_from_3_0_on_is_taken() {
    for version in ["30000000", "30000130", "30500040", "40000000"] {
        assert_eq!(accept(&[("DEP_OPENSSL_VERSION_NUMBER", version)]), Ok(()), "{version}");
    }
}

#[test]
fn every_other_library_is_refused_by_name() {
    for (reported, name) in [
        (
            &[("DEP_OPENSSL_LIBRESSL_VERSION_NUMBER", "3090200f"), ("DEP_OPENSSL_LIBRESSL", "true")][..],
            "LibreSSL 3.9.2",
        ),
        (&[("DEP_OPENSSL_BORINGSSL", "true")], "BoringSSL"),
        (&[("DEP_OPENSSL_AWSLC", "true"), ("DEP_OPENSSL_CONF", "OPENSSL_NO_X")], "AWS-LC"),
        (&[("DEP_OPENSSL_VERSION_NUMBER", "1010117f")], "OpenSSL 1.1.1"),
    ] {
        let refusal = accept(reported).expect_err(name);
        assert!(refusal.contains(&format!("found {name}, expected OpenSSL 3.0 or later")), "{refusal}");
    }
}
