//! What a kept session is: its id, the border it may not cross, the record that is stored, the keys that seal it where it leaves
//! the process, the reasons not to resume it.

mod border;
mod bytes;
mod chain;
mod encoding;
mod id;
pub mod keyring;
mod miss;
mod prototype;
mod record;
mod server_name;
mod step;

pub use self::{
    border::{Border, Epoch, session_id_context},
    bytes::RecordBytes,
    chain::VerifiedChain,
    id::{IdKey, SessionId},
    keyring::{KeyId, KeyInfo, Keyring, KeyringError, Unsealable},
    miss::Miss,
    prototype::{Decoded, Prototype},
    record::{Record, RecordError, Secret},
    server_name::{ServerName, ServerNameError, ServerNamePattern},
    step::Step,
};
pub use self::{
    chain::{RevocationList, RevocationLists},
    id::LENGTH as ID_LENGTH,
};
