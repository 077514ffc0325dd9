//! The file of keys: a first line that says what it is, and then `ID SEALS-FROM SECRET` a line, `#` for remarks.

use std::{
    fmt::Write,
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{KeyId, MOST_KEYS, SECRET, key::Key, random_secret};
use crate::{
    hex::unhex_into,
    reading::{self, Whole},
    replace::replace,
};

const FIRST_LINE: &str = "reprise-keyring 1";
/// No keyring is longer.
const LONGEST: u64 = 64 << 10;

/// Why a keyring cannot be read or changed. Nothing of its secrets is in here.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file cannot be read or written.
    #[error("the keyring {}: {cause}{}", path.display(), advice(path, cause))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// There is something where a new one is to be made.
    #[error("{} is there already: choose another name, or add a key with `reprise keys rotate`", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may read or write it.
    #[error("the keyring {} has mode {mode:03o}; expected one that its owner alone may read: `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("the keyring {} belongs to user {owner}, who can read it; expected this process's user or root: `chown` it", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The user's number.
        owner: u32,
    },
    /// A line is wrong.
    #[error("the keyring {}, line {line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What was found and what was expected.
        what: String,
    },
    /// There are too few or too many keys.
    #[error("the keyring {} has {found} keys; expected 1 to {MOST_KEYS}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// How many there are.
        found: usize,
    },
    /// OpenSSL failed.
    #[error("OpenSSL could not make or derive keys: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
}

/// A key as it stands in the file.
#[derive(Clone)]
struct Line {
    seals_from: u64,
    secret: Zeroizing<[u8; SECRET]>,
}

/// What is in the file, sorted by the time from which keys seal.
pub struct KeyringFile {
    path: PathBuf,
    lines: Vec<Line>,
}

/// What to do about it, where it is plain.
fn advice(path: &Path, cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound if path.parent().is_some_and(|dir| dir.as_os_str().is_empty() || dir.is_dir()) => {
            format!("; `reprise keys new {}` makes one", path.display())
        }
        io::ErrorKind::NotFound => "; expected it in a directory that is there".into(),
        io::ErrorKind::PermissionDenied => "; expected one of this user's, in a directory of this user's".into(),
        _ => String::new(),
    }
}

impl KeyringFile {
    /// A keyring of one new key.
    pub fn new(path: &Path, now: u64) -> Result<Self, KeyringError> {
        Ok(Self { path: path.into(), lines: vec![Line { seals_from: now, secret: random_secret()? }] })
    }

    /// Reads it, if nobody but its owner may.
    pub fn read(path: &Path) -> Result<Self, KeyringError> {
        let failed = |cause| KeyringError::Io { path: path.into(), cause };
        let Whole { bytes, about } = reading::read(path, LONGEST).map_err(|unread| failed(unread.into_io()))?;
        let (mode, owner) = (about.mode() & 0o777, about.uid());
        if mode & 0o077 != 0 {
            return Err(KeyringError::Exposed { path: path.into(), mode });
        }
        if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
            return Err(KeyringError::Owner { path: path.into(), owner });
        }
        Self::parse(path, &reading::text(bytes).map_err(failed)?)
    }

    /// What `text` says, which is in the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, KeyringError> {
        let wrong = |line: usize, what: String| KeyringError::Line { path: path.into(), line: line + 1, what };
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        match lines.next() {
            Some((_, FIRST_LINE)) => {}
            first => {
                let number = first.map_or(0, |(number, _)| number);
                return Err(wrong(
                    number,
                    format!("expected `{FIRST_LINE}`: make a keyring with `reprise keys new FILE`"),
                ));
            }
        }
        let mut keys: Vec<Line> = Vec::new();
        for (number, line) in lines {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let [id, seals_from, secret] = words.as_slice() else {
                return Err(wrong(number, format!("{} words; expected three: ID SEALS-FROM SECRET", words.len())));
            };
            let seals_from = seals_from.parse().map_err(|_| {
                wrong(number, "the second word is no time; expected seconds since the Unix epoch".into())
            })?;
            let secret = secret_of(secret).ok_or_else(|| {
                wrong(number, format!("the third word is no secret; expected {} hex digits", 2 * SECRET))
            })?;
            let derived = Key::derive(&secret, seals_from)?.id();
            if derived.to_string() != *id {
                return Err(wrong(
                    number,
                    // Not shown: it may be a secret in the wrong place.
                    format!(
                        "the first word is not the id of this secret, which is `{derived}`: one of them was changed"
                    ),
                ));
            }
            if keys.iter().any(|key| key.secret == secret) {
                return Err(wrong(number, format!("key {derived} is there twice: leave one out")));
            }
            keys.push(Line { seals_from, secret });
        }
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return Err(KeyringError::Keys { path: path.into(), found: keys.len() });
        }
        keys.sort_by_key(|key| key.seals_from);
        Ok(Self { path: path.into(), lines: keys })
    }

    /// The keys that are derived from it.
    pub fn keys(&self) -> Result<Box<[Key]>, KeyringError> {
        self.lines.iter().map(|line| Ok(Key::derive(&line.secret, line.seals_from)?)).collect()
    }

    /// Adds a key that seals from `seals_from` on, and drops those that had sealed for the last
    /// time `keep` seconds ago; returns the ids of these.
    pub fn rotate(&mut self, seals_from: u64, keep: u64, now: u64) -> Result<Vec<KeyId>, KeyringError> {
        let retired = |next: &Line| next.seals_from.saturating_add(keep) <= now;
        let kept_from = self.lines.iter().skip(1).take_while(|next| retired(next)).count();
        let dropped: Vec<Line> = self.lines.drain(..kept_from).collect();
        if self.lines.len() == MOST_KEYS {
            return Err(KeyringError::Keys { path: self.path.clone(), found: MOST_KEYS + 1 });
        }
        self.lines.push(Line { seals_from, secret: random_secret()? });
        self.lines.sort_by_key(|key| key.seals_from);
        dropped.iter().map(|line| Ok(Key::derive(&line.secret, line.seals_from)?.id())).collect()
    }

    /// Writes it where nothing is yet.
    pub fn create(&self) -> Result<(), KeyringError> {
        let text = self.text()?;
        let written =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path).and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            });
        written.map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => KeyringError::Exists { path: self.path.clone() },
            _ => self.failed(cause),
        })
    }

    /// Writes it over what is there: in one step, so that a node that reads it meanwhile has the old or the new.
    pub fn replace(&self) -> Result<(), KeyringError> {
        replace(&self.path, self.text()?.as_bytes(), 0o600).map_err(|cause| self.failed(cause))
    }

    fn text(&self) -> Result<Zeroizing<String>, KeyringError> {
        let mut text = Zeroizing::new(String::with_capacity(256 + self.lines.len() * 128));
        let _ = writeln!(
            text,
            "{FIRST_LINE}\n# ID SEALS-FROM (seconds since the Unix epoch) SECRET. Whoever reads this can open every session."
        );
        for line in &self.lines {
            let id = Key::derive(&line.secret, line.seals_from)?.id();
            let _ = write!(text, "{id} {} ", line.seals_from);
            line.secret.iter().try_for_each(|byte| write!(text, "{byte:02x}")).ok();
            text.push('\n');
        }
        Ok(text)
    }

    fn failed(&self, cause: io::Error) -> KeyringError {
        KeyringError::Io { path: self.path.clone(), cause }
    }
}

