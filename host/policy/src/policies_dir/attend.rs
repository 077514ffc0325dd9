//! Between two looks at the directory: supervising what is live, and fulfilling the wishes of operators.

use std::time::Instant;

use super::{
    ControlError, PolicyEvent, PolicyReport,
    control::{Reply, Request, Wish},
    loader::{Loader, take_back},
    rounds::{Changes, Rounds, Shared},
};
use crate::policy::{Action, Event};

const BY_AN_OPERATOR: &str = "by an operator's wish";

impl<L: Loader> Rounds<L> {
    /// Sees to everything that has come up or become due by `now`.
    pub fn attend(&mut self, now: Instant) {
        self.supervise(now);
        for Request { wish, reply } in self.shared.requests.take() {
            let done = match wish {
                Wish::Reload => {
                    self.take_up_anew(now);
                    // Answered after a look.
                    self.reloading.push(reply);
                    continue;
                }
                Wish::Rollback(name) => self.roll_back(&name, now),
                Wish::Quarantine(name) => self.quarantine(&name, now),
            };
            // Whoever asked may have gone.
            let _ = reply.send(done);
        }
    }

    /// How the policies are.
    pub fn reports(&self) -> Vec<PolicyReport> {
        self.shared.reports(Instant::now())
    }

    /// Sets aside what has misbehaved, and tries again what has waited long enough. One swap puts all of it in force.
    pub fn supervise(&mut self, now: Instant) {
        let mut changes = Changes::none();
        for file in self.files() {
            self.stand_in_misbehaves(&file, &mut changes);
            self.misbehaves(&file, now, &mut changes);
            self.goes_on(&file, Event::Time, now, &mut changes);
        }
        self.finish(changes);
    }

    /// The generation in charge has misbehaved: back to the one before, for good or until it is tried again.
    fn misbehaves(&mut self, file: &str, now: Instant, changes: &mut Changes<L::Policy>) {
        let Some(ward) = self.roster.ward(file) else { return };
        let Some(reason) = self.loader.misbehaviour(&ward.live.policy).filter(|_| ward.course.answers()) else {
            return;
        };
        // Warm before it is needed.
        let former = ward.former.as_ref().map(|former| former.generation.clone());
        let former = former.filter(|former| {
            self.loader.stands_in_for(&former.policy, &ward.live.policy)
                && take_back(&*self.loader, &former.policy)
                    .inspect_err(|reason| {
                        tracing::warn!(file, generation = former.generation, "cannot stand in: {reason}");
                    })
                    .is_ok()
        });
        ward.reason.clone_from(&reason);
        let action = ward.course.on(Event::Misbehaved { before: former.is_some() }, now, &self.supervision);
        let (name, generation) = (ward.live.name.clone(), ward.live.generation);
        ward.stands_in = former.is_some();
        let answering = former.as_ref().map(|former| former.generation);
        changes.retired.push(ward.live.clone());
        changes.swap = true;
        if let Some(former) = former {
            self.drains_no_more(&former.policy);
        }
        let file = file.to_string();
        match (action, answering) {
            (Action::RollBack, Some(to)) => {
                self.roster.roll_back(&file, &reason, now, &self.supervision);
                changes.events.push(PolicyEvent::RolledBack { file, name, from: generation, to, reason });
            }
            (Action::SetAside { retry_in }, answering) => {
                changes.events.push(PolicyEvent::Quarantined { file, name, generation, reason, answering, retry_in });
            }
            _ => {}
        }
    }

    /// The generation that answers in place of a quarantined one has misbehaved: it was the last good one.
    fn stand_in_misbehaves(&mut self, file: &str, changes: &mut Changes<L::Policy>) {
        let Some(ward) = self.roster.ward(file).filter(|ward| ward.stands_in) else { return };
        let Some(answering) = ward.answering().cloned() else { return };
        let Some(reason) = self.loader.misbehaviour(&answering.policy) else { return };
        (ward.stands_in, ward.former) = (false, None);
        let (name, generation) = (answering.name.clone(), answering.generation);
        changes.events.push(PolicyEvent::StandInFailed { file: file.into(), name, generation, reason });
        changes.retired.push(answering);
        changes.swap = true;
    }

