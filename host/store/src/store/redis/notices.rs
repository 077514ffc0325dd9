//! Notices: read whenever their version is another than the one known here, and told before anything else is.
//!
//! The server has them under one version, which is another one after each that is published, and
//! after a server took over that had missed some. A node asks for the version several times a
//! second, and with each session that it finds; with its question it says which version it knows,
//! and that is how the others see what it knows.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, Value};
use reprise_session::lock::Mutex;
use reprise_session::{clock::now, hex::hex, vital::Heart};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    link::{Again, Link},
    names::Names,
    random, script,
    worker::Observers,
};
use crate::store::{Health, KnownBy, LATELY, Notice, Published, Unavailable};

/// How long an expired notice is kept in the store, for nodes whose clock is late.
const KEPT_PAST: &[u8] = b"3600";

/// How often nodes are asked for that have not said yet that they know a notice.
const ASKING: Duration = Duration::from_millis(25);

/// How a replica refuses to write.
const READONLY: &str = "READONLY";

/// Bytes that tell nodes of the same name apart.
const DIGITS: usize = 8;

/// What is known here of the notices.
pub struct Notices {
    /// This node in the store: its name after some digits of its own, so that two of one name are two.
    node: String,
    poll: Duration,
    forgotten_after: String,
    known: Mutex<Known>,
    /// One reads at a time, so that what was read earlier is never told later.
    reading: tokio::sync::Mutex<()>,
    /// When the store was asked for the last version that it answered.
    heard: Mutex<Option<Instant>>,
    /// Why the store wrote nothing when it answered last.
    refused: Mutex<Option<String>>,
    made: Instant,
    /// Readings begun.
    readings: AtomicU64,
    hurry: Arc<Notify>,
}

#[derive(Default)]
struct Known {
    /// The version, none before anything was read.
    version: Option<Vec<u8>>,
    /// The number of the last reading that succeeded.
    reading: u64,
    /// Every notice ever seen that has not expired, as [`encode`] writes it, and when it expires.
    notices: BTreeMap<Vec<u8>, u64>,
}

/// A version that was seen, and how many readings had begun before it was asked for.
pub struct Seen {
    pub version: Vec<u8>,
    pub readings: u64,
}

impl Notices {
    pub fn new(node: &str, poll: Duration, forgotten_after: Duration, hurry: Arc<Notify>) -> Self {
        Self {
            node: format!("{}{node}", hex(&random::<DIGITS>())),
            poll,
            forgotten_after: forgotten_after.as_secs().to_string(),
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            heard: Mutex::default(),
            refused: Mutex::default(),
            made: Instant::now(),
            readings: AtomicU64::new(0),
            hurry,
        }
    }

    /// Since when the store was not heard from: for ever, before the first time.
    pub fn age(&self) -> Duration {
        self.heard.lock().map_or(Duration::MAX, |heard| heard.elapsed())
    }

    /// Whether the store lately did what is needed of it. A poll is a question, and a write.
    pub fn health(&self) -> Health {
        // No shorter than the pauses between the questions.
        let lately = LATELY.max(self.poll * 4);
        match *self.heard.lock() {
            None => Health::Fails("it was never reached".into()),
            Some(heard) if heard.elapsed() > lately => {
                Health::Fails(format!("it was not heard from for {} s", heard.elapsed().as_secs()))
            }
            Some(_) => match &*self.refused.lock() {
                Some(why) => Health::Fails(format!("it answers, and takes no writes ({why})")),
                None => Health::Answers,
            },
        }
    }

    /// How long it could have been heard from, and was not.
    pub fn silence(&self) -> Duration {
        self.heard.lock().unwrap_or(self.made).elapsed()
    }

    /// Asks for the version now rather than in a while.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Reads and tells everything again: there is somebody to be told now.
    pub fn tell_again(&self) {
        self.known.lock().version = None;
        self.hurry();
    }

    /// To be called before the version is asked for.
    pub fn readings(&self) -> u64 {
        self.readings.load(Relaxed)
    }

