//! What a Cluster's node says of the others, looked at before the library connects to each of them.
//!
//! The library connects to as many as it is told of, all at once. Told of none it forgets those it
//! has, and asks nobody ever after, as fast as it can. Where a question fails it asks again at
//! once.

use std::{collections::HashSet, time::Duration};

use redis::{Arg, Cmd, ErrorKind, RedisError, RedisResult, Value};

/// The most nodes that a Cluster may have. A node of ours has two connections to each.
pub const NODES: usize = 256;

/// How long somebody waits who would ask again at once.
pub const PAUSE: Duration = Duration::from_millis(100);

/// Whether this asks for the slots, and with them for the nodes.
pub fn asks_for_nodes(command: &Cmd) -> bool {
    let mut words = command.args_iter().map(|word| match word {
        Arg::Simple(word) => word,
        _ => &[],
    });
    words.next() == Some(b"CLUSTER") && words.next() == Some(b"SLOTS")
}

/// # Errors
/// The answer names too many nodes, or none.
pub fn look_at_nodes(answer: &Value) -> RedisResult<()> {
    let Value::Array(ranges) = answer else { return Ok(()) };
    let nodes = ranges.iter().flat_map(|range| match range {
        // Of an element, host and port, and what else there is to know of it.
        Value::Array(range) => range.get(2..).unwrap_or_default(),
        _ => &[],
    });
    let mut different = HashSet::new();
    for node in nodes {
        if let Value::Array(node) = node
            && let [host, Value::Int(port), ..] = &node[..]
        {
            let host = match host {
                Value::BulkString(host) => host.as_slice(),
                _ => &[],
            };
            different.insert((host, port));
            if different.len() > NODES {
                return Err(unfit("the Cluster has too many nodes; expected at most 256"));
            }
        }
    }
    if different.is_empty() { Err(unfit("no node of the Cluster has any slots")) } else { Ok(()) }
}

fn unfit(why: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Client, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(nodes: usize) -> RedisResult<()> {
        let node = |number: usize| {
            let host = Value::BulkString(format!("10.0.0.{number}").into_bytes());
            Value::Array(vec![host, Value::Int(6379), Value::BulkString(b"an id".to_vec())])
        };
        let range = |number| Value::Array(vec![Value::Int(0), Value::Int(1), node(number), node(number / 2)]);
        look_at_nodes(&Value::Array((0..nodes).map(range).collect()))
    }

    #[test]
    fn as_many_nodes_as_may_be_pass_and_no_more() {
        assert!(named(1).is_ok() && named(NODES).is_ok());
        assert!(named(NODES + 1).unwrap_err().to_string().contains(&NODES.to_string()));
        assert!(named(0).unwrap_err().to_string().contains("slots"));
    }

    #[test]
    fn an_answer_that_makes_no_sense_names_nobody() {
        for range in [Value::Nil, Value::Array(vec![]), Value::Array(vec![Value::Int(0), Value::Int(1), Value::Nil])] {
            assert!(look_at_nodes(&Value::Array(vec![range])).is_err());
        }
    }

    #[test]
    fn only_this_question_is_one_for_nodes() {
        assert!(asks_for_nodes(redis::cmd("CLUSTER").arg("SLOTS")));
        assert!(!asks_for_nodes(redis::cmd("CLUSTER").arg("INFO")));
        assert!(!asks_for_nodes(&redis::cmd("PING")));
    }
}
