//! A session for single use resumes once in the whole fleet, whoever offers it where at the same moment.

use std::{
    net::{SocketAddr, TcpStream},
    sync::Barrier,
    thread,
};

use reprise_tests::{Client, Place, Session, Version, built, fleet::Fleet, redis::RedisServer, until};

const NODES: usize = 4;

/// Of each version.
const RACES: usize = 500;

/// Four nodes whose policy says that a.example's sessions are for single use. What is slow to be
/// answered is waited for: an answer that comes too late is a session lost, and this is about
/// sessions gained.
fn fleet(redis: &RedisServer) -> Fleet {
    let place = Place::new();
    place.policy("20-lifetimes.toml", "[settings]\nsingle-use = [\"a.example\"]\n");
    place.policy("20-lifetimes.wasm", built::policy("lifetimes"));
    let fleet = Fleet::start_with(NODES, place, &["memory", &redis.url()], &["--store-deadline", "30s"]);
    (0..NODES).for_each(|node| fleet.node(node).live("lifetimes", 1));
    fleet
}

/// Sessions that the store has, each made at one node or another.
fn sessions(client: &Client, nodes: &[SocketAddr], redis: &RedisServer) -> Vec<Session> {
    redis.wipe();
    let node = |race: usize| nodes[race % nodes.len()];
    let sessions = (0..RACES).map(|race| client.first_visit(node(race)).session).collect();
    // They are written behind the handshakes that made them. One more key is where the nodes say that they are there.
    until("the store has every session", || redis.ask::<usize>(&["DBSIZE"]) > RACES);
    sessions
}

#[test]
fn of_four_nodes_that_are_offered_one_session_at_once_exactly_one_resumes_it() {
    let redis = RedisServer::start();
    let fleet = fleet(&redis);
    let nodes = fleet.addresses();
    for version in Version::BOTH {
        let client = Client::new(version);
        let sessions = sessions(&client, &nodes, &redis);
        let start = Barrier::new(NODES);
        let race = |node: SocketAddr| {
            let offer = |session| {
                let tcp = TcpStream::connect(node).expect("the node is up");
                start.wait();
                let visit = client.connect_over(tcp, Some(session)).and_then(|open| open.finish());
                visit.expect("a handshake, resumed or not").report
            };
            sessions.iter().map(offer).collect::<Vec<_>>()
        };
        let reports: Vec<_> = thread::scope(|scope| {
            let race = &race;
            let racing: Vec<_> = nodes.iter().map(|node| scope.spawn(|| race(*node))).collect();
            racing.into_iter().map(|node| node.join().expect("every handshake goes well")).collect()
        });
        for race in 0..RACES {
            let reports: Vec<_> = reports.iter().map(|node| &node[race]).collect();
            let resumed = reports.iter().filter(|report| report.resumed).count();
            assert_eq!(resumed, 1, "{version:?}, race {race}: {reports:#?}");
            // The others are told that there is none, not that something went wrong.
            let missed = reports.iter().filter(|report| report.miss_reason.as_deref() == Some("not-found")).count();
            assert_eq!(missed, NODES - 1, "{version:?}, race {race}: {reports:#?}");
        }
        let winners: Vec<usize> =
            reports.iter().map(|node: &Vec<_>| node.iter().filter(|report| report.resumed).count()).collect();
        println!("{version:?}: of {RACES} races each node won {winners:?}");
    }
}
