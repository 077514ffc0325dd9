//! A process that makes a context for each connection, as gunicorn and PHP do, over and over.

mod guests;

use openssl::ssl::{SslContext, SslMethod, SslVersion};
use reprise_testing::certificates;

use guests::{joined, visit};

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// How much more is resident after `work`.
fn grown(work: impl FnOnce()) -> usize {
    let before = resident();
    work();
    resident().saturating_sub(before)
}

#[test]
fn contexts_that_are_gone_leave_nothing_behind() {
    joined();
    // OpenSSL takes half a millisecond for each: 100,000 of them took as little.
    let make = |count| (0..count).for_each(|_| drop(SslContext::builder(SslMethod::tls()).unwrap().build()));
    make(5_000);
    let more = grown(|| make(15_000));
    assert!(more < 256 << 10, "{more} bytes for 15,000 contexts more");

    // With a handshake in each. Each is hooked, its session is kept by the test, and it is known where the name ends up.
    let identity = certificates::certificate("each.example").names(&["each.example"]).make();
    let serve = |count| {
        for _ in 0..count {
            let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
            context.set_certificate(&identity.certificate).unwrap();
            context.set_private_key(&identity.key).unwrap();
            visit(&context.build(), SslVersion::TLS1_2, "each.example", None).unwrap();
            guests::KEEPS.sessions.lock().unwrap().clear();
        }
    };
    serve(500);
    let more = grown(|| serve(1_500));
    assert!(more < 1 << 20, "{more} bytes for 1,500 handshakes more, in a context each");
}
