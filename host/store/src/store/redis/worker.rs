//! The thread that talks to the server.
//!
//! It has a runtime of its own, so that hosts without one can have this store, and no handshake's thread ever waits for a socket.

use std::{
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;
use reprise_session::lock::Mutex;
use reprise_session::{
    session::SessionId,
    vital::{Ended, Heart, Vitals, caught},
};
use tokio::{
    sync::{
        Notify, Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot, watch,
    },
    time::{sleep, timeout},
};

use super::{
    RedisError, RedisOptions,
    address::Address,
    link::Link,
    names::Names,
    news::News,
    notices::Notices,
    sessions::{Doing, Place, Queue, Said, Underway, Write, after},
};
use crate::store::{Answer, Consume, InvalidationObserver, Notice, NoticeObserver, Published, Unavailable};

/// How long what waits to be written is written on when the store is dropped.
const PARTING: Duration = Duration::from_millis(500);

/// How many look-ups wait for the server at once, at most. More are misses.
const LOOKUPS: usize = 100_000;

/// How many writes are on their way to the server at once, at most.
const WRITES: usize = 256;

/// Who is told.
#[derive(Default)]
pub struct Observers {
    pub notices: OnceLock<NoticeObserver>,
    /// Several: tiers in front of this store, and the host.
    pub invalidations: ArcSwap<Vec<InvalidationObserver>>,
}

/// What the thread is asked to do.
pub enum Request {
    Put(Write),
    Fetch {
        id: SessionId,
        consume: Consume,
        answer: oneshot::Sender<Answer>,
    },
    Peek {
        id: SessionId,
        answer: oneshot::Sender<Answer>,
    },
    /// It keeps its place until it is done, or was tried for long enough.
    Remove(SessionId, Place),
    Publish {
        notice: Notice,
        wait: Duration,
        answer: oneshot::Sender<Result<Published, Unavailable>>,
    },
}

/// What is alive in one process.
pub struct Worker {
    pub shared: Arc<Shared>,
    requests: UnboundedSender<Request>,
    ended: Mutex<mpsc::Receiver<()>>,
}

/// What the thread's tasks share.
pub struct Shared {
    pub link: Link,
    pub names: Names,
    pub notices: Notices,
    pub observers: Arc<Observers>,
    pub queue: Arc<Queue>,
    pub vitals: Vitals,
    pub said_foreign: Said,
    pub said_dropping: Said,
    underway: Mutex<Underway>,
    lookups: Semaphore,
    writes: Semaphore,
    pub news: Arc<News>,
    cluster: bool,
}

impl Worker {
    /// Starts the thread, which connects.
    pub fn start(address: &Address, options: &RedisOptions, observers: Arc<Observers>) -> Result<Self, RedisError> {
        let hurry = Arc::<Notify>::default();
        let shared = Arc::new(Shared::new(address, options, observers, hurry));
        let (requests, asked) = unbounded_channel();
        let (ending, ended) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RedisError::Thread)?;
        let working = Arc::clone(&shared);
        let thread = thread::Builder::new().name("reprise-redis".into());
        let spawned = thread.spawn(move || {
            runtime.block_on(work(working, asked));
            // A look-up of a name, say, may take as long as it likes.
            runtime.shutdown_background();
            let _ = ending.send(());
        });
        spawned.map_err(RedisError::Thread)?;
        Ok(Self { shared, requests, ended: Mutex::new(ended) })
    }

    /// Asks the thread. If it is not there any more, the request is dropped, which answers it.
    pub fn ask(&self, request: Request) {
        let _ = self.requests.send(request);
    }

    /// Has the thread write what waits, for a while, and end.
    pub fn end(self: Arc<Self>) {
        let Some(Self { requests, ended, .. }) = Arc::into_inner(self) else { return };
        drop(requests);
        let _ = ended.into_inner().recv_timeout(PARTING * 2);
    }
}

/// Does what it is asked until nobody can ask any more.
async fn work(shared: Arc<Shared>, mut asked: UnboundedReceiver<Request>) {
    let keeping = shared.clone();
    tokio::spawn(async move {
        let mut life = keeping.vitals.task("reprise-redis connection");
        let heart = life.heart();
        while life.again(caught(keeping.link.keep(&heart)).await.map(|()| Ended::Early)).await {}
    });
    let polling = shared.clone();
    let polls = tokio::spawn(async move {
        let mut life = polling.vitals.task("reprise-redis notices");
        let heart = life.heart();
        let keep = || polling.notices.keep(&polling.link, &polling.names, &polling.observers, &heart);
        while life.again(caught(keep()).await.map(|()| Ended::Early)).await {}
    });
    let mut life = shared.vitals.task("reprise-redis requests");
    let heart = life.heart();
    while life.again(caught(take(&shared, &mut asked, &heart)).await).await {}
    let parting = async {
        while !shared.queue.is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        // Or it would come back.
        polls.abort();
        shared.notices.leave(&shared.link, &shared.names).await;
    };
    let _ = timeout(PARTING, parting).await;
}

