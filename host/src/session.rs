//! What a kept session is: its id, the border it may not cross, the record that is stored, the keys that seal it where it leaves
//! the process, the reasons not to resume it.

pub use reprise_session::session::{
    Border, Epoch, KeyId, KeyInfo, Keyring, KeyringError, Miss, Record, RecordError, Secret, ServerName,
    ServerNameError, ServerNamePattern, SessionId, Step, Unsealable, VerifiedChain,
};
