//! The one way to read a file that others may replace: by a FIFO, a device, something without an end, or something
//! that never answers.
//!
//! A file is read to the end or not at all: a regular one, of no more bytes than it may have, within a time. Reading
//! happens on a thread of its own ([`crate::aside`]); where that hangs, as on a network file system whose server is
//! gone, this is an error that names the file, and the thread is left behind. There is one such thread for each file,
//! however often it is tried.

// The command has use for all of it.

use std::{
    collections::HashMap,
    fmt,
    fs::{File, FileType, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::lock::Mutex;
use zeroize::Zeroizing;

use crate::aside::{Aside, NoAnswer};

/// How long files that are read together may take in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// What each gets where others took all of that.
const LEAST: Duration = Duration::from_millis(50);
/// How long a pipe may take: whoever writes into it may have to fetch it first.
const PIPE_PATIENCE: Duration = Duration::from_secs(30);
/// Room for what does not say how long it is.
const FIRST_ROOM: u64 = 16 << 10;

/// The files whose reading hangs.
static HANGING: Mutex<Option<HashMap<PathBuf, Reading>>> = Mutex::new(None);

type Reading = Aside<Result<Whole, Why>>;

/// A file that was read.
pub struct Whole {
    /// All of it, in memory that is zeroed when it is dropped, and was in no other.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What the system says of the file that was open.
    pub about: Metadata,
}

/// A file that was not read.
#[derive(Debug)]
pub struct Unread {
    file: PathBuf,
    /// Why it was not.
    pub why: Why,
}

/// Why it was not.
#[derive(Debug)]
pub enum Why {
    /// What the system says.
    Io(io::Error),
    /// It is something else than a file.
    Kind(&'static str),
    /// It has more bytes than these.
    Large {
        /// The most that is read of it.
        most: u64,
    },
    /// Nothing came of it.
    NoAnswer(NoAnswer),
}

/// What may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// A regular file: it can be read again.
    Regular,
    /// Also a pipe, as a shell makes one of `<(command)`.
    Pipes,
}

/// Reads files that are read together, so that many which hang take no longer than one.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    until: Instant,
}

impl Reader {
    /// Begins to read; the time for all of it counts from now.
    pub fn begin() -> Self {
        Self { until: Instant::now() + PATIENCE }
    }

    /// All of `file`, which must be a regular one of at most `most` bytes.
    ///
    /// # Errors
    /// It is not, cannot be read, or does not answer in time; the error names it.
    pub fn read(self, file: &Path, most: u64) -> Result<Whole, Unread> {
        let patience = self.until.saturating_duration_since(Instant::now()).max(LEAST);
        within(patience, file, most, Allowed::Regular)
    }
}

/// All of `file`, which must be a regular one of at most `most` bytes.
///
/// # Errors
/// It is not, cannot be read, or does not answer in time; the error names it.
pub fn read(file: &Path, most: u64) -> Result<Whole, Unread> {
    Reader::begin().read(file, most)
}

/// The text in `file`, a file or a pipe that is read once, for a command: at most `most` bytes.
///
/// # Errors
/// As those of [`read`], or it is not UTF-8.
pub fn read_text_once(file: &Path, most: u64) -> Result<Zeroizing<String>, Unread> {
    let mut whole = within(PIPE_PATIENCE, file, most, Allowed::Pipes)?;
    text(std::mem::take(&mut whole.bytes)).map_err(|error| Unread { file: file.to_owned(), why: Why::Io(error) })
}

/// These bytes as text.
///
/// # Errors
/// They are not UTF-8.
pub fn text(mut bytes: Zeroizing<Vec<u8>>) -> io::Result<Zeroizing<String>> {
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text")
    })
}

fn within(patience: Duration, file: &Path, most: u64, allowed: Allowed) -> Result<Whole, Unread> {
    let (path, unread) = (file.to_owned(), |why| Unread { file: file.to_owned(), why });
    let mut reading = hanging(|files| files.remove(file)).flatten().unwrap_or_else(|| Aside::new("reprise-read"));
    let read = reading.within(patience, move || read_here(&path, most, allowed));
    if reading.hangs() {
        hanging(|files| files.insert(file.to_owned(), reading));
    }
    read.map_err(Why::NoAnswer).flatten().map_err(unread)
}

/// What `access` makes of the files that hang. None in a child of a process that forked while another thread was at
/// them.
fn hanging<T>(access: impl FnOnce(&mut HashMap<PathBuf, Reading>) -> T) -> Option<T> {
    Some(access(HANGING.try_lock_for(LEAST)?.get_or_insert_default()))
}

fn read_here(path: &Path, most: u64, allowed: Allowed) -> Result<Whole, Why> {
    // Opening a FIFO would wait for its writer; opening a terminal could make it ours.
    let flags = if allowed == Allowed::Regular { libc::O_NONBLOCK } else { 0 };
    let file = OpenOptions::new().read(true).custom_flags(flags | libc::O_NOCTTY).open(path).map_err(Why::Io)?;
    let about = file.metadata().map_err(Why::Io)?;
    let kind = about.file_type();
    if !(kind.is_file() || (allowed == Allowed::Pipes && kind.is_fifo())) {
        return Err(Why::Kind(said(kind)));
    }
    if about.len() > most {
        return Err(Why::Large { most });
    }
    let room = if kind.is_file() { about.len() + 1 } else { FIRST_ROOM };
    let bytes = read_at_most(&file, room, most).map_err(Why::Io)?.ok_or(Why::Large { most })?;
    Ok(Whole { bytes, about })
}

