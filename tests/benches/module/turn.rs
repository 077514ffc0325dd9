//! One server under load, for the length of a turn.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use super::{
    load::{Load, Tally},
    placement::Placement,
    server::Server,
};

/// Handshakes before the clock runs, so that what was measured before is out of the caches.
const BEFORE: usize = 20;

/// What a turn came to.
pub struct Turn {
    tally: Tally,
    /// Handshakes per second.
    pub rate: f64,
    /// Microseconds of processor time for each handshake: nginx's, and the agent's.
    pub spent: [f64; 2],
}

impl Turn {
    /// Puts the server under the load of these clients, a thread each. `beside` runs meanwhile,
    /// until the time that it is told.
    pub fn take<T: Send>(
        server: &Server,
        loads: &[Load],
        length: Duration,
        placement: Placement,
        beside: impl FnOnce(Instant) -> T + Send,
    ) -> (Self, T) {
        let begin = Barrier::new(loads.len() + 1);
        thread::scope(|scope| {
            let loading = |load: &Load| {
                placement.load();
                load.connections(BEFORE);
                begin.wait();
                load.until(Instant::now() + length)
            };
            let loading = loads.iter().map(|load| scope.spawn(move || loading(load))).collect::<Vec<_>>();
            begin.wait();
            let (start, before) = (Instant::now(), server.spent());
            let beside = scope.spawn(move || beside(start + length));
            let tallies = loading.into_iter().map(|load| load.join().expect("the load goes on to its end"));
            let tally = tallies.fold(Tally::default(), Tally::and);
            let (time, after) = (start.elapsed(), server.spent());
            let each = |of: usize| after[of].since(&before[of]) / tally.connections as f64;
            let rate = tally.connections as f64 / time.as_secs_f64();
            (Self { tally, rate, spent: [each(0), each(1)] }, beside.join().expect("what runs beside goes on"))
        })
    }

    /// Why it is of no use: there is too much else in it than resumed handshakes.
    pub fn wrong(&self) -> Option<String> {
        let Tally { connections, resumed, failed } = self.tally;
        let few = resumed * 100 < connections * 98;
        few.then(|| {
            format!("of {connections} connections {resumed} resumed and {failed} failed: expected 98 % to resume")
        })
    }
}
