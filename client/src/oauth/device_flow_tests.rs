use super::*;
use crate::failure::Class;

const ISSUED: &str =
    r#"{"device_auth_id":"deviceauth_loginproof","user_code":"ABCD-12345","interval":"7"}"#;

/// A flow with its own clock: every wait is taken at once and written down.
struct Run {
    flow: DeviceFlow,
    now: Instant,
    waits: Vec<u64>,
}

impl Run {
    fn new() -> Self {
        Self {
            flow: DeviceFlow::new("https://auth.test/"),
            now: Instant::now(),
            waits: Vec::new(),
        }
    }

    fn started() -> Self {
        let mut run = Self::new();
        assert!(matches!(run.step(), Step::RequestCode(_)));
        run.answer(200, ISSUED);
        assert!(matches!(run.step(), Step::Show(_)));
        run
    }

    /// The next step that is not a wait.
    fn step(&mut self) -> Step {
        let start = self.now;
        loop {
            match self.flow.next(self.now) {
                Step::WaitUntil(at) => self.now = at.max(self.now + Duration::from_nanos(1)),
                step => {
                    self.waits.push((self.now - start).as_millis() as u64);
                    return step;
                }
            }
        }
    }

    fn answer(&mut self, status: u16, body: &str) {
        // The answer takes its time; the gap counts from its end.
        self.now += Duration::from_secs(2);
        self.flow.answered(Ok(Answer::new(status, body)), self.now);
    }

    fn lose(&mut self) {
        self.now += Duration::from_secs(2);
        self.flow.answered(
            Err(Failure::local(Class::Transport, "connection reset")),
            self.now,
        );
    }

    fn poll(&mut self) -> u64 {
        let step = self.step();
        assert!(matches!(step, Step::Poll(_)), "{step:?}");
        *self.waits.last().unwrap()
    }
}

#[test]
fn every_poll_waits_the_interval_from_the_end_of_the_previous_answer() {
    let mut run = Run::started();
    for _ in 0..3 {
        assert_eq!(run.poll(), 7100);
        run.answer(403, "");
    }
}

#[test]
fn slow_down_adds_five_seconds_for_good() {
    let mut run = Run::started();
    run.poll();
    run.answer(400, r#"{"error":"slow_down"}"#);
    assert_eq!(run.poll(), 12_100);
    run.answer(403, "");
    assert_eq!(run.poll(), 12_100);
    run.answer(429, "");
    assert_eq!(run.poll(), 17_100);
    run.answer(200, r#"{"error":"slow_down","interval":30}"#);
    assert_eq!(run.poll(), 30_100);
}

#[test]
fn retry_after_is_waited_out_once() {
    let mut run = Run::started();
    run.poll();
    let answer = Answer::new(429, "").with_header("retry-after", "40");
    run.flow.answered(Ok(answer), run.now);
    assert_eq!(run.poll(), 40_100);
    run.answer(403, "");
    assert_eq!(run.poll(), 12_100);
}

#[test]
fn a_bad_link_slows_polling_down_and_a_good_answer_restores_it() {
    let mut run = Run::started();
    run.poll();
    run.lose();
    assert_eq!(run.poll(), 14_100);
    run.lose();
    assert_eq!(run.poll(), 28_100);
    run.answer(502, "<html>");
    assert_eq!(run.poll(), 56_100);
    run.answer(404, "");
    assert_eq!(run.poll(), 7100);
}

#[test]
fn six_lost_polls_in_a_row_end_the_flow_with_their_cause() {
    let mut run = Run::started();
    for _ in 0..6 {
        run.poll();
        run.lose();
    }
    let Step::Failed(error) = run.step() else {
        panic!("still polling")
    };
    assert!(
        error.to_string().contains("6 attempts") && error.to_string().contains("connection reset"),
        "{error}"
    );
}

#[test]
fn a_failing_server_is_polled_until_the_code_expires() {
    let mut run = Run::started();
    let start = run.now;
    let error = loop {
        match run.step() {
            Step::Poll(_) => run.answer(503, ""),
            Step::Failed(error) => break error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error, SignInError::Expired);
    assert!(run.now - start <= CODE_LIFE + Duration::from_secs(3));
}

#[test]
fn denial_ends_at_once() {
    let mut run = Run::started();
    run.poll();
    run.answer(
        401,
        r#"{"error":"authorization_declined","error_description":"Denied"}"#,
    );
    assert!(matches!(run.step(), Step::Failed(SignInError::Denied)));
}

#[test]
fn approval_is_exchanged_with_the_servers_own_verifier() {
    let mut run = Run::started();
    run.poll();
    run.answer(
        200,
        r#"{"authorization_code":"ac+1","code_challenge":"c","code_verifier":"v~1"}"#,
    );
    let Step::Exchange(body) = run.step() else {
        panic!("no exchange")
    };
    assert_eq!(
        body.text,
        "grant_type=authorization_code&client_id=app_EMoamEEZ73f0CkXaXp7hrann&code=ac%2B1\
         &redirect_uri=https%3A%2F%2Fauth.test%2Fdeviceauth%2Fcallback&code_verifier=v%7E1"
    );
    run.answer(
        200,
        r#"{"id_token":"e30.e30.x","access_token":"a","refresh_token":"r"}"#,
    );
    assert!(matches!(run.step(), Step::Done(_)));
}

#[test]
fn an_exchange_is_sent_again_only_when_the_server_cannot_have_used_the_code() {
    let approved = || {
        let mut run = Run::started();
        run.poll();
        run.answer(
            200,
            r#"{"authorization_code":"ac_loginproof","code_verifier":"v_loginproof"}"#,
        );
        assert!(matches!(run.step(), Step::Exchange(_)));
        run
    };
    let mut run = approved();
    run.lose();
    assert!(matches!(run.step(), Step::Exchange(_)));
    run.answer(503, "");
    assert!(matches!(run.step(), Step::Exchange(_)));
    run.lose();
    assert!(matches!(
        run.step(),
        Step::Failed(SignInError::GaveUp { attempts: 3, .. })
    ));

    let mut run = approved();
    run.answer(
        400,
        r#"{"error":"invalid_grant","error_description":"code ac_loginproof is used"}"#,
    );
    let Step::Failed(error) = run.step() else {
        panic!("went on")
    };
    assert!(!error.to_string().contains("ac_loginproof"), "{error}");
}

#[test]
fn a_throttled_code_request_is_tried_three_times() {
    let mut run = Run::new();
    for wait in [0, 2000, 4000] {
        assert!(matches!(run.step(), Step::RequestCode(_)));
        assert_eq!(run.waits.last(), Some(&wait));
        run.answer(429, "");
    }
    let Step::Failed(error) = run.step() else {
        panic!("went on")
    };
    assert!(error.to_string().contains("rate limited"), "{error}");
}

#[test]
fn a_server_without_device_codes_says_404() {
    let mut run = Run::new();
    run.step();
    run.answer(404, "");
    assert!(matches!(run.step(), Step::Failed(SignInError::NotEnabled)));
}
