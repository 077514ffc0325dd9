//! What OpenSSL calls of a configuration module: config(5), `CONF_modules_load`.

use std::{
    ffi::{CStr, CString, c_int, c_void},
    marker::PhantomData,
};

use reprise_session::vital::guarded;

use super::{GUEST, Guest, join};
use crate::{ffi, tls::errors};

/// The module's section of the configuration, while it is loaded.
pub struct Section<'a> {
    configuration: *const ffi::Conf,
    name: CString,
    lives: PhantomData<&'a ()>,
}

impl Section<'_> {
    /// What a key is set to, if it is.
    pub fn value(&self, key: &str) -> Option<String> {
        let key = CString::new(key).ok()?;
        // SAFETY: OpenSSL's configuration lives while the module is loaded; it says that a key is missing in its error queue, too.
        let value =
            errors::aside(|| unsafe { ffi::NCONF_get_string(self.configuration, self.name.as_ptr(), key.as_ptr()) });
        if value.is_null() {
            return None;
        }
        // SAFETY: a string of the configuration's, which ends with a zero.
        unsafe { CStr::from_ptr(value) }.to_str().ok().map(str::to_owned)
    }
}

/// What a module does with its section: who decides from now on, or none, which leaves the process alone.
pub type Entry = fn(&Section<'_>) -> Option<Guest>;

/// What [`configuration_module!`](crate::configuration_module) has OpenSSL call. Always 1: anything else has programs fail to start,
/// or go on without TLS as it was set up.
///
/// # Safety
/// `module` and `configuration` must be what OpenSSL has given to `OPENSSL_init`.
pub unsafe fn load(module: *mut c_void, configuration: *const c_void, entry: Entry) -> c_int {
    guarded("OPENSSL_init", (), || {
        // SAFETY: by this function's contract; the value is a string that ends with a zero, and lives as long as the module.
        let name = unsafe {
            let value = ffi::CONF_imodule_get_value(module);
            if value.is_null() {
                return;
            }
            CStr::from_ptr(value).to_owned()
        };
        let section = Section { configuration: configuration.cast(), name, lives: PhantomData };
        if let Some(guest) = entry(&section) {
            // A second section of the same module changes nothing.
            let _ = join(guest);
        }
    });
    1
}

/// What [`configuration_module!`](crate::configuration_module) has OpenSSL call when it is done with the module. The process may still
/// serve, and a parent that leaves its work to a child calls it, too: nothing ends here, and nothing is waited for.
pub fn finish() {
    guarded("OPENSSL_finish", (), || {
        if let Some(guest) = GUEST.get() {
            guest.handler.ends();
        }
    });
}

/// Makes the shared library that this stands in an OpenSSL configuration module: defines what OpenSSL looks for in it.
#[macro_export]
macro_rules! configuration_module {
    ($entry:expr) => {
        /// OpenSSL has read a configuration that names this library.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn OPENSSL_init(
            module: *mut ::std::ffi::c_void,
            configuration: *const ::std::ffi::c_void,
        ) -> ::std::ffi::c_int {
            // SAFETY: these are OpenSSL's arguments.
            unsafe { $crate::guest::entry::load(module, configuration, $entry) }
        }

        /// OpenSSL is done with it.
        #[unsafe(no_mangle)]
        pub extern "C" fn OPENSSL_finish(_: *mut ::std::ffi::c_void) {
            $crate::guest::entry::finish();
        }
    };
}
