//! PostgreSQL, unchanged, with the module in it.

use std::{
    fs,
    net::TcpStream,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::{Guests, Running};
use crate::{PATIENCE, built, certificates::Identity};

/// A PostgreSQL that speaks TLS.
pub struct Postgres {
    running: Running,
}

/// Where Debian has its programs.
fn programs() -> PathBuf {
    const VERSIONS: &str = "/usr/lib/postgresql";
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    newest.unwrap_or_else(|| {
        panic!("no `initdb` below {VERSIONS}. Install it, then try again:\n  apt-get install postgresql")
    })
}

/// A PostgreSQL with a database of its own, and this certificate. It does not run as root.
pub fn postgres(guests: &Guests, identity: &Identity) -> Postgres {
    let place = guests.place();
    let (user, group) = user();
    // What it loads must be where its user can read it.
    fs::copy(built::module(), place.path("libreprise_module.so")).unwrap();
    let configuration = fs::read_to_string(place.path("openssl.cnf")).unwrap();
    let module = built::module().canonicalize().unwrap();
    place.write("openssl.cnf", configuration.replace(&*module.to_string_lossy(), &place.arg("libreprise_module.so")));
    let folder = place.path("postgres");
    fs::create_dir(&folder).unwrap();
    chown(&folder, Some(user), Some(group)).expect("the tests run as root");
    let as_its_user = |program: &str| {
        let mut command = Command::new(programs().join(program));
        command.uid(user).gid(group).current_dir(&folder);
        command
    };
    let data = folder.join("data");
    let mut initdb = as_its_user("initdb");
    initdb.args(["--auth=trust", "--no-locale", "--username=tested", "--no-sync", "--pgdata"]).arg(&data);
    let Output { status, stderr, .. } = initdb.stdin(Stdio::null()).output().expect("`initdb` is there");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    for (name, bytes) in [("server.crt", identity.certificate_pem()), ("server.key", identity.key_pem())] {
        let file = data.join(name);
        fs::write(&file, bytes).unwrap();
        chown(&file, Some(user), Some(group)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let running = guests.start("postgresql", |port| {
        let mut command = as_its_user("postgres");
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        command.args(["-c", "ssl=on", "-c", "fsync=off"]);
        command
    });
    // It listens before it answers queries.
    running.says("ready to accept connections", 1);
    Postgres { running }
}

/// The package's user.
fn user() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = passwd.lines().find_map(|line| line.strip_prefix("postgres:")).expect("the package makes its user");
    let mut numbers = line.split(':').skip(1).map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("/etc/passwd has a user and a group");
    (next(), next())
}

impl Postgres {
    /// Its process.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// A connection on which a handshake comes next (`SSLRequest`).
    pub fn connect(&self) -> TcpStream {
        use std::io::{Read, Write};
        let mut tcp = TcpStream::connect(self.running.address()).expect("it listens");
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
        let mut answer = [0];
        tcp.read_exact(&mut answer).unwrap();
        assert_eq!(answer, *b"S", "it speaks TLS");
        tcp
    }

    /// What its own client prints for a query, over TLS.
    pub fn query(&self, query: &str) -> String {
        let port = self.running.address().port();
        let target = format!("host=127.0.0.1 port={port} user=tested dbname=postgres sslmode=require");
        let mut psql = Command::new(programs().join("psql"));
        // Its user's own certificates and files are none of this.
        psql.args(["-X", "-A", "-t", "-c", query, &target]).env("HOME", Path::new("/nonexistent"));
        let Output { status, stdout, stderr } = psql.output().expect("`psql` is there");
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8_lossy(&stdout).trim().to_owned()
    }
}
