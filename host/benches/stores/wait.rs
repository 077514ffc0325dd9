//! Waiting for an answer, as a handshake does that can only block.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake},
    thread::{self, Thread},
};

use reprise::store::{Fetch, Found};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn answer(fetch: Fetch) -> Option<Found> {
    let mut answer = match fetch {
        Fetch::Ready(answer) => return answer.expect("the store answers"),
        Fetch::Pending(answer) => answer,
    };
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let spin: u64 = std::env::var("SPIN").ok().map_or(0, |s| s.parse().unwrap());
    let start = std::time::Instant::now();
    loop {
        match answer.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer.expect("the store answers"),
            Poll::Pending if (start.elapsed().as_micros() as u64) < spin => {
                if std::env::var_os("YIELD").is_some() { thread::yield_now() } else { std::hint::spin_loop() }
            }
            Poll::Pending => thread::park(),
        }
    }
}
