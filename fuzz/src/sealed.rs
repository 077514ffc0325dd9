use std::sync::LazyLock;

use reprise::session::{Keyring, Unsealable};

use crate::is_one_line;

/// The key that the corpus is sealed with.
pub const SECRET: [u8; 32] = [0x5e; 32];
/// What it is sealed for, and with a nonce of its own each time: a seed for a first byte that says so.
pub const ASSOCIATED: [&[u8]; 3] = [b"session", b"reprise", &[7; 32]];

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| Keyring::new(SECRET.into()).expect("OpenSSL derives keys"));

/// What a store gives back as sealed: it opens if it was sealed with this key, for this session and
/// namespace, and not changed in a single bit; else the reason fits into a line.
pub fn sealed(bytes: &[u8]) {
    match KEYRING.open_sealed(&ASSOCIATED, bytes) {
        Ok(plain) => {
            for other in [[b"notice".as_slice(), b"reprise", &[7; 32]], [b"session", b"other", &[7; 32]]] {
                assert_eq!(KEYRING.open_sealed(&other, bytes), Err(Unsealable::Broken));
            }
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(KEYRING.open_sealed(&ASSOCIATED, &changed).is_err(), "bit {bit}");
            }
            let again = KEYRING.seal(&ASSOCIATED, &plain, 0).expect("there is randomness");
            assert_eq!(again.len(), bytes.len());
        }
        Err(why) => assert!(is_one_line(&why.to_string()), "{why}"),
    }
}
