//! The page on which a person approves or denies a sign-in: plain HTML that works without JavaScript.

use std::fmt::Write;

use super::account::Account;
use super::device_sign_in::Progress;
use super::state::Decided;

/// A page and the status it goes out with.
pub(super) struct Page {
    pub(super) status: u16,
    /// Seconds for `retry-after`.
    pub(super) retry_after: Option<u64>,
    pub(super) html: String,
}

/// Where a page lives, and who can sign in on it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) path: &'a str,
    pub(super) accounts: &'a [Account],
}

/// The form as it is first seen, with a code that came in the address.
pub(super) fn blank(user_code: &str, place: Place<'_>) -> Page {
    let html = document("Sign in a device", &form(user_code, place, false));
    Page {
        status: 200,
        retry_after: None,
        html,
    }
}

/// What somebody sees who comes back with a code in the address.
pub(super) fn progress(progress: &Progress, user_code: &str, place: Place<'_>) -> Page {
    match progress {
        Progress::Pending => blank(user_code, place),
        Progress::Expired => answer(&Decided::Expired, user_code, place),
        decided => {
            let approved = *decided != Progress::Denied;
            Page {
                status: 200,
                ..answer(&Decided::Already { approved }, user_code, place)
            }
        }
    }
}

/// The answer to a decision.
pub(super) fn answer(decided: &Decided, user_code: &str, place: Place<'_>) -> Page {
    let retry = |status, text: &str| refused(status, text, user_code, place);
    match decided {
        Decided::Approved(account) => done(
            place,
            200,
            "Device signed in",
            &format!(
                "The code was accepted. Your device is signed in as {}. You can close this page.",
                account.email
            ),
        ),
        Decided::Denied => done(
            place,
            200,
            "Sign-in denied",
            "The sign-in was denied. The device gets no access. You can close this page.",
        ),
        Decided::Already { approved: true } => done(
            place,
            409,
            "Device signed in",
            "This code has been used: the sign-in is approved. There is nothing left to do, and you can close this page.",
        ),
        Decided::Already { approved: false } => done(
            place,
            409,
            "Sign-in denied",
            "This code has been used: the sign-in was denied. Start again on your device to get a new code.",
        ),
        Decided::NoCode => retry(400, "Type the code that your device shows."),
        Decided::UnknownCode => retry(
            404,
            "No device waits for this code. Compare it with the one on your device and try again.",
        ),
        Decided::Expired => retry(
            410,
            "This code has expired. Start again on your device to get a new code.",
        ),
        Decided::UnknownAccount => {
            retry(400, "There is no such account. Choose one from the list.")
        }
        Decided::TooManyTries { retry_after } => Page {
            retry_after: Some(*retry_after),
            ..retry(
                429,
                &format!("There were too many wrong codes. Try again in {retry_after} seconds."),
            )
        },
    }
}

/// The form was sent without one of its two buttons.
pub(super) fn undecided(user_code: &str, place: Place<'_>) -> Page {
    refused(
        400,
        "Choose whether to approve or to deny the sign-in.",
        user_code,
        place,
    )
}

fn refused(status: u16, text: &str, user_code: &str, place: Place<'_>) -> Page {
    let mut body = format!(
        "<p id=\"notice\" class=\"bad\" role=\"alert\">{}</p>\n",
        escape(text)
    );
    body.push_str(&form(user_code, place, true));
    Page {
        status,
        retry_after: None,
        html: document("Sign in a device: not accepted", &body),
    }
}

fn done(place: Place<'_>, status: u16, title: &str, text: &str) -> Page {
    let body = format!(
        "<p id=\"notice\" class=\"good\" role=\"status\">{}</p>\n<p><a href=\"{}\">Enter another code</a></p>\n",
        escape(text),
        escape(place.path)
    );
    Page {
        status,
        retry_after: None,
        html: document(title, &body),
    }
}

fn form(user_code: &str, place: Place<'_>, refused: bool) -> String {
    let notice = if refused {
        " aria-invalid=\"true\" aria-describedby=\"notice\""
    } else {
        ""
    };
    let mut form = format!(
        "<p>Approve only a sign-in that you have started yourself. If somebody sent you the code, deny it.</p>\n\
         <form method=\"post\" action=\"{}\">\n\
         <label for=\"user_code\">Code shown on your device</label>\n\
         <input id=\"user_code\" name=\"user_code\" value=\"{}\" type=\"text\" maxlength=\"40\" autocomplete=\"off\" \
         autocapitalize=\"characters\" spellcheck=\"false\" placeholder=\"{}\"{notice}>\n",
        escape(place.path),
        escape(user_code),
        // The vendor's codes are a letter longer than others'.
        if place.path == "/codex/device" {
            "XXXX-XXXXX"
        } else {
            "XXXX-XXXX"
        }
    );
    form.push_str(&choice(place.accounts));
    form.push_str(BUTTONS);
    form.push_str("</form>\n");
    form
}

/// The choice among several accounts. A person with one has nothing to choose.
pub(super) fn choice(accounts: &[Account]) -> String {
    let mut choice = String::new();
    if accounts.len() > 1 {
        choice.push_str(
            "<label for=\"account\">Account</label>\n<select id=\"account\" name=\"account\">\n",
        );
        for account in accounts {
            let _ = writeln!(
                choice,
                "<option value=\"{}\">{} ({})</option>",
                escape(&account.id),
                escape(&account.email),
                escape(&account.plan)
            );
        }
        choice.push_str("</select>\n");
    }
    choice
}

