//! Named defects: bugs that real programs shipped, each a few lines at the place where the bug would be.
//!
//! They prove that the suite can fail. Only with the feature `defects` can one be switched on, by the environment
//! variable [`VARIABLE`]; without it [`active`] is a constant, and the compiler leaves the bugs out.

mod list;

pub use list::Defect;

/// Whether this defect is switched on.
#[cfg(not(feature = "defects"))]
pub(crate) const fn active(_: Defect) -> bool {
    false
}

/// Whether any defect is switched on. Then everything is read the general way, where the defects have their places.
#[cfg(not(feature = "defects"))]
pub(crate) const fn any() -> bool {
    false
}

#[cfg(feature = "defects")]
pub use switch::{INERT, NONE, Unknown, VARIABLE, switch_on};
#[cfg(feature = "defects")]
pub(crate) use switch::{active, any};

#[cfg(feature = "defects")]
mod switch {
    use std::sync::OnceLock;

    use super::Defect;

    /// The environment variable that names the defect of this process, or gives its number in the list.
    pub const VARIABLE: &str = "LOGINPROOF_DEFECT";

    /// Names no defect: the same way to start a program, for comparison.
    pub const NONE: &str = "none";

    /// Names a defect that does nothing: everything is read the general way, as with any other.
    pub const INERT: &str = "inert";

    static ON: OnceLock<Option<Defect>> = OnceLock::new();

    /// A name that no defect has.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error(
        "{VARIABLE} names no defect: `{name}`; known are {NONE}, {INERT}, {}",
        known()
    )]
    pub struct Unknown {
        /// What was asked for.
        pub name: String,
    }

    /// Switches on the defect that [`VARIABLE`] names, for the rest of the process.
    ///
    /// # Errors
    /// No defect has this name or number.
    pub fn switch_on() -> Result<(), Unknown> {
        let name = std::env::var_os(VARIABLE).unwrap_or_default();
        let name = name.to_string_lossy();
        if name.is_empty() || name == NONE {
            return Ok(());
        }
        let defect = if name == INERT {
            None
        } else {
            let defect = Defect::named(&name).or_else(|| Defect::numbered(name.parse().ok()?));
            Some(defect.ok_or_else(|| Unknown {
                name: name.into_owned(),
            })?)
        };
        ON.get_or_init(|| defect);
        Ok(())
    }

    pub(crate) fn active(defect: Defect) -> bool {
        ON.get() == Some(&Some(defect))
    }

    pub(crate) fn any() -> bool {
        ON.get().is_some()
    }

    fn known() -> String {
        let names: Vec<&str> = Defect::ALL.iter().map(|defect| defect.name()).collect();
        names.join(", ")
    }
}

#[cfg(all(test, feature = "defects"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_defect_says_what_it_does_where_it_shows_and_who_reported_it() {
        for defect in Defect::ALL {
            let name = defect.name();
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
            assert!(defect.does().ends_with('.'), "{name}");
            assert!(!defect.source().is_empty(), "{name}");
            assert!(!defect.areas().is_empty(), "{name}");
            assert_eq!(Defect::named(name), Some(*defect));
            assert_eq!(Defect::numbered(defect.number()), Some(*defect));
        }
        let names: BTreeSet<&str> = Defect::ALL.iter().map(|defect| defect.name()).collect();
        assert_eq!(names.len(), Defect::ALL.len());
    }

    #[test]
    fn nothing_is_switched_on_by_itself() {
        assert!(Defect::ALL.iter().all(|defect| !active(*defect)) && !any());
    }
}
