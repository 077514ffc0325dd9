//! Asking a policy.

use std::{
    mem,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use reprise_session::session::SessionId;
use wasmtime::{Trap, WasmBacktrace};

use super::Policy;
use crate::policy::{
    Budget, Callback, Failure,
    chain::is_valid,
    facts::{Facts, SessionFacts},
    instance::{Fault, Instance},
    last_words::LastWords,
    manifest::WHOLE,
    outcome::advice,
    stack,
    supervision::Weight,
    wit::types::{GetVerdict, NewVerdict, Removal, RemoveVerdict},
};

/// One line about failed calls in this time, for each policy.
const LOG_EVERY: Duration = Duration::from_secs(1);

impl Policy {
    /// Its verdict on a new session; none if it is not asked: it does not export the callback, or
    /// the connection is not in its share.
    pub(in crate::policy) fn new_session(
        &self,
        budget: &mut Budget,
        connection: &mut Facts<'_>,
        session: &mut SessionFacts<'_>,
    ) -> Result<Option<NewVerdict>, Failure> {
        let asked = connection.are_in_the_share_of(self) || session.are_noted_by(self);
        if self.blueprint.linked.new.is_none() || !asked {
            return Ok(None);
        }
        let (connection, session) = (connection.of(self), session.of(self));
        self.call(Callback::New, budget, |instance| instance.new_session(connection, session), is_valid)
    }

    /// Its verdict on a candidate; none if it is not asked.
    pub(in crate::policy) fn get_session(
        &self,
        budget: &mut Budget,
        connection: &mut Facts<'_>,
        candidate: &mut SessionFacts<'_>,
    ) -> Result<Option<GetVerdict>, Failure> {
        let asked = connection.are_in_the_share_of(self) || candidate.are_noted_by(self);
        if self.blueprint.linked.get.is_none() || !asked {
            return Ok(None);
        }
        let (connection, candidate) = (connection.of(self), candidate.of(self));
        self.call(Callback::Get, budget, |instance| instance.get_session(connection, candidate), |_| true)
    }

    /// Whether it exports `remove-session`.
    pub(in crate::policy) fn decides_removals(&self) -> bool {
        self.blueprint.linked.remove.is_some()
    }

    /// Its verdict on a session that was given up; none if it is not asked. No connection stands
    /// behind a removal: with a share it is asked about sessions that carry its note.
    pub(in crate::policy) fn remove_session(
        &self,
        budget: &mut Budget,
        id: &SessionId,
        session: Option<&mut SessionFacts<'_>>,
        why: Removal,
    ) -> Result<Option<RemoveVerdict>, Failure> {
        let asked = self.share >= WHOLE || session.as_ref().is_some_and(|session| session.are_noted_by(self));
        if self.blueprint.linked.remove.is_none() || !asked {
            return Ok(None);
        }
        let (id, session) = (id.as_bytes().to_vec(), session.map(|session| session.of(self)));
        self.call(Callback::Remove, budget, |instance| instance.remove_session(&id, session, why), |_| true)
    }

    /// Calls it within what is left of `budget`, and takes what that used off it. `valid` holds the
    /// verdict against the limits that its type does not have. No verdict: it does not export this
    /// callback.
    fn call<V>(
        &self,
        callback: Callback,
        budget: &mut Budget,
        call: impl FnOnce(&mut Instance) -> Option<wasmtime::Result<V>>,
        valid: impl FnOnce(&V) -> bool,
    ) -> Result<Option<V>, Failure> {
        if self.breaker.is_open() {
            self.failures[Failure::Quarantined as usize].fetch_add(1, Relaxed);
            self.counts().failed(Failure::Quarantined);
            return Err(Failure::Quarantined);
        }
        self.calls.fetch_add(1, Relaxed);
        let start = Instant::now();
        let most = self.budget.map_or(budget.total(), |own| own.min(budget.total()));
        let allowed = most.min(budget.remaining());
        if allowed.is_zero() {
            self.counts().left_out(callback);
            return Err(self.note_failure(callback, Failure::Deadline, Weight::Excused, None));
        }
        stack::room_for(self.shared.options().stack).map_err(|error| {
            self.counts().called(callback, start.elapsed());
            let fault = Fault { error, words: LastWords::default() };
            self.note_failure(callback, Failure::NoStack, Weight::Excused, Some(fault))
        })?;
        let mut instance = self.pool.take(start + allowed).map_err(|failure| {
            let now = budget.spend_since(start);
            self.counts().called(callback, now.duration_since(start));
            self.note_failure(callback, failure, Weight::Excused, None)
        })?;
        // What was spent on waiting is not there for the call.
        instance.arm(start, allowed);
        let answer = call(&mut instance);
        let now = budget.spend_since(start);
        self.counts().called(callback, now.duration_since(start));
        match answer {
            Some(Err(error)) => {
                let in_its_time = !instance.waited() && allowed >= most / 2;
                let fault = Fault { error, words: instance.last_words() };
                drop(instance);
                self.shared.work.order();
                let failure = kind(&fault.error);
                let weight = match failure {
                    Failure::Deadline if in_its_time => Weight::Overrun,
                    Failure::Deadline => Weight::Excused,
                    _ => Weight::Fault,
                };
                Err(self.note_failure(callback, failure, weight, Some(fault)))
            }
            Some(Ok(verdict)) => {
                if instance.give_back(now) {
                    self.shared.work.order();
                }
                if !valid(&verdict) {
                    return Err(self.note_failure(callback, Failure::InvalidVerdict, Weight::Fault, None));
                }
                Ok(Some(verdict))
            }
            None => {
                instance.give_back(now);
                Ok(None)
            }
        }
    }

    /// Counts a failed call and, not more than once a second, logs it.
    fn note_failure(&self, callback: Callback, failure: Failure, weight: Weight, fault: Option<Fault>) -> Failure {
        self.failures[failure as usize].fetch_add(1, Relaxed);
        self.counts().failed(failure);
        self.breaker.note(Instant::now(), self.calls.load(Relaxed), weight);
        let mut complaints = self.complaints.lock();
        if complaints.last.is_some_and(|last| last.elapsed() < LOG_EVERY) {
            complaints.withheld += 1;
            return failure;
        }
        let withheld = mem::take(&mut complaints.withheld);
        complaints.last = Some(Instant::now());
        drop(complaints);
        let label = &self.blueprint.label;
        tracing::warn!(
            file = %label.file.display(),
            policy = &*label.name,
            generation = label.generation,
            callback = callback.as_str(),
            failure = failure.as_str(),
            withheld,
            error = fault.map(tracing::field::display),
            "a policy's call failed: {}",
            advice(failure)
        );
        failure
    }
}

/// Why a call ended in `error`. Outside of Wasm, with no trap and no frame of the guest, only its
/// verdict can be at fault.
fn kind(error: &wasmtime::Error) -> Failure {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Failure::Deadline,
        Some(_) => Failure::Trap,
        None if error.downcast_ref::<WasmBacktrace>().is_some() => Failure::Trap,
        None => Failure::InvalidVerdict,
    }
}
