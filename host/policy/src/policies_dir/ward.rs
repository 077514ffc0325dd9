//! A policy under supervision: the generation in charge, and the one before, which is kept.

use std::{sync::Arc, time::Instant};

use super::ContentHash;
use crate::policy::{Course, State, SupervisionOptions};

/// One generation of a policy.
pub(super) struct Generation<P> {
    pub file: String,
    pub name: String,
    pub generation: u64,
    pub hash: ContentHash,
    pub policy: Arc<P>,
}

impl<P> Clone for Generation<P> {
    fn clone(&self) -> Self {
        let Self { file, name, generation, hash, policy } = self;
        let (file, name, policy) = (file.clone(), name.clone(), Arc::clone(policy));
        Self { file, name, generation: *generation, hash: *hash, policy }
    }
}

/// A generation that was good until another one took its place.
pub(super) struct Kept<P> {
    pub generation: Generation<P>,
    /// Its trial had gone well.
    proven: bool,
}

pub(super) struct Ward<P> {
    /// The one in charge.
    pub live: Generation<P>,
    pub course: Course,
    /// What it was set aside for last.
    pub reason: String,
    pub former: Option<Kept<P>>,
    /// The former one answers, because the one in charge does not.
    pub stands_in: bool,
}

impl<P> Ward<P> {
    /// A policy whose first generation goes live at `now`.
    pub fn new(live: Generation<P>, now: Instant, options: &SupervisionOptions) -> Self {
        let (course, reason) = (Course::new(now, options), String::new());
        Self { live, course, reason, former: None, stands_in: false }
    }

    /// The generation that answers, if any.
    pub fn answering(&self) -> Option<&Generation<P>> {
        if self.course.answers() {
            return Some(&self.live);
        }
        self.former.as_ref().filter(|_| self.stands_in).map(|former| &former.generation)
    }

    /// What stands for the policy in the chain: what answers, or else what counts as failing.
    pub fn in_chain(&self) -> &Arc<P> {
        &self.answering().unwrap_or(&self.live).policy
    }

    /// The policy after `live` took the place of its generation. Of what was, the one that is best
    /// proven is kept, of equals the later one; none that was set aside since its last good trial.
    pub fn replaced_by(self, live: Generation<P>, now: Instant, options: &SupervisionOptions) -> Self {
        let latest = match self.course.state() {
            State::Live => Some(Kept { generation: self.live, proven: true }),
            State::Trial { first: true, .. } => Some(Kept { generation: self.live, proven: false }),
            State::Trial { first: false, .. } | State::Quarantined { .. } | State::Held => None,
        };
        let former = match (latest, self.former) {
            (Some(Kept { proven: false, .. }), Some(former)) if former.proven => Some(former),
            (latest, former) => latest.or(former),
        };
        Self { former, ..Self::new(live, now, options) }
    }

    /// The policy after it went back to the generation before, and the generation that it left;
    /// itself where none is kept.
    pub fn rolled_back(self, now: Instant, options: &SupervisionOptions) -> Result<(Self, Generation<P>), Box<Self>> {
        let Some(Kept { generation, proven }) = self.former else { return Err(Box::new(self)) };
        // It keeps its place in the order, which is that of the file it came from.
        let live = Generation { file: self.live.file.clone(), ..generation };
        let course = if proven { Course::proven(now) } else { Course::new(now, options) };
        Ok((Self { course, ..Self::new(live, now, options) }, self.live))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::Event;

    const TRIAL: Duration = Duration::from_secs(60);

    fn generation(generation: u64) -> Generation<()> {
        let hash = ContentHash { module: [generation as u8; 32], manifest: None, signature: None };
        Generation { file: format!("{generation}-a.wasm"), name: "a".into(), generation, hash, policy: Arc::default() }
    }

    /// A policy that goes through generations, each going live this long after the one before.
    fn ward(ages: &[Duration]) -> (Ward<()>, Instant) {
        let (options, mut now) = (SupervisionOptions::default(), Instant::now());
        let mut ward = Ward::new(generation(1), now, &options);
        for (number, age) in (2..).zip(ages) {
            now += *age;
            ward.course.on(Event::Time, now, &options);
            ward = ward.replaced_by(generation(number), now, &options);
        }
        (ward, now)
    }

    fn kept(ward: &Ward<()>) -> Option<u64> {
        ward.former.as_ref().map(|former| former.generation.generation)
    }

    #[test]
    fn the_generation_that_is_best_proven_is_kept() {
        let young = TRIAL / 2;
        for (ages, expected) in [
            (&[][..], None),
            (&[young], Some(1)),
            (&[TRIAL], Some(1)),
            (&[TRIAL, TRIAL], Some(2)),
            (&[TRIAL, young], Some(1)),
            (&[TRIAL, young, young], Some(1)),
            (&[young, young], Some(2)),
            (&[young, TRIAL, young], Some(2)),
        ] {
            assert_eq!(kept(&ward(ages).0), expected, "{ages:?}");
        }
    }

    #[test]
    fn a_generation_that_was_set_aside_is_not_kept_even_if_it_is_back_on_trial() {
        let options = SupervisionOptions::default();
        for events in [&[Event::Misbehaved { before: false }][..], &[Event::Hold], &[Event::Hold, Event::Started]] {
            let (mut first, now) = ward(&[]);
            let (mut second, _) = ward(&[TRIAL]);
            for event in events {
                first.course.on(*event, now, &options);
                second.course.on(*event, now, &options);
            }
            assert_eq!(kept(&first.replaced_by(generation(2), now, &options)), None);
            assert_eq!(kept(&second.replaced_by(generation(3), now, &options)), Some(1), "the one before is good");
        }
    }

    #[test]
    fn what_is_rolled_back_is_live_under_the_present_file_and_has_nothing_before_it() {
        let options = SupervisionOptions::default();
        let (young, now) = ward(&[TRIAL]);
        let Ok((back, left)) = young.rolled_back(now, &options) else { panic!("generation 1 is kept") };
        assert_eq!((back.live.generation, back.live.file.as_str(), left.generation), (1, "2-a.wasm", 2));
        assert_eq!((back.course.state(), kept(&back)), (State::Live, None));
        assert!(back.rolled_back(now, &options).is_err());
    }

    #[test]
    fn what_was_kept_untried_is_on_trial_when_it_is_back() {
        let options = SupervisionOptions::default();
        let (young, now) = ward(&[TRIAL / 2]);
        let Ok((back, _)) = young.rolled_back(now, &options) else { panic!("generation 1 is kept") };
        assert!(matches!(back.course.state(), State::Trial { .. }));
    }
}
