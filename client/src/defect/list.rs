//! The defects, by area.

/// From `Variant "name" in [areas]: "what it does", "where it was reported";` to the type and what can be asked of it.
macro_rules! defects {
    ($($variant:ident $name:literal in [$($area:literal),+]: $does:literal, $source:literal;)+) => {
        /// A bug that a program shipped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Defect {
            $(#[doc = $does] $variant,)+
        }

        #[cfg(feature = "defects")]
        impl Defect {
            /// All of them, by area.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The defect of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|defect| defect.name() == name)
            }

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the program does wrong, in a sentence.
            pub fn does(self) -> &'static str {
                match self { $(Self::$variant => $does,)+ }
            }

            /// The public report that it is taken from.
            pub fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)+ }
            }

            /// The areas of behaviour in which it shows; the first is its own.
            pub fn areas(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($area),+],)+ }
            }
        }
    };
}

defects! {
    FlatErrorsOnly "flat-errors-only" in ["refresh"]:
        "Reads OAuth errors only where RFC 6749 puts them, not the object nested under `error`.",
        "NousResearch/hermes-agent!11512";
    CallArgumentsOnFirst "call-arguments-on-first" in ["stream"]:
        "Adds the argument deltas of parallel function calls to the first call.",
        "can1357/oh-my-pi#1880";
}
