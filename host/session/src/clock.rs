//! The host's time: the wall clock, which here never goes back.
//!
//! Lifetimes are counted by the wall clock, for they are compared between nodes and after a restart; and somebody may
//! set it back, an operator, a time server or a virtual machine that is resumed. What was to end would then go on. So
//! time is a ratchet: while the wall clock is behind what it was before, time goes on from there, by the clock that
//! nobody sets (`CLOCK_MONOTONIC`). All of the host goes by it; other rooms do not ask the system.
//!
//! It belongs to one process. What a process takes over from the one before are absolute times, in a store; see
//! docs/inside.md, "Time".

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{AcqRel, Relaxed},
        },
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How far the wall clock has to be behind for it to be told: time servers take steps of milliseconds, and a leap
/// second is one.
const TOLD: Duration = Duration::from_secs(5);

/// A clock that follows another and never goes back. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub struct Ratchet {
    /// The furthest time seen, in whole seconds, so that it is not written to in each handshake.
    last: AtomicU64,
    /// The furthest that the wall clock was ahead of the monotonic one.
    ahead: AtomicU64,
    /// It was told that the wall clock is behind.
    told: AtomicBool,
}

impl Ratchet {
    /// One that has seen nothing.
    pub const fn new() -> Self {
        Self { last: AtomicU64::new(0), ahead: AtomicU64::new(0), told: AtomicBool::new(false) }
    }

    /// The time where the wall clock says `wall` and the monotonic one, read after it, `monotonic`.
    fn at(&self, wall: u64, monotonic: u64) -> u64 {
        let ahead = Self::raise(&self.ahead, wall.saturating_sub(monotonic));
        let last = self.last.load(Relaxed);
        let now = if wall >= last { wall } else { last.max(monotonic.saturating_add(ahead)) };
        Self::raise(&self.last, now - now % 1_000);
        now
    }

    /// Raises a mark, and gives what it is then.
    fn raise(mark: &AtomicU64, to: u64) -> u64 {
        let seen = mark.load(Relaxed);
        if to > seen { mark.fetch_max(to, Relaxed).max(to) } else { seen }
    }

    /// How far the wall clock is behind, if that has to be told: once each time that it is set back.
    fn to_tell(&self, wall: u64, monotonic: u64) -> Option<Duration> {
        let behind = Duration::from_millis(self.at(wall, monotonic).saturating_sub(wall));
        let told = self.told.swap(behind >= TOLD, AcqRel);
        (behind >= TOLD && !told).then_some(behind)
    }
}

/// A clock: seconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

static SYSTEM: Ratchet = Ratchet::new();

/// Seconds since the Unix epoch.
pub fn now() -> u64 {
    since_epoch().as_secs()
}

/// The time since the Unix epoch, in whole milliseconds.
pub fn since_epoch() -> Duration {
    let (wall, monotonic) = system();
    Duration::from_millis(SYSTEM.at(wall, monotonic))
}

/// The time as the standard library has it.
pub fn time() -> SystemTime {
    UNIX_EPOCH + since_epoch()
}

/// Seconds since the Unix epoch; 0 before it.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Has the log say so where the wall clock was set back.
pub fn watch() {
    let (wall, monotonic) = system();
    if let Some(behind) = SYSTEM.to_tell(wall, monotonic) {
        tracing::warn!(
            "the system's clock was set back by {:.0} s; sessions go by the time it had before: restart the server if that \
             one was wrong",
            behind.as_secs_f64()
        );
    }
}

