use std::fs;

use super::{certificates::issue, *};
use crate::serve::{self_signed, sites::Look};

/// What a look right now changes, seen from `before`.
fn reload(sites: &Arc<Sites>, before: &mut Look) -> Vec<(String, Result<(), String>)> {
    let now = sites.look();
    let changes = sites.reload(before, &now);
    *before = now;
    changes.into_iter().map(|change| (change.site, change.outcome.map_err(|error| format!("{error:#}")))).collect()
}

#[tokio::test]
async fn a_renewed_certificate_is_served_to_new_connections_and_old_ones_go_on() {
    let files = Files::new();
    let first = files.issue("default", None).certificate;
    let server = Running::start(&files, "").await;
    let mut seen = server.sites.look();
    let mut before = server.connect(None).await.unwrap();
    let second = files.issue("default", None).certificate;
    assert_eq!(reload(&server.sites, &mut seen), [("default".to_owned(), Ok(()))]);
    let after = server.connect(None).await.unwrap();
    assert_eq!(certificate(&before).to_der().unwrap(), first.to_der().unwrap());
    assert_eq!(certificate(&after).to_der().unwrap(), second.to_der().unwrap());
    assert!(get(&mut before, "/").await.unwrap().contains("Reprise"));
}

#[tokio::test]
async fn a_bad_file_is_named_once_and_the_previous_certificate_stays() {
    let files = Files::new();
    files.issue("default", None);
    let (_, foreign) = (files.issue("a.example", None), issue("foreign", None));
    let server = Running::start(&files, "site = 'a.example={}/a.example.crt,{}/a.example.key'").await;
    let served = certificate(&server.connect(None).await.unwrap()).to_der().unwrap();
    let mut seen = server.sites.look();
    let (cert, key) = (files.path("default.crt"), files.path("default.key"));
    let good = (fs::read(&cert).unwrap(), fs::read(&key).unwrap());
    for (file, content, said) in [
        (&cert, b"garbage".to_vec(), "holds no certificate"),
        (&cert, good.0[..good.0.len() / 2].to_vec(), "damaged"),
        (&key, b"garbage".to_vec(), "holds no private key"),
        (&key, foreign.key.private_key_to_pem_pkcs8().unwrap(), "not that of the certificate"),
        (
            &key,
            foreign.key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"secret").unwrap(),
            "encrypted",
        ),
    ] {
        fs::write(file, content).unwrap();
        let changes = reload(&server.sites, &mut seen);
        let [(site, Err(error))] = &changes[..] else { panic!("{said}: {changes:?}") };
        assert_eq!(site, "default");
        assert!(error.contains(file.to_str().unwrap()) && error.contains(said), "{said}: {error}");
        assert_eq!(reload(&server.sites, &mut seen), []);
        assert_eq!(certificate(&server.connect(None).await.unwrap()).to_der().unwrap(), served);
        fs::write(&cert, &good.0).unwrap();
        fs::write(&key, &good.1).unwrap();
        assert_eq!(reload(&server.sites, &mut seen), [("default".to_owned(), Ok(()))]);
    }
}

#[tokio::test]
async fn what_is_no_file_is_named_and_not_waited_for() {
    let files = Files::new();
    files.issue("default", None);
    let ca = files.issue("ca", None);
    fs::write(files.path("crl.pem"), revocation_list(&ca, &[])).unwrap();
    files.issue("other", None);
    let toml = "client-ca = '{}/ca.crt'\nclient-auth = 'optional'\ncrl = '{}/crl.pem'\nsite = 'other={}/other.crt,{}/other.key,none'";
    let server = Running::start(&files, toml).await;
    let served = certificate(&server.connect(None).await.unwrap()).to_der().unwrap();
    let mut seen = server.sites.look();
    for name in ["default.crt", "default.key", "ca.crt", "crl.pem"] {
        let (file, aside) = (files.path(name), files.path("aside"));
        fs::rename(&file, &aside).unwrap();
        for (what, found) in [("fifo", "a FIFO"), ("zero", "a device"), ("huge", "larger than")] {
            match what {
                "fifo" => assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success()),
                "zero" => std::os::unix::fs::symlink("/dev/zero", &file).unwrap(),
                _ => fs::File::create(&file).unwrap().set_len(1 << 40).unwrap(),
            }
            // A site of its own is renewed all the same.
            files.issue("other", None);
            let changes = reload(&server.sites, &mut seen);
            let site = |name: &str| changes.iter().find(|(site, _)| site == name).map(|(_, outcome)| outcome.clone());
            let error = site("default").unwrap_or_else(|| panic!("{name} {what}: {changes:?}")).unwrap_err();
            assert!(error.contains(file.to_str().unwrap()) && error.contains(found), "{name} {what}: {error}");
            assert_eq!(site("other"), Some(Ok(())), "{name} {what}");
            assert_eq!(certificate(&server.connect(None).await.unwrap()).to_der().unwrap(), served);
            fs::remove_file(&file).unwrap();
        }
        fs::rename(&aside, &file).unwrap();
        assert_eq!(reload(&server.sites, &mut seen), [("default".to_owned(), Ok(()))]);
    }
}