/// A whole page.
pub(super) fn document(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title} – loginproof</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\
         <footer>A mock server of loginproof. It signs nobody in anywhere else.</footer>\n</main>\n</body>\n</html>\n"
    )
}

/// Text that may stand between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // No control character is text; NUL and its like are not even allowed as references.
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The two ways to decide.
pub(super) const BUTTONS: &str = "<div class=\"buttons\">\n\
    <button type=\"submit\" name=\"decision\" value=\"approve\">Approve</button>\n\
    <button type=\"submit\" name=\"decision\" value=\"deny\" class=\"second\">Deny</button>\n\
    </div>\n";

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #6b7280; --blue: #0a58ca; --good: #146c2e; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --paper: #17191c; --line: #9aa0a6; --blue: #8ab4f8; --good: #81c995; --bad: #f28b82 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.5 system-ui, sans-serif }
main { max-width: 26rem; margin: 0 auto; padding: 2rem 1.25rem }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 1rem }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600 }
input, select, button { width: 100%; min-height: 3rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem; font: inherit; background: var(--paper); color: var(--ink) }
input { font-family: ui-monospace, monospace; font-size: 1.25rem; letter-spacing: .1em; text-transform: uppercase }
input::placeholder { color: var(--line) }
.buttons { display: flex; gap: .75rem; margin-top: 1.25rem }
button { background: var(--blue); border-color: var(--blue); color: var(--paper); font-weight: 600; cursor: pointer }
button.second { background: none; color: var(--blue) }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px }
a { color: var(--blue) }
.good, .bad { padding: .75rem 1rem; border-left: .3rem solid currentColor }
.good { color: var(--good) }
.bad { color: var(--bad) }
footer { margin-top: 2.5rem; font-size: .875rem; color: var(--line) }
";

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Vec<Account> {
        vec![
            Account::numbered(1, "person@loginproof.example", "plus"),
            Account::numbered(2, "<b>\"second\"@loginproof.example", "team"),
        ]
    }

    fn one(accounts: &[Account]) -> Place<'_> {
        Place {
            path: "/codex/device",
            accounts,
        }
    }

    #[test]
    fn whatever_was_typed_comes_back_escaped() {
        let typed = "\"><script>alert('x')</script>&\u{0}";
        for page in [
            blank(typed, one(&accounts())),
            undecided(typed, one(&accounts())),
            answer(&Decided::UnknownCode, typed, one(&accounts())),
        ] {
            assert!(!page.html.contains("<script"), "{}", page.html);
            assert!(
                page.html.contains(
                    "value=\"&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp; \""
                ),
                "{}",
                page.html
            );
            assert!(
                page.html
                    .contains("&lt;b&gt;&quot;second&quot;@loginproof.example"),
                "{}",
                page.html
            );
        }
    }

    #[test]
    fn the_email_of_an_approving_account_comes_back_escaped() {
        let page = answer(
            &Decided::Approved(accounts()[1].clone()),
            "",
            one(&accounts()),
        );
        assert!(
            page.html.contains("signed in as &lt;b&gt;&quot;second"),
            "{}",
            page.html
        );
    }

    #[test]
    fn the_form_posts_a_code_and_one_of_two_decisions_without_script() {
        let page = blank("", one(&accounts()[..1]));
        for part in [
            "<html lang=\"en\">",
            "<form method=\"post\" action=\"/codex/device\">",
            "<label for=\"user_code\">",
            "id=\"user_code\" name=\"user_code\"",
            "name=\"decision\" value=\"approve\"",
            "name=\"decision\" value=\"deny\"",
        ] {
            assert!(
                page.html.contains(part),
                "{part} is missing in {}",
                page.html
            );
        }
        assert!(!page.html.contains("<script") && !page.html.contains("<select"));
    }

    #[test]
    fn only_an_accepted_decision_is_a_success() {
        let status = |decided| answer(&decided, "BCDF-GHJKL", one(&accounts())).status;
        assert_eq!(status(Decided::Approved(accounts()[0].clone())), 200);
        assert_eq!(status(Decided::Denied), 200);
        assert_eq!(status(Decided::NoCode), 400);
        assert_eq!(status(Decided::UnknownCode), 404);
        assert_eq!(status(Decided::Already { approved: true }), 409);
        assert_eq!(status(Decided::Already { approved: false }), 409);
        assert_eq!(status(Decided::Expired), 410);
        assert_eq!(status(Decided::TooManyTries { retry_after: 9 }), 429);
    }

    #[test]
    fn a_refusal_is_announced_and_tied_to_the_field() {
        let page = answer(&Decided::Expired, "BCDF-GHJKL", one(&accounts()));
        assert!(
            page.html
                .contains("id=\"notice\" class=\"bad\" role=\"alert\""),
            "{}",
            page.html
        );
        assert!(
            page.html.contains("aria-describedby=\"notice\""),
            "{}",
            page.html
        );
    }

    #[test]
    fn a_visit_after_the_approval_says_that_it_is_done() {
        let page = progress(&Progress::Redeemed, "BCDF-GHJKL", one(&accounts()));
        assert_eq!(page.status, 200);
        assert!(page.html.contains("nothing left to do"), "{}", page.html);
    }
}
