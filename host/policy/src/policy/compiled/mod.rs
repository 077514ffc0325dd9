//! Compiled policies, kept on disk so that a restart does not compile them again.
//!
//! A directory that only this user can read and write, with a `key` made at random once, and an
//! entry for each module's file and engine: `NAME.compiled`, where the name is a hash of both.
//! Entries are authenticated with the key. Whatever is in doubt is not used: the module is
//! compiled, and a new entry takes the place of the doubtful one. The cache is bounded in bytes;
//! what was not used for longest goes first.
//!
//! - `native`: code, sealed and opened, and the one `unsafe` call
//! - `private`: files that are this user's alone

mod native;
mod private;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::{self, DirBuilder, File},
    hash::{Hash, Hasher},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use openssl::sha::{Sha256, sha256};
use reprise_session::{
    hex::hex,
    ownership,
    replace::{BEING_WRITTEN, replace},
};
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
use wasmtime::{Engine, component::Component};
use zeroize::Zeroizing;

pub(super) use self::native::{Code, Seal};

const KEY: &str = "key";
const KEY_LENGTH: usize = 32;
const SUFFIX: &str = "compiled";
/// The mode of every file here.
const PRIVATE: u32 = 0o600;
/// What a crash left of a write goes after this long.
const STALE: Duration = Duration::from_secs(60 * 60);

/// A directory of compiled code.
pub(super) struct Cache {
    dir: PathBuf,
    seal: Seal,
    /// The most bytes of all entries.
    room: u64,
}

/// What code is for: SHA-256 over the engine's compatibility hash, what makes components of
/// modules, and the file's hash.
pub(super) struct Name([u8; 32]);

/// Why an entry, or the key, is not used.
#[derive(Debug)]
pub(super) enum Doubt {
    /// The file is another user's, can be read or written by others, or is no regular file.
    NotPrivate(String),
    /// It ends before it should.
    Truncated,
    /// It was not sealed with this directory's key under this name: changed, moved, or made elsewhere.
    Seal,
    /// The engine does not take it.
    Foreign(String),
    /// It cannot be read.
    Unreadable(io::Error),
}

impl Cache {
    /// The cache in `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made, or somebody else could write or read it; the reason, ending in what to do.
    pub(super) fn open(dir: &Path, room: u64) -> Result<Self, String> {
        let failed = |what: &str, error: &dyn fmt::Display| format!("{}: {what}: {error}", dir.display());
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| failed("the directory cannot be made", &error))?;
        private::directory(dir).map_err(|doubt| format!("{doubt}: it should be for this user only: chmod 700"))?;
        if let Some(exposed) = ownership::exposed(dir) {
            return Err(exposed);
        }
        // Of several processes, one makes the key and the others read it.
        let locked = File::open(dir).and_then(|dir| dir.lock().map(|()| dir));
        let _locked = locked.map_err(|error| failed("the directory cannot be locked", &error))?;
        let key = match private::read(&dir.join(KEY), KEY_LENGTH as u64) {
            Ok(Some(key)) if key.len() == KEY_LENGTH => Zeroizing::new(key),
            Ok(None) => new_key(dir).map_err(|error| failed("the key cannot be made", &error))?,
            doubtful => {
                let doubt = doubtful.err().unwrap_or(Doubt::Truncated);
                tracing::warn!(dir = %dir.display(), %doubt, "the key of the compiled code is not used: a new one is made");
                new_key(dir).map_err(|error| failed("the key cannot be made", &error))?
            }
        };
        let seal = Seal::new(&key).map_err(|error| failed("the key cannot be used", &error))?;
        Ok(Self { dir: dir.to_owned(), seal, room })
    }

    /// The component of a module's file and the memory that it begins with, if its code is here and beyond doubt.
    pub(super) fn load(&self, engine: &Engine, module: &[u8]) -> Option<(Component, usize)> {
        let name = Name::of(engine, module);
        let path = self.path(&name);
        let found = match private::read(&path, self.room) {
            Ok(None) => return None,
            Ok(Some(entry)) => self.seal.open(&name, entry).and_then(|code| code.load(engine)),
            Err(doubt) => Err(doubt),
        };
        match found {
            Ok(component) => {
                // What is used stays; that it is not marked so is no reason not to use it.
                let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                Some(component)
            }
            Err(doubt) => {
                tracing::warn!(file = %path.display(), %doubt, "compiled code is not used: compiling again");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the code of a module's file, if there is room; what was not used for longest makes way.
    pub(super) fn keep(&self, engine: &Engine, module: &[u8], code: &Code) {
        let name = Name::of(engine, module);
        let kept = self.seal.entry(&name, code).map_err(io::Error::from).and_then(|entry| {
            if entry.len() as u64 > self.room {
                return Ok(());
            }
            self.make_room(entry.len() as u64)?;
            replace(&self.path(&name), &entry, PRIVATE)
        });
        if let Err(error) = kept {
            tracing::warn!(dir = %self.dir.display(), "compiled code is not kept: {error:#}");
        }
    }

    fn path(&self, Name(name): &Name) -> PathBuf {
        self.dir.join(hex(name)).with_extension(SUFFIX)
    }

    fn make_room(&self, wanted: u64) -> io::Result<()> {
        let mut entries = Vec::new();
        for found in fs::read_dir(&self.dir)? {
            let path = found?.path();
            // One that another process has just removed is no entry any more.
            let Ok(metadata) = path.symlink_metadata() else { continue };
            let used = metadata.modified()?;
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(SUFFIX) => entries.push((used, metadata.len(), path)),
                Some(BEING_WRITTEN) if used.elapsed().is_ok_and(|age| age > STALE) => {
                    let _ = fs::remove_file(path);
                }
                _ => {}
            }
        }
        entries.sort();
        let mut bytes: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, freed, path) in entries {
            if bytes + wanted <= self.room {
                break;
            }
            let _ = fs::remove_file(path);
            bytes -= freed;
        }
        Ok(())
    }
}

fn new_key(dir: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; KEY_LENGTH]);
    openssl::rand::rand_priv_bytes(&mut key)?;
    replace(&dir.join(KEY), &key, PRIVATE)?;
    Ok(key)
}

impl Name {
    pub(super) fn of(engine: &Engine, module: &[u8]) -> Self {
        let mut compatibility = Fed(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut compatibility);
        let mut name = Sha256::new();
        name.update(b"reprise compiled code 2\0");
        name.update(env!("CARGO_PKG_VERSION").as_bytes());
        name.update(&compatibility.0.finish());
        name.update(&sha256(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER));
        name.update(&sha256(module));
        Self(name.finish())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Takes what is hashed into SHA-256; `Hasher`'s own 64 bits are too few to tell engines apart by.
struct Fed(Sha256);

impl Hasher for Fed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPrivate(why) => f.write_str(why),
            Self::Truncated => f.write_str("it is cut short"),
            Self::Seal => f.write_str("it was not made here, or was changed since"),
            Self::Foreign(why) => write!(f, "it is another engine's: {why}"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}
