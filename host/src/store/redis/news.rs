//! What is heard on the channel: sessions that are gone, and that there are new notices.

use std::sync::Arc;

use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use super::{random, worker::Observers};
use crate::{callbacks::guarded, session::SessionId};

/// Digits by which a node knows its own messages.
const TAG: usize = 8;

/// Who is told of what is heard.
pub struct News {
    tag: [u8; TAG],
    observers: Arc<Observers>,
    /// Has the notices asked for now.
    hurry: Arc<Notify>,
}

impl News {
    pub fn new(observers: Arc<Observers>, hurry: Arc<Notify>) -> Self {
        Self { tag: random(), observers, hurry }
    }

    /// The message that a session is gone: whose it is, and the session's id.
    pub fn gone(&self, id: &SessionId) -> Vec<u8> {
        [self.tag.as_slice(), id.as_bytes()].concat()
    }

    /// Tells of a message, if this is one. Observers do not block.
    pub fn hear(&self, info: &PushInfo) {
        let (PushKind::Message, Some(Value::BulkString(message))) = (&info.kind, info.data.last()) else { return };
        let Some((tag, id)) = message.split_first_chunk::<TAG>() else { return self.hurry.notify_one() };
        if let Ok(id) = SessionId::try_from(id)
            && *tag != self.tag
        {
            guarded("InvalidationObserver", (), || {
                self.observers.invalidations.load().iter().for_each(|observer| observer(&id));
            });
        }
    }
}