fn secret_of(hex: &str) -> Option<Zeroizing<[u8; SECRET]>> {
    let mut secret = Zeroizing::new([0; SECRET]);
    unhex_into(hex, secret.as_mut_slice())?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn times(file: &KeyringFile) -> Vec<u64> {
        file.lines.iter().map(|line| line.seals_from).collect()
    }

    #[test]
    fn what_is_written_is_read_again_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        let mut file = KeyringFile::new(&path, 100).unwrap();
        file.create().unwrap();
        file.rotate(200, 1000, 100).unwrap();
        file.replace().unwrap();
        let read = KeyringFile::read(&path).unwrap();
        assert!(read.keys().unwrap() == file.keys().unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_keyring_is_never_made_over_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        KeyringFile::new(&path, 100).unwrap().create().unwrap();
        let before = fs::read(&path).unwrap();
        let error = KeyringFile::new(&path, 100).unwrap().create().unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn one_that_others_may_read_or_write_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        KeyringFile::new(&path, 100).unwrap().create().unwrap();
        for mode in [0o604, 0o640, 0o602, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = KeyringFile::read(&path).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(&format!("chmod 600 {}", path.display())), "{mode:o}: {error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(KeyringFile::read(&path).is_ok());
    }

    #[test]
    fn a_key_goes_when_it_has_not_sealed_for_long_enough() {
        let mut file = KeyringFile::new("k".as_ref(), 100).unwrap();
        // The first seals until 200.
        assert!(file.rotate(200, 50, 150).unwrap().is_empty());
        assert!(file.rotate(300, 50, 249).unwrap().is_empty());
        assert_eq!(times(&file), [100, 200, 300]);
        assert_eq!(file.rotate(400, 50, 250).unwrap().len(), 1);
        assert_eq!(times(&file), [200, 300, 400]);
    }

    #[test]
    fn the_key_that_seals_is_never_dropped_and_there_are_never_too_many() {
        let mut file = KeyringFile::new("k".as_ref(), 0).unwrap();
        for time in 1..MOST_KEYS as u64 {
            file.rotate(time, 1_000_000, 0).unwrap();
        }
        let error = file.rotate(99, 1_000_000, 0).unwrap_err().to_string();
        assert!(error.contains("1 to 16"), "{error}");
        assert_eq!(file.rotate(2_000_000, 1, 1_000_000).unwrap().len(), MOST_KEYS - 1);
        assert_eq!(times(&file), [MOST_KEYS as u64 - 1, 2_000_000]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_shows_no_secret() {
        let path: &Path = "keyring".as_ref();
        let good = KeyringFile::new(path, 100).unwrap().text().unwrap();
        let line = good.lines().last().unwrap();
        let secret = line.rsplit_once(' ').unwrap().1;
        let other_id = if line.starts_with('0') { "1" } else { "0" };
        for (text, named) in [
            (String::new(), "line 1: expected `reprise-keyring 1`"),
            ("reprise-keyring 2\n".into(), "line 1: expected `reprise-keyring 1`"),
            (format!("{FIRST_LINE}\n"), "has 0 keys"),
            (format!("{FIRST_LINE}\n{line} more"), "line 2: 4 words"),
            (format!("{FIRST_LINE}\n\n{}", line.replace(" 100 ", " soon ")), "line 3: the second word"),
            (format!("{FIRST_LINE}\n{}", &line[..line.len() - 1]), "line 2: the third word"),
            (format!("{FIRST_LINE}\n{}x", &line[..line.len() - 1]), "line 2: the third word"),
            (format!("{FIRST_LINE}\n{other_id}{}", &line[1..]), "the first word is not the id of this secret"),
            (format!("{FIRST_LINE}\n{line}\n{line}\n"), "there twice"),
        ] {
            let error = KeyringFile::parse(path, &text).map(|_| ()).expect_err(&text).to_string();
            assert!(error.contains(named) && error.contains("keyring"), "{named}: {error}");
            assert!(!error.contains(&secret[..16]), "{error}");
        }
    }
}
