//! `--uid`: a user of this machine.

use std::str::FromStr;

use nix::unistd;

use crate::hosting::{argument::ArgumentError, text::value_of_the_file};

/// The number that a user who is not known in a user namespace has there: whoever has it may be anybody (user_namespaces(7)).
const OVERFLOW: u32 = 65_534;

/// A user, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User(pub(crate) u32);

impl FromStr for User {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let refused =
            |why: &str| ArgumentError::new(format!("`{text}` {why}: write a user's name like `www-data`, or a number"));
        let number = match text.parse::<u32>() {
            Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ if text.is_empty() || text.contains('\0') => return Err(refused("is empty")),
            _ => match unistd::User::from_name(text) {
                Ok(Some(user)) => user.uid.as_raw(),
                Ok(None) => return Err(refused("is no user of this machine")),
                Err(error) => return Err(refused(&format!("cannot be looked up ({error})"))),
            },
        };
        match number {
            // chown(2) takes it for nobody at all.
            u32::MAX => Err(refused("is no user's number")),
            OVERFLOW => Err(refused("is who nobody knows (user_namespaces(7)), and may be anybody")),
            number => Ok(Self(number)),
        }
    }
}

value_of_the_file!(User);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_name_or_a_number() {
        assert_eq!("root".parse::<User>().unwrap(), User(0));
        assert_eq!("33".parse::<User>().unwrap(), User(33));
    }

    #[test]
    fn whoever_may_be_anybody_is_nobody_to_trust() {
        for text in ["", "no-such-user", "-1", "+1", "4294967295", "65534", "4294967296", "0x21"] {
            assert!(text.parse::<User>().expect_err(text).to_string().contains("write a user's name"), "{text}");
        }
    }
}
