//! Who is connected to a place: so many at once, and whoever asks for nothing gives way to whoever comes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use reprise_session::lock::Mutex;
use tokio::sync::Notify;

/// Connections at once, at each place: a few scrapers and an operator.
pub(super) const ROOM: usize = 32;

/// The seats of a place.
#[derive(Default)]
pub(super) struct Seats {
    taken: Mutex<Vec<Arc<Seat>>>,
    /// Counts what happens, so that it has an order.
    events: Arc<AtomicU64>,
}

/// A connection's.
#[derive(Debug, Default)]
pub(super) struct Seat {
    /// When it was taken, or a request came.
    last: AtomicU64,
    /// What was asked for is being done.
    busy: AtomicBool,
    leave: Notify,
    events: Arc<AtomicU64>,
}

/// A seat, which is free again when this is dropped.
pub(super) struct Taken {
    seats: Arc<Seats>,
    seat: Arc<Seat>,
}

/// While this is there, its seat is not given to somebody else.
pub(super) struct Busy<'a>(&'a Seat);

impl Seats {
    /// A seat. If there is none, whoever has asked for nothing for longest leaves.
    pub(super) fn take(self: &Arc<Self>) -> Taken {
        let seat = Arc::new(Seat { events: Arc::clone(&self.events), ..Seat::default() });
        seat.asked();
        let mut taken = self.taken.lock();
        if taken.len() >= ROOM {
            let idle = taken.iter().enumerate().filter(|(_, seat)| !seat.busy.load(Relaxed));
            if let Some((at, _)) = idle.min_by_key(|(_, seat)| seat.last.load(Relaxed)) {
                taken.swap_remove(at).leave.notify_one();
            }
        }
        taken.push(Arc::clone(&seat));
        drop(taken);
        Taken { seats: Arc::clone(self), seat }
    }
}

impl Taken {
    pub(super) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    /// Until the seat is somebody else's.
    pub(super) async fn given_up(&self) {
        self.seat.leave.notified().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seats.taken.lock().retain(|seat| !Arc::ptr_eq(seat, &self.seat));
    }
}

impl Seat {
    /// A request came.
    pub(super) fn asked(&self) {
        self.last.store(self.events.fetch_add(1, Relaxed), Relaxed);
    }

    /// What was asked for is begun.
    pub(super) fn busy(&self) -> Busy<'_> {
        self.busy.store(true, Relaxed);
        Busy(self)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    fn is_given_up(taken: &Taken) -> bool {
        let mut given_up = std::pin::pin!(taken.given_up());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        given_up.as_mut().poll(&mut context) == Poll::Ready(())
    }

    #[test]
    fn whoever_asked_longest_ago_gives_way() {
        let seats = Arc::new(Seats::default());
        let taken: Vec<Taken> = (0..ROOM).map(|_| seats.take()).collect();
        let busy = taken[0].seat().busy();
        taken[1].seat().asked();
        let more: Vec<Taken> = (0..2).map(|_| seats.take()).collect();
        let given_up: Vec<usize> = (0..ROOM).filter(|at| is_given_up(&taken[*at])).collect();
        assert_eq!(given_up, [2, 3]);
        assert!(!more.iter().any(is_given_up));
        drop(busy);
        let _one = seats.take();
        assert!(is_given_up(&taken[0]), "it is done");
    }

    #[test]
    fn a_seat_that_was_left_is_free() {
        let seats = Arc::new(Seats::default());
        let first = seats.take();
        for _ in 0..2 * ROOM {
            drop(seats.take());
        }
        assert!(!is_given_up(&first));
    }
}
