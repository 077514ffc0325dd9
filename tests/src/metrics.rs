//! OpenMetrics text (version 1.0.0), read strictly: what a scraper might stumble over is an error here.

use std::collections::{BTreeMap, BTreeSet};

/// A metric family.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name, without the suffixes of its samples.
    pub name: String,
    /// `counter`, `gauge`, `histogram`.
    pub kind: String,
    /// What it says of itself.
    pub help: String,
    /// Its samples, in order.
    pub samples: Vec<Sample>,
}

/// A sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What its name has after the family's: `_total`, `_bucket`, …
    pub suffix: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// All families.
#[derive(Clone, Debug)]
pub struct Exposition(pub Vec<Family>);

impl Exposition {
    /// Reads it.
    ///
    /// # Panics
    /// It is malformed; the line is shown.
    pub fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
        let mut families: Vec<Family> = Vec::new();
        let mut lines = body.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = meta(line, "# HELP ");
            let kind_line = lines.next().unwrap_or_default();
            let (typed, kind) = meta(kind_line, "# TYPE ");
            assert!(name == typed && is_name(name) && !help.is_empty(), "{line} / {kind_line}");
            assert!(families.iter().all(|family| family.name != name), "{name} comes twice");
            let suffixes: &[&str] = match kind {
                "counter" => &["_total"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_count", "_sum"],
                _ => panic!("{kind_line}"),
            };
            let mut samples = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                samples.push(sample(line, name, suffixes));
            }
            let family = Family { name: name.into(), kind: kind.into(), help: help.into(), samples };
            family.check();
            families.push(family);
        }
        Self(families)
    }

    /// The value of the one sample of this name with at least these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let all = self.0.iter().flat_map(|family| family.samples.iter().map(move |sample| (family, sample)));
        let has =
            |sample: &Sample| labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value));
        let found: Vec<f64> = all
            .filter(|(family, sample)| format!("{}{}", family.name, sample.suffix) == name && has(sample))
            .map(|(_, sample)| sample.value)
            .collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}");
        found[0]
    }
}

impl Family {
    /// The names of its labels, a histogram's `le` left out.
    pub fn labels(&self) -> BTreeSet<&str> {
        let all = self.samples.iter().flat_map(|sample| sample.labels.keys());
        all.map(String::as_str).filter(|label| *label != "le").collect()
    }

    fn check(&self) {
        let mut seen = BTreeSet::new();
        for Sample { suffix, labels, value } in &self.samples {
            assert!(seen.insert((suffix, labels)), "{}{suffix}{labels:?} comes twice", self.name);
            assert!(self.kind == "gauge" || *value >= 0.0, "{} is negative", self.name);
        }
        if self.kind == "histogram" {
            self.check_buckets();
        }
    }

    /// Buckets ascend, are cumulative, and end at infinity with what `_count` says.
    fn check_buckets(&self) {
        let of = |suffix: &'static str| self.samples.iter().filter(move |sample| sample.suffix == suffix);
        assert!(of("_count").count() > 0, "{} has samples", self.name);
        for count in of("_count") {
            let mut last = (f64::NEG_INFINITY, 0.0);
            for bucket in of("_bucket") {
                let mut labels = bucket.labels.clone();
                let bound = labels.remove("le").expect("a bucket has a bound");
                if labels == count.labels {
                    let bound =
                        if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound is a number") };
                    assert!(bound > last.0 && bucket.value >= last.1, "{} {labels:?} {bound}", self.name);
                    last = (bound, bucket.value);
                }
            }
            assert_eq!(last, (f64::INFINITY, count.value), "{} {:?}", self.name, count.labels);
            assert!(of("_sum").any(|sum| sum.labels == count.labels), "{} has a sum", self.name);
        }
    }
}

fn meta<'a>(line: &'a str, start: &str) -> (&'a str, &'a str) {
    line.strip_prefix(start).and_then(|rest| rest.split_once(' ')).unwrap_or_else(|| panic!("no {start} in {line:?}"))
}

fn sample(line: &str, family: &str, suffixes: &[&str]) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line:?}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, BTreeMap::new()),
        Some((name, labels)) => (name, labels_of(labels.strip_suffix('}').expect("labels end"), line)),
    };
    let suffix = name.strip_prefix(family).filter(|suffix| suffixes.contains(suffix));
    let suffix = suffix.unwrap_or_else(|| panic!("{line:?} is no sample of {family}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number in {line:?}"));
    Sample { suffix: suffix.into(), labels, value }
}

/// Values with quotes, commas or backslashes in them do not come up here.
fn labels_of(text: &str, line: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for label in text.split(',') {
        let (key, value) = label.split_once('=').unwrap_or_else(|| panic!("no label in {line:?}"));
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = value.filter(|value| !value.contains(['"', '\\'])).unwrap_or_else(|| panic!("{line:?}"));
        assert!(is_name(key) && labels.insert(key.to_owned(), value.to_owned()).is_none(), "{line:?}");
    }
    labels
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
