use proptest::prelude::*;

use super::super::provider::PROVIDERS;
use super::*;

const ISSUED: &str = r#"{"device_code":"dc_loginproof_secret","user_code":"WDJB-MJHT",
    "verification_uri":"https://p.test/device","verification_uri_complete":"https://p.test/device?user_code=WDJB-MJHT",
    "expires_in":600,"interval":7}"#;

/// A grant with its own clock: every wait is taken at once and added up.
struct Run {
    grant: DeviceGrant,
    now: Instant,
    waited: Duration,
}

impl Run {
    fn new(name: &str) -> Self {
        let hosts = Hosts::At("https://p.test".into());
        Self {
            grant: DeviceGrant::new(Provider::named(name).unwrap(), &hosts),
            now: Instant::now(),
            waited: Duration::ZERO,
        }
    }

    /// As far as the prompt.
    fn started(name: &str) -> Self {
        let mut run = Self::new(name);
        if run.grant.endpoints.discovery.is_some() {
            let issuer = run.grant.endpoints.discovery.clone().unwrap().0;
            run.send();
            run.answer(
                200,
                &format!(r#"{{"issuer":"{issuer}","token_endpoint":"https://p.test/found"}}"#),
            );
        }
        run.send();
        run.answer(200, ISSUED);
        assert!(matches!(run.step(), Step::Show(_)));
        run
    }

    /// The next step that is not a wait.
    fn step(&mut self) -> Step {
        let start = self.now;
        loop {
            match self.grant.next(self.now) {
                Step::WaitUntil(at) => self.now = at.max(self.now + Duration::from_nanos(1)),
                step => {
                    self.waited = self.now - start;
                    return step;
                }
            }
        }
    }

    fn send(&mut self) -> Outgoing {
        match self.step() {
            Step::Send(outgoing) => outgoing,
            other => panic!("{other:?}"),
        }
    }

    /// The wait before the next poll.
    fn poll(&mut self) -> u64 {
        assert_eq!(self.send().purpose, "poll");
        self.waited.as_millis() as u64
    }

    fn answer(&mut self, status: u16, body: &str) {
        self.now += Duration::from_secs(2);
        self.grant.answered(Ok(Answer::new(status, body)), self.now);
    }

    fn lose(&mut self) {
        self.now += Duration::from_secs(2);
        let failure = Failure::local(Class::Timeout, "nothing came");
        self.grant.answered(Err(failure), self.now);
    }

    fn failed(&mut self) -> SignInError {
        match self.step() {
            Step::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

fn fields(outgoing: &Outgoing) -> Vec<(String, String)> {
    let form = outgoing.form.as_ref().unwrap();
    url::form_urlencoded::parse(form.text.as_bytes())
        .into_owned()
        .collect()
}

#[test]
fn requests_hold_what_the_rfc_demands_once_and_nothing_empty() {
    for provider in &PROVIDERS {
        let mut run = Run::new(provider.name);
        if provider
            .endpoints(&Hosts::At("https://p.test".into()))
            .discovery
            .is_some()
        {
            let asked = run.send();
            assert!(asked.form.is_none() && asked.url.contains("/.well-known/"));
            let issuer = run.grant.endpoints.discovery.clone().unwrap().0;
            run.answer(
                200,
                &format!(r#"{{"issuer":"{issuer}","token_endpoint":"https://p.test/found"}}"#),
            );
        }
        let request = run.send();
        let sent = fields(&request);
        assert_eq!(sent[0], ("client_id".into(), provider.client_id.into()));
        assert!(sent.iter().all(|(_, value)| !value.is_empty()), "{sent:?}");
        run.answer(200, ISSUED);
        run.step();
        let poll = fields(&run.send());
        let names: Vec<_> = poll.iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["grant_type", "device_code", "client_id", "code_verifier"];
        assert_eq!(names, expected[..if provider.pkce { 4 } else { 3 }]);
        if provider.pkce {
            let verifier = CodeVerifier::new(&poll[3].1);
            assert!(sent.contains(&("code_challenge".into(), pkce::challenge(&verifier))));
            assert!(sent.contains(&("code_challenge_method".into(), "S256".into())));
        }
    }
}

#[test]
fn the_code_is_shown_beside_the_complete_link_and_the_device_code_never() {
    let mut run = Run::new("nous");
    run.send();
    run.answer(200, ISSUED);
    let Step::Show(prompt) = run.step() else {
        panic!("no prompt")
    };
    assert_eq!(
        (prompt.url.as_str(), prompt.user_code.as_str()),
        ("https://p.test/device", "WDJB-MJHT")
    );
    assert!(prompt.complete_url.is_some());
    assert_eq!(prompt.expires_in, Duration::from_secs(600));
    assert!(!format!("{prompt:?} {run:?}", run = run.grant).contains("dc_loginproof"));
}

#[test]
fn without_an_interval_it_is_five_seconds() {
    let mut run = Run::new("nous");
    run.send();
    run.answer(200, &ISSUED.replace(r#","interval":7"#, ""));
    run.step();
    assert_eq!(run.poll(), 5100);
}

#[test]
fn slow_down_adds_five_seconds_for_good_with_any_status() {
    let mut run = Run::started("qwen");
    assert_eq!(run.poll(), 7100);
    run.answer(429, r#"{"error":"slow_down"}"#);
    assert_eq!(run.poll(), 12_100);
    run.answer(400, r#"{"error":"authorization_pending"}"#);
    assert_eq!(run.poll(), 12_100);
    run.answer(400, r#"{"error":"slow_down","interval":8}"#);
    assert_eq!(run.poll(), 17_100, "the rule is five more, not less");
}

#[test]
fn a_provider_that_states_the_new_interval_is_taken_at_its_word_but_never_faster() {
    let mut run = Run::started("github");
    run.poll();
    run.answer(200, r#"{"error":"slow_down","interval":10}"#);
    assert_eq!(run.poll(), 10_100);
    run.answer(200, r#"{"error":"slow_down","interval":3}"#);
    assert_eq!(run.poll(), 10_100);
    run.answer(200, r#"{"error":"slow_down"}"#);
    assert_eq!(run.poll(), 15_100);
}

#[test]
fn timeouts_back_off_exponentially_and_end_in_a_row_of_six() {
    let mut run = Run::started("strict");
    let mut waits = Vec::new();
    for _ in 0..6 {
        waits.push(run.poll());
        run.lose();
    }
    assert_eq!(waits, [7100, 14_100, 28_100, 56_100, 60_100, 60_100]);
    assert!(matches!(
        run.failed(),
        SignInError::GaveUp { attempts: 6, .. }
    ));
}

#[test]
fn the_end_of_expires_in_ends_the_polling() {
    let mut run = Run::new("nous");
    run.send();
    run.answer(200, &ISSUED.replace("600", "20"));
    run.step();
    let shown = run.now;
    for _ in 0..2 {
        run.poll();
        run.answer(400, r#"{"error":"authorization_pending"}"#);
    }
    assert_eq!(run.failed(), SignInError::Expired);
    assert_eq!(run.now - shown, Duration::from_secs(20));
}

#[test]
fn the_copilot_token_is_bought_after_the_grant() {
    let mut run = Run::started("github");
    run.poll();
    run.answer(
        200,
        r#"{"access_token":"ghu_loginproof","token_type":"bearer","scope":""}"#,
    );
    let companion = run.send();
    assert!(companion.form.is_none());
    assert_eq!(companion.url, "https://p.test/copilot_internal/v2/token");
    assert_eq!(companion.bearer.unwrap().expose(), "ghu_loginproof");
    run.answer(
        200,
        r#"{"token":"tid=loginproof","expires_at":1700000000,"refresh_in":9}"#,
    );
    let Step::Done(tokens) = run.step() else {
        panic!("not done")
    };
    assert_eq!(tokens.extra["service"]["token"], "tid=loginproof");
    assert!(tokens.extra["service"].get("refresh_in").is_none());
}

#[test]
fn metadata_of_another_issuer_are_not_used() {
    let mut run = Run::new("xai");
    assert_eq!(
        run.send().url,
        "https://p.test/.well-known/openid-configuration"
    );
    run.answer(
        200,
        r#"{"issuer":"https://evil.test","token_endpoint":"https://evil.test/t"}"#,
    );
    let error = run.failed().to_string();
    assert!(error.contains("https://evil.test"), "{error}");
}

#[test]
fn a_web_page_in_between_is_waited_out() {
    let mut run = Run::started("nous");
    run.poll();
    let page = Answer::new(403, "denied by edge").with_header("x-vercel-mitigated", "challenge");
    run.grant.answered(Ok(page), run.now);
    assert_eq!(run.poll(), 14_100);
    run.answer(200, "<html>");
    assert_eq!(run.failed(), SignInError::NotJson { what: "token" });
}

/// An answer to a poll.
#[derive(Clone, Debug)]
enum Reply {
    Pending,
    SlowDown(u16, Option<u64>),
    Busy(u16),
    Lost,
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        Just(Reply::Pending),
        (
            prop::sample::select(vec![400_u16, 429, 200]),
            prop::option::of(0_u64..30)
        )
            .prop_map(|(status, interval)| Reply::SlowDown(status, interval)),
        prop::sample::select(vec![429_u16, 500, 502, 503, 408]).prop_map(Reply::Busy),
        Just(Reply::Lost),
    ]
}

proptest! {
    #[test]
    fn no_poll_ever_comes_sooner_than_the_interval_or_after_the_code_expired(
        which in 0..PROVIDERS.len(),
        replies in prop::collection::vec(reply(), 0..40),
    ) {
        let mut run = Run::started(PROVIDERS[which].name);
        let states_interval = PROVIDERS[which].states_interval;
        let end = run.now + Duration::from_secs(600);
        let mut interval = 7_u64;
        let mut lost = 0;
        for reply in replies {
            match run.step() {
                Step::Send(outgoing) => prop_assert_eq!(outgoing.purpose, "poll"),
                Step::Failed(SignInError::Expired) => {
                    prop_assert!(run.now >= end - Duration::from_secs(2));
                    return Ok(());
                }
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
            prop_assert!(run.waited >= Duration::from_secs(interval));
            prop_assert!(run.now < end);
            lost = if matches!(reply, Reply::Lost) { lost + 1 } else { 0 };
            match reply {
                Reply::Pending => run.answer(400, r#"{"error":"authorization_pending"}"#),
                Reply::SlowDown(status, None | Some(0)) => {
                    interval += 5;
                    run.answer(status, r#"{"error":"slow_down"}"#);
                }
                Reply::SlowDown(status, Some(stated)) => {
                    interval = if states_interval { stated.max(interval) } else { stated.max(interval + 5) };
                    run.answer(status, &format!(r#"{{"error":"slow_down","interval":{stated}}}"#));
                }
                Reply::Busy(status) => run.answer(status, "busy"),
                Reply::Lost => run.lose(),
            }
            if lost == 6 {
                let gave_up = matches!(run.failed(), SignInError::GaveUp { .. });
                prop_assert!(gave_up);
                return Ok(());
            }
        }
    }

    #[test]
    fn any_other_error_stops_the_polling_at_once(
        code in "[a-z]{3,9}_[a-z]{3,12}",
        status in prop::sample::select(vec![200_u16, 400, 401, 403, 404, 422]),
    ) {
        prop_assume!(!["authorization_pending", "slow_down"].contains(&code.as_str()));
        let mut run = Run::started("strict");
        run.poll();
        run.answer(status, &format!(r#"{{"error":"{code}","error_description":"dc_loginproof_secret"}}"#));
        let error = run.failed();
        prop_assert!(!error.to_string().contains("dc_loginproof"), "{}", error);
        let ended = matches!(run.step(), Step::Failed(_));
        prop_assert!(ended);
    }
}
