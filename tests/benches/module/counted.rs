//! Resumed handshakes per second, and the processor time of each, whoever keeps the sessions.

use std::collections::HashMap;

use anyhow::{Context, Result};
use reprise_tests::{
    Version,
    certificates::{self, Identity},
};

use super::{
    arguments::Arguments,
    figures::{median, range},
    keeper::Keeper,
    load::Load,
    placement::Placement,
    server::{Server, Setup, client},
    turn::Turn,
};

/// Measures all that is asked for; whether nothing went wrong.
pub fn measure(arguments: &Arguments) -> Result<bool> {
    let ca = certificates::client_ca("Clients");
    let mut well = true;
    for workers in [1, 2] {
        for client_ca in [None, Some(&ca)] {
            let section = |version| section(workers, version, client_ca.is_some());
            let versions = Version::BOTH.into_iter().filter(|version| arguments.select(&section(*version)));
            let versions: Vec<_> = versions.collect();
            if versions.is_empty() {
                continue;
            }
            let identity = client_ca.map(client).transpose()?;
            let placement = if workers == 1 { Placement::apart() } else { Placement::free() };
            let (servers, absent) =
                servers(Setup { workers, client_ca, deadline: &arguments.deadline, redis: None }, placement)?;
            for version in versions {
                println!("\n## {}", section(version));
                println!("{}; {}", placement.words(), if workers == 1 { "one client" } else { "two clients at once" });
                absent.iter().for_each(|(keeper, why)| println!("left out: {}: {why}", keeper.words()));
                let identity = identity.as_ref();
                well &= Cells::new(&servers, workers, version, identity, placement)?.measure(arguments)?;
            }
        }
    }
    Ok(well)
}

fn section(workers: usize, version: Version, certificates: bool) -> String {
    let workers = if workers == 1 { "one worker" } else { "two workers" };
    format!("{workers}, {}, {} client certificates", version.name(), if certificates { "with" } else { "without" })
}

type Absent = Vec<(Keeper, String)>;

/// A server for each keeper, and those that this machine has not, with the reason.
fn servers(setup: Setup<'_>, placement: Placement) -> Result<(Vec<(Keeper, Server)>, Absent)> {
    let (mut servers, mut absent) = (Vec::new(), Vec::new());
    for keeper in Keeper::COUNTED {
        match Server::start(keeper, setup, placement) {
            Ok(server) => servers.push((keeper, server)),
            Err(why) if keeper == Keeper::Lua => absent.push((keeper, format!("{why:#}"))),
            Err(why) => return Err(why).context(keeper.words()),
        }
    }
    Ok((servers, absent))
}

/// Those that are measured side by side.
struct Cells<'a> {
    cells: Vec<Cell<'a>>,
    placement: Placement,
}

struct Cell<'a> {
    keeper: Keeper,
    server: &'a Server,
    loads: Vec<Load>,
    /// By round.
    turns: HashMap<usize, Turn>,
}

impl<'a> Cells<'a> {
    fn new(
        servers: &'a [(Keeper, Server)],
        clients: usize,
        version: Version,
        identity: Option<&Identity>,
        placement: Placement,
    ) -> Result<Self> {
        let mut cells = Vec::new();
        for (keeper, server) in servers {
            let load = || Load::new(server.address(), version, identity);
            let loads = (0..clients).map(|_| load()).collect::<Result<_>>()?;
            cells.push(Cell { keeper: *keeper, server, loads, turns: HashMap::new() });
        }
        Ok(Self { cells, placement })
    }

    /// Rounds, and their table; whether nothing went wrong.
    fn measure(mut self, arguments: &Arguments) -> Result<bool> {
        self.warm_up(arguments);
        let mut well = true;
        let cells = self.cells.len();
        for round in 0..arguments.rounds {
            for turn in 0..cells {
                // Whoever comes after another finds what that one left in the caches.
                let cell = &mut self.cells[(round + turn) % cells];
                let (turn, ()) = Turn::take(cell.server, &cell.loads, arguments.turn, self.placement, |_| ());
                if let Some(wrong) = turn.wrong() {
                    println!("error: round {}, {}: {wrong}", round + 1, cell.keeper.words());
                    well = false;
                } else {
                    cell.turns.insert(round, turn);
                }
            }
        }
        self.print();
        Ok(well)
    }

    /// A round that does not count. Lua is left out where its sessions do not resume, as in TLS 1.3.
    fn warm_up(&mut self, arguments: &Arguments) {
        self.cells.retain(|cell| {
            let (turn, ()) = Turn::take(cell.server, &cell.loads, arguments.turn, self.placement, |_| ());
            let wrong = turn.wrong().filter(|_| cell.keeper == Keeper::Lua);
            if let Some(wrong) = &wrong {
                println!("left out: {}: {wrong}", cell.keeper.words());
            }
            wrong.is_none()
        });
    }

    fn print(&self) {
        println!(
            "{:<26} {:>12} {:>22} {:>8} {:>22} {:>8} {:>8}",
            "", "handshakes/s", "ratio", "CPU, µs", "ratio", "nginx", "agent"
        );
        let own = &self.cells[0].turns;
        for Cell { keeper, turns, .. } in &self.cells {
            if turns.is_empty() {
                println!("{:<26} no round counts", keeper.words());
                continue;
            }
            let of = |what: fn(&Turn) -> f64| median(turns.values().map(what));
            let to_own = |what: fn(&Turn) -> f64| {
                range(turns.iter().filter_map(|(round, turn)| Some(what(turn) / what(own.get(round)?))))
            };
            let all = |turn: &Turn| turn.spent[0] + turn.spent[1];
            println!(
                "{:<26} {:>12.0} {:>22} {:>8.1} {:>22} {:>8.1} {:>8.1}",
                keeper.words(),
                of(|turn| turn.rate),
                to_own(|turn| turn.rate),
                of(all),
                to_own(all),
                of(|turn| turn.spent[0]),
                of(|turn| turn.spent[1]),
            );
        }
    }
}
