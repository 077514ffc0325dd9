//! The command line.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What is measured, and for how long.
pub struct Arguments {
    /// Rounds that count; one more goes before them, to warm up.
    pub rounds: usize,
    /// How long each server is under load in a round.
    pub turn: Duration,
    /// The module's.
    pub deadline: String,
    words: Vec<String>,
}

impl Arguments {
    /// `[WORD…] [--rounds N] [--seconds S] [--deadline SPAN]`; Cargo adds `--bench`.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut parsed =
            Self { rounds: 5, turn: Duration::from_secs(2), deadline: "5ms".to_owned(), words: Vec::new() };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument}: expected a value behind it"));
            match argument.as_str() {
                "--bench" => {}
                "--rounds" => parsed.rounds = value()?.parse().context("--rounds")?,
                "--seconds" => parsed.turn = Duration::try_from_secs_f64(value()?.parse().context("--seconds")?)?,
                "--deadline" => parsed.deadline = value()?,
                option if option.starts_with('-') => {
                    anyhow::bail!("invalid option {option}: expected WORD…, --rounds N, --seconds S, --deadline SPAN")
                }
                word => parsed.words.push(word.to_owned()),
            }
        }
        ensure!(parsed.rounds > 0 && !parsed.turn.is_zero(), "--rounds and --seconds must be greater than zero");
        Ok(parsed)
    }

    /// Whether a section is asked for: its name has all the words in it.
    pub fn select(&self, section: &str) -> bool {
        self.words.iter().all(|word| section.contains(word.as_str()))
    }
}
