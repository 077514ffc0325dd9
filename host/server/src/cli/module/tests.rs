//! Services enabled and disabled in the image of a machine.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Parser;
use tempfile::TempDir;

use super::{
    disable::Disable,
    enable::Enable,
    files::{self, Files},
    root::{Root, plan::Planned},
};

#[derive(Parser)]
struct Enables {
    #[command(flatten)]
    enable: Enable,
}

#[derive(Parser)]
struct Disables {
    #[command(flatten)]
    disable: Disable,
}

/// The image of a machine.
pub(super) struct Image {
    dir: TempDir,
    pub(super) root: Root,
}

const NGINX: &str = "[Service]\nExecStart=/usr/sbin/nginx -g 'daemon on;'\n";

impl Image {
    /// With systemd, a configuration of OpenSSL's, nginx, haproxy, apache2 and a service `shop`, and these files.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(Some(dir.path())).unwrap();
        let image = Self { dir, root };
        for (name, content) in [
            ("usr/lib/systemd/systemd", ""),
            ("usr/lib/ssl/openssl.cnf", "openssl_conf = the_init\n[the_init]\nssl_conf = ssl\n"),
            ("lib/systemd/system/nginx.service", NGINX),
            ("lib/systemd/system/haproxy.service", "[Service]\nExecStart=/usr/sbin/haproxy -Ws\n"),
            ("lib/systemd/system/apache2.service", "[Service]\nExecStart=/usr/sbin/apachectl start\n"),
            ("lib/systemd/system/shop.service", "[Service]\nExecStart=/usr/bin/python3 /srv/shop.py\n"),
            ("etc/nginx/nginx.conf", "include /etc/nginx/modules-enabled/*.conf;\nevents {}\n"),
            ("etc/apache2/envvars", "unset HOME\nexport LANG=C"),
            ("etc/passwd", "root:x:0:0::/root:/bin/sh\nreprise:x:997:997::/:/bin/false\n"),
        ] {
            image.write(name, content);
        }
        files.iter().for_each(|(name, content)| image.write(name, content));
        image
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.replace("ROOT", self.dir.path().to_str().unwrap())).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name.trim_start_matches('/'))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Every file, with what is in it.
    fn all(&self) -> BTreeMap<String, String> {
        let (mut all, mut folders) = (BTreeMap::new(), vec![self.dir.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.dir.path()).unwrap().display().to_string();
                    all.insert(name, fs::read_to_string(path).unwrap());
                }
            }
        }
        all
    }

    fn planned(&self, arguments: &str) -> anyhow::Result<Planned> {
        let mut words = arguments.split_whitespace();
        if words.clone().next() == Some("disable") {
            Disables::parse_from(words).disable.planned(&self.root)
        } else {
            words.next();
            Enables::parse_from(["enable"].into_iter().chain(words)).enable.planned(&self.root)
        }
    }

    /// Does it, and gives what was said.
    pub(super) fn done(&self, arguments: &str) -> String {
        let planned = self.planned(arguments).unwrap_or_else(|error| panic!("{arguments}: {error:#}"));
        let shown = planned.plan.shown();
        planned.plan.apply(&self.root).unwrap();
        shown + &planned.said.join("\n")
    }

    fn refused(&self, arguments: &str) -> String {
        format!("{:#}", self.planned(arguments).map(|_| ()).expect_err(arguments))
    }
}

#[test]
fn what_is_written_is_shown_and_taken_back() {
    let image = Image::new(&[]);
    let before = image.all();
    let said = image.done("enable nginx --observe");
    let conf = image.read("/etc/reprise/nginx.cnf");
    for line in [".include /usr/lib/ssl/openssl.cnf", "[the_init]", "program = nginx", "agent = 997", "observe = yes"] {
        assert!(conf.lines().any(|found| found == line), "{line}: {conf}");
    }
    let drop_in = "etc/systemd/system/nginx.service.d/reprise.conf";
    assert!(image.read(drop_in).ends_with("[Service]\nEnvironment=OPENSSL_CONF=/etc/reprise/nginx.cnf\n"));
    assert!(image.read("/etc/nginx/modules-enabled/50-reprise.conf").ends_with("\nenv OPENSSL_CONF;\n"));
    let after = image.all();
    for (name, content) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        assert!(said.contains(&format!("/{name}: new")), "{said}");
        content
            .lines()
            .for_each(|line| assert!(said.contains(&format!("  + {line}\n").replace("+ \n", "+\n")), "{line}"));
    }
    assert_eq!(after.len(), before.len() + 3);
    assert_eq!(image.done("enable nginx --observe"), "nginx is enabled already, just so");
    assert_eq!(image.all(), after);

    let said = image.done("enable nginx");
    assert!(said.contains("- observe = yes"), "{said}");
    assert!(!image.read("/etc/reprise/nginx.cnf").contains("observe"));
    image.done("disable nginx");
    assert_eq!(image.all(), before);
    assert!(!image.path("etc/systemd/system/nginx.service.d").exists());
    assert_eq!(image.done("disable nginx"), "nginx is not enabled");
    assert_eq!(image.done("disable --all"), "no server is enabled");
}

