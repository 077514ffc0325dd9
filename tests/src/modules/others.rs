//! Other servers, unchanged, with the module in them. Each answers every request with the name of the site.

use std::{
    fmt::Write as _,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use super::{Guests, Running, Site};

/// An HAProxy of two threads behind a master (`-W`), with these sites, the first the default.
pub fn haproxy(guests: &Guests, sites: &[Site<'_>]) -> Running {
    haproxy_with(guests, sites, "")
}

/// The same, with these lines more that hold for all of it.
pub(super) fn haproxy_with(guests: &Guests, sites: &[Site<'_>], global: &str) -> Running {
    let place = guests.place();
    let mut certificates = String::new();
    for Site { name, identity, .. } in sites {
        place.write(&format!("{name}.pem"), [identity.certificate_pem(), identity.key_pem()].concat());
        write!(certificates, " crt {}", place.arg(&format!("{name}.pem"))).unwrap();
    }
    let more = sites[0].more;
    guests.start("haproxy", |port| {
        place.write(
            "haproxy.cfg",
            format!(
                "global
                    nbthread 2
                    ssl-default-bind-options ssl-min-ver TLSv1.2
                    {global}
                defaults
                    mode http
                    timeout client 30s
                    timeout connect 30s
                    timeout server 30s
                frontend all
                    bind 127.0.0.1:{port} ssl{certificates} {more}
                    http-request return status 200 content-type text/plain lf-string \"site %[ssl_fc_sni] client %[ssl_c_verify] %[ssl_c_s_dn]\\n\"\n"
            ),
        );
        let mut command = Command::new("haproxy");
        command.args(["-W", "-db", "-f"]).arg(place.path("haproxy.cfg"));
        command
    })
}

/// An Apache httpd of the event kind, with these sites, the first the default.
pub fn httpd(guests: &Guests, sites: &[Site<'_>]) -> Running {
    let place = guests.place();
    let modules = Path::new("/usr/lib/apache2/modules");
    guests.start("apache2", |port| {
        let mut configuration = format!(
            "ServerRoot {0}
            PidFile {0}/httpd.pid
            DefaultRuntimeDir {0}
            Listen 127.0.0.1:{port}
            ServerName localhost
            User www-data
            Group www-data
            ErrorLog /dev/stderr
            KeepAlive Off
            StartServers 1
            MinSpareThreads 1
            MaxSpareThreads 32\n",
            place.path(".").display()
        );
        for module in ["mpm_event", "authz_core", "ssl"] {
            let file = modules.join(format!("mod_{module}.so"));
            writeln!(configuration, "LoadModule {module}_module {}", file.display()).unwrap();
        }
        for Site { name, identity, more } in sites {
            place.identity(name, identity);
            let folder = place.path(&format!("{name}.www"));
            fs::create_dir_all(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
            fs::write(folder.join("connection"), format!("site {name}\n")).unwrap();
            write!(
                configuration,
                "<VirtualHost 127.0.0.1:{port}>
                    ServerName {name}
                    DocumentRoot {}
                    SSLEngine on
                    SSLProtocol -all +TLSv1.2 +TLSv1.3
                    SSLCertificateFile {}
                    SSLCertificateKeyFile {}
                    {more}
                </VirtualHost>\n",
                folder.display(),
                place.arg(&format!("{name}.crt")),
                place.arg(&format!("{name}.key")),
            )
            .unwrap();
        }
        place.write("httpd.conf", configuration);
        let mut command = Command::new("apache2");
        command.args(["-DFOREGROUND", "-f"]).arg(place.path("httpd.conf"));
        command
    })
}

/// How a Python program serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Python {
    /// A thread for each connection, on sockets.
    Threads,
    /// asyncio, on memory BIOs.
    Asyncio,
}

/// A Python program with one site.
pub fn python(guests: &Guests, kind: Python, site: &Site<'_>) -> Running {
    const COMMON: &str = r#"
import ssl, sys
port, name, certificate, key = int(sys.argv[1]), *sys.argv[2:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
answer = b"HTTP/1.0 200 OK\r\n\r\nsite " + name.encode() + b"\n"
"#;
    const THREADS: &str = r#"
import socketserver
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            with context.wrap_socket(self.request, server_side=True) as stream:
                stream.recv(4096)
                stream.sendall(answer)
                stream.unwrap()
        except OSError:
            pass
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("127.0.0.1", port), Handler).serve_forever()
"#;
    const ASYNCIO: &str = r#"
import asyncio
async def handle(reader, writer):
    try:
        await reader.read(4096)
        writer.write(answer)
        await writer.drain()
        writer.close()
    except OSError:
        pass
async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", port, ssl=context)
    await server.serve_forever()
asyncio.run(main())
"#;
    let place = guests.place();
    place.identity(site.name, site.identity);
    let program = match kind {
        Python::Threads => THREADS,
        Python::Asyncio => ASYNCIO,
    };
    place.write("server.py", [COMMON, program].concat());
    guests.start("python3", |port| {
        let system = Path::new("/usr/bin/python3");
        let mut command = Command::new(if system.exists() { system } else { Path::new("python3") });
        command.arg(place.path("server.py")).arg(port.to_string()).arg(site.name);
        command.arg(place.path(&format!("{}.crt", site.name))).arg(place.path(&format!("{}.key", site.name)));
        command
    })
}

/// A stunnel with one site, which answers by itself.
pub fn stunnel(guests: &Guests, site: &Site<'_>) -> Running {
    let place = guests.place();
    place.identity(site.name, site.identity);
    guests.start("stunnel4", |port| {
        place.write(
            "stunnel.conf",
            format!(
                "foreground = yes
                pid =
                socket = r:TCP_NODELAY=1
                [answers]
                accept = 127.0.0.1:{port}
                cert = {}
                key = {}
                exec = /bin/sh
                execArgs = sh -c 'read line; printf \"HTTP/1.0 200 OK\\r\\n\\r\\nsite {}\\n\"'\n",
                place.arg(&format!("{}.crt", site.name)),
                place.arg(&format!("{}.key", site.name)),
                site.name,
            ),
        );
        let mut command = Command::new("stunnel4");
        command.arg(place.path("stunnel.conf"));
        command
    })
}
