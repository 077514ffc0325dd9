//! The cipher suites enabled on a connection.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The cipher suites enabled on a connection (`SSL_get_ciphers`), by their IANA numbers.
///
/// There are some sixty of them, and a look-up asks for one: in the process of the connection the connection is asked. They are listed
/// where they cross to another.
#[derive(Clone)]
pub enum Suites<'a> {
    /// Those of a connection.
    Of(&'a dyn EnabledSuites),
    /// These.
    Listed(Vec<u16>),
}

/// What knows which cipher suites are enabled.
pub trait EnabledSuites: Sync {
    /// Calls `visit` with one after the other, in order of preference, until it answers true; whether it did.
    fn any(&self, visit: &mut dyn FnMut(u16) -> bool) -> bool;
}

impl Suites<'_> {
    /// Whether `suite` is enabled.
    pub fn contains(&self, suite: u16) -> bool {
        match self {
            Self::Of(connection) => connection.any(&mut |enabled| enabled == suite),
            Self::Listed(list) => list.contains(&suite),
        }
    }

    /// Whether they are these, in this order.
    pub fn are(&self, list: &[u16]) -> bool {
        match self {
            Self::Listed(listed) => listed == list,
            Self::Of(connection) => {
                let mut rest = list.iter();
                !connection.any(&mut |enabled| rest.next() != Some(&enabled)) && rest.len() == 0
            }
        }
    }

    /// All of them.
    pub fn list(&self) -> Vec<u16> {
        match self {
            Self::Listed(list) => list.clone(),
            Self::Of(connection) => {
                let mut list = Vec::new();
                connection.any(&mut |enabled| {
                    list.push(enabled);
                    false
                });
                list
            }
        }
    }
}

impl Default for Suites<'_> {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl fmt::Debug for Suites<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

impl EnabledSuites for Vec<u16> {
    fn any(&self, visit: &mut dyn FnMut(u16) -> bool) -> bool {
        self.iter().any(|suite| visit(*suite))
    }
}

impl PartialEq for Suites<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl Eq for Suites<'_> {}

impl Serialize for Suites<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Suites<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Listed)
    }
}