#[test]
fn all_that_are_enabled_are_disabled() {
    let image = Image::new(&[("etc/systemd/system/haproxy.service.d/other.conf", "[Service]\nUser=x\n")]);
    let before = image.all();
    image.done("enable nginx haproxy apache2.service shop");
    let enabled: Vec<String> = files::enabled(&image.root).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(enabled, ["apache2", "haproxy", "nginx", "shop"]);
    image.done("disable --all");
    assert_eq!(image.all(), before);
}

#[test]
fn a_unit_keeps_the_configuration_of_its_own() {
    let own = ("etc/own.cnf", "openssl_conf = own_init\n[own_init]\n");
    let unit = "[Service]\nEnvironment=A=1 OPENSSL_CONF=/etc/own.cnf\n";
    let image = Image::new(&[own, ("etc/systemd/system/shop.service.d/10.conf", unit)]);
    image.done("enable shop");
    let conf = image.read("/etc/reprise/shop.cnf");
    assert!(conf.contains(".include /etc/own.cnf\n") && conf.contains("[own_init]\n"), "{conf}");
    assert_eq!(image.done("enable shop"), "shop is enabled already, just so");
}

#[test]
fn a_file_of_variables_counts_more_than_a_drop_in() {
    let unit = "[Service]\nEnvironmentFile=-/etc/default/shop\n";
    let variables = ("etc/default/shop", "OPENSSL_CONF=/etc/own.cnf\n");
    let image = Image::new(&[("etc/own.cnf", "x = y\n"), ("lib/systemd/system/shop.service", unit), variables]);
    let before = image.all();
    image.done("enable shop");
    assert!(image.read("/etc/reprise/shop.cnf").contains(".include /etc/own.cnf\n"));
    assert!(image.read("/etc/reprise/shop.env").ends_with("\nOPENSSL_CONF=/etc/reprise/shop.cnf\n"));
    let drop_in = image.read("etc/systemd/system/shop.service.d/reprise.conf");
    assert!(drop_in.ends_with("[Service]\nEnvironmentFile=/etc/reprise/shop.env\n"), "{drop_in}");
    assert_eq!(image.done("enable shop"), "shop is enabled already, just so");
    // The drop-in alone will do once nobody else sets it.
    image.write(variables.0, "");
    image.done("enable shop");
    assert!(!image.path("etc/reprise/shop.env").exists());
    image.write(variables.0, variables.1);
    image.done("disable shop");
    assert_eq!(image.all(), before);
}

#[test]
fn a_value_that_would_count_more_is_named() {
    let late = "etc/systemd/system/shop.service.d/zz.conf";
    let image = Image::new(&[("etc/own.cnf", "")]);
    for (content, says) in [
        ("[Service]\nEnvironment=OPENSSL_CONF=/etc/own.cnf\n", "counts more"),
        ("[Service]\nUnsetEnvironment=OPENSSL_CONF\n", "UnsetEnvironment"),
        ("[Service]\nEnvironment=\n", "does not reach"),
        ("[Service]\nEnvironment=OPENSSL_CONF=own.cnf\n", "absolute path"),
        ("[Service]\nEnvironment=OPENSSL_CONF=%h/own.cnf\n", "absolute path"),
    ] {
        image.write(late, content);
        let error = image.refused("enable shop");
        assert!(error.contains(says) && (error.contains("zz.conf") || says == "does not reach"), "{content}: {error}");
    }
    assert!(!image.path("etc/reprise").exists());
}

#[test]
fn what_was_changed_by_hand_is_kept() {
    let image = Image::new(&[]);
    let before = image.all();
    image.done("enable nginx");
    let conf = "etc/reprise/nginx.cnf";
    let mine = image.read(conf) + "deadline = 20ms\n";
    image.write(conf, &mine);
    let error = image.refused("enable nginx --observe");
    assert!(error.contains("changed by hand") && error.contains("/etc/reprise/nginx.cnf.kept"), "{error}");
    assert_eq!(image.read(conf), mine);
    let said = image.done("disable nginx");
    assert!(said.contains("changed by hand, kept as /etc/reprise/nginx.cnf.kept"), "{said}");
    assert_eq!(image.read("etc/reprise/nginx.cnf.kept"), mine);
    fs::remove_file(image.path("etc/reprise/nginx.cnf.kept")).unwrap();
    assert_eq!(image.all(), before);
}

