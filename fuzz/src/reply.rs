use redis::{ErrorKind, parse_redis_value};
use reprise::fuzzing::{Excess, REPLY, Scanner};

/// What a Redis server says: it is read along in step with the client's parser, in whatever pieces
/// it comes, and no more of a reply is let through than may be.
pub fn reply(bytes: &[u8]) {
    let mut scanner = Scanner::default();
    let mut begin = 0;
    let mut refused = None;
    for (at, byte) in bytes.iter().enumerate() {
        if let Err(excess) = scanner.read(std::slice::from_ref(byte)) {
            refused = Some(excess);
            break;
        }
        let end = at + 1;
        if scanner.is_between_replies() {
            let incomplete = |bytes| parse_redis_value(bytes).is_err_and(|error| error.kind() == ErrorKind::Io);
            assert!(!incomplete(&bytes[begin..end]), "goes on: {:?}", String::from_utf8_lossy(&bytes[begin..end]));
            assert!(parse_redis_value(&bytes[begin..end - 1]).is_err(), "a reply that ended before");
            begin = end;
        }
        assert!(((end - begin) as u64) <= REPLY);
    }
    let pieces = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    let mut scanner = Scanner::default();
    let again: Result<(), Excess> = bytes.chunks(pieces).try_for_each(|piece| scanner.read(piece));
    assert_eq!(again.err(), refused, "whatever pieces it comes in");
}
