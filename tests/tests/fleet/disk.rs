//! Sessions on the disk that the processes of one machine share.

use reprise_tests::{Client, Place, Session, Version, fleet::Fleet};

/// Two nodes, with copies in memory of what is on the disk.
fn fleet() -> Fleet {
    let place = Place::new();
    let store = format!("disk:{}", place.arg("sessions"));
    Fleet::start_with(2, place, &["memory", &store], &["--store-deadline", "5s"])
}

/// A client of each version, and its session of the first node, which the second has seen: it is on the disk.
fn visited(fleet: &Fleet) -> [(Client, Session); 2] {
    Version::BOTH.map(|version| {
        let client = Client::new(version);
        let session = fleet.known_everywhere(&client);
        (client, session)
    })
}

#[test]
fn what_one_node_keeps_resumes_at_the_other_one_of_the_machine() {
    let fleet = fleet();
    for (client, session) in visited(&fleet) {
        assert!(client.revisit(fleet.address(0), &session).reused);
    }
}

#[test]
fn sessions_of_before_a_kill_resume_after_it() {
    let mut fleet = fleet();
    for killed in 1..=3 {
        let visited = visited(&fleet);
        fleet.kill(0);
        fleet.kill(1);
        fleet.restart(0);
        for (client, session) in &visited {
            let visit = client.revisit(fleet.address(0), session);
            assert!(visit.reused, "after {killed} kills: {:?}", visit.report);
        }
        fleet.restart(1);
    }
}

#[cfg(target_os = "linux")]
mod full {
    use reprise_tests::fleet::{Balancer, Load, SmallDisk};

    use super::*;

    /// It takes a file system of one's own, and is left out by `REPRISE_WITHOUT_MOUNTS=1` alone.
    #[test]
    fn a_disk_that_is_full_costs_no_handshake_and_is_used_again_when_it_is_not() {
        let place = Place::new();
        let Some(mut disk) = SmallDisk::mount(&place.path("disk"), 8) else { return };
        let store = format!("disk:{}?size=4MiB", place.arg("disk/sessions"));
        let fleet = Fleet::start_on(&disk, 2, place, &["memory", &store], &["--store-deadline", "100ms"]);
        let balancer = Balancer::start(&fleet.addresses());
        let load = Load::on(balancer.address(), 24);
        load.tally().resumes(20);
        disk.fill();
        load.tally().goes_on(500);
        disk.make_room();
        load.tally().resumes(20);
        let tally = load.end();
        println!("a full disk: {}", tally.summary());
        tally.none_failed();
    }
}
