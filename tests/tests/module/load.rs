//! Clients that come and go while something happens.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use reprise_tests::{Client, Version, modules::Running, until};

use crate::REQUEST;

/// At a time.
const CLIENTS: usize = 3;

/// What became of them.
#[derive(Default)]
pub struct Load {
    visits: AtomicUsize,
    resumed: AtomicUsize,
    failed: Mutex<Vec<String>>,
    over: AtomicBool,
}

/// Has clients of both versions visit the server while `meanwhile` runs. Each visit must be answered by the site; most offer the
/// session of the visit before.
pub fn none_fails(server: &Running, meanwhile: impl FnOnce(&Load)) {
    let load = Load::default();
    thread::scope(|scope| {
        for at in 0..CLIENTS {
            let load = &load;
            scope.spawn(move || load.visit(server, at));
        }
        // However it ends in here, the clients are to end, too.
        let _ends = Ends(&load.over);
        meanwhile(&load);
    });
    let failed = load.failed.into_inner().unwrap();
    assert_eq!(failed, Vec::<String>::new(), "of {} visits", load.visits.load(SeqCst));
}

impl Load {
    fn visit(&self, server: &Running, at: usize) {
        let clients = Version::BOTH.map(Client::new);
        let mut sessions = [None, None];
        for round in at.. {
            if self.over.load(SeqCst) {
                return;
            }
            let which = round % 2;
            let offered = sessions[which].take().filter(|_| round % 7 != 0);
            let open = clients[which].connect(server.address(), offered.as_ref());
            match open.and_then(|open| open.exchange_for(REQUEST)) {
                Ok(exchange) if exchange.answer.contains("site a.example") => {
                    self.resumed.fetch_add(usize::from(exchange.reused), SeqCst);
                    sessions[which] = Some(exchange.session);
                }
                Ok(exchange) => self.fails(exchange.answer),
                Err(error) => self.fails(error),
            }
            self.visits.fetch_add(1, SeqCst);
        }
    }

    fn fails(&self, why: String) {
        self.failed.lock().unwrap().push(why);
    }

    /// Waits until so many more visits are over.
    pub fn goes_on(&self, visits: usize) {
        let wanted = self.visits.load(SeqCst) + visits;
        until("clients are served", || self.visits.load(SeqCst) >= wanted);
    }

    /// Waits until so many more have resumed.
    pub fn resumes(&self, visits: usize) {
        let wanted = self.resumed.load(SeqCst) + visits;
        until("clients resume", || self.resumed.load(SeqCst) >= wanted);
    }

    /// Waits until none resumes any more: not one of so many visits.
    pub fn stops_resuming(&self, visits: usize) {
        until("no client resumes", || {
            let before = self.resumed.load(SeqCst);
            self.goes_on(visits);
            self.resumed.load(SeqCst) == before
        });
    }
}

struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
