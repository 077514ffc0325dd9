//! A file system of a few megabytes that is full when it is told to be.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use crate::PATIENCE;

/// A tmpfs that only the servers started here see: it is mounted in a namespace of its own, which takes no root, and goes with the
/// last process in it.
pub struct SmallDisk {
    holder: Child,
    tell: ChildStdin,
    told: Receiver<String>,
}

impl SmallDisk {
    /// A file system of so many MiB at `directory`, which is made; none where the system allows no namespaces.
    pub fn mount(directory: &Path, megabytes: usize) -> Option<Self> {
        let unshare = |program: &str| {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--mount", program]);
            command
        };
        if !unshare("true").status().is_ok_and(|allowed| allowed.success()) {
            return None;
        }
        std::fs::create_dir(directory).expect("it can be made");
        let mut command = unshare("sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(directory);
        let mut holder = command.spawn().expect("it was there a moment ago");
        let tell = holder.stdin.take().expect("it is piped");
        let answers = BufReader::new(holder.stdout.take().expect("it is piped"));
        let (sender, told) = channel();
        thread::spawn(move || answers.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut disk = Self { holder, tell, told };
        let directory = directory.to_str().expect("its path is UTF-8");
        disk.run(&format!("mount -t tmpfs -o size={megabytes}m tmpfs '{directory}' && cd '{directory}'"));
        Some(disk)
    }

    /// The program that runs others where they see it, and its arguments.
    pub(super) fn runner(&self) -> Vec<String> {
        let target = self.holder.id().to_string();
        let runner = ["nsenter", "--target", &target, "--user", "--mount", "--preserve-credentials", "--"];
        runner.map(str::to_owned).to_vec()
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

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Servers in it have ended by now, or end later by themselves.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
