//! The files of a package, as they are laid out for dpkg-deb.

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::run::run;

/// A folder that is to be a package, and what is in it.
pub struct Tree {
    root: PathBuf,
    files: Vec<String>,
}

impl Tree {
    /// An empty one.
    ///
    /// # Errors
    /// Something is there that cannot be removed.
    pub fn emptied(root: PathBuf) -> Result<Self> {
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("{} could not be removed", root.display()))?;
        }
        let tree = Self { root, files: Vec::new() };
        tree.folder("")?;
        Ok(tree)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where `path`, absolute on the system that the package is installed on, is in it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Makes a folder with those above it, for everybody to read.
    pub fn folder(&self, path: &str) -> Result<()> {
        let mut folder = self.root.clone();
        for name in Path::new(path.trim_start_matches('/')) {
            self.open(&folder)?;
            folder.push(name);
        }
        self.open(&folder)
    }

    fn open(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        Ok(fs::set_permissions(folder, Permissions::from_mode(0o755))?)
    }

    /// Writes a file of the package's.
    pub fn write(&mut self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        self.written(path, content, mode)?;
        self.files.push(path.trim_start_matches('/').to_owned());
        Ok(())
    }

    /// Writes what dpkg reads, and does not install.
    pub fn control(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        self.written(&format!("DEBIAN/{name}"), content, mode)
    }

    fn written(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let file = self.path(path);
        let folder = Path::new(path).parent().and_then(Path::to_str).unwrap_or_default();
        self.folder(folder)?;
        fs::write(&file, content).with_context(|| format!("{} could not be written", file.display()))?;
        Ok(fs::set_permissions(&file, Permissions::from_mode(mode))?)
    }

    /// Writes a file compressed, as Debian has changelogs.
    pub fn compressed(&mut self, path: &str, content: &str) -> Result<()> {
        // Without the time, so that the same sources make the same package.
        let mut gzip = Command::new("gzip");
        gzip.args(["-9", "--no-name"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut gzip = gzip.spawn().context("gzip could not be started")?;
        gzip.stdin.take().context("gzip reads nothing")?.write_all(content.as_bytes())?;
        let output = gzip.wait_with_output()?;
        ensure!(output.status.success(), "gzip failed ({})", output.status);
        self.write(path, output.stdout, 0o644)
    }

    /// Copies a program or a library without its symbols.
    pub fn stripped(&mut self, path: &str, from: &Path, mode: u32) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("{} could not be read", from.display()))?;
        self.write(path, bytes, mode)?;
        let sections = ["--remove-section=.comment", "--remove-section=.note"];
        run(Command::new("strip").arg("--strip-unneeded").args(sections).arg(self.path(path)))
    }

    /// What is under /etc: dpkg leaves alone what an administrator has changed of it.
    pub fn configuration(&self) -> String {
        self.files.iter().filter(|file| file.starts_with("etc/")).map(|file| format!("/{file}\n")).collect()
    }

    /// What `dpkg --verify` holds files against: those that are no configuration.
    pub fn sums(&self) -> Result<String> {
        let files = self.files.iter().filter(|file| !file.starts_with("etc/"));
        let output = Command::new("md5sum").args(files).current_dir(&self.root).output().context("md5sum")?;
        ensure!(output.status.success(), "md5sum failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What the files take, in KiB, counted as dpkg counts.
    pub fn size(&self) -> Result<u64> {
        self.files.iter().try_fold(0, |size, file| Ok(size + fs::metadata(self.path(file))?.len().div_ceil(1024)))
    }
}