    /// Asks for the version again and again, for as long as it is polled.
    pub async fn keep(&self, link: &Link, names: &Names, observers: &Observers, heart: &Heart) {
        loop {
            // At once when there is a connection: with its first question a node is known to be
            // there, and waited for by who revokes.
            link.connected(self.poll).await;
            let asked = {
                let _busy = heart.works();
                self.ask(link, names, observers).await
            };
            match asked {
                // What was read is to be acknowledged.
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "the session store did not say which notices there are"),
            }
            let _ = timeout(self.poll, self.hurry.notified()).await;
        }
    }

    /// Whether something was read.
    async fn ask(&self, link: &Link, names: &Names, observers: &Observers) -> RedisResult<bool> {
        let (asked, readings) = (Instant::now(), self.readings());
        let known = self.known.lock().version.clone().unwrap_or_default();
        let keys: [&[u8]; 2] = [&names.version, &names.nodes];
        let answer = link.run(&script::POLL, &keys, &[self.node.as_bytes(), &known], Again::MaySend).await?;
        let (version, refused): (Value, String) = FromRedisValue::from_redis_value(answer)?;
        let read = self.catch_up(Seen { version: version_of(version)?, readings }, link, names, observers).await?;
        if refused == READONLY {
            // A master no more: whoever knows which is one has another connection for us.
            link.renew();
        }
        let refused = Some(refused).filter(|refused| !refused.is_empty()).map(|refused| word(&refused));
        *self.refused.lock() = refused;
        *self.heard.lock() = Some(asked);
        Ok(read)
    }

    /// Returns once everything is told that the store had when this version was seen. Whether that took a reading.
    pub async fn catch_up(&self, seen: Seen, link: &Link, names: &Names, observers: &Observers) -> RedisResult<bool> {
        if self.known.lock().version.as_ref() == Some(&seen.version) {
            return Ok(false);
        }
        let _reading = self.reading.lock().await;
        // A reading that began after this version was asked for has brought what it stands for.
        if self.known.lock().reading > seen.readings {
            return Ok(false);
        }
        let reading = self.readings.fetch_add(1, Relaxed) + 1;
        let keys: [&[u8]; 2] = [&names.version, &names.notices];
        let (version, members): (Value, Vec<Vec<u8>>) =
            FromRedisValue::from_redis_value(link.run(&script::READ, &keys, &[], Again::MaySend).await?)?;
        let version = version_of(version)?;
        let (notices, missing) = self.known.lock().merge(members, now());
        if let Some(observer) = observers.notices.get() {
            observer(notices);
        }
        // Only now: whoever sees that this node knows the version may count on it.
        {
            let mut known = self.known.lock();
            (known.version, known.reading) = (Some(version), reading);
        }
        if !missing.is_empty() {
            tracing::warn!(notices = missing.len(), "the session store has lost notices, and is told them again");
            self.add(&missing, link, names).await?;
        }
        Ok(true)
    }

    /// Shares a notice; see [`Store::publish`](crate::store::Store::publish).
    pub async fn publish(
        &self,
        notice: Notice,
        wait: Duration,
        link: &Link,
        names: &Names,
    ) -> Result<Published, Unavailable> {
        if notice.expires <= now() {
            // There is nothing to be known any more.
            return Ok(Published::default());
        }
        let until = Instant::now() + wait;
        let member = encode(&notice);
        self.known.lock().notices.insert(member.clone(), notice.expires);
        let mut version = self.add(&[(member.clone(), notice.expires)], link, names).await?;
        // The first of a new history: the store was wiped, or another server took over, and nodes
        // have yet to say that they are there.
        let settled = if version.ends_with(b":1") { Instant::now() + self.poll * 2 } else { Instant::now() };
        self.hurry();
        let mut published = Err(Unavailable("it has the notice, and does not say which nodes there are".into()));
        loop {
            match self.acknowledged(&member, &mut version, link, names).await {
                Ok(Some(nodes)) => published = Ok(Published { nodes }),
                // It has lost the notice since: another server has taken over.
                Ok(None) => version = self.add(&[(member.clone(), notice.expires)], link, names).await?,
                Err(error) => tracing::debug!(%error, "the session store did not say who knows a notice"),
            }
            let all_know = published.as_ref().is_ok_and(|published| published.nodes.iter().all(|node| node.knows));
            if (all_know && Instant::now() >= settled) || Instant::now() >= until {
                return published;
            }
            sleep(ASKING.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// Adds notices, and gives the version that has them.
    async fn add(&self, notices: &[(Vec<u8>, u64)], link: &Link, names: &Names) -> RedisResult<Vec<u8>> {
        let random = hex(&random::<8>());
        let expires: Vec<String> = notices.iter().map(|(_, expires)| expires.to_string()).collect();
        let mut arguments: Vec<&[u8]> = vec![random.as_bytes(), &names.channel, b"", KEPT_PAST];
        for ((member, _), expires) in notices.iter().zip(&expires) {
            arguments.extend([expires.as_bytes(), member]);
        }
        let keys: [&[u8]; 2] = [&names.version, &names.notices];
        version_of(link.run(&script::PUBLISH, &keys, &arguments, Again::MaySend).await?)
    }

    /// Every node, and whether it knows `version`, in which the notice is; none if the store has it no longer.
    async fn acknowledged(
        &self,
        member: &[u8],
        version: &mut Vec<u8>,
        link: &Link,
        names: &Names,
    ) -> RedisResult<Option<Vec<KnownBy>>> {
        let keys: [&[u8]; 3] = [&names.version, &names.notices, &names.nodes];
        let arguments = [member, self.forgotten_after.as_bytes()];
        let answer = link.run(&script::ACKNOWLEDGED, &keys, &arguments, Again::MaySend).await?;
        let (there, now, nodes): (bool, Value, Vec<(String, Value, u64)>) = FromRedisValue::from_redis_value(answer)?;
        if !there {
            return Ok(None);
        }
        let now = version_of(now)?;
        if reaches(&now, version) != Some(true) {
            // Of another history, in which the notice is as well.
            *version = now;
        }
        let mut known_by = Vec::with_capacity(nodes.len());
        if nodes.iter().all(|(node, _, _)| *node != self.node) {
            // It has not asked for the version yet.
            known_by.push(KnownBy { node: name(&self.node).to_owned(), knows: true, heard: 0 });
        }
        for (node, knows, heard) in nodes {
            let knows = node == self.node || reaches(&version_of(knows)?, version) == Some(true);
            known_by.push(KnownBy { node: name(&node).to_owned(), knows, heard });
        }
        Ok(Some(known_by))
    }

    /// Has the store forget this node, which goes.
    pub async fn leave(&self, link: &Link, names: &Names) {
        let mut command = redis::cmd("HDEL");
        command.arg(&names.nodes).arg(&self.node);
        // If not, it is forgotten some time later.
        let _ = link.send(&command, Again::MaySend).await;
    }
}

impl Known {
    /// Takes in what the store has. All that is in force, and what the store does not have of it.
    fn merge(&mut self, members: Vec<Vec<u8>>, now: u64) -> (Vec<Notice>, Vec<(Vec<u8>, u64)>) {
        let stored: std::collections::HashSet<&[u8]> = members.iter().map(Vec::as_slice).collect();
        self.notices.retain(|_, expires| *expires > now);
        let missing = self.notices.iter().filter(|(member, _)| !stored.contains(member.as_slice()));
        let missing = missing.map(|(member, expires)| (member.clone(), *expires)).collect();
        for member in members {
            match decode(&member) {
                Some(notice) if notice.expires > now => drop(self.notices.insert(member, notice.expires)),
                Some(_) => {}
                None => tracing::warn!("the session store has a notice that is none of this version's"),
            }
        }
        (self.notices.keys().filter_map(|member| decode(member)).collect(), missing)
    }
}

/// The first word of an error of Redis', and nothing that could be anything else.
fn word(error: &str) -> String {
    error.chars().filter(char::is_ascii_uppercase).take(16).collect()
}

/// A node's name, without the digits before it.
fn name(node: &str) -> &str {
    node.get(DIGITS * 2..).unwrap_or(node)
}

/// A notice as the store has it: when it expires, in eight bytes, then its own.
fn encode(notice: &Notice) -> Vec<u8> {
    [&notice.expires.to_be_bytes(), notice.bytes.as_slice()].concat()
}

fn decode(member: &[u8]) -> Option<Notice> {
    let (expires, bytes) = member.split_first_chunk()?;
    Some(Notice { bytes: bytes.to_vec(), expires: u64::from_be_bytes(*expires) })
}

/// A version as the store answers it. There is none before the first notice, nor in a store that was wiped.
pub fn version_of(answer: Value) -> RedisResult<Vec<u8>> {
    match answer {
        Value::Nil => Ok(Vec::new()),
        Value::BulkString(version) => Ok(version),
        _ => Err(RedisError::from((ErrorKind::UnexpectedReturnType, "no version of the notices"))),
    }
}

/// Whether `version` comes after `other` or is the same; none if they are of different histories.
fn reaches(version: &[u8], other: &[u8]) -> Option<bool> {
    let split = |version: &[u8]| {
        let (history, count) = std::str::from_utf8(version).ok()?.rsplit_once(':')?;
        Some((history.to_owned(), count.parse::<u64>().ok()?))
    };
    let ((history, count), (others, other)) = (split(version)?, split(other)?);
    (history == others).then_some(count >= other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_history_are_in_order_and_others_are_not() {
        assert_eq!(reaches(b"a:b:3", b"a:b:3"), Some(true));
        assert_eq!(reaches(b"a:b:10", b"a:b:9"), Some(true));
        assert_eq!(reaches(b"a:b:2", b"a:b:3"), Some(false));
        assert_eq!(reaches(b"a:c:4", b"a:b:3"), None);
        assert_eq!(reaches(b"", b"a:b:3"), None);
    }

    #[test]
    fn what_a_store_has_lost_is_known_and_missing() {
        let notice = |byte, expires| Notice { bytes: vec![byte], expires };
        let mut known = Known::default();
        known.merge(vec![encode(&notice(1, 100)), encode(&notice(2, 200)), b"short".to_vec()], 50);
        let (all, missing) = known.merge(vec![encode(&notice(3, 300))], 100);
        assert_eq!(all, [notice(2, 200), notice(3, 300)], "what has expired is gone");
        assert_eq!(missing, [(encode(&notice(2, 200)), 200)]);
    }
}
