//! What the get and new callbacks cost by themselves, in real handshakes: a timing callback set over each.

#![allow(unsafe_code)]

use std::{
    cell::{Cell, RefCell},
    ffi::{c_int, c_uchar},
    time::Instant,
};

use anyhow::{Result, ensure};
use openssl::ssl::SslContextBuilder;
use openssl_sys::{SSL, SSL_CTX, SSL_CTX_sess_set_get_cb, SSL_CTX_sess_set_new_cb, SSL_SESSION};

use super::{
    median,
    server::{Case, Server, Variant},
    wire::Client,
};

type New = unsafe extern "C" fn(*mut SSL, *mut SSL_SESSION) -> c_int;
type Get = unsafe extern "C" fn(*mut SSL, *const c_uchar, c_int, *mut c_int) -> *mut SSL_SESSION;

unsafe extern "C" {
    fn SSL_CTX_sess_get_new_cb(context: *mut SSL_CTX) -> Option<New>;
    fn SSL_CTX_sess_get_get_cb(context: *mut SSL_CTX) -> Option<Get>;
}

thread_local! {
    /// The callbacks of the server whose turn it is.
    static TIMED: Cell<(Option<New>, Option<Get>)> = const { Cell::new((None, None)) };
    static NEW: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    static GET: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

unsafe extern "C" fn timed_new(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int {
    let Some(inner) = TIMED.get().0 else { return 0 };
    let start = Instant::now();
    // SAFETY: as OpenSSL called us.
    let result = unsafe { inner(ssl, session) };
    NEW.with_borrow_mut(|times| times.push(start.elapsed().as_secs_f64() * 1e6));
    result
}

unsafe extern "C" fn timed_get(ssl: *mut SSL, id: *const c_uchar, length: c_int, copy: *mut c_int) -> *mut SSL_SESSION {
    let Some(inner) = TIMED.get().1 else { return std::ptr::null_mut() };
    let start = Instant::now();
    // SAFETY: as OpenSSL called us.
    let result = unsafe { inner(ssl, id, length, copy) };
    GET.with_borrow_mut(|times| times.push(start.elapsed().as_secs_f64() * 1e6));
    result
}

/// Sets the timing callbacks over those of a context, and gives what was there.
fn time(context: &mut SslContextBuilder) -> (Option<New>, Option<Get>) {
    let context = context.as_ptr();
    // SAFETY: a live context that nothing uses yet.
    unsafe {
        let timed = (SSL_CTX_sess_get_new_cb(context), SSL_CTX_sess_get_get_cb(context));
        SSL_CTX_sess_set_new_cb(context, Some(timed_new));
        SSL_CTX_sess_set_get_cb(context, Some(timed_get));
        timed
    }
}

/// Medians of both callbacks in resumed handshakes. TLS 1.2 has no new callback there.
pub fn measure(case: Case, handshakes: usize, rounds: usize) -> Result<()> {
    let mut runs = Vec::new();
    for variant in [Variant::NativeDup, Variant::NativeDer, Variant::Host, Variant::Policy] {
        let mut timed = (None, None);
        let server = Server::adjusted(variant, case, |context| timed = time(context))?;
        TIMED.set(timed);
        let mut client = Client::new(&server, case)?;
        client.handshake(&server)?;
        runs.push((variant, server, client, timed, Vec::new(), Vec::new()));
    }
    for _ in 0..rounds {
        for (variant, server, client, timed, gets, news) in &mut runs {
            TIMED.set(*timed);
            NEW.take();
            GET.take();
            for _ in 0..handshakes {
                ensure!(client.handshake(server)?, "a handshake of {variant} did not resume");
            }
            gets.push(median(&mut GET.take()));
            news.extend(Some(NEW.take()).filter(|times| !times.is_empty()).map(|mut times| median(&mut times)));
        }
    }
    for (variant, _, _, _, gets, news) in &mut runs {
        let new = if news.is_empty() { "-".to_owned() } else { format!("{:.2}", median(news)) };
        println!("{:<34} {:>12.2} {new:>12}", variant.to_string(), median(gets));
    }
    Ok(())
}
