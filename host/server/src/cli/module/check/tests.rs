use super::{super::tests::Image, *};

fn findings(image: &Image, name: &str) -> Findings {
    check(&image.root, &name.parse().unwrap()).unwrap()
}

/// An image with a module, and this in a drop-in of `shop`'s.
fn image(drop_in: &str) -> Image {
    let module = "\x7fELF OPENSSL_init\0";
    let image = Image::new(&[
        ("usr/lib/reprise/module.so", module),
        ("etc/systemd/system/shop.service.d/rules.conf", &format!("[Service]\n{drop_in}\n")),
    ]);
    image.done("enable nginx haproxy shop");
    image
}

#[test]
fn what_a_unit_forbids_is_named_with_its_rule() {
    for (drop_in, says) in [
        ("RestrictAddressFamilies=AF_INET AF_INET6", "RestrictAddressFamilies=AF_UNIX"),
        ("RestrictAddressFamilies=~AF_UNIX", "RestrictAddressFamilies=AF_UNIX"),
        ("RestrictAddressFamilies=none", "RestrictAddressFamilies=AF_UNIX"),
        ("PrivateUsers=yes", "PrivateUsers=no"),
        ("PrivateUsers=self", "PrivateUsers=no"),
        ("RootDirectory=/srv/jail", "BindReadOnlyPaths="),
        ("RootImage=/srv/jail.img", "BindReadOnlyPaths="),
        ("SystemCallFilter=@basic-io @file-system", "SystemCallFilter=@network-io"),
        ("SystemCallFilter=@system-service\nSystemCallFilter=~@network-io", "SystemCallFilter=@network-io"),
        ("SystemCallFilter=~connect:EPERM", "SystemCallFilter=@network-io"),
        ("InaccessiblePaths=-/run/reprise", "BindReadOnlyPaths=/run/reprise"),
        ("TemporaryFileSystem=/usr/lib:ro", "BindReadOnlyPaths=/usr/lib/reprise"),
        ("InaccessiblePaths=/var/lib", "BindReadOnlyPaths=/var/lib/reprise"),
        ("NoExecPaths=/\nExecPaths=/usr/bin", "ExecPaths=/usr/lib/reprise/module.so"),
    ] {
        let findings = findings(&image(drop_in), "shop");
        let page = findings.lines.join("\n");
        assert!(findings.troubles > 0 && page.contains(says) && page.contains("rules.conf"), "{drop_in}: {page}");
    }
}

#[test]
fn what_a_unit_allows_is_no_trouble() {
    for drop_in in [
        "",
        "RestrictAddressFamilies=AF_INET AF_UNIX",
        "RestrictAddressFamilies=AF_INET\nRestrictAddressFamilies=AF_UNIX",
        "RestrictAddressFamilies=~AF_NETLINK",
        "RestrictAddressFamilies=AF_INET\nRestrictAddressFamilies=",
        "PrivateUsers=no",
        "PrivateUsers=yes\nPrivateUsers=no",
        "RootDirectory=/",
        "SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources",
        "SystemCallFilter=~@clock",
        "TemporaryFileSystem=/run\nBindReadOnlyPaths=/run/reprise",
        "TemporaryFileSystem=/run:ro\nBindPaths=/srv:/run/reprise",
        "ProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\nMemoryDenyWriteExecute=yes",
        "NoExecPaths=/\nExecPaths=/usr/lib",
    ] {
        let findings = findings(&image(drop_in), "shop");
        assert_eq!(findings.troubles, 0, "{drop_in}: {}", findings.lines.join("\n"));
    }
}

fn says(image: &Image, name: &str, troubles: usize, words: &str) {
    let findings = findings(image, name);
    let page = findings.lines.join("\n");
    assert!(findings.troubles == troubles && page.contains(words), "{words}: {page}");
}

#[test]
fn a_module_that_cannot_be_loaded_is_named() {
    let image = image("");
    says(&image, "nginx", 0, "module.so is there");
    image.write("usr/lib/reprise/module.so", "nothing");
    says(&image, "nginx", 1, "no OpenSSL module");
    std::fs::remove_file(image.root.at("/usr/lib/reprise/module.so".as_ref())).unwrap();
    says(&image, "nginx", 1, "cannot be read");
    image.write("usr/sbin/nginx", "\0libssl.so.1.1\0");
    says(&image, "nginx", 2, "OpenSSL 1.1.1");
    image.write("usr/sbin/nginx", "\0libssl.so.3\0");
    says(&image, "nginx", 1, "has the system's OpenSSL");
}

