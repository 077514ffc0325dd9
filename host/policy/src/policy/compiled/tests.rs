//! Every doubt is a miss.

use std::{
    fs::Permissions,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
};

use reprise_fixtures::policies;
use tempfile::TempDir;

use super::*;
use crate::policy::{RuntimeOptions, engine::engine};

const ROOM: u64 = 64 << 20;

/// A cache with one entry, that of [`Kept::module`].
struct Kept {
    dir: TempDir,
    engine: Engine,
    module: Vec<u8>,
}

impl Kept {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let kept = Self { dir, engine: engine(&RuntimeOptions::default()).unwrap(), module: policies::no_opinion() };
        kept.keep(&kept.module);
        assert!(kept.hits(), "what was kept is found");
        kept
    }

    fn cache(&self) -> Cache {
        Cache::open(&self.at("cache"), ROOM).unwrap()
    }

    fn keep(&self, module: &[u8]) {
        self.cache().keep(&self.engine, module, &compiled(&self.engine, module));
    }

    fn hits(&self) -> bool {
        self.cache().load(&self.engine, &self.module).is_some()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn key(&self) -> PathBuf {
        self.at("cache/key")
    }

    fn entry(&self) -> PathBuf {
        self.cache().path(&Name::of(&self.engine, &self.module))
    }
}

fn compiled(engine: &Engine, module: &[u8]) -> Code {
    Code::of(&Component::from_binary(engine, module).unwrap(), 7).unwrap()
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Each is a miss, after which what takes the entry's place is found.
fn misses(what: &str, harm: impl Fn(&Kept)) {
    let kept = Kept::new();
    harm(&kept);
    assert!(!kept.hits(), "{what}");
    kept.keep(&kept.module);
    assert!(kept.hits(), "after {what}, what is compiled again is kept again");
}

#[test]
fn what_was_kept_is_found_by_the_same_module_and_engine_and_by_no_other() {
    let kept = Kept::new();
    assert!(kept.cache().load(&kept.engine, &policies::lying()).is_none());
    let mut other = wasmtime::Config::new();
    other.concurrency_support(false);
    assert!(kept.cache().load(&Engine::new(&other).unwrap(), &kept.module).is_none());
}

#[test]
fn no_changed_byte_and_no_missing_one_is_taken() {
    let kept = Kept::new();
    let (seal, name) = (kept.cache().seal, Name::of(&kept.engine, &kept.module));
    let entry = fs::read(kept.entry()).unwrap();
    let load = |entry: &[u8]| seal.open(&name, entry.to_vec()).and_then(|code| code.load(&kept.engine));
    assert_eq!(load(&entry).unwrap().1, 7, "the memory that its instances begin with");
    assert!(load(&entry).is_ok());
    for at in (0..entry.len()).step_by(61).chain(0..TAG_AND_MORE).chain([entry.len() - 1]) {
        let mut changed = entry.clone();
        changed[at] ^= 1;
        assert!(matches!(load(&changed), Err(Doubt::Seal)), "changed at {at}");
        assert!(matches!(load(&entry[..at]), Err(Doubt::Seal | Doubt::Truncated)), "cut off at {at}");
    }
    assert!(matches!(load(&[&entry[..], &[0]].concat()), Err(Doubt::Seal)), "a byte more");
}

const TAG_AND_MORE: usize = native::TAG + 8;

#[test]
fn whatever_is_wrong_with_an_entry_is_a_miss() {
    misses("an empty file", |kept| fs::write(kept.entry(), "").unwrap());
    misses("a mode open to the group", |kept| set(&kept.entry(), 0o640));
    misses("a mode open to everyone", |kept| set(&kept.entry(), 0o602));
    misses("a second name", |kept| fs::hard_link(kept.entry(), kept.at("cache/second")).unwrap());
    misses("a symbolic link", |kept| {
        fs::rename(kept.entry(), kept.at("cache/moved")).unwrap();
        symlink("moved", kept.entry()).unwrap();
    });
    misses("another module's entry", |kept| {
        let (ours, other) = (kept.entry(), policies::lying());
        kept.keep(&other);
        fs::rename(kept.cache().path(&Name::of(&kept.engine, &other)), ours).unwrap();
    });
}

#[test]
fn another_engines_entry_is_a_miss() {
    misses("another engine's entry", |kept| {
        let mut other = wasmtime::Config::new();
        other.concurrency_support(false).epoch_interruption(false);
        let other = Engine::new(&other).unwrap();
        kept.cache().keep(&other, &kept.module, &compiled(&other, &kept.module));
        fs::rename(kept.cache().path(&Name::of(&other, &kept.module)), kept.entry()).unwrap();
    });
    // Were it sealed under our own engine's name, wasmtime would still refuse it.
    let kept = Kept::new();
    let mut other = wasmtime::Config::new();
    other.concurrency_support(false).epoch_interruption(false);
    let code = compiled(&Engine::new(&other).unwrap(), &kept.module);
    let (seal, name) = (kept.cache().seal, Name::of(&kept.engine, &kept.module));
    let entry = seal.entry(&name, &code).unwrap();
    assert!(matches!(seal.open(&name, entry).unwrap().load(&kept.engine), Err(Doubt::Foreign(_))));
}

#[test]
fn whatever_is_wrong_with_the_key_makes_a_new_one_and_every_entry_a_miss() {
    misses("no key", |kept| fs::remove_file(kept.key()).unwrap());
    misses("a key that others can read", |kept| set(&kept.key(), 0o644));
    misses("a key cut short", |kept| fs::write(kept.key(), [7; 31]).unwrap());
    misses("a key too long", |kept| fs::write(kept.key(), [7; 33]).unwrap());
    misses("another key", |kept| fs::write(kept.key(), [7; 32]).unwrap());
    misses("a key with a second name", |kept| fs::hard_link(kept.key(), kept.at("second")).unwrap());
    let kept = Kept::new();
    set(&kept.key(), 0o604);
    kept.cache();
    assert_eq!(fs::metadata(kept.key()).unwrap().mode() & 0o777, 0o600, "the new one is private");
}

#[test]
fn what_belongs_to_another_user_is_a_miss() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("not root: nothing can be given to another user here");
    }
    misses("another user's entry", |kept| chown(kept.entry(), Some(65_534), None).unwrap());
    misses("another user's key", |kept| chown(kept.key(), Some(65_534), None).unwrap());
    let kept = Kept::new();
    chown(kept.at("cache"), Some(65_534), None).unwrap();
    assert!(Cache::open(&kept.at("cache"), ROOM).err().unwrap().contains("65534"));
}

