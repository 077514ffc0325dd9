//! Two machines, each with an agent, and one Redis.

use reprise_tests::{
    Client, Session, Version,
    modules::{Agent, Guests, Running, haproxy, nginx, nginx_at},
    redis::RedisServer,
    until,
};

use crate::{learned, own, site, visit};

/// One of two agents that share a keyring and this Redis.
fn agent(guests: &Guests, keyring: &str, redis: &RedisServer) -> Agent {
    guests.agent_with(&[
        "--keyring",
        keyring,
        "--store",
        "memory",
        "--store",
        &redis.url(),
        "--store-deadline",
        "900ms",
    ])
}

fn machines() -> ([Guests; 2], String) {
    let machines = [Guests::new(), Guests::new()];
    let keyring = machines[0].place().arg("keyring");
    machines[0].new_keyring(&keyring);
    (machines, keyring)
}

/// A session that this server makes, once it is in Redis.
fn kept(client: &Client, server: &Running, redis: &RedisServer) -> Session {
    let before: usize = redis.ask(&["DBSIZE"]);
    let session = learned(client, server);
    until("the session is in Redis", || redis.ask::<usize>(&["DBSIZE"]) > before);
    session
}

/// OpenSSL has no socket in HAProxy: the listener is what the settings call it, on each machine the same.
#[test]
fn what_one_machine_makes_resumes_at_the_other() {
    let (redis, identity) = (RedisServer::start(), own("a.example"));
    let (machines, keyring) = machines();
    let _agents = [agent(&machines[0], &keyring, &redis), agent(&machines[1], &keyring, &redis)];
    let [one, other] = [0, 1].map(|machine| haproxy(&machines[machine], &[site("a.example", &identity)]));
    for version in Version::BOTH {
        let client = Client::new(version);
        let session = kept(&client, &one, &redis);
        learned(&client, &other);
        until("it resumes at the other machine", || visit(&client, &other, Some(&session)).reused);
    }
}

/// nginx's listener is its address, which is the same on both machines: here they have it one after the other.
#[test]
fn an_address_is_the_same_listener_on_each_machine() {
    let (redis, identity) = (RedisServer::start(), own("a.example"));
    let (machines, keyring) = machines();
    let _agents = [agent(&machines[0], &keyring, &redis), agent(&machines[1], &keyring, &redis)];
    let a = || [site("a.example", &identity)];
    let one = nginx(&machines[0], &a());
    let address = one.address();
    let made = Version::BOTH.map(|version| kept(&Client::new(version), &one, &redis));
    drop(one);
    let other = nginx_at(address.port(), &machines[1], &a());
    for (version, session) in Version::BOTH.into_iter().zip(made) {
        let client = Client::new(version);
        learned(&client, &other);
        until("it resumes at the other machine", || visit(&client, &other, Some(&session)).reused);
    }
    // Another address is another listener.
    let elsewhere = nginx(&machines[0], &a());
    let client = Client::new(Version::Tls12);
    let session = learned(&client, &other);
    learned(&client, &elsewhere);
    assert!(!visit(&client, &elsewhere, Some(&session)).reused);
    assert!(visit(&client, &other, Some(&session)).reused);
}