/// Begins what it is asked, until nobody can ask any more.
async fn take(shared: &Arc<Shared>, asked: &mut UnboundedReceiver<Request>, heart: &Heart) -> Ended {
    while let Some(request) = asked.recv().await {
        let _busy = heart.works();
        shared.clone().begin(request);
    }
    Ended::Told
}

impl Shared {
    fn new(address: &Address, options: &RedisOptions, observers: Arc<Observers>, hurry: Arc<Notify>) -> Self {
        let names = Names::new(&options.namespace);
        let news = Arc::new(News::new(observers.clone(), hurry.clone()));
        Self {
            link: Link::new(address.clone(), options.answers_within, names.channel.clone(), news.clone()),
            names,
            notices: Notices::new(&options.node_name(), options.poll, options.forgets_nodes_after, hurry),
            observers,
            queue: Arc::new(Queue::new(options.queue_entries, options.queue_bytes)),
            vitals: Vitals::default(),
            said_foreign: Said::new(false),
            said_dropping: Said::new(false),
            underway: Mutex::default(),
            lookups: Semaphore::new(LOOKUPS),
            writes: Semaphore::new(WRITES),
            news,
            cluster: address.is_cluster(),
        }
    }

    /// Whether this is a Cluster, as scripts are told.
    pub fn is_cluster(&self) -> &'static [u8] {
        if self.cluster { b"1" } else { b"0" }
    }

    fn begin(self: Arc<Self>, request: Request) {
        match request {
            Request::Put(write) => {
                let (before, doing) = self.next(write.id);
                tokio::spawn(async move {
                    after(before).await;
                    let _permit = self.writes.acquire().await;
                    self.write(&write).await;
                    self.underway.lock().end(&write.id, doing);
                });
            }
            Request::Remove(id, place) => {
                let (before, doing) = self.next(id);
                tokio::spawn(async move {
                    let _place = place;
                    after(before).await;
                    self.remove(&id).await;
                    self.underway.lock().end(&id, doing);
                });
            }
            Request::Fetch { id, consume, answer } => {
                let before = self.underway.lock().with(&id);
                tokio::spawn(async move {
                    let Ok(_place) = self.lookups.try_acquire() else {
                        let _ = answer.send(Err(Unavailable("too many look-ups wait for it".into()).into()));
                        return;
                    };
                    after(before).await;
                    // Nobody waits for it any more: then it had better stay where it is.
                    if !answer.is_closed() {
                        let _ = answer.send(self.fetch(&id, consume).await);
                    }
                });
            }
            Request::Peek { id, answer } => {
                let before = self.underway.lock().with(&id);
                tokio::spawn(async move {
                    after(before).await;
                    let _ = answer.send(self.peek(&id).await);
                });
            }
            Request::Publish { notice, wait, answer } => {
                tokio::spawn(async move {
                    let _ = answer.send(self.notices.publish(notice, wait, &self.link, &self.names).await);
                });
            }
        }
    }

    /// What is to be waited for before something is done to `id`, and the mark that it is being done.
    fn next(&self, id: SessionId) -> (Option<watch::Receiver<()>>, Doing) {
        let mut underway = self.underway.lock();
        (underway.with(&id), underway.begin(id))
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Instant};

    use crate::store::{Fetch, FetchError, Redis, Store, wait};

    use super::*;

    /// Far beyond what anything here takes. Reached only by a test that fails.
    const PATIENCE: Duration = Duration::from_secs(120);

    #[test]
    fn each_task_lives_on_after_a_panic() {
        // It lets nobody stay, so that it is connected to again and again.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        thread::spawn(move || listener.incoming().for_each(drop));
        let options = RedisOptions { poll: Duration::from_millis(1), ..RedisOptions::default() };
        let redis = Redis::connect(&url, options).unwrap();
        let ask = || match redis.fetch(&SessionId::from([1; 32]), Consume::Never, 0) {
            Fetch::Ready(answer) => answer,
            Fetch::Pending(mut answer) => wait::until(Instant::now() + PATIENCE, answer.as_mut()),
        };
        ask().unwrap_err();
        let shared = Arc::clone(&redis.worker().unwrap().shared);
        let given_up = Instant::now() + PATIENCE;
        // Twice: what was started again goes round as before.
        for restarts in [1, 2] {
            for name in ["reprise-redis connection", "reprise-redis notices", "reprise-redis requests"] {
                shared.vitals.strike(name);
                let vital = || shared.vitals.list().into_iter().find(|vital| vital.name == name).unwrap();
                while vital().restarts < restarts {
                    assert!(Instant::now() < given_up, "{:?}", vital());
                    // What the requests are woken by.
                    ask().unwrap_err();
                    thread::sleep(Duration::from_millis(1));
                }
                assert_eq!(vital().ended.as_deref(), Some("it panicked: struck by a test"));
            }
        }
        // It is the server that has no answer, and not the thread.
        let error = ask().unwrap_err();
        assert!(matches!(&error, FetchError::Unavailable(why) if !why.0.contains("thread")), "{error}");
    }
}
