use std::fs;

use tempfile::TempDir;

use super::*;

/// A root with these files.
fn root(files: &[(&str, &str)]) -> (TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let root = Root::new(Some(dir.path())).unwrap();
    (dir, root)
}

fn unit(files: &[(&str, &str)], name: &str) -> (TempDir, Root, Unit) {
    let (dir, root) = root(files);
    let unit = Unit::read(&root, &name.parse().unwrap()).unwrap();
    (dir, root, unit)
}

const LIB: &str = "lib/systemd/system/a.service";

#[test]
fn drop_ins_count_by_name_and_place() {
    let (_dir, _root, unit) = unit(
        &[
            (LIB, "[Service]\nUser=lib\nExecStart=-/usr/sbin/a -x\n[Install]\nUser=no\n"),
            ("etc/systemd/system/a.service.d/20.conf", "[Service]\nUser=etc\n"),
            ("run/systemd/system/a.service.d/20.conf", "[Service]\nUser=masked by etc\n"),
            ("run/systemd/system/a.service.d/10.conf", "[Service]\nUser=early\nGroup=run\n"),
            ("lib/systemd/system/service.d/05.conf", "[Service]\nUMask=0077\nGroup=all\n"),
            ("etc/systemd/system/a.service.d/90.txt", "[Service]\nUser=none\n"),
        ],
        "a",
    );
    let last = |key| unit.last(key).map(|(value, _)| value);
    assert_eq!((last("User"), last("Group"), last("UMask")), (Some("etc"), Some("run"), Some("0077")));
    assert_eq!(unit.last("User").unwrap().1, Path::new("/etc/systemd/system/a.service.d/20.conf"));
    assert_eq!(unit.program().unwrap(), Path::new("/usr/sbin/a"));
}

#[test]
fn lists_add_up_and_begin_anew() {
    let text = "[Service]\n# x\nDeviceAllow=a\nDeviceAllow=b\\\n; within\n  c\nDeviceAllow=\n DeviceAllow = d\n";
    let (_dir, _root, unit) = unit(&[(LIB, text)], "a.service");
    assert_eq!(unit.list("DeviceAllow").iter().map(|(value, _)| *value).collect::<Vec<_>>(), ["d"]);
    assert_eq!(unit.all("DeviceAllow")[1].0, "b   c");
}

#[test]
fn the_environment_is_what_counts_in_the_end() {
    let text = "[Service]\nEnvironment=A=1 \"B=2 3\"\nEnvironmentFile=-/etc/default/a\nEnvironmentFile=-/etc/none\n\
                UnsetEnvironment=D\n";
    let default = "# A=0\nA = '4 5'\nC=6 7\nD=8\n";
    let (_dir, root, unit) = unit(&[(LIB, text), ("etc/default/a", default)], "a");
    let environment = unit.environment(&root).unwrap();
    let value = |name| environment.get(name).map(|(value, _)| value);
    assert_eq!((value("A"), value("B"), value("C"), value("D")), (Some("4 5"), Some("2 3"), Some("6 7"), None));
    assert!(environment.get("A").unwrap().1.by_file && !environment.get("B").unwrap().1.by_file);
    assert_eq!(environment.unset("D"), Some(Path::new("/lib/systemd/system/a.service")));
}

#[test]
fn an_instance_has_its_template_and_its_name() {
    let template = "[Service]\nEnvironment=A=%i%%\nEnvironmentFile=/etc/x-%i/*.env\n";
    let files = [
        ("lib/systemd/system/a@.service", template),
        ("etc/systemd/system/a@.service.d/x.conf", "[Service]\nUser=all\n"),
        ("etc/systemd/system/a@b.service.d/x.conf", "[Service]\nUser=this\n"),
        ("etc/x-b/1.env", "B=1\n"),
        ("etc/x-b/2.env", "B=2\n"),
    ];
    let (_dir, root, unit) = unit(&files, "a@b");
    assert_eq!(unit.last("User").unwrap().0, "this");
    let environment = unit.environment(&root).unwrap();
    assert_eq!((environment.get("A").unwrap().0, environment.get("B").unwrap().0), ("b%", "2"));
}

#[test]
fn what_is_not_there_is_said() {
    let (dir, root) = root(&[(LIB, "[Service]\nEnvironmentFile=%h/x\n")]);
    let read = |name: &str| Unit::read(&root, &name.parse().unwrap());
    assert!(format!("{:#}", read("b").unwrap_err()).contains("b.service"));
    assert!(format!("{:#}", read("a").unwrap().environment(&root).unwrap_err()).contains("%h/x"));
    fs::create_dir_all(dir.path().join("etc/systemd/system")).unwrap();
    std::os::unix::fs::symlink("/dev/null", dir.path().join("etc/systemd/system/a.service")).unwrap();
    fs::create_dir_all(dir.path().join("dev")).unwrap();
    fs::write(dir.path().join("dev/null"), "").unwrap();
    assert!(format!("{:#}", read("a").unwrap_err()).contains("masked"));
}
