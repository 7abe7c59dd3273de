//! Keys by name, as the bytes that a terminal sends for them.

use super::modes::KeyModes;

/// A key that has no name here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown key `{0}`: a single character, or enter, escape, tab, shift-tab, backspace, space, up, down, left, right, \
     home, end, page-up, page-down, insert, delete, f1 to f12, ctrl-X, alt-X"
)]
pub struct UnknownKey(pub String);

/// The bytes for a key, as the program has asked for them.
///
/// # Errors
/// When there is no such key.
pub fn bytes(key: &str, modes: KeyModes) -> Result<Vec<u8>, UnknownKey> {
    if let Some(sequence) = named(key, modes) {
        return Ok(sequence);
    }
    let mut characters = key.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return Ok(character.to_string().into_bytes());
    }
    let name = key.to_ascii_lowercase();
    let pressed = if let Some(rest) = name.strip_prefix("ctrl-") {
        control(rest, modes)
    } else if let Some(rest) = key
        .strip_prefix("alt-")
        .or_else(|| key.strip_prefix("Alt-"))
    {
        alternate(rest, modes)
    } else {
        None
    };
    pressed.ok_or_else(|| UnknownKey(key.to_owned()))
}

fn named(key: &str, modes: KeyModes) -> Option<Vec<u8>> {
    // DECCKM: cursor keys come as SS3 in application mode.
    let cursor = |last: char| {
        format!(
            "\x1b{}{last}",
            if modes.application_cursor { 'O' } else { '[' }
        )
    };
    let all = modes.kitty & 8 != 0;
    let plain = |byte: &str, code: u8| {
        if all {
            format!("\x1b[{code}u")
        } else {
            byte.to_owned()
        }
    };
    let text = match key.to_ascii_lowercase().as_str() {
        "enter" | "return" => plain("\r", 13),
        // Kitty protocol, flag 1: the escape key is no longer the start of something else.
        "escape" | "esc" if modes.kitty & 1 != 0 => "\x1b[27u".to_owned(),
        "escape" | "esc" => plain("\x1b", 27),
        "tab" => plain("\t", 9),
        "shift-tab" => "\x1b[Z".to_owned(),
        "backspace" => plain("\x7f", 127),
        "space" => " ".to_owned(),
        "up" => cursor('A'),
        "down" => cursor('B'),
        "right" => cursor('C'),
        "left" => cursor('D'),
        "home" => cursor('H'),
        "end" => cursor('F'),
        "insert" => "\x1b[2~".to_owned(),
        "delete" => "\x1b[3~".to_owned(),
        "page-up" => "\x1b[5~".to_owned(),
        "page-down" => "\x1b[6~".to_owned(),
        "f1" => "\x1bOP".to_owned(),
        "f2" => "\x1bOQ".to_owned(),
        "f3" => "\x1bOR".to_owned(),
        "f4" => "\x1bOS".to_owned(),
        "f5" => "\x1b[15~".to_owned(),
        "f6" => "\x1b[17~".to_owned(),
        "f7" => "\x1b[18~".to_owned(),
        "f8" => "\x1b[19~".to_owned(),
        "f9" => "\x1b[20~".to_owned(),
        "f10" => "\x1b[21~".to_owned(),
        "f11" => "\x1b[23~".to_owned(),
        "f12" => "\x1b[24~".to_owned(),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn control(rest: &str, modes: KeyModes) -> Option<Vec<u8>> {
    let byte = match rest.as_bytes() {
        b"space" => b' ',
        [byte] => *byte,
        _ => return None,
    };
    let code = match byte {
        b'a'..=b'z' => byte - b'a' + 1,
        b' ' | b'@' => 0,
        b'[' => 27,
        b'\\' => 28,
        b']' => 29,
        b'^' => 30,
        b'_' => 31,
        _ => return None,
    };
    // Kitty protocol: code point ; 1 + modifiers (control is 4).
    Some(if modes.kitty & 9 != 0 {
        format!("\x1b[{byte};5u").into_bytes()
    } else {
        vec![code]
    })
}

fn alternate(rest: &str, modes: KeyModes) -> Option<Vec<u8>> {
    let mut characters = rest.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else {
        return None;
    };
    Some(
        if modes.kitty & 9 != 0 {
            format!("\x1b[{};3u", u32::from(character))
        } else {
            format!("\x1b{character}")
        }
        .into_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(key: &str) -> Vec<u8> {
        bytes(key, KeyModes::default()).unwrap()
    }

    #[test]
    fn keys_are_the_bytes_of_a_terminal() {
        assert_eq!(plain("enter"), b"\r");
        assert_eq!(plain("ctrl-c"), b"\x03");
        assert_eq!(plain("Ctrl-C"), b"\x03");
        assert_eq!(plain("ctrl-space"), b"\0");
        assert_eq!(plain("alt-b"), b"\x1bb");
        assert_eq!(plain("y"), b"y");
        assert_eq!(plain("ü"), "ü".as_bytes());
        assert_eq!(plain("up"), b"\x1b[A");
    }

    #[test]
    fn the_modes_that_a_program_set_change_the_bytes() {
        let application = KeyModes {
            application_cursor: true,
            kitty: 0,
        };
        assert_eq!(bytes("up", application).unwrap(), b"\x1bOA");
        let kitty = KeyModes {
            application_cursor: false,
            kitty: 1,
        };
        assert_eq!(bytes("escape", kitty).unwrap(), b"\x1b[27u");
        assert_eq!(bytes("ctrl-c", kitty).unwrap(), b"\x1b[99;5u");
        assert_eq!(bytes("enter", kitty).unwrap(), b"\r");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = bytes("entre", KeyModes::default()).unwrap_err();
        assert!(error.to_string().starts_with("unknown key `entre`"));
    }
}
