//! From a [`Policy`] to a module's exports.

use std::cell::OnceCell;

use crate::{
    Connection, GetVerdict, NewVerdict, Policy, Removal, RemoveVerdict, Session, SessionId, Settings, observe,
};

/// Makes a WebAssembly policy of a type that implements [`Policy`].
///
/// `export!(MyPolicy: new_session, get_session)` exports just the callbacks named; one that is missing costs no call.
/// `export!(MyPolicy)` exports all three. `configure` is always exported, so that settings which a policy does not know are
/// refused rather than ignored. Once per crate; on other targets than Wasm it only checks that the type is a policy.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        $crate::export!($policy: new_session, get_session, remove_session);
    };
    ($policy:ty: $($callback:ident),+ $(,)?) => {
        const _: fn() -> $crate::Instance<$policy> = $crate::Instance::<$policy>::new;

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The generator's glue to the canonical ABI.
        const _: () = {
            // A Wasm instance has one thread, so this is a plain static of the instance.
            ::std::thread_local! {
                static INSTANCE: $crate::Instance<$policy> = const { $crate::Instance::new() };
            }
            struct Exports;
            impl $crate::bindings::settings::exports::reprise::session_cache::settings::Guest for Exports {
                fn configure(
                    settings: ::std::vec::Vec<(::std::string::String, ::std::string::String)>,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    INSTANCE.with(|instance| instance.configure(settings))
                }
            }
            $crate::bindings::settings::export_settings!(Exports);
            $($crate::__export_callback!($callback);)+
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_callback {
    (new_session) => {
        impl $crate::bindings::new::exports::reprise::session_cache::new_session::Guest for Exports {
            fn decide(connection: $crate::Connection, session: $crate::Session) -> $crate::NewVerdict {
                INSTANCE.with(|instance| instance.new_session(&connection, &session))
            }
        }
        $crate::bindings::new::export_new!(Exports);
    };
    (get_session) => {
        impl $crate::bindings::get::exports::reprise::session_cache::get_session::Guest for Exports {
            fn decide(connection: $crate::Connection, candidate: $crate::Session) -> $crate::GetVerdict {
                INSTANCE.with(|instance| instance.get_session(&connection, &candidate))
            }
        }
        $crate::bindings::get::export_get!(Exports);
    };
    (remove_session) => {
        impl $crate::bindings::remove::exports::reprise::session_cache::remove_session::Guest for Exports {
            fn decide(
                id: $crate::SessionId,
                session: ::std::option::Option<$crate::Session>,
                why: $crate::Removal,
            ) -> $crate::RemoveVerdict {
                INSTANCE.with(|instance| instance.remove_session(&id, session.as_ref(), why))
            }
        }
        $crate::bindings::remove::export_remove!(Exports);
    };
    ($other:ident) => {
        ::std::compile_error!(::std::concat!(
            "no callback is called `",
            ::std::stringify!($other),
            "`; expected new_session, get_session or remove_session"
        ));
    };
}

/// What a Wasm instance holds: its policy, made by `configure` or, where that was not called, by [`Default`].
pub struct Instance<P>(OnceCell<P>);

impl<P: Policy> Instance<P> {
    /// An instance that has not been configured yet.
    pub const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// The `configure` export.
    ///
    /// # Errors
    ///
    /// What the operator is told: the policy's own objection, or the keys that it does not know.
    pub fn configure(&self, settings: Vec<(String, String)>) -> Result<(), String> {
        log_panics();
        let policy = Settings::new(settings).read(P::configure).map_err(|error| error.to_string())?;
        self.0
            .set(policy)
            .map_err(|_| "configured twice; a host configures an instance once, before any call".to_owned())
    }

    /// The `new-session` export.
    pub fn new_session(&self, connection: &Connection, session: &Session) -> NewVerdict {
        self.policy().new_session(connection, session)
    }

    /// The `get-session` export.
    pub fn get_session(&self, connection: &Connection, candidate: &Session) -> GetVerdict {
        self.policy().get_session(connection, candidate)
    }

    /// The `remove-session` export.
    pub fn remove_session(&self, id: &SessionId, session: Option<&Session>, why: Removal) -> RemoveVerdict {
        self.policy().remove_session(id, session, why)
    }

    fn policy(&self) -> &P {
        self.0.get_or_init(P::default)
    }
}

impl<P: Policy> Default for Instance<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// Wasm has no standard error: without this, a panic is a trap that does not say why.
fn log_panics() {
    if cfg!(target_arch = "wasm32") {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
            let message = panic.payload_as_str().unwrap_or("without a message");
            observe::error(&format!("panic{}: {message}", place.unwrap_or_default()));
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SettingsError, testing};

    #[derive(Default)]
    struct Picky(bool);

    impl Policy for Picky {
        fn configure(settings: &mut Settings) -> Result<Self, SettingsError> {
            Ok(Self(settings.one("refuse")?.unwrap_or(false)))
        }

        fn new_session(&self, _: &Connection, _: &Session) -> NewVerdict {
            if self.0 { NewVerdict::Refuse } else { NewVerdict::no_opinion() }
        }
    }

    #[derive(Default)]
    struct Silent;

    impl Policy for Silent {}

    export!(Picky: new_session);

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn a_policy_that_overrides_nothing_has_no_opinion() {
        let instance = Instance::<Silent>::new();
        let (connection, session) = (testing::connection(), testing::session());
        assert_eq!(instance.configure(Vec::new()), Ok(()));
        assert_eq!(instance.new_session(&connection, &session), NewVerdict::Keep(crate::Terms::default()));
        assert_eq!(instance.get_session(&connection, &session), GetVerdict::Resume);
        assert_eq!(instance.remove_session(&session.id, Some(&session), Removal::Evicted), RemoveVerdict::HostDefault);
    }

    #[test]
    fn an_instance_decides_by_what_it_was_configured_with() {
        let instance = Instance::<Picky>::new();
        assert_eq!(instance.configure(pairs(&[("refuse", "true")])), Ok(()));
        assert_eq!(instance.new_session(&testing::connection(), &testing::session()), NewVerdict::Refuse);
    }

    #[test]
    fn an_instance_that_was_not_configured_decides_by_default() {
        let instance = Instance::<Picky>::new();
        assert_eq!(instance.new_session(&testing::connection(), &testing::session()), NewVerdict::no_opinion());
    }

    #[test]
    fn a_policy_without_settings_refuses_settings() {
        let error = Instance::<Silent>::new().configure(pairs(&[("lifetime", "1")])).unwrap_err();
        assert_eq!(error, "unknown setting `lifetime`; this policy has no settings");
    }

    #[test]
    fn an_instance_is_configured_once() {
        let instance = Instance::<Picky>::new();
        assert_eq!(instance.configure(pairs(&[("refuse", "true")])), Ok(()));
        assert!(instance.configure(Vec::new()).is_err());
        assert_eq!(instance.new_session(&testing::connection(), &testing::session()), NewVerdict::Refuse);
    }
}
