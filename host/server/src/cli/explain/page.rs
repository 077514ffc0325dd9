//! The funnel and the advice, on a page.

use std::{collections::BTreeMap, fmt::Write as _};

use reprise::status::{Funnel, Passed};
use reprise_session::session::Step;

use crate::{
    admin::explaining::{Explanation, Kept},
    cli::status::{line, printable},
};

/// The most places that are shown: the rest are in the JSON.
const PLACES: usize = 10;

/// A page for a terminal.
pub(super) fn page(all: &Explanation) -> String {
    let Funnel { steps, outcomes, places, .. } = &all.funnel;
    let mut page = String::new();
    let of = steps.first().map_or(0, |step| step.handshakes);
    for Passed { step, handshakes } in steps {
        let share = (handshakes * 100).checked_div(of).map(|share| format!(" ({share} %)")).unwrap_or_default();
        let mut reasons = BTreeMap::new();
        for outcome in outcomes.iter().filter(|outcome| outcome.step == *step && !outcome.resumed) {
            *reasons.entry(&*outcome.reason).or_insert(0) += outcome.handshakes;
        }
        let ended: Vec<_> =
            reasons.into_iter().map(|(reason, times)| format!("{} {times}", printable(reason))).collect();
        let ended = if ended.is_empty() { String::new() } else { format!("; no further: {}", ended.join(", ")) };
        line(&mut page, step.as_str(), &format!("{handshakes}{share} {}{ended}", meaning(*step)));
    }
    if places.len() > 1 {
        page += "\nmost visited\n";
    }
    for place in places.iter().take(PLACES).filter(|_| places.len() > 1) {
        let name = place.server_name.as_deref().unwrap_or("no name");
        let resumed = place.reasons.get("resumed").unwrap_or(&0);
        let _ = writeln!(
            page,
            "  {} at {} {}: {} handshakes, {resumed} resumed",
            printable(name),
            printable(&place.listener),
            printable(&place.site),
            place.handshakes
        );
    }
    page += "\nadvice\n";
    for advice in &all.advice {
        let _ = writeln!(page, "  {}: {}", advice.about, printable(&advice.says));
    }
    if all.advice.is_empty() {
        page += "  none: nothing stands out, or too few have come\n";
    }
    page
}

/// Where no handshake fits.
pub(super) fn nothing(Kept { at_most, of, .. }: &Kept) -> String {
    match at_most {
        0 => "No handshakes are kept: the server was started with --recent 0.\n".into(),
        _ => format!("None of the last {} handshakes fits; {of} since the start.\n", (*at_most as u64).min(*of)),
    }
}

fn meaning(step: Step) -> &'static str {
    match step {
        Step::Connected => "handshakes were completed",
        Step::Offered => "had clients that offered to resume something",
        Step::Ours => "of these offered a session that this fleet made",
        Step::Found => "of these sessions were found",
        Step::Fits => "of these may resume here, as far as the host goes",
        Step::Agreed => "of these had no policy against them",
        _ => "resumed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_shown_with_the_reasons_for_ending_there() {
        let funnel = r#"{
            "steps": [{"step": "connected", "handshakes": 10}, {"step": "offered", "handshakes": 4}, {"step": "resumed", "handshakes": 1}],
            "outcomes": [
                {"tls.protocol.version": "1.2", "tls.resumed": false, "step": "connected", "reason": "nothing", "handshakes": 2},
                {"tls.protocol.version": "1.3", "tls.resumed": false, "step": "connected", "reason": "nothing", "handshakes": 4},
                {"tls.protocol.version": "1.2", "tls.resumed": false, "step": "offered", "reason": "ticket", "handshakes": 3},
                {"tls.protocol.version": "1.3", "tls.resumed": true, "step": "resumed", "reason": "resumed", "handshakes": 1}
            ],
            "places": []
        }"#;
        let funnel = serde_json::from_str(funnel).unwrap();
        let page = page(&Explanation { funnel, ..Explanation::default() });
        for line in [
            "connected      10 (100 %) handshakes were completed; no further: nothing 6\n",
            "offered        4 (40 %) had clients that offered to resume something; no further: ticket 3\n",
            "resumed        1 (10 %) resumed\n",
            "none: nothing stands out",
        ] {
            assert!(page.contains(line), "{page}");
        }
    }
}