#[test]
fn haproxy_in_a_chroot_needs_the_secret() {
    let image = image("");
    says(&image, "haproxy", 0, "does not know the client's address");
    image.write("etc/haproxy/haproxy.cfg", "global\n\tchroot /var/lib/haproxy\n");
    says(&image, "haproxy", 1, "module.secret, which is not there");
    image.write("var/lib/reprise/module.secret", "x");
    says(&image, "haproxy", 0, "reads /var/lib/reprise/module.secret at its start");
    let user = "etc/systemd/system/haproxy.service.d/user.conf";
    image.write(user, "[Service]\nUser=haproxy\n");
    says(&image, "haproxy", 1, "user haproxy cannot read");
    image.write(user, "[Service]\nPrivateNetwork=yes\n");
    says(&image, "haproxy", 1, "PrivateNetwork=yes");
}

#[test]
fn policies_that_ask_for_the_client_are_named() {
    let image = image("");
    for name in ["10-tenants", "20-share", "30-office"] {
        image.write(&format!("etc/reprise/policies/{name}.wasm"), "");
    }
    image.write("etc/reprise/policies/20-share.toml", "share = 10\n");
    image.write("etc/reprise/policies/30-office.toml", "[settings]\nonly = [\"192.0.2.0/24\"]\n");
    says(&image, "haproxy", 2, "share is for 10 % of the clients");
    says(&image, "haproxy", 2, "office has a network in its settings (`only = 192.0.2.0/24`)");
    says(&image, "nginx", 0, "");
}

#[test]
fn fips_is_told_of_where_it_is_in_force() {
    let image = image("");
    assert!(!findings(&image, "nginx").lines.join("\n").contains("FIPS"));
    let fips = "openssl_conf = the_init\n[the_init]\nproviders = p\n[p]\nfips = f\n[f]\nactivate = 1\n";
    image.write("usr/lib/ssl/openssl.cnf", fips);
    says(&image, "nginx", 0, "SipHash-2-4");
}

#[test]
fn a_profile_of_app_armor_without_our_rules_is_named() {
    let image = image("");
    let server = "nginx".parse().unwrap();
    let (files, unit) = (Files::of(&server), Unit::read(&image.root, &server).unwrap());
    let configured = Configured::read(&image.root, &files).unwrap();
    let subject = Subject { root: &image.root, server: &server, files: &files, unit: &unit, configured: &configured };
    let look = |profiles: &str| {
        let mut findings = Findings::default();
        system::app_armor(&subject, &mut findings, profiles);
        (findings.troubles, findings.lines.join("\n"))
    };
    assert_eq!(look("/usr/sbin/nginx (complain)\n/usr/sbin/ntpd (enforce)\n"), (0, String::new()));
    for name in ["/usr/sbin/nginx", "nginx"] {
        let (troubles, page) = look(&format!("x (enforce)\n{name} (enforce)\n"));
        assert!(troubles == 1 && page.contains("/usr/lib/reprise/module.so mr"), "{page}");
    }
    image.write("etc/apparmor.d/local/usr.sbin.nginx", "/run/reprise/agent.sock rw,\n");
    assert_eq!(look("/usr/sbin/nginx (enforce)\n").0, 0);
}

#[test]
fn what_was_meddled_with_is_named() {
    let image = image("");
    says(&image, "apache2", 1, "not enabled");
    image.write("etc/nginx/nginx.conf", "events {}\n");
    image.write("etc/nginx/modules-enabled/50-reprise.conf", "# gone\n");
    says(&image, "nginx", 0, "not from this command");
    std::fs::remove_file(image.root.at("/etc/nginx/modules-enabled/50-reprise.conf".as_ref())).unwrap();
    says(&image, "nginx", 1, "USR2");
    image.write("etc/systemd/system/shop.service.d/zz.conf", "[Service]\nEnvironment=OPENSSL_CONF=/x\n");
    says(&image, "shop", 1, "counts more");
    std::fs::remove_file(image.root.at("/etc/reprise/haproxy.cnf".as_ref())).unwrap();
    says(&image, "haproxy", 1, "is not there");
    std::fs::remove_file(image.root.at("/lib/systemd/system/haproxy.service".as_ref())).unwrap();
    says(&image, "haproxy", 1, "disable haproxy");
}
