//! Copies of what is gone at one node go at the others.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use reprise::{
    session::SessionId,
    store::{Redis, Store},
};
use reprise_tests::{redis::RedisServer, until};

use super::{Servers, entry, node, put, single_use, take};

/// What a node is told to be gone.
fn told(node: &Redis) -> Arc<Mutex<Vec<SessionId>>> {
    let told = Arc::<Mutex<Vec<SessionId>>>::default();
    let tell = told.clone();
    node.observe_invalidations(Arc::new(move |id| tell.lock().unwrap().push(*id)));
    told
}

#[test]
fn the_other_nodes_are_told_of_what_is_removed_and_of_what_is_consumed_that_may_be_copied() {
    for servers in Servers::each() {
        let nodes = [node(&servers.url(), "a"), node(&servers.url(), "b")];
        let heard = [told(&nodes[0]), told(&nodes[1])];
        // It has its connection to hear by, and the server there hears each of the others: what a
        // Cluster's servers tell one another before they are connected is lost.
        let mut before = HashMap::new();
        until("the other one hears from every server", || {
            let id = put(&nodes[0], entry());
            before.insert(id, servers.home(&id));
            nodes[0].remove(&id);
            let from: HashSet<usize> = heard[1].lock().unwrap().iter().map(|id| before[id]).collect();
            from.len() == servers.homes()
        });
        let (removed, consumed) = (put(&nodes[0], entry()), put(&nodes[0], entry()));
        let once = put(&nodes[0], single_use());
        assert!(take(&nodes[0], &once).is_some() && take(&nodes[0], &consumed).is_some());
        nodes[0].remove(&removed);
        let told = || -> Vec<SessionId> {
            let heard = heard[1].lock().unwrap();
            heard.iter().copied().filter(|id| !before.contains_key(id)).collect()
        };
        until("the other one is told", || told().len() == 2);
        // By different servers of a Cluster, in either order.
        let told = told();
        assert!(told.contains(&consumed) && told.contains(&removed), "and of nothing that was never copied");
        assert!(heard[0].lock().unwrap().is_empty(), "who did it knows");
    }
}

#[test]
fn a_node_hears_again_after_the_server_was_started_again() {
    let mut server = RedisServer::start();
    let nodes = [node(&server.url(), "a"), node(&server.url(), "b")];
    let heard = told(&nodes[1]);
    server.restart();
    until("it is told", || {
        let id = put(&nodes[0], entry());
        nodes[0].remove(&id);
        heard.lock().unwrap().contains(&id) || heard.lock().unwrap().len() > 1
    });
}

#[test]
fn everybody_who_wants_to_be_told_is_told() {
    let server = RedisServer::start();
    let nodes = [node(&server.url(), "a"), node(&server.url(), "b")];
    let heard = [told(&nodes[1]), told(&nodes[1])];
    // The first ones may come before it has a connection to hear by.
    until("each is told", || {
        nodes[0].remove(&put(&nodes[0], entry()));
        heard.iter().all(|heard| !heard.lock().unwrap().is_empty())
    });
}
