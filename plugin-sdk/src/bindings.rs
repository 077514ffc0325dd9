//! The interface as Rust types, made from `wit/session-cache.wit`: one module for each world, so that a policy exports only
//! what it decides. The types are made once, in [`shared`], and shared.

#![allow(missing_docs)] // What the WIT file documents is documented; the rest is the generator's.

/// The types, and the imports `state` and `observe`.
pub mod shared {
    wit_bindgen::generate!({
        path: "../wit",
        // The interface has no world that has all types and exports nothing.
        inline: "
            package reprise:sdk;
            world shared {
                include reprise:session-cache/imports@0.1.0;
                import reprise:session-cache/types@0.1.0;
            }
        ",
        world: "reprise:sdk/shared",
        generate_unused_types: true,
        generate_all,
        additional_derives: [PartialEq],
    });
}

macro_rules! world {
    ($module:ident, $world:literal, $export_macro:literal, $bindings:literal $(, $types:literal)?) => {
        #[doc = concat!("The world `", $world, "`.")]
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit",
                world: $world,
                with: {
                    $($types: crate::bindings::shared::reprise::session_cache::types,)?
                    "reprise:session-cache/state@0.1.0": crate::bindings::shared::reprise::session_cache::state,
                    "reprise:session-cache/observe@0.1.0": crate::bindings::shared::reprise::session_cache::observe,
                },
                pub_export_macro: true,
                export_macro_name: $export_macro,
                default_bindings_module: $bindings,
            });
        }
    };
}

world!(new, "decides-new", "export_new", "reprise_sdk::bindings::new", "reprise:session-cache/types@0.1.0");
world!(get, "decides-get", "export_get", "reprise_sdk::bindings::get", "reprise:session-cache/types@0.1.0");
world!(remove, "decides-remove", "export_remove", "reprise_sdk::bindings::remove", "reprise:session-cache/types@0.1.0");
world!(settings, "configurable", "export_settings", "reprise_sdk::bindings::settings");
