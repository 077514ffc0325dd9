//! Streams and pollables.
//!
//! Standard output and standard error take whatever is written; standard input is at its end. A
//! pollable is always ready, also one of a clock: a policy that sleeps is not made to wait, and one
//! that waits for something in a loop runs out of its budget there, where it can be ended.

use wasmtime::{
    bail,
    component::{ComponentType, Lift, LinkerInstance, Lower, Resource},
};

use super::{InputStream, IoError, OutputStream, Pollable, hand_out};
use crate::policy::sandbox::Sandbox;

/// What a handle's number says of a stream.
pub(super) const STDIN: u32 = 0;
pub(super) const STDOUT: u32 = 1;
pub(super) const STDERR: u32 = 2;
/// Bytes that a stream says it takes at once.
const ROOM: u64 = 4_096;

/// `wasi:io/streams.stream-error`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    // Nothing here fails.
    #[component(name = "last-operation-failed")]
    #[allow(dead_code)]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

type Streamed<T> = Result<T, StreamError>;
type Input = Resource<InputStream>;
type Output = Resource<OutputStream>;

/// Defines this function, if it is one of these interfaces'.
pub(super) fn define(
    instance: &mut LinkerInstance<'_, Sandbox>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<bool> {
    match (interface, name) {
        ("cli/stdin", "get-stdin") => {
            instance.func_wrap(name, |mut context, (): ()| Ok((hand_out::<InputStream>(&mut context, STDIN)?,)))?;
        }
        ("cli/stdout", "get-stdout") => {
            instance.func_wrap(name, |mut context, (): ()| Ok((hand_out::<OutputStream>(&mut context, STDOUT)?,)))?;
        }
        ("cli/stderr", "get-stderr") => {
            instance.func_wrap(name, |mut context, (): ()| Ok((hand_out::<OutputStream>(&mut context, STDERR)?,)))?;
        }
        ("io/error", "[method]error.to-debug-string") => {
            instance.func_wrap(name, |_, _: (Resource<IoError>,)| Ok((String::new(),)))?;
        }
        ("io/poll", "[method]pollable.ready") => {
            instance.func_wrap(name, |_, _: (Resource<Pollable>,)| Ok((true,)))?;
        }
        ("io/poll", "[method]pollable.block") => {
            instance.func_wrap(name, |_, _: (Resource<Pollable>,)| Ok(()))?;
        }
        ("io/poll", "poll") => {
            instance.func_wrap(name, |_, (pollables,): (Vec<Resource<Pollable>>,)| {
                if pollables.is_empty() {
                    bail!("the policy polls nothing, which would never be ready");
                }
                Ok(((0..pollables.len() as u32).collect::<Vec<_>>(),))
            })?;
        }
        ("io/streams", "[method]input-stream.read" | "[method]input-stream.blocking-read") => {
            instance.func_wrap(name, |_, _: (Input, u64)| Ok((Streamed::<Vec<u8>>::Err(StreamError::Closed),)))?;
        }
        ("io/streams", "[method]input-stream.skip" | "[method]input-stream.blocking-skip") => {
            instance.func_wrap(name, |_, _: (Input, u64)| Ok((Streamed::<u64>::Err(StreamError::Closed),)))?;
        }
        ("io/streams", "[method]input-stream.subscribe") => {
            instance.func_wrap(name, |mut context, _: (Input,)| Ok((hand_out::<Pollable>(&mut context, 0)?,)))?;
        }
        ("io/streams", "[method]output-stream.check-write") => {
            instance.func_wrap(name, |_, _: (Output,)| Ok((Streamed::Ok(ROOM),)))?;
        }
        ("io/streams", "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") => {
            instance.func_wrap(name, |mut context, (stream, bytes): (Output, Vec<u8>)| {
                context.data_mut().print(stream.rep(), &bytes);
                Ok((Streamed::Ok(()),))
            })?;
        }
        ("io/streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => {
            instance.func_wrap(name, |_, _: (Output,)| Ok((Streamed::Ok(()),)))?;
        }
        ("io/streams", "[method]output-stream.subscribe") => {
            instance.func_wrap(name, |mut context, _: (Output,)| Ok((hand_out::<Pollable>(&mut context, 0)?,)))?;
        }
        // Zeros are nothing that a log shows.
        (
            "io/streams",
            "[method]output-stream.write-zeroes" | "[method]output-stream.blocking-write-zeroes-and-flush",
        ) => instance.func_wrap(name, |_, _: (Output, u64)| Ok((Streamed::Ok(()),)))?,
        ("io/streams", "[method]output-stream.splice" | "[method]output-stream.blocking-splice") => {
            instance.func_wrap(name, |_, _: (Output, Input, u64)| Ok((Streamed::<u64>::Err(StreamError::Closed),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}
