//! A chunked body without its end.

use crate::plan::{Draft, Framing};

/// All of the body arrives and the connection closes, but `0\r\n\r\n` never came: the body is not
/// complete (RFC 9112 §8), whatever the stream in it said. Gateways that time out end so.
pub(super) fn apply(draft: &mut Draft) -> Result<(), String> {
    if draft.framing == Framing::Length {
        draft.framing = Framing::Chunked;
    }
    draft.finish = false;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fault::How;
    use crate::fault::tests::{act, answer, five};
    use crate::plan::{End, Framing, Step};

    #[test]
    fn the_end_of_the_body_is_never_written() {
        for mut draft in [five(), answer("application/json", "{}")] {
            act(json!("no-final-chunk"), &mut draft);
            let plan = draft.plan();
            assert_eq!(
                (plan.framing, plan.end),
                (Framing::Chunked, End::Cut(How::Fin))
            );
            assert!(!plan.steps.contains(&Step::Finish));
            assert_eq!(plan.steps.last(), Some(&Step::ChunkEnd));
        }
    }
}
