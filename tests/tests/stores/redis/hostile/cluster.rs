//! A Cluster with a node that means harm: by what it says itself, or by the nodes that it says there are.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use reprise::store::{FetchError, Redis, Store};
use reprise_tests::until;

use super::{
    Harm, find, friendly, id,
    mock::{Answer, Mock},
    patient,
};

/// What a store has of connections to a Cluster's nodes, at most.
const CONNECTIONS: usize = 512;

/// Slots, each range with its nodes.
fn slots(ranges: impl IntoIterator<Item = (u16, u16, SocketAddr)>) -> Answer {
    let ranges: Vec<_> = ranges
        .into_iter()
        .map(|(first, last, node)| {
            let host = node.ip().to_string();
            format!("*3\r\n:{first}\r\n:{last}\r\n*2\r\n${}\r\n{host}\r\n:{}\r\n", host.len(), node.port())
        })
        .collect();
    Answer::say(format!("*{}\r\n{}", ranges.len(), ranges.concat()))
}

/// One node has them all.
fn all_at(node: SocketAddr) -> Answer {
    slots([(0, 16_383, node)])
}

fn url(node: &Mock) -> String {
    format!("redis+cluster://{}", node.address())
}

/// A node of a Cluster that it is all of, and that knows where it is.
fn alone(answer: impl Fn(&[String], SocketAddr) -> Answer + Send + Sync + 'static) -> Mock {
    let address = Arc::<OnceLock<SocketAddr>>::default();
    let own = address.clone();
    let node = Mock::start(move |command| answer(command, *own.wait()));
    address.set(node.address()).unwrap();
    node
}

fn why(node: &Redis) -> String {
    match find(node, &id()) {
        Err(FetchError::Unavailable(why)) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_that_is_asked_first_has_bounds() {
    for moment in ["HELLO", "PING", "CLUSTER"] {
        for harm in Harm::each() {
            let answer = harm.answer();
            let node =
                Mock::start(move |command| if command[0] == moment { answer.clone() } else { friendly(command) });
            harm.is_bounded(&url(&node), &node);
        }
    }
}

#[test]
fn a_node_that_another_names_has_bounds() {
    for moment in ["HELLO", "PING", "SUBSCRIBE"] {
        for harm in Harm::each() {
            let answer = harm.answer();
            let named = Mock::start(move |command| match command[0].as_str() {
                "SUBSCRIBE" if moment == "SUBSCRIBE" => answer.clone().after(friendly(command)),
                asked if asked == moment => answer.clone(),
                _ => friendly(command),
            });
            let there = named.address();
            let first = Mock::start(move |command| match command[0].as_str() {
                "CLUSTER" => all_at(there),
                _ => friendly(command),
            });
            harm.is_bounded(&url(&first), &named);
        }
    }
}

#[test]
fn no_more_nodes_are_connected_to_than_a_cluster_has() {
    let asked = Arc::<AtomicU64>::default();
    let counted = asked.clone();
    let node = alone(move |command, own| match command[0].as_str() {
        "CLUSTER" => {
            counted.fetch_add(1, SeqCst);
            slots((0..5_000_u16).map(|slot| {
                let [high, low] = slot.to_be_bytes();
                (slot, slot, (Ipv4Addr::new(127, 1, high, low), own.port()).into())
            }))
        }
        _ => friendly(command),
    });
    let redis = Redis::connect(&url(&node), patient("a")).unwrap();
    until("it has asked several times", || asked.load(SeqCst) >= 3);
    assert!(node.most_open() <= CONNECTIONS, "{} at once", node.most_open());
    assert!(find(&redis, &id()).is_err() && !redis.tiers()[0].reachable);
}

#[test]
fn a_node_that_always_sends_elsewhere_is_bounded() {
    let sent = Arc::<AtomicU32>::default();
    let counted = sent.clone();
    let node = alone(move |command, own| match command[0].as_str() {
        "CLUSTER" => all_at(own),
        "EVALSHA" => {
            let [_, high, middle, low] = counted.fetch_add(1, SeqCst).to_be_bytes();
            Answer::say(format!("-ASK 1 127.{}.{middle}.{low}:{}\r\n", 1 + high, own.port()))
        }
        _ => friendly(command),
    });
    let redis = Redis::connect(&url(&node), patient("a")).unwrap();
    until("it was sent far too often", || {
        assert!(find(&redis, &id()).is_err());
        sent.load(SeqCst) > 4 * u32::try_from(CONNECTIONS).unwrap()
    });
    assert!(node.most_open() <= CONNECTIONS, "{} at once", node.most_open());
}

/// A node that says it has nothing; while it is told so, that others have all slots, and nobody any.
fn losing(slots: impl Fn(SocketAddr) -> Answer + Send + Sync + 'static) -> (Mock, Arc<AtomicBool>, Arc<AtomicU64>) {
    let (loses, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let (lost, counted) = (loses.clone(), asked.clone());
    let node = alone(move |command, own| match command[0].as_str() {
        "CLUSTER" if lost.load(SeqCst) => {
            counted.fetch_add(1, SeqCst);
            slots(own)
        }
        "CLUSTER" => all_at(own),
        // Port 1: nobody.
        "EVALSHA" if lost.load(SeqCst) => Answer::say("-MOVED 1 127.0.0.1:1\r\n"),
        _ => friendly(command),
    });
    (node, loses, asked)
}

/// The Cluster is found again once it is itself again, and is not asked without a pause meanwhile.
fn found_again(slots: impl Fn(SocketAddr) -> Answer + Send + Sync + 'static) {
    let (node, loses, asked) = losing(slots);
    let redis = Redis::connect(&url(&node), patient("a")).unwrap();
    until("it is connected", || why(&redis).contains("it has nothing"));
    loses.store(true, SeqCst);
    let since = Instant::now();
    until("it was asked several times", || {
        assert!(!why(&redis).is_empty());
        asked.load(SeqCst) >= 20
    });
    let (asked, elapsed) = (asked.load(SeqCst), since.elapsed());
    let most = 100 + elapsed.as_millis() / Duration::from_millis(10).as_millis();
    assert!(u128::from(asked) <= most, "{asked} times in {elapsed:?}");
    loses.store(false, SeqCst);
    until("it is found again", || why(&redis).contains("it has nothing"));
}

#[test]
fn a_cluster_without_nodes_for_a_while_is_found_again() {
    found_again(|_| Answer::say("*0\r\n"));
}

#[test]
fn a_cluster_that_did_not_answer_is_found_again() {
    found_again(|_| Answer::say("-ERR not now\r\n"));
}

#[test]
fn a_cluster_elsewhere_for_a_while_is_found_again() {
    found_again(|_| all_at((Ipv4Addr::LOCALHOST, 1).into()));
}