    /// Tells the generation in charge of something, and does what that asks for.
    fn goes_on(&mut self, file: &str, event: Event, now: Instant, changes: &mut Changes<L::Policy>) {
        let Some(ward) = self.roster.ward(file) else { return };
        match ward.course.on(event, now, &self.supervision) {
            Action::Proven => {
                let (file, name, generation) = (file.into(), ward.live.name.clone(), ward.live.generation);
                changes.events.push(PolicyEvent::Proven { file, name, generation });
            }
            Action::Try => match take_back(&*self.loader, &ward.live.policy) {
                Ok(()) => self.goes_on(file, Event::Started, now, changes),
                Err(reason) => {
                    ward.reason = reason;
                    self.goes_on(file, Event::DidNotStart, now, changes);
                }
            },
            Action::TakeBack => {
                if std::mem::take(&mut ward.stands_in) {
                    changes.retired.extend(ward.former.as_ref().map(|former| former.generation.clone()));
                }
                let (name, generation) = (ward.live.name.clone(), ward.live.generation);
                let policy = ward.live.policy.clone();
                self.drains_no_more(&policy);
                changes.swap = true;
                changes.events.push(PolicyEvent::Back { file: file.into(), name, generation });
            }
            Action::SetAside { retry_in } => {
                let answering = ward.answering().map(|answers| answers.generation);
                let (name, generation, reason) = (ward.live.name.clone(), ward.live.generation, ward.reason.clone());
                let file = file.into();
                changes.events.push(PolicyEvent::Quarantined { file, name, generation, reason, answering, retry_in });
            }
            Action::None | Action::RollBack => {}
        }
    }

    /// An operator wants the directory taken up anew: nothing that was set aside stays so without another try.
    pub fn take_up_anew(&mut self, now: Instant) {
        self.roster.forget_all_rejections();
        let mut changes = Changes::none();
        for file in self.files() {
            self.goes_on(&file, Event::Reload, now, &mut changes);
        }
        self.finish(changes);
    }

    /// An operator wants the generation before.
    pub fn roll_back(&mut self, name: &str, now: Instant) -> Reply {
        let file = self.file_of(name)?;
        let Some(ward) = self.roster.ward(&file) else { return Err(self.unknown(name)) };
        let live = ward.live.generation;
        let Some(former) = ward.former.as_ref().map(|former| former.generation.clone()) else {
            return Err(ControlError::NothingBefore { name: name.into(), generation: live });
        };
        let answered = ward.answering().cloned();
        if !ward.stands_in {
            take_back(&*self.loader, &former.policy).map_err(|reason| ControlError::DoesNotStart {
                name: name.into(),
                generation: former.generation,
                reason,
            })?;
        }
        self.drains_no_more(&former.policy);
        self.roster.roll_back(&file, BY_AN_OPERATOR, now, &self.supervision);
        let (name, to, reason) = (name.to_string(), former.generation, BY_AN_OPERATOR.to_string());
        let event = PolicyEvent::RolledBack { file, name, from: live, to, reason };
        let retired = answered.into_iter().filter(|answered| answered.generation != to).collect();
        self.finish(Changes { events: vec![event], retired, swap: true });
        Ok(self.reports())
    }

    /// An operator wants a policy not to be called.
    pub fn quarantine(&mut self, name: &str, now: Instant) -> Reply {
        let file = self.file_of(name)?;
        let Some(ward) = self.roster.ward(&file) else { return Err(self.unknown(name)) };
        let mut changes = Changes { retired: ward.answering().cloned().into_iter().collect(), ..Changes::none() };
        self.loader.set_aside(&ward.live.policy);
        ward.reason = BY_AN_OPERATOR.into();
        changes.swap = std::mem::take(&mut ward.stands_in);
        self.goes_on(&file, Event::Hold, now, &mut changes);
        self.finish(changes);
        Ok(self.reports())
    }

    fn files(&self) -> Vec<String> {
        self.roster.wards().map(|(file, _)| file.clone()).collect()
    }

    fn file_of(&self, name: &str) -> Result<String, ControlError> {
        self.roster.file_of(name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> ControlError {
        let live = self.roster.wards().map(|(_, ward)| ward.live.name.clone()).collect();
        ControlError::Unknown { name: name.into(), live }
    }

    fn finish(&mut self, changes: Changes<L::Policy>) {
        if changes.swap || !changes.events.is_empty() || !changes.retired.is_empty() {
            self.carry_out(changes).into_iter().for_each(|event| self.tell(event));
        }
    }
}

impl Shared {
    /// How the policies are at `now`.
    pub fn reports(&self, now: Instant) -> Vec<PolicyReport> {
        self.views.load().iter().map(|view| view.report(now)).collect()
    }
}
