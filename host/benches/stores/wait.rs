//! Waiting for an answer, as a handshake does that can only block.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake},
    thread::{self, Thread},
};

use reprise::store::{Answer, Fetch};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn answer(fetch: Fetch) -> Answer {
    let mut answer = match fetch {
        Fetch::Ready(answer) => return answer,
        Fetch::Pending(answer) => answer,
    };
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match answer.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}
