//! `reprise module enable`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::{
    afterwards::{self, Done},
    files::Files,
    names::Server,
    openssl_cnf::{
        in_force::InForce,
        written::{Places, Written, agent_user},
    },
    root::{
        Root,
        ours::{Found, found, sealed},
        plan::{Plan, Planned},
    },
    service::{
        apache,
        nginx::{self, Needs},
        unit::Unit,
    },
};
use crate::cli::output;

/// Have a service load the module, from its next start on.
///
/// NAME is a service of systemd's, like nginx, haproxy, apache2 or one of your own. It writes an openssl.cnf that stands on the one that
/// the service has now, and a drop-in for its unit; for nginx what keeps it over a binary upgrade, too. Every file is shown. Nothing is
/// restarted, and nothing of others' is touched: `reprise module disable` takes back all that it wrote.
#[derive(Args)]
pub(super) struct Enable {
    /// Services
    #[arg(value_name = "NAME", required = true)]
    servers: Vec<Server>,

    /// Look on, and change nothing: who resumes is counted, with reasons
    #[arg(long)]
    observe: bool,

    #[command(flatten)]
    places: Places,

    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Enable it in the image of a machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Enable {
    pub(super) fn run(self) -> Result<ExitCode> {
        let root = Root::new(self.root.as_deref())?;
        let Planned { plan, changed, said } = self.planned(&root)?;
        output::page(&plan.shown());
        let done = if self.dry_run { Done::Nothing } else { Done::Enabled };
        if done != Done::Nothing {
            plan.apply(&root)?;
        }
        said.iter().for_each(output::say);
        afterwards::say(&root, &changed, done)?;
        Ok(ExitCode::SUCCESS)
    }

    pub(super) fn planned(&self, root: &Root) -> Result<Planned> {
        let mut planned = Planned::default();
        for server in &self.servers {
            let mut plan = Plan::default();
            planned.said.extend(self.plan(root, server, &mut plan).with_context(|| server.to_string())?);
            planned.add(server, plan, "is enabled already, just so");
        }
        Ok(planned)
    }

    /// What is to be written, and what is to be said.
    fn plan(&self, root: &Root, server: &Server, plan: &mut Plan) -> Result<Vec<String>> {
        let files = Files::of(server);
        let bare = files.without(root)?;
        let unit = Unit::read(&bare, server)?;
        let before = Before::read(&bare, &unit, &files)?;
        let mut notes = Vec::new();
        let agent = agent_user(root);
        if agent.is_none() {
            notes.push(
                "no user `reprise` is there: the module asks an agent only that runs as root, or as the server's user"
                    .into(),
            );
        }
        let written = Written { program: server.0.clone(), places: self.places.clone(), observe: self.observe, agent };
        let in_force = InForce::under(&bare, before.conf, before.include_dir)?;
        set(root, plan, server, &files.conf, &written.text(&in_force)?)?;

        let value = files.value();
        if before.by_file {
            set(root, plan, server, &files.variables, &format!("OPENSSL_CONF={value}\n"))?;
            let drop_in = format!("[Service]\nEnvironmentFile={}\n", files.variables.display());
            set(root, plan, server, &files.drop_in, &drop_in)?;
        } else {
            set(root, plan, server, &files.drop_in, &format!("[Service]\nEnvironment=OPENSSL_CONF={value}\n"))?;
            unset(root, plan, &files.variables)?;
        }
        if let Some(snippet) = &files.snippet {
            match nginx::needs(&bare)? {
                Needs::Nothing => unset(root, plan, snippet)?,
                Needs::Snippet => set(root, plan, server, snippet, &format!("{}\n", nginx::LINE))?,
                Needs::ByHand => notes.push(format!(
                    "add this line to nginx.conf, outside of all blocks, or nginx has no module after a binary upgrade (USR2):\n  {}",
                    nginx::LINE
                )),
            }
        }
        if let Some(envvars) = &files.envvars
            && let Some(text) = bare.read(envvars)?
        {
            let needed = apache::value(&text).is_some() || !root.has_systemd();
            plan.set(root, envvars, Some(if needed { apache::with_line(&text, value) } else { text }))?;
        }
        let after = plan.over(root);
        arrives(&after, &Unit::read(&after, server)?, &files)?;
        Ok(notes)
    }
}

/// What a server has without us.
struct Before {
    conf: Option<PathBuf>,
    include_dir: Option<PathBuf>,
    /// Whether it is said in a file of variables.
    by_file: bool,
}

impl Before {
    fn read(bare: &Root, unit: &Unit, files: &Files) -> Result<Self> {
        let environment = unit.environment(bare)?;
        if let Some(file) = environment.unset("OPENSSL_CONF") {
            bail!("{}: `UnsetEnvironment=` takes OPENSSL_CONF away: remove it there first", file.display());
        }
        let said = environment.get("OPENSSL_CONF").map(|(value, origin)| (value.to_owned(), origin.clone()));
        let by_file = said.as_ref().is_some_and(|(_, origin)| origin.by_file);
        let said = said.map(|(value, origin)| (value, origin.file));
        let said = shell(bare, files)?.or(said);
        // Somebody has set what we set: that is not what held before.
        let said = said.filter(|(value, _)| value != files.value());
        if let Some((value, file)) = &said {
            ensure!(
                value.starts_with('/') && !value.contains(['%', '$', '`']),
                "{}: `OPENSSL_CONF={value}`: expected a plain absolute path, or it is not known what it has",
                file.display()
            );
        }
        let include_dir = environment.get("OPENSSL_CONF_INCLUDE").map(|(value, _)| value.into());
        Ok(Self { conf: said.map(|(value, _)| value.into()), include_dir, by_file })
    }
}

/// What httpd's file of variables says of OPENSSL_CONF.
fn shell(root: &Root, files: &Files) -> Result<Option<(String, PathBuf)>> {
    let Some(file) = &files.envvars else { return Ok(None) };
    let text = root.read(file)?.unwrap_or_default();
    Ok(apache::value(&text).map(|value| (value.to_owned(), file.clone())))
}

/// Whether OPENSSL_CONF is ours in the end.
///
/// # Errors
/// Somebody else's value counts: the message says whose.
pub(super) fn arrives(root: &Root, unit: &Unit, files: &Files) -> Result<()> {
    let environment = unit.environment(root)?;
    let said = environment.get("OPENSSL_CONF").map(|(value, origin)| (value.to_owned(), origin.file.clone()));
    match shell(root, files)?.or(said) {
        Some((value, _)) if value == files.value() => Ok(()),
        Some((value, file)) => bail!(
            "{}: `OPENSSL_CONF={value}` counts more than {}: remove it there, or give that file a name before `reprise.conf`",
            file.display(),
            files.drop_in.display()
        ),
        None => bail!(
            "OPENSSL_CONF does not reach the service: expected {} in the environment that {} gives",
            files.value(),
            unit.file.display()
        ),
    }
}

/// Plans that a file of ours has this text.
fn set(root: &Root, plan: &mut Plan, server: &Server, path: &Path, text: &str) -> Result<()> {
    let shown = path.display();
    match found(root, path)? {
        Found::Nothing | Found::Ours(_) => plan.set(root, path, Some(sealed(server, text))),
        Found::Changed(_) => bail!(
            "{shown} was changed by hand since it was written: `reprise module disable {server}` keeps it as {shown}.kept; \
             then enable it again"
        ),
        Found::Foreign => bail!(
            "{shown} is there, and not from this command (its first line would say so): move it away, then try again"
        ),
    }
}

/// Plans that a file of ours is gone.
fn unset(root: &Root, plan: &mut Plan, path: &Path) -> Result<()> {
    match found(root, path)? {
        Found::Ours(_) => plan.set(root, path, None),
        _ => Ok(()),
    }
}
