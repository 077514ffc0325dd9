//! docs/internals/openssl-facts: each fact names the tests that show it, and each test named after a fact is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{files, read, shown, workspace};

/// The pages, with their sections: what each `## ` heading says up to its colon, and what is below it.
fn sections() -> Vec<(PathBuf, String, String)> {
    let mut sections = Vec::new();
    for page in files(&workspace("docs/internals/openssl-facts"), ".md") {
        for section in read(&page).split("\n## ").skip(1) {
            if let Some((label, _)) = section.lines().next().unwrap_or_default().split_once(':') {
                sections.push((page.clone(), label.to_owned(), section.to_owned()));
            }
        }
    }
    sections
}

/// The tests that a section names, each with the file where it says that it is.
fn shown_by(page: &Path, section: &str) -> Vec<(String, PathBuf)> {
    let text = read(page);
    let target = |label: &str| {
        let definition = text.lines().find_map(|line| line.strip_prefix(&format!("[{label}]: ")));
        let target = definition.unwrap_or_else(|| panic!("{}: [{label}] leads nowhere", shown(page)));
        page.with_file_name(target)
    };
    section
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.strip_suffix(']')?.split_once("` in ["))
        .map(|(test, label)| (test.to_owned(), target(label)))
        .collect()
}

/// The tests of the workspace that are named after a fact: its number, and their names.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut tests: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for file in ["host", "tests"].into_iter().flat_map(|folder| files(&workspace(folder), ".rs")) {
        for rest in read(&file).split("fn fact_").skip(1) {
            let Some((number, _)) = rest.split_once('_').filter(|(number, _)| number.len() == 2) else { continue };
            let end = rest.find('(').unwrap();
            tests.entry(number.to_owned()).or_default().insert(format!("fact_{}", &rest[..end]));
        }
    }
    tests
}

#[test]
fn each_test_of_a_fact_stands_in_its_section() {
    let sections = sections();
    let tests = tests();
    assert!(tests.len() > 20, "the tests of facts are gone");
    for (number, names) in tests {
        let label = format!("Fact {number}");
        let (page, _, section) = sections
            .iter()
            .find(|(_, found, _)| *found == label)
            .unwrap_or_else(|| panic!("no page under docs/internals/openssl-facts has a section `## {label}: …`"));
        let named: BTreeSet<String> = shown_by(page, section).into_iter().map(|(test, _)| test).collect();
        for name in names {
            assert!(named.contains(&name), "`{name}` is not named in `{label}` of {}", shown(page));
        }
    }
}

#[test]
fn each_test_that_a_fact_names_is_where_it_says() {
    for (page, label, section) in sections() {
        for (test, file) in shown_by(&page, &section) {
            let there = read(&file).contains(&format!("fn {test}("));
            assert!(there, "{}: {label} names `{test}`, which is not in {}", shown(&page), file.display());
        }
    }
}

#[test]
fn each_fact_names_a_test_or_says_that_there_is_none() {
    let sections = sections();
    assert!(sections.len() > 40, "the sections are gone");
    for (page, label, section) in sections {
        let shown_by = shown_by(&page, &section);
        let says_none = section.contains("**No test");
        assert!(
            !shown_by.is_empty() || says_none,
            "{}: {label} is shown by nothing, and does not say so",
            shown(&page)
        );
    }
}
