//! What is revoked at one node resumes at none.

use reprise_tests::{Client, Session, Version, fleet::Fleet, redis::RedisServer, until};

const NODES: usize = 4;

/// For each node a client of each version, with a session that every node has a copy of in memory.
/// The first node to be offered a session that is revoked has it removed everywhere, so each is
/// asked for one of its own.
fn visited(fleet: &Fleet) -> Vec<(usize, Client, Session)> {
    let each = (0..NODES).flat_map(|node| Version::BOTH.map(|version| (node, Client::new(version))));
    let known = |(node, client)| {
        let session = fleet.known_everywhere(&client);
        (node, client, session)
    };
    each.map(known).collect()
}

/// Why this session does not resume at a node, if it does not.
fn miss(fleet: &Fleet, node: usize, client: &Client, session: &Session) -> Option<String> {
    let visit = client.revisit(fleet.address(node), session);
    visit.report.miss_reason.filter(|_| !visit.reused)
}

#[test]
fn what_is_revoked_at_one_node_resumes_at_none_and_the_command_says_who_knows() {
    let redis = RedisServer::start();
    let fleet = Fleet::start_with(NODES, Default::default(), &["memory", &redis.url()], &["--store-deadline", "5s"]);
    let visited = visited(&fleet);
    let other = Client::new(Version::Tls12).asking_for(Some("b.example"));
    let kept = fleet.known_everywhere(&other);

    let (status, said) = fleet.revoke(1, &["--server-name", "a.example", "--wait", "40s"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("known to 4 of 4 nodes, by their own word"), "{said}");
    for (node, client, session) in &visited {
        assert_eq!(miss(&fleet, *node, client, session).as_deref(), Some("revoked"), "node {node}");
    }
    for (node, client, session) in &visited {
        let elsewhere = (node + 1) % NODES;
        assert!(miss(&fleet, elsewhere, client, session).is_some(), "node {elsewhere}");
    }
    for node in 0..NODES {
        assert_eq!(fleet.status(node)["revocations"]["in_force"], 1, "node {node}");
        // What was not named goes on.
        assert!(other.revisit(fleet.address(node), &kept).reused, "node {node}");
    }
}

#[test]
fn a_node_that_comes_later_knows_what_was_revoked_before() {
    let redis = RedisServer::start();
    let mut fleet = Fleet::start_with(2, Default::default(), &["memory", &redis.url()], &["--store-deadline", "5s"]);
    let client = Client::new(Version::Tls13);
    let session = fleet.known_everywhere(&client);
    fleet.kill(1);
    let (_, said) = fleet.revoke(0, &["--all", "--wait", "0s"]);
    // It was heard from not long ago, and nobody knows that it is gone.
    assert!(said.contains("not yet known to"), "{said}");
    fleet.restart(1);
    // On a busy machine it may not have reached the store yet; until it has, nothing resumes either.
    until("it knows", || {
        let miss = miss(&fleet, 1, &client, &session);
        assert!(matches!(miss.as_deref(), Some("revoked" | "store-unavailable")), "{miss:?}");
        miss.as_deref() == Some("revoked")
    });
}

#[test]
fn while_the_store_is_out_of_reach_old_copies_do_not_resume_and_what_is_revoked_is_told_later() {
    let redis = RedisServer::start();
    let arguments = ["--copy-age", "1s", "--store-deadline", "100ms"];
    let fleet = Fleet::start_with(NODES, Default::default(), &["memory", &redis.url()], &arguments);
    let visited = visited(&fleet);
    redis.pause();
    // Clients that renew their sessions at each visit get no more time by it: each has to authenticate once.
    let mut renewing: Vec<_> = visited.iter().collect();
    let mut newest: Vec<_> = visited.iter().map(|(.., session)| session.clone()).collect();
    until("what came of copies is too old", || {
        for place in (0..renewing.len()).rev() {
            let (node, client, _) = renewing[place];
            let visit = client.revisit(fleet.address(*node), &newest[place]);
            newest[place] = visit.session;
            if !visit.reused {
                renewing.remove(place);
                newest.remove(place);
            }
        }
        renewing.is_empty()
    });
    for (node, client, session) in &visited {
        until("a copy is too old", || miss(&fleet, *node, client, session).is_some());
        assert_eq!(miss(&fleet, *node, client, session).as_deref(), Some("store-unavailable"), "node {node}");
    }
    let (status, said) = fleet.revoke(0, &["--all", "--wait", "0s"]);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("no other node was told"), "{said}");
    assert_eq!(fleet.status(0)["revocations"]["untold"], 1);

    redis.resume();
    for node in 0..NODES {
        until("every node knows", || fleet.status(node)["revocations"]["in_force"] == 1);
    }
    for (node, client, session) in &visited {
        assert_eq!(miss(&fleet, *node, client, session).as_deref(), Some("revoked"), "node {node}");
    }
    until("it is told", || fleet.status(0)["revocations"]["untold"] == 0);
}
