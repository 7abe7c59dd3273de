//! The page on which a person lets a program in by an authorization code, and the page that shows such a code.

use super::account::Account;
use super::page::{BUTTONS, Page, choice, document, escape};

/// The form. `action` is the request's own address, so that nothing has to be remembered until the decision.
pub(super) fn ask(client_id: &str, scope: &str, action: &str, accounts: &[Account]) -> Page {
    let body = format!(
        "<p>The program <b>{}</b> asks to sign in with your account, for: {}.</p>\n\
         <p>Approve only a sign-in that you have started yourself.</p>\n\
         <form method=\"post\" action=\"{}\">\n{}{BUTTONS}</form>\n",
        escape(client_id),
        escape(scope),
        escape(action),
        choice(accounts)
    );
    page(200, "Sign in to a program", &body)
}

/// A code that the person copies to the program.
pub(super) fn code(shown: &str) -> Page {
    let body = format!(
        "<p id=\"notice\" class=\"good\" role=\"status\">The sign-in is approved. Copy this code to the program.</p>\n\
         <p><code id=\"authorization-code\">{}</code></p>\n",
        escape(shown)
    );
    page(200, "Authorization code", &body)
}

/// The person said no, and there is nobody to send word to.
pub(super) fn denied() -> Page {
    let body = "<p id=\"notice\" class=\"good\" role=\"status\">The sign-in was denied. The program gets no access. \
                You can close this page.</p>\n";
    page(200, "Sign-in denied", body)
}

/// The request cannot be put before anybody.
pub(super) fn refused(why: &str) -> Page {
    let body = format!(
        "<p id=\"notice\" class=\"bad\" role=\"alert\">{}</p>\n",
        escape(why)
    );
    page(400, "Sign-in not possible", &body)
}

fn page(status: u16, title: &str, body: &str) -> Page {
    Page {
        status,
        retry_after: None,
        html: document(title, body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_says_comes_back_escaped() {
        let evil = "\"><script>x</script>";
        for page in [ask(evil, evil, evil, &[]), code(evil), refused(evil)] {
            assert!(!page.html.contains("<script"), "{}", page.html);
        }
    }

    #[test]
    fn the_form_has_the_two_buttons_of_the_device_page() {
        let page = ask("app", "openid", "/oauth/authorize?a=1&b=2", &[]);
        for part in [
            "<form method=\"post\" action=\"/oauth/authorize?a=1&amp;b=2\">",
            "name=\"decision\" value=\"approve\"",
            "name=\"decision\" value=\"deny\"",
        ] {
            assert!(page.html.contains(part), "{part} in {}", page.html);
        }
    }
}
