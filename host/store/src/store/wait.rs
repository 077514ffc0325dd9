//! Waiting for a remote store's answer where the caller can only block.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::Instant,
};

use super::{Answer, Unavailable};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The answer, if it is there before `until`.
pub fn until(until: Instant, mut answer: Pin<&mut (dyn Future<Output = Answer> + Send)>) -> Answer {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
            return answer;
        }
        let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
            return Err(Unavailable("no answer in time".into()).into());
        };
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Later;

    #[test]
    fn an_answer_that_comes_from_another_thread_is_waited_for() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<Answer>();
        let mut answer: Later<Answer> =
            Box::pin(async { receiver.await.unwrap_or_else(|_| Err(Unavailable("gone".into()).into())) });
        thread::spawn(move || sender.send(Ok(None)));
        assert!(until(Instant::now() + Duration::from_secs(60), answer.as_mut()).unwrap().is_none());
    }

    #[test]
    fn an_answer_that_does_not_come_is_unavailable() {
        let mut never: Later<Answer> = Box::pin(std::future::pending());
        assert!(until(Instant::now() + Duration::from_millis(1), never.as_mut()).is_err());
    }
}
