//! What `reprise module enable` writes, in the programs that it is for: nginx over a binary upgrade, and httpd as Debian starts it.

use std::{
    fs::{self, Permissions},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
};

use reprise_tests::{
    Client, Place, Session, Version, built,
    client::Exchange,
    modules::Guests,
    nginx::{Configuration, Server},
    until,
};

use crate::{REQUEST, own};

/// Files that a service is enabled among.
fn write(place: &Place, name: &str, content: &str) {
    let path = place.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Enables a service in the place of these guests, with their agent. `start` is what its unit starts.
fn enable(guests: &Guests, service: &str, start: &str) {
    let place = guests.place();
    write(place, &format!("lib/systemd/system/{service}.service"), &format!("[Service]\nExecStart={start}\n"));
    let module = built::module().canonicalize().unwrap();
    let mut command = Command::new(built::server());
    command.args(["module", "enable", service, "--root"]).arg(place.path("."));
    command.arg("--module").arg(module).arg("--socket").arg(guests.socket());
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // Long enough for a machine that does much else.
    let conf = place.path(&format!("etc/reprise/{service}.cnf"));
    let text = fs::read_to_string(&conf).unwrap() + "deadline = 1000ms\n";
    fs::write(&conf, text).unwrap();
}

/// Ends a server by the number in its file, as far as it still runs.
struct Ended(PathBuf);

impl Ended {
    fn number(&self) -> Option<u32> {
        fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(number) = self.number() {
            signal("-TERM", number);
            until("it has ended", || is_over(number));
        }
    }
}

/// It is gone, or nobody has asked yet what became of it.
fn is_over(number: u32) -> bool {
    fs::read_to_string(format!("/proc/{number}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

fn visit(client: &Client, address: SocketAddr, session: Option<&Session>) -> Exchange {
    client.connect(address, session).and_then(|open| open.exchange_for(REQUEST)).expect("a visit")
}

fn signal(signal: &str, number: u32) {
    let _ = Command::new("kill").args([signal, &number.to_string()]).status();
}

fn has_module(number: u32) -> bool {
    let maps = fs::read_to_string(format!("/proc/{number}/maps")).unwrap_or_default();
    maps.contains("libreprise_module.so")
}

#[test]
fn nginx_has_the_module_after_a_binary_upgrade() {
    let (guests, identity) = (Guests::new(), own("a.example"));
    let _agent = guests.agent();
    let place = guests.place();
    place.identity("a.example", &identity);
    // As Debian's nginx.conf begins.
    write(place, "etc/nginx/nginx.conf", "include modules-enabled/*.conf;\n");
    enable(&guests, "nginx", "/usr/sbin/nginx");
    let (address, pid) = (free_address(), place.path("nginx.pid"));
    let configuration =
        Configuration { first: "include modules-enabled/*.conf;", workers: 1, http: "keepalive_timeout 0;" };
    // Its paths are relative to the configuration's.
    let identity = place.arg("a.example");
    let server = Server { name: "a.example", identity: &identity, more: "", answer: "site a.example" };
    write(place, "etc/nginx/nginx.conf", &configuration.text(address, &[server]));
    // In the background, as its unit has it: one whose parent is still there takes USR2 for a mistake.
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(place.path(".")).args(["-c", "etc/nginx/nginx.conf", "-e", "error.log"]);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("OPENSSL_CONF", place.path("etc/reprise/nginx.cnf"));
    let started = command.status().expect("nginx starts. Install it, then try again:\n  apt-get install nginx");
    let log = || fs::read_to_string(place.path("error.log")).unwrap_or_default();
    assert!(started.success(), "{}", log());
    let ended = Ended(pid);
    until("the master says who it is", || ended.number().is_some());
    let old = ended.number().unwrap();
    assert!(has_module(old));
    until("it listens", || TcpStream::connect(address).is_ok());
    let clients = Version::BOTH.map(Client::new);
    let sessions: Vec<Session> = clients.iter().map(|client| visit(client, address, None).session).collect();

    signal("-USR2", old);
    until("another master is there", || ended.number().is_some_and(|number| number != old));
    let new = ended.number().unwrap();
    signal("-QUIT", old);
    until("the old one is gone", || is_over(old));
    assert!(has_module(new), "{}", log());
    // Where handshakes under this name end up is learned anew.
    visit(&clients[0], address, None);
    for (client, session) in clients.iter().zip(&sessions) {
        assert!(visit(client, address, Some(session)).reused, "{}", log());
    }
}

/// From where httpd has its OPENSSL_CONF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// The line in Debian's file of variables: it is started with none, as by `/etc/init.d/apache2`.
    Envvars,
    /// The environment that it is started with, as by its unit.
    Unit,
}

/// Debian's httpd, by Debian's script.
struct Httpd<'a> {
    place: &'a Place,
    from: From,
    address: SocketAddr,
    _ended: Ended,
}

impl<'a> Httpd<'a> {
    fn start(guests: &'a Guests, from: From) -> Self {
        let place = guests.place();
        place.identity("a.example", &own("a.example"));
        let original = fs::read_to_string("/etc/apache2/envvars");
        let original = original.unwrap_or_else(|error| {
            panic!("/etc/apache2/envvars: {error}. Install it, then try again:\n  apt-get install apache2")
        });
        let folders = ["/var/run/apache2", "/var/lock/apache2", "/var/log/apache2"];
        let own = folders.iter().fold(original, |text, folder| text.replace(folder, &place.arg("run")));
        write(place, "etc/apache2/envvars", &own);
        if from == From::Unit {
            write(place, "lib/systemd/systemd", "");
        }
        enable(guests, "apache2", "/usr/sbin/apachectl start");
        let envvars = fs::read_to_string(place.path("etc/apache2/envvars")).unwrap();
        assert_eq!(envvars == own, from == From::Unit);
        write(place, "etc/apache2/envvars", &envvars.replace("/etc/reprise/", &place.arg("etc/reprise/")));

        let address = free_address();
        let httpd = Self { place, from, address, _ended: Ended(place.path("httpd.pid")) };
        httpd.configure();
        httpd.apache2ctl("start");
        until("httpd listens", || TcpStream::connect(address).is_ok());
        httpd
    }

    fn configure(&self) {
        let folder = self.place.path("www");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.join("connection"), "site a.example\n").unwrap();
        let mut configuration = String::new();
        for module in ["mpm_event", "authz_core", "ssl"] {
            configuration += &format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n");
        }
        configuration += &format!(
            "PidFile {pid}
            DefaultRuntimeDir {run}
            Listen {address}
            ServerName a.example
            User www-data
            Group www-data
            ErrorLog {log}
            KeepAlive Off
            StartServers 1
            MaxSpareThreads 32
            DocumentRoot {www}
            SSLEngine on
            SSLCertificateFile {certificate}
            SSLCertificateKeyFile {key}\n",
            pid = self.place.arg("httpd.pid"),
            address = self.address,
            run = self.place.arg("run"),
            log = self.place.arg("error.log"),
            www = self.place.arg("www"),
            certificate = self.place.arg("a.example.crt"),
            key = self.place.arg("a.example.key"),
        );
        write(self.place, "etc/apache2/apache2.conf", &configuration);
    }

    fn apache2ctl(&self, wish: &str) {
        let mut command = Command::new("/usr/sbin/apache2ctl");
        command.arg(wish).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("APACHE_CONFDIR", self.place.path("etc/apache2")).env("APACHE_STARTED_BY_SYSTEMD", "true");
        if self.from == From::Unit {
            command.env("OPENSSL_CONF", self.place.path("etc/reprise/apache2.cnf"));
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "{wish}: {done:?} {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path("error.log")).unwrap_or_default()
    }
}

#[test]
fn httpd_gets_it_through_debians_script() {
    for from in [From::Envvars, From::Unit] {
        let guests = Guests::new();
        let _agent = guests.agent();
        let httpd = Httpd::start(&guests, from);
        for version in Version::BOTH {
            let client = Client::new(version);
            // A child that begins to serve learns the place anew.
            until("sessions resume", || {
                let session = visit(&client, httpd.address, None).session;
                visit(&client, httpd.address, Some(&session)).reused
            });
            let session = visit(&client, httpd.address, None).session;
            httpd.apache2ctl("graceful");
            until("sessions of before resume after it", || visit(&client, httpd.address, Some(&session)).reused);
        }
    }
}

#[test]
fn the_lowest_version_that_the_system_allows_stays() {
    let guests = Guests::new();
    let place = guests.place();
    let system = "openssl_conf = a_init\n[a_init]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nMinProtocol = TLSv1.3\n";
    write(place, "usr/lib/ssl/openssl.cnf", system);
    write(place, "empty.cnf", "");
    enable(&guests, "shop", "/usr/bin/python3 shop.py");
    let conf = fs::read_to_string(place.path("etc/reprise/shop.cnf")).unwrap();
    let included = format!(".include {}", place.arg("usr/lib/ssl/openssl.cnf"));
    write(place, "moved.cnf", &conf.replace(".include /usr/lib/ssl/openssl.cnf", &included));
    let lowest = |conf: &str| {
        let says = "import ssl; print(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).minimum_version.name);\
                    print('libreprise_module' in open('/proc/self/maps').read())";
        let mut python = Command::new("python3");
        python.args(["-c", says]).env("OPENSSL_CONF", place.path(conf)).env("PATH", "/usr/bin:/bin");
        String::from_utf8(python.output().unwrap().stdout).unwrap()
    };
    assert_eq!(lowest("usr/lib/ssl/openssl.cnf"), "TLSv1_3\nFalse\n");
    assert_eq!(lowest("moved.cnf"), "TLSv1_3\nTrue\n");
    assert_ne!(lowest("empty.cnf"), "TLSv1_3\nFalse\n", "or this test sees nothing");
}
