//! Options from two places, as one.

/// Declares a struct of options: each is a field, and everything else about it comes from that.
///
/// clap makes an argument of it, and serde a key of the file; `or` and `OPTIONS` are made here.
macro_rules! declared {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident {
            $($(#[$of_option:meta])* $seen:vis $option:ident: $type:ty,)*
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

            /// These options, and `other`'s where these have none. A list is taken from one side, never joined.
            pub(crate) fn or(self, mut other: Self) -> Self {
                if self.cert.is_some() {
                    // A certificate and its key belong together: neither side's is paired with the other's.
                    other.key = None;
                }
                Self { $($option: $crate::serve::precedence::Given::or(self.$option, other.$option),)* }
            }
        }
    };
}
pub(super) use declared;

/// What is given or not.
pub(super) trait Given {
    /// This, or the other if nothing is given here.
    fn or(self, other: Self) -> Self;
}

impl<T> Given for Option<T> {
    fn or(self, other: Self) -> Self {
        Option::or(self, other)
    }
}

impl<T> Given for Vec<T> {
    fn or(self, other: Self) -> Self {
        if self.is_empty() { other } else { self }
    }
}
