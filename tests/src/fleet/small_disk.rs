//! A file system of a few megabytes that is full when it is told to be.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use crate::PATIENCE;

/// Set to 1, it leaves out what takes a file system of its own.
const WITHOUT: &str = "REPRISE_WITHOUT_MOUNTS";

/// What `unshare` is told: root may need no more, and others are root in a namespace of their own.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];

/// A tmpfs that only the servers started here see: it is mounted in a namespace of its own, and
/// goes with the last process in it.
pub struct SmallDisk {
    holder: Child,
    namespaces: &'static [&'static str],
    tell: ChildStdin,
    told: Receiver<String>,
}

impl SmallDisk {
    /// A file system of so many MiB at `directory`, which is made; none where `REPRISE_WITHOUT_MOUNTS=1` leaves it out.
    ///
    /// # Panics
    /// The system allows none.
    pub fn mount(directory: &Path, megabytes: usize) -> Option<Self> {
        if std::env::var_os(WITHOUT).is_some_and(|without| without == "1") {
            eprintln!("left out by {WITHOUT}=1: what takes a file system of its own");
            return None;
        }
        std::fs::create_dir(directory).expect("it can be made");
        let namespaces = NAMESPACES.into_iter().find(|namespaces| allowed(namespaces, directory)).unwrap_or_else(|| {
            panic!(
                "a file system of one's own is missing: neither `unshare --mount` nor `unshare --user --map-root-user --mount` may \
                 mount a tmpfs here; run as root with CAP_SYS_ADMIN, allow user namespaces, or leave this test out with {WITHOUT}=1"
            )
        });
        let mut command = unshare(namespaces);
        command.arg("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(directory);
        let mut holder = command.spawn().expect("it was there a moment ago");
        let tell = holder.stdin.take().expect("it is piped");
        let answers = BufReader::new(holder.stdout.take().expect("it is piped"));
        let (sender, told) = channel();
        thread::spawn(move || answers.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut disk = Self { holder, namespaces, tell, told };
        let directory = directory.to_str().expect("its path is UTF-8");
        disk.run(&format!("mount -t tmpfs -o size={megabytes}m tmpfs '{directory}' && cd '{directory}'"));
        Some(disk)
    }

    /// The program that runs others where they see it, and its arguments.
    pub(super) fn runner(&self) -> Vec<String> {
        let target = self.holder.id().to_string();
        let mut runner = vec!["nsenter", "--target", &target, "--mount"];
        if self.namespaces.contains(&"--user") {
            runner.extend(["--user", "--preserve-credentials"]);
        }
        runner.push("--");
        runner.into_iter().map(str::to_owned).collect()
    }

    /// Takes all that is free.
    pub fn fill(&mut self) {
        // It ends with an error, once there is no more room.
        self.run("! cat /dev/zero > filler 2> /dev/null");
    }

    /// Gives it back.
    pub fn make_room(&mut self) {
        self.run("rm filler");
    }

    fn run(&mut self, command: &str) {
        writeln!(self.tell, "{{ {command}; }} && echo done || echo failed").expect("the shell reads");
        let told = self.told.recv_timeout(PATIENCE).expect("the shell answers");
        assert_eq!(told, "done", "{command}");
    }
}

fn unshare(namespaces: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(namespaces);
    command
}

/// Whether a tmpfs can be mounted in these namespaces.
fn allowed(namespaces: &[&str], directory: &Path) -> bool {
    let mut mount = unshare(namespaces);
    mount.args(["mount", "-t", "tmpfs", "tmpfs"]).arg(directory).stderr(Stdio::null());
    mount.status().is_ok_and(|allowed| allowed.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Servers in it have ended by now, or end later by themselves.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