#[tokio::test]
async fn a_file_that_is_gone_keeps_what_was_read_from_it() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "").await;
    let mut seen = server.sites.look();
    fs::remove_file(files.path("default.crt")).unwrap();
    let changes = reload(&server.sites, &mut seen);
    assert!(matches!(&changes[..], [(_, Err(error))] if error.contains("default.crt")), "{changes:?}");
    assert!(server.connect(None).await.is_ok());
}

#[tokio::test]
async fn a_site_with_bad_files_does_not_keep_another_from_its_new_ones() {
    let files = Files::new();
    files.issue("default", None);
    files.issue("a.example", None);
    let server = Running::start(&files, "site = 'a.example={}/a.example.crt,{}/a.example.key'").await;
    let mut seen = server.sites.look();
    fs::write(files.path("default.crt"), "garbage").unwrap();
    let renewed = files.issue("a.example", None).certificate;
    reload(&server.sites, &mut seen);
    let served = certificate(&server.connect(Some("a.example")).await.unwrap());
    assert_eq!(served.to_der().unwrap(), renewed.to_der().unwrap());
}

#[tokio::test]
async fn a_revoked_client_is_refused_once_the_list_says_so() {
    let files = Files::new();
    files.issue("default", None);
    let ca = files.issue("ca", None);
    let client = files.issue("client", Some(&ca));
    let list = |revoked: &[&Identity]| fs::write(files.path("crl.pem"), revocation_list(&ca, revoked)).unwrap();
    list(&[]);
    let server = Running::start(&files, "client-ca = '{}/ca.crt'\ncrl = '{}/crl.pem'").await;
    let mut seen = server.sites.look();
    let served = async || match server.connect_as(None, Some(&client)).await {
        Ok(mut stream) => get(&mut stream, "/").await.is_ok(),
        Err(_) => false,
    };
    assert!(served().await);
    list(&[&client]);
    assert_eq!(reload(&server.sites, &mut seen), [("default".to_owned(), Ok(()))]);
    assert!(!served().await);
}

#[tokio::test]
async fn a_certificate_renamed_over_the_old_one_is_taken_up_by_itself() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "").await;
    let next = Files::new();
    let renewed = next.issue("default", None).certificate;
    for file in ["default.key", "default.crt"] {
        fs::copy(next.path(file), files.path("arriving")).unwrap();
        fs::rename(files.path("arriving"), files.path(file)).unwrap();
    }
    // Until the new one is served; every connection on the way there succeeds.
    while certificate(&server.connect(None).await.unwrap()).to_der().unwrap() != renewed.to_der().unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_a_reload_that_was_asked_for_is_done_changed_files_are_in_force() {
    let files = Files::new();
    files.issue("default", None);
    let server = Running::start(&files, "").await;
    for _ in 0..3 {
        let renewed = files.issue("default", None).certificate;
        server.reload.now().await;
        let served = certificate(&server.connect(None).await.unwrap());
        assert_eq!(served.to_der().unwrap(), renewed.to_der().unwrap());
    }
}

#[tokio::test]
async fn a_self_signed_certificate_that_ends_soon_is_renewed_while_serving() {
    let state = tempfile::tempdir().unwrap();
    let toml = format!("listen = '127.0.0.1:0'\nstate-dir = '{}'", state.path().display());
    let server = Running::with(Settings::new(toml::from_str(&toml).unwrap()).unwrap()).await;
    let served = async || certificate(&server.connect(None).await.unwrap()).to_der().unwrap();
    let first = served().await;
    let ending = self_signed::make_ending_in(state.path(), 5).to_der().unwrap();
    loop {
        let now = served().await;
        if now != first && now != ending {
            break;
        }
        tokio::task::yield_now().await;
    }
}
