//! What operators are given for Prometheus and Grafana, held to what is served and to Prometheus' own parser.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(root(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

const RULES: &str = "packaging/observability/reprise.rules.yml";

/// `promtool`, which has to be content.
fn promtool(arguments: &[&str]) {
    let ran = Command::new("promtool").args(arguments).current_dir(root("packaging/observability")).output();
    let ran = ran.expect("promtool starts: it comes with Prometheus");
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    assert!(ran.status.success(), "{said}");
}

/// What a line of the rules says of `field`.
fn said<'a>(rules: &'a str, field: &'a str) -> impl Iterator<Item = &'a str> {
    rules.lines().filter_map(move |line| line.trim_start().trim_start_matches("- ").strip_prefix(field)).map(str::trim)
}

#[test]
fn each_alert_fires_and_is_silent_when_all_is_well() {
    promtool(&["check", "rules", "reprise.rules.yml"]);
    promtool(&["test", "rules", "reprise.rules.test.yml"]);
    let (rules, tests) = (read(RULES), read("packaging/observability/reprise.rules.test.yml"));
    for alert in said(&rules, "alert:") {
        assert!(tests.contains(&format!("alertname=\"{alert}\", alertstate=\"firing\"")), "no test fires {alert}");
    }
}

#[test]
fn each_alert_has_its_section_in_the_runbook() {
    let (rules, page) = (read(RULES), read("docs/operate/alerts.md"));
    let alerts: Vec<_> = said(&rules, "alert:").collect();
    let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(alerts, sections);
    let linked: Vec<_> = said(&rules, "runbook: docs/operate/alerts.md#").collect();
    assert_eq!(linked, alerts.iter().map(|alert| alert.to_lowercase()).collect::<Vec<_>>());
}

/// The panels of the dashboard, and the queries of each.
fn dashboard() -> Vec<(Value, Vec<String>)> {
    let dashboard: Value = serde_json::from_str(&read("packaging/observability/grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().map(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        (panel.clone(), targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect())
    });
    panels.collect()
}

/// Prometheus' parser has no command for a query alone, so each becomes a rule.
#[test]
fn prometheus_parses_each_query_of_the_dashboard() {
    let queries: Vec<_> = dashboard().into_iter().flat_map(|(_, queries)| queries).collect();
    assert!(queries.len() > 15);
    let rule = |(place, query): (usize, &String)| {
        let query = query.replace("$__rate_interval", "5m");
        format!("      - {{record: \"query:{place}\", expr: {}}}\n", serde_json::to_string(&query).unwrap())
    };
    let rules: String = queries.iter().enumerate().map(rule).collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("queries.yml");
    fs::write(&file, format!("groups:\n  - name: dashboard\n    rules:\n{rules}")).unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()]);
}

#[test]
fn the_dashboard_is_laid_out_and_says_what_each_panel_shows() {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeMap::new());
    for (panel, queries) in dashboard() {
        let title = panel["title"].as_str().unwrap().to_owned();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        let row = panel["type"] == "row";
        assert_eq!(queries.is_empty(), row, "{title}");
        assert!(row || !panel["description"].as_str().unwrap().is_empty(), "{title}");
        assert!(row || panel["datasource"]["uid"] == "${datasource}", "{title}: a data source of ours");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title} is wider than the page");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert_eq!(taken.insert((x, y), title.clone()), None, "{title} lies on another");
            }
        }
    }
}

/// `admin` holds the page against what is served.
#[test]
fn each_metric_that_is_asked_for_is_served() {
    let page = read("docs/metrics.md");
    let served: BTreeSet<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let queries: String = dashboard().into_iter().flat_map(|(_, queries)| queries).collect();
    let asked = read(RULES) + &queries;
    let words = asked.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names: BTreeSet<_> = words.filter(|word| word.starts_with("reprise_")).collect();
    assert!(names.len() > 10);
    for name in names {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
        assert!(served.contains(family.unwrap_or(name)), "{name} is not in docs/metrics.md");
    }
}
