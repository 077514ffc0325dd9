//! What requests of others wait on a worker whose look-ups go to Redis: a client asks for something
//! small again and again, on one connection that stays, while others resume.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use openssl::ssl::{Ssl, SslStream};
use reprise_tests::{Version, redis::RedisServer};

use super::{
    arguments::Arguments,
    figures::{median, percentile, range},
    keeper::Keeper,
    load::{Load, NAME, context},
    placement::Placement,
    server::{Server, Setup},
    turn::Turn,
};

/// For an answer that does not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// Measures all that is asked for; whether nothing went wrong.
pub fn measure(arguments: &Arguments) -> Result<bool> {
    let section = |version: Version| format!("waits beside look-ups in redis, {}", version.name());
    let versions: Vec<_> = Version::BOTH.into_iter().filter(|version| arguments.select(&section(*version))).collect();
    if versions.is_empty() {
        return Ok(true);
    }
    let (redis, placement) = (RedisServer::start(), Placement::apart());
    let url = redis.url();
    let setup = Setup { workers: 1, client_ca: None, deadline: &arguments.deadline, redis: Some(&url) };
    let servers = [Keeper::Own, Keeper::Redis].map(|keeper| (keeper, Server::start(keeper, setup, placement)));
    let mut well = true;
    for version in versions {
        println!("\n## {}", section(version));
        println!("one worker; {}; Redis as the scheduler likes", placement.words());
        let mut waits = Vec::new();
        for (keeper, server) in &servers {
            let server = server.as_ref().map_err(|error| anyhow::anyhow!("{}: {error:#}", keeper.words()))?;
            waits.push(Waits::new(*keeper, server, version)?);
        }
        for round in 0..=arguments.rounds {
            for waits in &mut waits {
                // The first is to warm up.
                well &= waits.round(round, arguments.turn, placement)?;
            }
        }
        print(&waits);
        println!("sessions that Redis has found so far (keyspace_hits): {}", redis.info("keyspace_hits"));
    }
    Ok(well)
}

/// A server, its load, and who asks it beside.
struct Waits<'a> {
    keeper: Keeper,
    server: &'a Server,
    load: [Load; 1],
    asking: Asking,
    rounds: HashMap<usize, Round>,
}

struct Round {
    handshakes: f64,
    requests: f64,
    p50: f64,
    p99: f64,
}

impl<'a> Waits<'a> {
    fn new(keeper: Keeper, server: &'a Server, version: Version) -> Result<Self> {
        let load = [Load::new(server.address(), version, None)?];
        Ok(Self { keeper, server, load, asking: Asking::new(server.address(), version)?, rounds: HashMap::new() })
    }

    /// Whether it went well.
    fn round(&mut self, round: usize, length: Duration, placement: Placement) -> Result<bool> {
        let asking = &mut self.asking;
        let ask = |end| {
            placement.time();
            asking.until(end)
        };
        let (turn, times) = Turn::take(self.server, &self.load, length, placement, ask);
        let mut times = times.context(self.keeper.words())?;
        if round == 0 {
            return Ok(true);
        }
        if let Some(wrong) = turn.wrong() {
            println!("error: round {round}, {}: {wrong}", self.keeper.words());
            return Ok(false);
        }
        let requests = times.len() as f64 / length.as_secs_f64();
        let [p50, p99] = [50, 99].map(|percent| percentile(&mut times, percent));
        self.rounds.insert(round, Round { handshakes: turn.rate, requests, p50, p99 });
        Ok(true)
    }
}

/// A client with one connection.
struct Asking {
    stream: SslStream<TcpStream>,
}

impl Asking {
    fn new(address: SocketAddr, version: Version) -> Result<Self> {
        let context = context(version, None, |_| ())?;
        let mut ssl = Ssl::new(&context)?;
        ssl.set_hostname(NAME)?;
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = SslStream::new(ssl, stream)?;
        stream.connect()?;
        Ok(Self { stream })
    }

    /// Microseconds that each answer took, one after the other, until then.
    fn until(&mut self, end: Instant) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok(times);
            }
            self.ask()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }

    fn ask(&mut self) -> Result<()> {
        self.stream.write_all(format!("GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n").as_bytes())?;
        let (mut answer, mut read) = ([0; 1024], 0);
        while !answer[..read].ends_with(b"small\n") {
            let more = self.stream.read(&mut answer[read..])?;
            ensure!(more > 0, "the server closed the connection of requests");
            read += more;
        }
        Ok(())
    }
}

fn print(waits: &[Waits<'_>]) {
    println!(
        "{:<26} {:>8} {:>22} {:>8} {:>22} {:>12} {:>12}",
        "", "p50, µs", "ratio", "p99, µs", "ratio", "requests/s", "handshakes/s"
    );
    let own = &waits[0].rounds;
    for Waits { keeper, rounds, .. } in waits {
        if rounds.is_empty() {
            println!("{:<26} no round counts", keeper.words());
            continue;
        }
        let of = |what: fn(&Round) -> f64| median(rounds.values().map(what));
        let to_own = |what: fn(&Round) -> f64| {
            range(rounds.iter().filter_map(|(number, round)| Some(what(round) / what(own.get(number)?))))
        };
        println!(
            "{:<26} {:>8.0} {:>22} {:>8.0} {:>22} {:>12.0} {:>12.0}",
            keeper.words(),
            of(|round| round.p50),
            to_own(|round| round.p50),
            of(|round| round.p99),
            to_own(|round| round.p99),
            of(|round| round.requests),
            of(|round| round.handshakes),
        );
    }
}
