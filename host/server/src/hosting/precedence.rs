//! Options from two places, as one.

/// Declares a struct of options: each is a field, and everything else about it comes from that.
///
/// clap makes an argument of it, and serde a key of the file; `each_or` and `OPTIONS` are made here, and for an option with
/// a default, `= "10s"`, a method of its name that gives what counts.
///
/// Behind `shared PART` stand options that several commands have. They are fields of this struct as well, and `part` gives them
/// alone, as a PART, which is declared with them and nothing else: what they mean is said once, of that.
macro_rules! declared {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident {
            $($(#[$of_option:meta])* $seen:vis $option:ident: $type:ty $(= $default:literal)?,)*
        }
        $(shared $part:ident {
            $($(#[$of_shared:meta])* $shown:vis $shared:ident: $kind:ty $(= $otherwise:literal)?,)*
        })?
    ) => {
        $(#[$about])*
        $visible struct $name {
            $($(#[$of_option])* $seen $option: $type,)*
            $($($(#[$of_shared])* $shown $shared: $kind,)*)?
        }

        impl $name {
            /// Every option, as it is called on the command line and in the file but for its hyphens.
            #[cfg(test)]
            #[allow(dead_code, reason = "what is declared for others to share is looked at there")]
            pub(crate) const OPTIONS: &[&str] = &[$(stringify!($option),)* $($(stringify!($shared),)*)?];

            /// The options with a default, each with that.
            #[cfg(test)]
            #[allow(dead_code, reason = "as above")]
            pub(crate) const DEFAULTS: &[(&str, &str)] = &[
                $($((stringify!($option), $default),)?)*
                $($($((stringify!($shared), $otherwise),)?)*)?
            ];

            /// Each default, parsed.
            #[cfg(test)]
            pub(crate) fn parse_defaults() {
                $($(let _: (_, &str) = (Self::default().$option(), $default);)?)*
                $($part::parse_defaults();)?
            }

            $($(
                $seen fn $option(&self) -> <$type as $crate::hosting::precedence::Given>::Value {
                    self.$option.clone().unwrap_or_else(|| $default.parse().expect("a test parses every default"))
                }
            )?)*

            /// Each of these options, or `other`'s where these have none. A list is taken from one side, never joined.
            #[allow(dead_code, reason = "what is declared for others to share is put together there")]
            pub(crate) fn each_or(self, other: Self) -> Self {
                Self {
                    $($option: $crate::hosting::precedence::Given::or(self.$option, other.$option),)*
                    $($($shared: $crate::hosting::precedence::Given::or(self.$shared, other.$shared),)*)?
                }
            }

            $(
                /// Those that others have too.
                pub(crate) fn part(&self) -> $part {
                    $part { $($shared: self.$shared.clone(),)* }
                }
            )?
        }
    };
}
pub(crate) use declared;

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
