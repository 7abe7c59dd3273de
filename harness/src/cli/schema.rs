//! `loginproof schema`: the JSON Schema of a file format, for editors and for those who read `run.json`.

use std::io::{self, Write};

use schemars::Schema;

use crate::report::write_stream;

/// Prints a schema. The reader may leave before its end, as `head` does.
///
/// # Errors
/// When the stream takes no more for another reason.
pub fn print(schema: impl FnOnce() -> Schema, stream: &mut dyn Write) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(&schema())?;
    text.push('\n');
    write_stream(stream, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::RunDocument;

    #[test]
    fn the_schema_of_a_run_is_printed() {
        let mut text = Vec::new();
        print(RunDocument::schema, &mut text).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
    }
}
