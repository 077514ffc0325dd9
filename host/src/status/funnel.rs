//! What became of handshakes, for a status page: see `crate::funnel`.

use std::{collections::BTreeMap, iter::zip};

use reprise_session::session::Step;
use serde::{Deserialize, Serialize};

use crate::funnel::{Funnel as Counts, Outcomes, REASONS, VERSIONS};

/// How far handshakes came on the way to a resumption, and why no further. Only what there is any of is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Funnel {
    /// How many came so far or further: all steps, in their order.
    pub steps: Vec<Passed>,
    /// Each handshake once, with where it ended.
    pub outcomes: Vec<Outcome>,
    /// The same by where it was. The places that have most of them are told apart; the rest are `*`, and last.
    pub places: Vec<Place>,
}

/// Every reason that an outcome can have.
pub fn reasons() -> impl Iterator<Item = &'static str> {
    REASONS.into_iter().map(|(reason, _)| reason)
}

/// Handshakes that came to a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The step.
    pub step: Step,
    /// How many.
    pub handshakes: u64,
}

/// Handshakes that ended alike. Two labels are OpenTelemetry's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The version of TLS: `1.0` to `1.3`.
    #[serde(rename = "tls.protocol.version")]
    pub version: String,
    /// Whether they resumed.
    #[serde(rename = "tls.resumed")]
    pub resumed: bool,
    /// The last step that they came to.
    pub step: Step,
    /// Why no further: `resumed`, `nothing`, `ticket` or `psk` that this server did not make, or the reason of a miss.
    pub reason: String,
    /// How many.
    pub handshakes: u64,
}

/// Handshakes at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The listener's name.
    pub listener: String,
    /// The site's; empty where none was settled on.
    pub site: String,
    /// The name that clients asked for.
    pub server_name: Option<String>,
    /// How many.
    pub handshakes: u64,
    /// How many of them ended for each reason.
    pub reasons: BTreeMap<String, u64>,
}

impl Funnel {
    pub(crate) fn of(counts: &Counts) -> Self {
        let by_version = zip(VERSIONS, counts.by_version());
        let outcomes = by_version.flat_map(|((version, _), ends)| {
            zip(REASONS, ends).map(move |((reason, step), handshakes)| Outcome {
                version: version.into(),
                resumed: step == Step::Resumed,
                step,
                reason: reason.into(),
                handshakes,
            })
        });
        let outcomes: Vec<_> = outcomes.filter(|outcome| outcome.handshakes > 0).collect();
        let came_to = |step: Step| outcomes.iter().filter(move |outcome| outcome.step >= step);
        let passed = |step| Passed { step, handshakes: came_to(step).map(|outcome| outcome.handshakes).sum() };
        let places = counts.places().into_iter().map(Place::from);
        Self {
            steps: Step::ALL.map(passed).into(),
            places: places.filter(|place| place.handshakes > 0).collect(),
            outcomes,
        }
    }
}

impl Funnel {
    /// Leaves out which names clients asked for, where that is nobody's business: places of one site become one.
    pub fn hide_names(&mut self) {
        let mut sites: Vec<Place> = Vec::new();
        for place in std::mem::take(&mut self.places) {
            let same = |site: &&mut Place| (&site.listener, &site.site) == (&place.listener, &place.site);
            let Some(site) = sites.iter_mut().find(same) else {
                sites.push(Place { server_name: None, ..place });
                continue;
            };
            site.handshakes += place.handshakes;
            for (reason, times) in place.reasons {
                *site.reasons.entry(reason).or_default() += times;
            }
        }
        self.places = sites;
    }
}

impl From<Outcomes> for Place {
    fn from(outcomes: Outcomes) -> Self {
        let handshakes = outcomes.handshakes();
        let Outcomes { listener, site, server_name, ends } = outcomes;
        let reasons = zip(REASONS, ends).filter(|(_, times)| *times > 0);
        let reasons = reasons.map(|((reason, _), times)| (reason.to_owned(), times)).collect();
        Self { listener, site, server_name, handshakes, reasons }
    }
}

#[cfg(test)]
mod tests {
    use reprise_session::session::Miss;

    use super::*;
    use crate::funnel::{Place as At, Reason};

    /// Every reason at several places, each a number of times of its own.
    #[test]
    fn what_goes_in_comes_out_with_a_name() {
        let counts = Counts::default();
        let mut went_in = BTreeMap::new();
        let mut number = 0;
        for (version, wire) in VERSIONS {
            for (at, (reason, _)) in REASONS.into_iter().enumerate() {
                number += 1;
                for visit in 0..number {
                    let name = format!("{}.example", (visit * 7) % 90);
                    let place = At { listener: "public", site: "shop", server_name: Some(&name) };
                    counts.ended(wire, Reason::all()[at], (visit % 5 > 0).then_some(place));
                }
                went_in.insert((version.to_owned(), reason.to_owned()), number);
            }
        }
        counts.ended(0x0305, Reason::NOTHING, None);
        let all: u64 = went_in.values().sum();
        let Funnel { steps, outcomes, places } = Funnel::of(&counts);
        let came_out: BTreeMap<_, _> =
            outcomes.iter().map(|came| ((came.version.clone(), came.reason.clone()), came.handshakes)).collect();
        assert_eq!(came_out, went_in);
        assert_eq!((steps[0].handshakes, steps.len()), (all, Step::ALL.len()));
        for (step, next) in zip(&steps, &steps[1..]) {
            let ended = outcomes.iter().filter(|outcome| outcome.step == step.step);
            let ended: u64 = ended.map(|outcome| outcome.handshakes).sum();
            assert!(ended > 0 && step.handshakes - next.handshakes == ended, "{step:?} {next:?}");
        }
        assert!(places.len() > 60 && places.last().unwrap().server_name.as_deref() == Some("*"));
        assert_eq!(places.iter().map(|place| place.handshakes).sum::<u64>(), all);
        assert!(places.iter().all(|place| place.reasons.values().sum::<u64>() == place.handshakes));
        let mut nameless = Funnel::of(&counts);
        nameless.hide_names();
        let sites: Vec<_> = nameless.places.iter().map(|place| (&*place.site, place.handshakes)).collect();
        assert!(sites.len() == 2 && sites[0].0 == "shop" && sites[1].0 == "*", "{sites:?}");
        assert_eq!(sites[0].1 + sites[1].1, all);
        assert!(nameless.places.iter().all(|place| place.reasons.values().sum::<u64>() == place.handshakes));
        let [full, resumed] = counts.handshakes().into_iter().reduce(|[a, b], [c, d]| [a + c, b + d]).unwrap();
        assert_eq!((full + resumed, resumed), (all, steps.last().unwrap().handshakes));
        let missed: u64 = counts.misses().map(|(_, times)| times).sum();
        let others = outcomes.iter().filter(|outcome| !Miss::REASONS.contains(&&*outcome.reason));
        assert_eq!(missed + others.map(|outcome| outcome.handshakes).sum::<u64>(), all);
    }

    #[test]
    fn two_labels_are_those_of_opentelemetry() {
        let counts = Counts::default();
        counts.ended(0x0304, Reason::RESUMED, None);
        let json = serde_json::to_value(Funnel::of(&counts)).unwrap();
        let outcome = &json["outcomes"][0];
        assert_eq!((&outcome["tls.protocol.version"], &outcome["tls.resumed"]), (&"1.3".into(), &true.into()));
    }
}
