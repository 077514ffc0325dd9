//! The two lines of a module: on the one it asks, and on the other it tells what wants no answer.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use reprise_openssl::Handler;
use reprise_session::lock::Mutex;
use reprise_wire::{
    calls,
    socket::{Inbox, Line},
};
use zeroize::Zeroizing;

use super::process::{Known, Process};

/// For how long whoever has answered waits for the next question, where few wait so.
pub const LINGERS: Duration = Duration::from_millis(20);

/// The same where many do.
const HURRIES: Duration = Duration::from_millis(2);

/// How many questions in a row one is served, where others may be waiting.
const IN_A_ROW: u32 = 64;

/// Two lines.
pub struct Pair {
    pub asks: Line,
    pub tells: Line,
    pub process: Arc<Process>,
    /// A thread serves it.
    pub taken: AtomicBool,
    /// Both lines are registered with those who wait, or neither.
    pub registering: Mutex<()>,
    /// How many messages that were told are heard. One hears them at a time: what a connection's messages say goes in their order.
    heard: Mutex<u32>,
    known: Mutex<Known>,
    /// Who serves it waits no longer than [`HURRIES`].
    hurries: AtomicBool,
}

/// Whoever may have told what is not heard yet: hears it.
pub type Others<'a> = dyn Fn(&mut Inbox) + 'a;

/// What a thread reads and writes with.
#[derive(Default)]
pub struct Buffers {
    pub inbox: Inbox,
    told: Inbox,
    out: Zeroizing<Vec<u8>>,
}

/// Whether a module is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Quiet,
    Gone,
}

impl Pair {
    pub fn new(asks: Line, tells: Line, process: Arc<Process>) -> Self {
        let (taken, registering, heard, known, hurries) = Default::default();
        Self { asks, tells, process, taken, registering, heard, known, hurries }
    }

    /// Ends both lines. Who serves it hears of that.
    pub fn hang_up(&self) {
        self.asks.hang_up();
        self.tells.hang_up();
    }

    /// Whether who serves it waits for the next question no longer than where many wait.
    pub fn hurry(&self, hurries: bool) {
        if self.hurries.swap(hurries, Relaxed) != hurries {
            // It waits as long as before, at worst.
            let _ = self.asks.wait_at_most(if hurries { HURRIES } else { LINGERS });
        }
    }

    /// Answers, until nothing is asked for a moment, or others may have waited long enough.
    pub fn serve(&self, handler: &dyn Handler, buffers: &mut Buffers, others: &Others<'_>) -> Served {
        for _ in 0..IN_A_ROW {
            match self.asks.receive(&mut buffers.inbox) {
                Ok(true) => {}
                Ok(false) => {
                    self.listen(handler, &mut buffers.told);
                    return Served::Gone;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Served::Gone,
            }
            if self.answer(handler, buffers, others).is_err() {
                return Served::Gone;
            }
        }
        self.listen(handler, &mut buffers.told);
        Served::Quiet
    }

    /// Answers one question. What was told before it is heard first: a session that another thread or process of the program made,
    /// maybe the one asked for.
    fn answer(&self, handler: &dyn Handler, buffers: &mut Buffers, others: &Others<'_>) -> io::Result<()> {
        let (told, message) = (&mut buffers.told, buffers.inbox.message());
        let (header, _) = calls::read(message).map_err(io::Error::other)?;
        self.listen_until(Some(header.told), handler, told);
        let reply = self.process.hear(handler, &self.known, message, || others(told)).map_err(io::Error::other)?;
        buffers.inbox.clear();
        match reply {
            Some(reply) => {
                reply.encode(&mut buffers.out);
                // A module that does not take its answer is none: nobody waits for it.
                self.asks.send_now(&buffers.out)
            }
            None => Ok(()),
        }
    }

    /// Hears what was told.
    pub fn listen(&self, handler: &dyn Handler, inbox: &mut Inbox) {
        self.listen_until(None, handler, inbox);
    }

    /// The same up to so many messages of all: whoever says how many there are saves a look at the line.
    fn listen_until(&self, told: Option<u32>, handler: &dyn Handler, inbox: &mut Inbox) {
        let mut heard = self.heard.lock();
        while told != Some(*heard)
            && let Ok(true) = self.tells.receive_now(inbox)
        {
            *heard = heard.wrapping_add(1);
            // What is garbled is lost, and no more.
            let _ = self.process.hear(handler, &self.known, inbox.message(), || {});
        }
        inbox.clear();
    }
}
