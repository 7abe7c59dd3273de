//! The pace of a recording.

use std::time::Duration;

use crate::fault::Time;
use crate::plan::{Draft, Mark};
use crate::span::Span;

/// Every part of the body goes out when it arrived at whoever recorded it, counted from the answer's first byte.
pub(super) fn apply(draft: &mut Draft) -> Result<(), String> {
    let arrivals = std::mem::take(&mut draft.arrivals);
    if arrivals.is_empty() {
        return Err("the answer is no recording with a `.timing` file".to_owned());
    }
    let recorded: usize = arrivals.iter().map(|part| part.bytes).sum();
    let length = draft.length();
    if length != recorded {
        return Err(format!(
            "the recording counts {recorded} bytes, and another fault made {length} of them"
        ));
    }
    let (mut start, mut cuts) = (0, Vec::new());
    let mut before = Duration::ZERO;
    for part in arrivals {
        if part.at > before {
            let silence = Time::For(Span(part.at - before));
            draft.stalls.push((Mark::Byte(start), silence));
            before = part.at;
        }
        start += part.bytes;
        cuts.push(start);
    }
    draft.cuts.get_or_insert(cuts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::fault::Time;
    use crate::fault::tests::{act, five, missed};
    use crate::fixture::Arrival;
    use crate::plan::{Draft, Step};
    use crate::span::Span;

    fn recorded(parts: &[(u64, usize)]) -> Draft {
        let mut draft = five();
        draft.arrivals = parts
            .iter()
            .map(|&(at, bytes)| Arrival {
                at: Duration::from_millis(at),
                bytes,
            })
            .collect();
        draft
    }

    #[test]
    fn parts_go_out_as_they_came() {
        let length = five().length();
        let mut draft = recorded(&[(3, 10), (3, 20), (120, length - 30)]);
        act(json!("recorded-pace"), &mut draft);
        let steps = draft.plan().steps;
        let of_interest = steps.iter().filter_map(|step| match step {
            Step::Chunk(length) => Some(Ok(*length)),
            Step::Stall(time) => Some(Err(*time)),
            _ => None,
        });
        let silence = |ms| Err(Time::For(Span(Duration::from_millis(ms))));
        assert_eq!(
            of_interest.collect::<Vec<_>>(),
            [silence(3), Ok(10), Ok(20), silence(117), Ok(length - 30)]
        );
    }

    #[test]
    fn without_a_recording_of_these_bytes_there_is_no_pace() {
        let why = missed(json!("recorded-pace"), &mut five());
        assert!(why.contains("no recording"), "{why}");
        let why = missed(json!("recorded-pace"), &mut recorded(&[(0, 10)]));
        assert!(why.contains("counts 10 bytes"), "{why}");
    }
}
