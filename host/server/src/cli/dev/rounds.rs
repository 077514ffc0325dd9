//! Built, checked, dropped in; and again when the sources change.

use std::{fmt, path::PathBuf, sync::Arc, time::Instant};

use anyhow::Result;
use reprise_authoring::Project;
use reprise_policy::{
    policies_dir::{ContentHash, DirOptions, check},
    policy::{Runtime, RuntimeOptions},
};

use super::{
    place::{DroppedSettings, Place},
    sources::Sources,
    telling::Teller,
};
use crate::cli::{compile::compiler, output};

/// What goes round at each save.
pub(super) struct Rounds {
    project: Project,
    place: Place,
    runtime: Runtime,
    sources: Sources,
    teller: Arc<Teller>,
}

impl Rounds {
    /// Rounds of `project`, whose compiled code is kept in `compiled`, where the server finds it: nothing is compiled twice.
    ///
    /// # Errors
    /// There is no memory for the engine that checks.
    pub(super) fn new(project: Project, place: Place, compiled: Option<PathBuf>, teller: Arc<Teller>) -> Result<Self> {
        let runtime = Runtime::new(RuntimeOptions {
            instances: 1,
            policies: 1,
            cache: compiled,
            compiler: compiler()?,
            ..Default::default()
        })?;
        let sources = Sources::new(project.dir());
        Ok(Self { project, place, runtime, sources, teller })
    }

    /// Goes round for ever.
    pub(super) fn run(&mut self) {
        let (mut built_from, mut dropped) = (None, None);
        loop {
            // Taken before the build: what is saved meanwhile is built next.
            let now = self.sources.fingerprint(&self.project.built());
            if built_from == Some(now) {
                self.sources.wait();
                continue;
            }
            self.round(&mut dropped);
            built_from = Some(now);
        }
    }

    /// Once round; what stays live if anything is wrong is what was.
    fn round(&mut self, dropped: &mut Option<ContentHash>) {
        let begun = Instant::now();
        // The folder may be no project any more, or be called otherwise now.
        match Project::open(self.project.dir()) {
            Ok(project) if project.name() == self.project.name() => self.project = project,
            Ok(project) => {
                let (was, is) = (self.project.name(), project.name());
                return output::tell(format_args!(
                    "not built: the policy is called `{is}` now and was `{was}`: start `reprise dev` again"
                ));
            }
            Err(error) => return output::tell(format_args!("not built: {error}")),
        }
        let file = match self.project.build() {
            Ok(file) => file,
            Err(error) => return self.stays(format_args!("not built: {error:#}")),
        };
        let checked = match check(&self.runtime, &file, &DirOptions::default()) {
            Ok(checked) => checked.hash,
            Err(error) => return self.stays(format_args!("not dropped in: {error}")),
        };
        if *dropped == Some(checked) {
            return self.stays(format_args!("built, and nothing is different"));
        }
        self.teller.expect(begun, checked.module);
        match self.place.drop_in(&self.project) {
            Ok(DroppedSettings::Ours) => {}
            Ok(DroppedSettings::Theirs(file)) => {
                output::tell(format_args!("the settings in {} stay as they are", file.display()));
            }
            Err(error) => return output::tell(format_args!("not dropped in: {error:#}")),
        }
        *dropped = Some(checked);
    }

    /// Says what became of this round, and which generation is live all the same.
    fn stays(&self, why: fmt::Arguments<'_>) {
        output::tell(why);
        output::tell(self.teller.stays());
    }
}
