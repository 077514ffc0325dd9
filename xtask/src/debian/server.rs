//! An nginx of the system's, as its administrator would have it ask the agent of an installed
//! package.

use std::{fs, net::TcpListener, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::run::{output, run};

/// Its files. What lies under /tmp is nobody's concern.
const FOLDER: &str = "/tmp/nginx";

/// What its unit has of ours.
pub const ENABLED: &str = "/etc/systemd/system/nginx.service.d";

/// Makes the agent's keyring, by which sessions are known from outside.
pub fn make_keyring(path: &str, user: &str) -> Result<()> {
    run(Command::new("reprise").args(["keys", "new", path]))?;
    run(Command::new("chown").args([user, path]))
}

/// Has nginx serve, and looks at it from outside: sessions are to resume, and to be Reprise's by
/// this keyring.
///
/// # Errors
/// They do not, or nothing serves.
pub fn resumes(keyring: &str, user: &str) -> Result<()> {
    fs::create_dir_all(FOLDER)?;
    let file = |name: &str| format!("{FOLDER}/{name}");
    let (certificate, key) = (file("server.crt"), file("server.key"));
    let names = ["-subj", "/CN=a.example", "-addext", "subjectAltName=DNS:a.example"];
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-quiet", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    run(openssl.args(names).args(["-keyout", &key, "-out", &certificate]))?;

    let conf = output("reprise", &["module", "conf", "--program", "nginx"]).context("`reprise module conf` fails")?;
    let uid = output("id", &["-u", user]).with_context(|| format!("there is no user {user}"))?;
    // Long enough for a machine that does much else.
    fs::write(file("openssl.cnf"), format!("{conf}\nagent = {uid}\ndeadline = 1000ms\n"))?;
    // Somebody else may take the port before nginx does, which then says so.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {};\n", file(what)))
        .concat();
    let configuration = format!(
        "user www-data;\npid {};\nerror_log {};\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
         server {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {certificate};\nssl_certificate_key {key};\n\
         return 200 ok;\n}}\n}}\n",
        file("pid"),
        file("log")
    );
    fs::write(file("nginx.conf"), configuration)?;
    // It is back when it listens.
    let nginx = || {
        let mut nginx = Command::new("nginx");
        nginx.args(["-c", &file("nginx.conf")]).env("OPENSSL_CONF", file("openssl.cnf"));
        nginx
    };
    run(&mut nginx())?;
    let mut probe = Command::new("setpriv");
    probe.args([format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".into()]);
    probe.args(["reprise", "probe", "--server-name", "a.example", "--keyring", keyring, &format!("127.0.0.1:{port}")]);
    let found = run(&mut probe);
    run(nginx().args(["-s", "quit"]))?;
    found.with_context(|| fs::read_to_string(file("log")).unwrap_or_default())
}

/// Has nginx's unit load the module. Nothing of that is to be left when the package is gone.
pub fn is_enabled() -> Result<()> {
    run(Command::new("reprise").args(["module", "enable", "nginx"]))?;
    ensure!(Path::new(ENABLED).is_dir(), "{ENABLED} is not there: the unit is as it was");
    Ok(())
}

/// Whether there is an nginx here.
pub fn is_there() -> bool {
    Path::new("/usr/sbin/nginx").exists()
}
