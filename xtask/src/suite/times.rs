//! How long tests took, by what their harness prints (`--report-time`).

use std::{fmt::Write, time::Duration};

/// What took how long.
#[derive(Default)]
pub struct Times {
    programs: Vec<(Duration, String)>,
    tests: Vec<(Duration, String)>,
}

impl Times {
    pub fn add(&mut self, name: &str, took: Duration, output: &str) {
        self.tests.extend(output.lines().filter_map(timed).map(|(test, took)| (took, format!("{name}: {test}"))));
        self.programs.push((took, name.to_owned()));
    }

    /// The slowest of each, as a table.
    pub fn slowest(mut self, count: usize) -> String {
        let mut table = String::new();
        for (what, times) in [("tests", &mut self.tests), ("programs", &mut self.programs)] {
            times.sort_by(|one, other| other.cmp(one));
            let _ = writeln!(table, "the slowest {what}, in seconds:");
            for (took, name) in times.iter().take(count) {
                let _ = writeln!(table, "{:9.1}  {name}", took.as_secs_f32());
            }
        }
        table
    }
}

/// `test NAME ... ok <1.234s>`, which the harness prints in one piece.
fn timed(line: &str) -> Option<(&str, Duration)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let seconds = result.split_once(" <")?.1.strip_suffix("s>")?;
    Some((name, Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_come_first() {
        let output = "running 3 tests\ntest x::y ... ok <0.250s>\ntest z - should panic ... FAILED <61.000s>\n\
                      test w ... ignored\ntest v ... ok <0.100s>\n";
        let mut times = Times::default();
        times.add("a b", Duration::from_secs(62), output);
        assert_eq!(
            times.slowest(2),
            "the slowest tests, in seconds:\n     61.0  a b: z - should panic\n      0.2  a b: x::y\n\
             the slowest programs, in seconds:\n     62.0  a b\n"
        );
    }
}
