//! Safe access to what rust-openssl does not offer: `SSL`, `SSL_SESSION`, `X509` as the hooks need them.

pub mod certificate;
pub mod client;
pub mod errors;
pub mod prototype;
pub mod sessions;
pub mod ssl;

pub use self::{
    certificate::add_crl,
    prototype::{prototype, secret},
};
