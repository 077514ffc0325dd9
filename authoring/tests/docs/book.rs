//! docs/ as a book: every page is in docs/SUMMARY.md, and every link in the project's Markdown leads somewhere.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{files, read, shown, workspace};

/// Lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// A line without its code spans.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// Where the links of a page lead, as they are written.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text).map(without_code) {
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        links.extend(inline.map(str::to_owned));
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            links.push(target.trim().to_owned());
        }
        let attributes = line.split("src=\"").skip(1).chain(line.split("srcset=\"").skip(1));
        links.extend(attributes.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    links
}

/// The anchors of a page, as those who show Markdown make them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let anchor = |heading: &str| -> String {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
    };
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let mut anchors: BTreeSet<String> = headings.map(|line| anchor(line.trim_start_matches('#'))).collect();
    let named = text.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next());
    anchors.extend(named.map(str::to_owned));
    anchors
}

/// The project's own Markdown.
fn pages() -> Vec<PathBuf> {
    files(&workspace(""), ".md")
}

#[test]
fn every_page_of_docs_is_in_the_book() {
    let summary = workspace("docs/SUMMARY.md");
    let listed: BTreeSet<String> = links(&read(&summary)).into_iter().collect();
    for page in files(&workspace("docs"), ".md") {
        let name = page.strip_prefix(workspace("docs")).unwrap().display().to_string();
        assert!(name == "SUMMARY.md" || listed.contains(&name), "docs/{name} is not in docs/SUMMARY.md");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 40, "the pages are gone");
    let mut wrong = Vec::new();
    for page in pages {
        for link in links(&read(&page)) {
            let outside = ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme));
            if !outside && let Err(why) = follow(&page, &link) {
                wrong.push(format!("{}: `{link}` {why}", shown(&page)));
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

/// Whether a link of a page leads to a file that is there, and to a heading in it.
fn follow(page: &Path, link: &str) -> Result<(), &'static str> {
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { page.to_owned() } else { page.with_file_name("").join(file) };
    if !target.exists() {
        return Err("names no file");
    }
    match anchor {
        Some(anchor) if target.extension().is_some_and(|extension| extension == "md") => {
            anchors(&read(&target)).contains(anchor).then_some(()).ok_or("names no heading")
        }
        _ => Ok(()),
    }
}

#[test]
fn a_link_is_found_and_followed() {
    let text = "See [a](b.md#c) and `[no](link.md)`.\n```\n[nor](this.md)\n```\n[d]: e.md\n<img src=\"f.svg\">\n";
    assert_eq!(links(text), ["b.md#c", "e.md", "f.svg"]);
    let headings = anchors("# What `--help` says: all\n<a id=\"there\"></a>\n```\n# no heading\n```\n");
    assert_eq!(headings.into_iter().collect::<Vec<_>>(), ["there", "what---help-says-all"]);
    let page = workspace("docs/README.md");
    assert!(follow(&page, "../README.md").is_ok());
    assert_eq!(follow(&page, "no-such-page.md"), Err("names no file"));
    assert_eq!(follow(&page, "../SECURITY.md#no-such-heading"), Err("names no heading"));
}
