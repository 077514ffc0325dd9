//! What is heard on the channel: sessions that are gone, and that there are new notices.

use std::sync::Arc;

use redis::{PushInfo, PushKind, Value};
use reprise_session::{session::SessionId, vital::guarded};
use tokio::sync::Notify;

use super::{random, worker::Observers};

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

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    #[test]
    fn messages_are_heard_after_a_panic() {
        let observers = Arc::<Observers>::default();
        let (told, heard_of) = mpsc::channel();
        let times = AtomicUsize::new(0);
        observers.invalidations.store(Arc::new(vec![Arc::new(move |id: &SessionId| {
            assert!(times.fetch_add(1, Ordering::SeqCst) > 0, "as the test asks for");
            told.send(*id).unwrap();
        })]));
        let news = News::new(observers, Arc::default());
        for byte in [1, 2] {
            let message = [[!news.tag[0]; TAG].as_slice(), &[byte; 32]].concat();
            news.hear(&PushInfo { kind: PushKind::Message, data: vec![Value::BulkString(message)] });
        }
        assert_eq!(heard_of.try_recv(), Ok(SessionId::from([2; 32])));
    }
}
