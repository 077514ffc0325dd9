//! Options from two places, as one.

/// Declares a struct of options: each is a field, and everything else about it comes from that.
///
/// clap makes an argument of it, and serde a key of the file; `each_or` and `OPTIONS` are made here, and for an option with
/// a default, `= "10s"`, a method of its name that gives what counts.
macro_rules! declared {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident {
            $($(#[$of_option:meta])* $seen:vis $option:ident: $type:ty $(= $default:literal)?,)*
        }
    ) => {
        $(#[$about])*
        $visible struct $name {
            $($(#[$of_option])* $seen $option: $type,)*
        }

        impl $name {
            /// Every option, as it is called on the command line and in the file but for its hyphens.
            #[cfg(test)]
            pub(crate) const OPTIONS: &[&str] = &[$(stringify!($option)),*];

            /// The options with a default, each with that.
            #[cfg(test)]
            pub(crate) const DEFAULTS: &[(&str, &str)] = &[$($((stringify!($option), $default),)?)*];

            /// Each default, parsed.
            #[cfg(test)]
            pub(crate) fn parse_defaults() {
                $($(let _: (_, &str) = (Self::default().$option(), $default);)?)*
            }

            $($(
                $seen fn $option(&self) -> <$type as $crate::serve::precedence::Given>::Value {
                    self.$option.clone().unwrap_or_else(|| $default.parse().expect("a test parses every default"))
                }
            )?)*

            /// Each of these options, or `other`'s where these have none. A list is taken from one side, never joined.
            fn each_or(self, other: Self) -> Self {
                Self { $($option: $crate::serve::precedence::Given::or(self.$option, other.$option),)* }
            }
        }
    };
}
pub(super) use declared;

/// What is given or not.
pub(crate) trait Given {
    /// What is given.
    type Value;

    /// This, or the other if nothing is given here.
    fn or(self, other: Self) -> Self;
}

impl<T> Given for Option<T> {
    type Value = T;

    fn or(self, other: Self) -> Self {
        Option::or(self, other)
    }
}

impl<T> Given for Vec<T> {
    type Value = Self;

    fn or(self, other: Self) -> Self {
        if self.is_empty() { other } else { self }
    }
}
