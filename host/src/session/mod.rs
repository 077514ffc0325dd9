//! What a kept session is: its id, the border it may not cross, the record that is stored, the reasons not to resume it.

mod border;
mod encoding;
mod id;
mod miss;
mod record;

pub use self::{
    border::{Border, Epoch},
    id::{IdKey, SessionId},
    miss::Miss,
    record::{Record, RecordError, Secret},
};
