//! The index of cases: every case that is known (`scenarios/CASES.md`), and why one has no scenario
//! (`scenarios/NOT-COVERED.md`). Both are tables that people read; which scenarios play a case is derived.

use super::validate::is_case_id;

/// A case that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// How binding it was found to be, as scenario files write it.
    pub level: String,
    /// What it is about.
    pub title: String,
}

/// A case that no scenario plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCovered {
    /// Its id.
    pub case: String,
    /// What it is about.
    pub title: String,
    /// Why no scenario plays it.
    pub why: String,
    /// What it would take.
    pub needed: String,
}

/// The cases in the text of `CASES.md`, in its order.
#[must_use]
pub fn cases(text: &str) -> Vec<Case> {
    let row = |cells: Vec<String>| match <[String; 3]>::try_from(cells) {
        Ok([id, level, title]) => Some(Case { id, level, title }),
        Err(_) => None,
    };
    rows(text).filter_map(row).collect()
}

/// The cases in the first table of `NOT-COVERED.md`; those covered in part stand under a heading of their own.
#[must_use]
pub fn not_covered(text: &str) -> Vec<NotCovered> {
    let first = text.split("\n## ").next().unwrap_or_default();
    let row = |cells: Vec<String>| match <[String; 4]>::try_from(cells) {
        Ok([case, title, why, needed]) => Some(NotCovered {
            case,
            title,
            why,
            needed,
        }),
        Err(_) => None,
    };
    rows(first).filter_map(row).collect()
}

/// The cells of table rows whose first one is a case id.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.lines().filter_map(|line| {
        let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
        // A bar within a cell is written `\|`.
        let inner = inner.replace("\\|", "\u{1}");
        let cells: Vec<String> = inner
            .split(" | ")
            .map(|cell| cell.trim().replace('\u{1}', "|"))
            .collect();
        is_case_id(cells.first()?).then_some(cells)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_headings_are_not() {
        let text = "| case | level | about |\n|---|---|---|\n| 1.2.3 | must | a \\| b |\n\n## 2\n";
        let read = cases(text);
        assert_eq!((read.len(), read[0].title.as_str()), (1, "a | b"));
    }

    #[test]
    fn cases_covered_in_part_are_covered() {
        let text = "| 1.1.1 | t | w | n |\n\n## Covered in part\n\n| 1.1.2 | t | w | n |\n";
        let read = not_covered(text);
        assert_eq!((read.len(), read[0].case.as_str()), (1, "1.1.1"));
    }
}