/// `None` if there is more than `most`, whatever size the file claims to have. There is room for `room` bytes at
/// first; it is never grown in place, which would leave a copy of a secret behind.
fn read_at_most(mut file: &File, room: u64, most: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let with_room = |room: u64| Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(usize::MAX)));
    let most_room = most.saturating_add(1);
    let mut room = room.min(most_room);
    let mut bytes: Zeroizing<Vec<u8>> = with_room(room);
    loop {
        let free = room - bytes.len() as u64;
        let read = file.by_ref().take(free).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Ok(None);
        }
        if (read as u64) < free {
            return Ok(Some(bytes));
        }
        room = room.saturating_mul(2).min(most_room);
        let mut larger = with_room(room);
        larger.extend_from_slice(&bytes);
        bytes = larger;
    }
}

fn said(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        kind if kind.is_socket() => "a socket",
        _ => "something else",
    }
}

impl Unread {
    /// As an error of the system's, which does not name the file.
    pub fn into_io(self) -> io::Error {
        match self.why {
            Why::Io(error) => error,
            why => io::Error::other(why),
        }
    }

    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(&self.why, Why::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl std::error::Error for Unread {}
impl std::error::Error for Why {}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.file.display(), self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Kind(found) => write!(f, "it is {found}; expected a regular file"),
            Self::Large { most } => write!(f, "it is larger than {most} bytes, the most that is read of it"),
            Self::NoAnswer(why) => why.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::net::UnixListener, thread};

    use super::*;

    fn fifo(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }

    fn refused(file: &Path, most: u64) -> String {
        read(file, most).map(|_| ()).expect_err("it is not read").to_string()
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).map(|whole| whole.bytes.to_vec()).unwrap(), b"12345");
        assert_eq!(read_text_once(&file, 5).unwrap().as_str(), "12345");
        let error = refused(&file, 4);
        assert!(error.contains(file.to_str().unwrap()) && error.contains("larger than 4 bytes"), "{error}");
        assert!(read(&dir.path().join("none"), 5).err().unwrap().is_missing());
    }

    #[test]
    fn what_is_no_regular_file_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fifo(&at("fifo"));
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for (file, found) in [
            (at("fifo"), "it is a FIFO; expected a regular file"),
            (dir.path().to_owned(), "it is a directory; expected a regular file"),
            ("/dev/zero".into(), "it is a device; expected a regular file"),
            ("/dev/null".into(), "it is a device; expected a regular file"),
            // Opening one is an error of its own.
            (at("socket"), "No such device or address"),
        ] {
            let error = refused(&file, 1 << 30);
            assert!(error.contains(file.to_str().unwrap()) && error.contains(found), "{error}");
        }
    }

    #[test]
    fn a_file_larger_than_it_says_is_bounded() {
        // It says that it has none.
        let error = refused("/proc/self/maps".as_ref(), 100);
        assert!(error.contains("larger than 100 bytes"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let sparse = File::create(dir.path().join("sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();
        assert!(refused(&dir.path().join("sparse"), 1 << 20).contains("larger than 1048576 bytes"));
    }

    #[test]
    fn a_pipe_is_read_once_where_that_will_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        fifo(&path);
        let text = "x".repeat(100_000);
        let (to, sent) = (path.clone(), text.clone());
        let writer = thread::spawn(move || OpenOptions::new().write(true).open(to).unwrap().write_all(sent.as_bytes()));
        assert_eq!(*read_text_once(&path, 1 << 20).unwrap(), text);
        writer.join().unwrap().unwrap();
        let writer =
            thread::spawn(move || OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()));
        let path = dir.path().join("fifo");
        assert!(read_text_once(&path, 10).unwrap_err().to_string().contains("larger than 10 bytes"));
        assert!(writer.join().unwrap().is_err(), "nobody reads on");
    }

    #[test]
    fn a_file_that_never_answers_costs_one_thread() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hangs");
        // A pipe that nobody writes into does what a network file system does whose server is gone.
        fifo(&path);
        let moment = Duration::from_millis(1);
        for _ in 0..3 {
            let error = within(moment, &path, 1, Allowed::Pipes).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()) && error.contains("still waiting"), "{error}");
        }
        let threads = || {
            let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
            let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
            names.filter(|name| name.trim() == "reprise-read").count()
        };
        // Others may be reading in their tests at this moment, and come to an end.
        while threads() != 1 {
            thread::yield_now();
        }
        // Somebody writes into it after all: from then on it is read as ever.
        drop(OpenOptions::new().write(true).open(&path).unwrap());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "1").unwrap();
        while within(PATIENCE, &path, 1, Allowed::Pipes).is_err() {}
    }
}
