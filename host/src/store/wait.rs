//! Waiting for a remote store's answer where the caller can only block.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use super::{Answer, Later, Unavailable};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The answer, if it comes within `deadline`.
pub fn within(deadline: Duration, mut answer: Later<Answer>) -> Answer {
    let until = Instant::now() + deadline;
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
            return answer;
        }
        let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
            return Err(Unavailable(format!("no answer within {} ms", deadline.as_millis())).into());
        };
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_comes_from_another_thread_is_waited_for() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<Answer>();
        let answer = Box::pin(async { receiver.await.unwrap_or_else(|_| Err(Unavailable("gone".into()).into())) });
        thread::spawn(move || sender.send(Ok(None)));
        assert!(within(Duration::from_secs(60), answer).unwrap().is_none());
    }

    #[test]
    fn an_answer_that_does_not_come_is_unavailable() {
        let never = Box::pin(std::future::pending());
        assert!(within(Duration::from_millis(1), never).is_err());
    }
}