/// A clock that follows `clock`, which says seconds since the Unix epoch, and never goes back.
pub fn following(clock: impl Fn() -> u64 + Send + Sync + 'static) -> impl Fn() -> u64 + Send + Sync + 'static {
    let ratchet = Ratchet::new();
    move || {
        let wall = clock().saturating_mul(1_000);
        ratchet.at(wall, monotonic()) / 1_000
    }
}

/// The wall clock, then the monotonic one: were it the other way round, a pause between the two would put time ahead
/// for good.
fn system() -> (u64, u64) {
    let wall = UNIX_EPOCH.elapsed().unwrap_or_default();
    (u64::try_from(wall.as_millis()).unwrap_or(u64::MAX), monotonic())
}

/// Milliseconds since this process first asked.
fn monotonic() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn time_is_the_wall_clocks_while_that_goes_on() {
        let ratchet = Ratchet::new();
        // It may run faster or slower than the other, or be set forward.
        for (wall, monotonic) in
            [(1_000, 0), (1_999, 1), (2_000, 900), (2_500, 5_000), (90_000, 5_001), (90_001, 5_002)]
        {
            assert_eq!(ratchet.at(wall, monotonic), wall);
        }
    }

    #[test]
    fn time_goes_on_while_the_wall_clock_is_behind() {
        let ratchet = Ratchet::new();
        assert_eq!(ratchet.at(1_000_000, 0), 1_000_000);
        assert_eq!(ratchet.at(400_000, 0), 1_000_000);
        assert_eq!(ratchet.at(400_500, 500), 1_000_500);
        assert_eq!(ratchet.at(0, 60_000), 1_060_000);
        assert_eq!(ratchet.at(1_061_000, 60_001), 1_061_000, "it has caught up");
    }

    #[test]
    fn time_never_goes_back_whatever_the_clocks_do() {
        let ratchet = Ratchet::new();
        let (mut last, mut random) = (0, 1_u64);
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for _ in 0..10_000 {
            let now = ratchet.at(next(1 << 30), next(1 << 20));
            assert!(now / 1_000 >= last / 1_000, "{now} after {last}");
            last = now;
        }
    }

    #[test]
    fn a_setback_is_told_once_and_the_next_one_again() {
        let ratchet = Ratchet::new();
        assert_eq!(ratchet.to_tell(100_000, 0), None);
        assert_eq!(ratchet.to_tell(99_000, 0), None, "a leap second");
        assert_eq!(ratchet.to_tell(40_000, 0), Some(Duration::from_secs(60)));
        assert_eq!(ratchet.to_tell(41_000, 1_000), None);
        assert_eq!(ratchet.to_tell(130_000, 2_000), None, "it is right again");
        assert_eq!(ratchet.to_tell(30_000, 2_000), Some(Duration::from_secs(100)));
    }

    #[test]
    fn a_clock_of_an_embedders_never_goes_back_either() {
        let clock = Arc::new(AtomicU64::new(5_000));
        let read = Arc::clone(&clock);
        let following = following(move || read.load(Relaxed));
        assert_eq!(following(), 5_000);
        clock.store(4_000, Relaxed);
        assert!((5_000..6_000).contains(&following()));
        clock.store(6_000, Relaxed);
        assert_eq!(following(), 6_000);
    }

    /// A file has the times of the file system, an answer and a signature those of the machine; none of them ends
    /// anything.
    #[test]
    fn no_other_room_reads_the_wall_clock() {
        // Of all crates under host/: rooms, by their paths in the `src` of their crate.
        const MAY: [&str; 5] =
            ["clock.rs", "http/mod.rs", "signing/sign.rs", "policies_dir/listing.rs", "policy/compiled/mod.rs"];
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut seen = 0;
        let mut folders = vec![host.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let Some((_, name)) = path.strip_prefix(host).unwrap().to_str().unwrap().split_once("src/") else {
                    continue;
                };
                let text = fs::read_to_string(&path).unwrap();
                let rooms = text.split("#[cfg(test)]").next().unwrap();
                seen += 1;
                let asks = ["SystemTime::now", "UNIX_EPOCH.elapsed"].iter().any(|asks| rooms.contains(asks));
                let is_test = name.contains("tests");
                assert!(!asks || is_test || MAY.contains(&name), "{name} reads the wall clock: use `crate::clock`");
            }
        }
        assert!(seen > 100, "the sources are looked at");
    }
}
