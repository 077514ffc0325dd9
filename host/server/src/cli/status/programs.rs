//! Programs that have the module, and their processes.

use std::{collections::BTreeSet, fmt::Write as _};

use reprise::agent::{Counted, ProcessStatus, ProgramStatus};

use super::{counts, line, printable};

/// The most processes, or programs, that are shown: the rest are a number.
const MOST: usize = 50;

/// Programs, and then their processes, one a line.
pub(super) fn asking(
    programs: &[ProgramStatus],
    stands_down: &BTreeSet<String>,
    processes: &[ProcessStatus],
) -> String {
    let mut page = String::new();
    if stands_down.contains("*") {
        line(&mut page, "programs", "all are left alone, as `reprise module stand-down` said");
    } else {
        line(&mut page, "programs", &number(programs.len()));
    }
    programs.iter().take(MOST).for_each(|its| program(&mut page, its));
    more(&mut page, programs.len());
    // What has not asked since the agent started is left alone when it does.
    for name in stands_down.iter().filter(|name| *name != "*" && !programs.iter().any(|its| its.program == **name)) {
        line(&mut page, "", &format!("{}: stands down", printable(name)));
    }
    line(&mut page, "processes", &number(processes.len()));
    for ProcessStatus { program, process, counted, .. } in processes.iter().take(MOST) {
        let Counted { full, resumed, .. } = counted;
        line(&mut page, "", &format!("{} {process}: {full} full, {resumed} resumed", printable(program)));
    }
    more(&mut page, processes.len());
    page
}

fn program(page: &mut String, its: &ProgramStatus) {
    let ProgramStatus { program, processes, contexts, observes, stands_down, counted } = its;
    let Counted { full, missed, resumed, refused, displaced, left_alone, .. } = counted;
    let mut says = format!("{}: {processes} processes, ", printable(program));
    if *stands_down {
        says += "stands down, ";
    } else if *observes {
        says += "observed, ";
    } else {
        let _ = write!(says, "{contexts} contexts, ");
    }
    let came_back = resumed + missed;
    let _ = match (resumed * 100).checked_div(came_back) {
        None => write!(says, "nobody has come back yet"),
        Some(share) => write!(says, "{share} % of the {came_back} who came back resumed"),
    };
    let _ = write!(says, "; {} came without a session", full.saturating_sub(*missed));
    line(page, "", &says);
    for (what, counted) in
        [("did not resume though offered", refused), ("out of use", displaced), ("contexts left alone", left_alone)]
    {
        if !counted.is_empty() {
            line(page, "", &format!("  {what}: {}", counts(counted)));
        }
    }
}

fn number(of: usize) -> String {
    if of == 0 { String::new() } else { of.to_string() }
}

fn more(page: &mut String, of: usize) {
    if let Some(more) = of.checked_sub(MOST).filter(|more| *more > 0) {
        line(page, "", &format!("and {more} more: `reprise status --json` has them all"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_processes_are_shown_up_to_a_number() {
        let shown = asking(&[], &BTreeSet::new(), &[]);
        assert!(shown.contains("programs       none\n") && shown.contains("processes      none\n"), "{shown}");
        let process = |number| ProcessStatus {
            program: "ngi\x1bnx".into(),
            process: number,
            user: None,
            seconds: 0,
            observes: false,
            counted: Counted { full: 2, resumed: number.into(), ..Counted::default() },
        };
        let processes: Vec<_> = (1..=53).map(process).collect();
        let page = asking(&[], &["haproxy".to_owned()].into(), &processes);
        assert!(page.contains("processes      53\n") && page.contains("and 3 more"), "{page}");
        assert!(page.contains("ngi\\u{1b}nx 50: 2 full, 50 resumed\n") && !page.contains("nx 51:"), "{page}");
        assert!(page.contains("haproxy: stands down\n"), "{page}");
    }

    #[test]
    fn of_a_program_it_is_shown_how_many_resume_and_what_is_not_as_it_was() {
        let counted =
            |counts: &[(&str, u64)]| counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let mut its = ProgramStatus {
            program: "nginx".into(),
            processes: 4,
            contexts: 2,
            observes: false,
            stands_down: false,
            counted: Counted {
                full: 12,
                missed: 2,
                resumed: 98,
                displaced: counted(&[("get-callback", 2)]),
                left_alone: counted(&[("resumption-is-off", 1)]),
                ..Counted::default()
            },
        };
        let page = asking(std::slice::from_ref(&its), &BTreeSet::new(), &[]);
        for says in [
            "nginx: 4 processes, 2 contexts, 98 % of the 100 who came back resumed; 10 came without a session\n",
            "  out of use: get-callback 2\n",
            "  contexts left alone: resumption-is-off 1\n",
        ] {
            assert!(page.contains(says), "{page}");
        }
        its.stands_down = true;
        its.counted = Counted::default();
        let page = asking(&[its], &BTreeSet::new(), &[]);
        assert!(page.contains("nginx: 4 processes, stands down, nobody has come back yet"), "{page}");
    }
}