#[test]
fn what_others_wrote_is_never_touched() {
    for theirs in [
        "etc/reprise/nginx.cnf",
        "etc/systemd/system/nginx.service.d/reprise.conf",
        "etc/nginx/modules-enabled/50-reprise.conf",
    ] {
        let image = Image::new(&[(theirs, "# theirs\n")]);
        let before = image.all();
        let error = image.refused("enable haproxy nginx");
        assert!(error.contains(theirs) && error.contains("move it away"), "{error}");
        let said = image.done("disable nginx");
        assert!(said.contains(theirs) && said.contains("stays"), "{said}");
        assert_eq!(image.all(), before);
    }
}

#[test]
fn nginx_gets_the_line_where_it_is_read() {
    let line = "env OPENSSL_CONF;";
    for (conf, snippet, says) in [
        ("events {}\n", false, true),
        ("env OPENSSL_CONF;\nevents {}\n", false, false),
        ("include modules-enabled/*.conf;\n", true, false),
    ] {
        let image = Image::new(&[("etc/nginx/nginx.conf", conf)]);
        let said = image.done("enable nginx");
        assert_eq!(image.path("etc/nginx/modules-enabled/50-reprise.conf").exists(), snippet, "{conf}");
        assert_eq!(said.contains(&format!("\n  {line}")) && said.contains("outside of all blocks"), says, "{said}");
    }
}

#[test]
fn httpd_has_it_from_its_shell_where_the_unit_does_not_give_it() {
    let envvars = "etc/apache2/envvars";
    let image = Image::new(&[]);
    let before = image.all();
    image.done("enable apache2");
    assert_eq!(image.read(envvars), before[envvars], "systemd's drop-in will do");
    image.done("disable apache2");

    image.write("etc/own.cnf", "openssl_conf = own_init\n");
    image.write(envvars, "export OPENSSL_CONF=/etc/own.cnf");
    let before = image.all();
    image.done("enable apache2");
    assert!(image.read("etc/reprise/apache2.cnf").contains(".include /etc/own.cnf\n"));
    let text = image.read(envvars);
    assert!(
        text.starts_with("export OPENSSL_CONF=/etc/own.cnf\nexport OPENSSL_CONF=/etc/reprise/apache2.cnf #"),
        "{text}"
    );
    assert_eq!(image.done("enable apache2"), "apache2 is enabled already, just so");
    image.done("disable apache2");
    assert_eq!(image.all(), before);

    fs::remove_file(image.path("usr/lib/systemd/systemd")).unwrap();
    image.write(envvars, "export LANG=C");
    image.done("enable apache2");
    assert!(image.read(envvars).starts_with("export LANG=C\nexport OPENSSL_CONF=/etc/reprise/apache2.cnf #"));
    image.done("disable apache2");
    assert_eq!(image.read(envvars), "export LANG=C");
}

#[test]
fn a_file_that_is_enabled_already_by_hand_is_not_what_held_before() {
    let hand = "[Service]\nEnvironment=OPENSSL_CONF=/etc/reprise/shop.cnf\n";
    let image = Image::new(&[("etc/systemd/system/shop.service.d/override.conf", hand)]);
    image.done("enable shop");
    assert!(image.read("etc/reprise/shop.cnf").contains(".include /usr/lib/ssl/openssl.cnf\n"));
}

#[test]
fn names_of_units_are_what_is_enabled() {
    let image = Image::new(&[]);
    let error = image.refused("enable no-such");
    assert!(error.contains("no-such.service") && error.contains("list-unit-files"), "{error}");
    assert!(Enables::try_parse_from(["enable", "../nginx"]).is_err());
    let files = Files::of(&"shop@eu".parse().unwrap());
    assert_eq!(files.drop_in, Path::new("/etc/systemd/system/shop@eu.service.d/reprise.conf"));
}

/// OpenSSL itself has in force what the system's file says: before, with us, and after.
#[test]
fn what_the_system_says_of_ciphers_stays_in_force() {
    let system = "openssl_conf = a_init\n[a_init]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\n\
                  Ciphersuites = TLS_AES_128_GCM_SHA256\nCipherString = AES256-SHA\n";
    let image = Image::new(&[("usr/lib/ssl/openssl.cnf", system), ("empty.cnf", "\n")]);
    // OpenSSL sees the whole machine: paths are put to where they are.
    let ciphers = |conf: &str| {
        let here = image.dir.path().display();
        image.write("moved.cnf", &image.read(conf).replace(".include /", &format!(".include {here}/")));
        let mut command = Command::new("openssl");
        command.args(["ciphers", "-s"]).env("OPENSSL_CONF", image.path("moved.cnf"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let (system, ours, only) =
        ("usr/lib/ssl/openssl.cnf", "etc/reprise/nginx.cnf", "TLS_AES_128_GCM_SHA256:AES256-SHA\n");
    assert_eq!(ciphers(system), only);
    image.done("enable nginx");
    assert_eq!(ciphers(ours), only);
    assert_ne!(ciphers("empty.cnf"), only, "or this test sees nothing");
    image.done("disable nginx");
    assert_eq!(ciphers(system), only);
}