#[test]
fn a_directory_that_others_can_look_into_or_replace_is_not_used() {
    for mode in [0o750, 0o701, 0o777] {
        let kept = Kept::new();
        set(&kept.at("cache"), mode);
        assert!(Cache::open(&kept.at("cache"), ROOM).err().unwrap().contains("chmod 700"), "{mode:o}");
    }
    let kept = Kept::new();
    symlink(kept.at("cache"), kept.at("link")).unwrap();
    assert!(Cache::open(&kept.at("link"), ROOM).is_err(), "a link to it");
    set(kept.dir.path(), 0o777);
    assert!(Cache::open(&kept.at("cache"), ROOM).err().unwrap().contains("everyone"), "a directory above it");
}

#[test]
fn files_are_made_private_and_nothing_is_left_beside_them() {
    let kept = Kept::new();
    assert_eq!(fs::metadata(kept.at("cache")).unwrap().mode() & 0o777, 0o700);
    let files: Vec<_> = fs::read_dir(kept.at("cache")).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| file.metadata().unwrap().mode() & 0o777 == 0o600));
}

#[test]
fn what_was_not_used_for_longest_makes_way_and_the_bound_holds() {
    let kept = Kept::new();
    let (dir, other) = (kept.at("bounded"), policies::lying());
    let compile = |module: &[u8]| compiled(&kept.engine, module);
    let size = fs::metadata(kept.entry()).unwrap().len();
    let cache = Cache::open(&dir, size * 5 / 2).unwrap();
    let third = policies::trap_in_probe(reprise_fixtures::Callback::Get);
    let path = |module: &[u8]| cache.path(&Name::of(&kept.engine, module));
    for (age, module) in [(2, &kept.module), (1, &other)] {
        cache.keep(&kept.engine, module, &compile(module));
        let used = SystemTime::now() - Duration::from_secs(age * 1000);
        File::open(path(module)).unwrap().set_modified(used).unwrap();
    }
    assert!(cache.load(&kept.engine, &kept.module).is_some(), "the older one is used, and so the younger");
    cache.keep(&kept.engine, &third, &compile(&third));
    assert!(path(&kept.module).exists() && path(&third).exists() && !path(&other).exists());

    let tiny = Cache::open(&dir, 1000).unwrap();
    tiny.keep(&kept.engine, &other, &compile(&other));
    assert!(!path(&other).exists(), "what is larger than the bound is not kept");
}
