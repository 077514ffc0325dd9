//! The page at `--admin` in a real browser: what happens is seen there, and everybody can use it.
//!
//! Its pictures stay in `target/page/`; the book has two of them.

mod browser;

use std::{fs, path::PathBuf};

use reprise_fixtures::policies;
use reprise_tests::{Client, Place, Version, built, until};
use serde_json::Value;

use self::browser::Browser;

/// Waits until the page shows this.
fn shows(browser: &Browser, selector: &str, words: &str) {
    until(&format!("{words:?} in {selector}"), || browser.text(selector).contains(words));
}

/// Holds the page against the rules of axe: what it finds is listed.
fn accessible(browser: &Browser, axe: &str) {
    browser.run(axe);
    let found = browser.awaited(
        "const done = arguments[0];
         axe.run({ resultTypes: ['violations'] }).then(({ violations, passes }) => done({ passes: passes.length,
           violations: violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html + node.failureSummary)]) }))",
    );
    assert_eq!(found["violations"], Value::Array(Vec::new()), "{found:#}");
    assert!(found["passes"].as_u64() > Some(10), "{found:#}");
}

#[test]
fn a_swap_and_a_miss_are_seen_on_the_page() {
    let place = Place::new();
    place.policy("10-calm.wasm", policies::no_opinion());
    place.policy("20-watch.wasm", policies::refuse_get());
    place.policy("20-watch.toml", "mode = \"shadow\"\n");
    let server = place.serve(&["--admin", "0", "--admin-recent", "--policy-budget", "10s"]);
    let axe = fs::read_to_string(built::axe()).unwrap();
    let pictures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/page");
    fs::create_dir_all(&pictures).unwrap();

    let browser = Browser::start();
    browser.open(&format!("http://{}/", server.admin()));
    shows(&browser, "#link", "Live");
    shows(&browser, "#policies-now", "calm");
    shows(&browser, "#recent-said", "0 shown");
    accessible(&browser, &axe);

    // A miss, and what resumed beside it.
    for version in Version::BOTH {
        let client = Client::new(version);
        let mut session = client.first_visit(server.address()).session;
        for _ in 0..3 {
            let again = client.revisit(server.address(), &session);
            assert!(again.reused);
            session = again.session;
        }
        let elsewhere = Client::new(version).asking_for(Some("b.example"));
        assert!(!elsewhere.revisit(server.address(), &session).reused);
    }
    shows(&browser, "#funnel-steps", "server-name 2");
    shows(&browser, "#sums", "10");
    shows(&browser, "#recent-list", "server-name");
    shows(&browser, "#policies-now", "would have refused 6");

    // A policy swapped, and one that is none.
    place.policy("10-calm.wasm", policies::refuse_get());
    server.live("calm", 2);
    place.policy("30-broken.wasm", b"no module");
    shows(&browser, "#policies-now", "broken");
    let row =
        || browser.run("return [...document.querySelectorAll('#policies-now tbody tr')].map((row) => row.innerText)");
    until("the second generation is shown", || row()[0].as_str().is_some_and(|row| row.contains('2')));
    browser.run("document.querySelectorAll('summary').forEach((summary) => summary.click())");
    shows(&browser, "#policies-changes", "rejected");
    shows(&browser, "#funnel-places", "default");

    // One handshake opened, by the keyboard alone.
    let asked = "return fetch('explain?reason=server-name&last=1').then((answer) => answer.json())";
    let number = browser.run(asked)["handshakes"][0]["number"].clone();
    browser.run(&format!("document.getElementById('handshake-{number}').focus()"));
    browser.press("\u{e007}");
    shows(&browser, "#one[open]", &format!("Handshake {number}"));
    shows(&browser, "#one-facts", "a.example");
    accessible(&browser, &axe);
    browser.press("\u{e00c}");
    until("it closes", || browser.run("return document.getElementById('one').open") == false);
    let focus = browser.run("return document.activeElement.id");
    assert_eq!(focus, format!("handshake-{number}"), "the focus is where it was");

    // Only those that are asked for.
    browser.run("document.querySelector('[name=client]').focus()");
    browser.press("10.0.0.0/8\u{e007}");
    shows(&browser, "#recent-said", "0 shown");
    browser.press(&("\u{e003}".repeat(10) + "\u{e007}"));
    shows(&browser, "#recent-said", "10 shown");

    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        browser.look(width, scheme);
        browser.run("document.activeElement.blur(); scrollTo({ top: 0, behavior: 'instant' })");
        until("it fits", || browser.run("return document.documentElement.scrollWidth <= innerWidth") == true);
        accessible(&browser, &axe);
        browser.picture(&pictures.join(format!("{width}-{scheme}.png")));
    }

    // A server that ends takes no browser with it, and none holds it up.
    server.terminate();
    shows(&browser, "#link", "Not connected");
    let said = browser.console();
    // Once the server is gone, the browser says that it does not get there: that is not of the page's making.
    let errors: Vec<_> = said.iter().filter(|line| !line["message"].as_str().unwrap().contains("/events")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
