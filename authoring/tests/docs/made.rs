//! What docs/ shows is what there is: the templates, word for word, and the interface in its own comments.
//!
//! `cargo xtask docs` writes it, which is this test with `REPRISE_WRITE_DOCS` set.

use std::{env, fs};

use reprise_authoring::Language;
use wit_bindgen_core::{Files, wit_parser::Resolve};

use crate::{read, workspace};

/// Holds a document against what it should be, or writes it.
fn is_up_to_date(path: &str, expected: &str) {
    let file = workspace(path);
    if env::var_os("REPRISE_WRITE_DOCS").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not what it should be. Type this, then look at what changed:\n  cargo xtask docs"
    );
}

/// The page with each block of code that follows `<!-- FILE -->` replaced by that template's text.
fn with_templates(page: &str) -> String {
    let (mut shown, mut lines) = (String::new(), page.lines());
    while let Some(line) = lines.next() {
        shown += &format!("{line}\n");
        let Some(name) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let fence = lines.next().unwrap_or_default();
        assert!(fence.starts_with("```"), "a block of code is expected behind `{line}`, found `{fence}`");
        let template = read(&workspace("authoring/templates").join(name));
        shown += &format!("{fence}\n{}\n```\n", template.trim_end());
        lines.find(|line| *line == "```").unwrap_or_else(|| panic!("the block behind `{line}` does not end"));
    }
    shown
}

#[test]
fn each_language_has_a_page_that_shows_its_template_word_for_word() {
    for language in Language::ALL {
        let path = format!("docs/write-a-policy/{language}.md");
        let page = read(&workspace(&path));
        assert!(page.contains(&format!("<!-- {language}/")), "{path} shows nothing of authoring/templates/{language}");
        is_up_to_date(&path, &with_templates(&page));
        let contents = read(&workspace("docs/write-a-policy/README.md"));
        assert!(contents.contains(&format!("({language}.md)")), "{path} is not in the list of pages");
    }
}

#[test]
fn the_reference_of_the_interface_is_its_own_comments() {
    let mut resolve = Resolve::default();
    let package = resolve.push_file(workspace("wit/session-cache.wit")).unwrap();
    let world = resolve.select_world(&[package], Some("policy")).unwrap();
    let introduction = resolve.packages[package].docs.contents.clone().expect("the package has a comment");
    let mut files = Files::default();
    wit_bindgen_markdown::Opts::default().build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, reference) = files.iter().find(|(name, _)| name.ends_with(".md")).expect("the generator writes Markdown");
    // Behind HTML, the comments' own Markdown would not be read as such.
    let reference = std::str::from_utf8(reference).unwrap().replace("\n  <p>", "\\\n  ");
    let heading = "# The interface: `reprise:session-cache@0.1.0`";
    let origin = "Made of [wit/session-cache.wit](../wit/session-cache.wit) by `cargo xtask docs`.";
    is_up_to_date("docs/wit.md", &format!("{heading}\n\n{origin}\n\n{introduction}\n\n{}\n", reference.trim()));
}
