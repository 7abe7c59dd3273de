//! The defects, by area.

/// From `Variant "name" in [areas]: "what it does", "where it was reported";` to the type and what can be asked of it.
macro_rules! defects {
    ($($variant:ident $name:literal in [$($area:literal),+]: $does:literal, $source:literal;)+) => {
        /// A bug that a program shipped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Defect {
            $(#[doc = $does] $variant,)+
        }

        #[cfg(feature = "defects")]
        impl Defect {
            /// All of them, by area.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The defect of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|defect| defect.name() == name)
            }

            /// The defect of this number.
            pub fn numbered(number: usize) -> Option<Self> {
                Self::ALL.get(number.checked_sub(1)?).copied()
            }

            /// Its place in the list, from 1: a name that says nothing of it.
            pub fn number(self) -> usize {
                self as usize + 1
            }

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the program does wrong, in a sentence.
            pub fn does(self) -> &'static str {
                match self { $(Self::$variant => $does,)+ }
            }

            /// The public report that it is taken from.
            pub fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)+ }
            }

            /// The areas of behaviour in which it shows; the first is its own.
            pub fn areas(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($area),+],)+ }
            }
        }
    };
}

defects! {
    // Sign-in.
    IntervalNumberOnly "interval-number-only" in ["sign-in"]:
        "Reads the polling interval only from a number, while the server sends a string, and polls at the default pace.",
        "NousResearch/hermes-agent!87437";
    IntervalStringOnly "interval-string-only" in ["sign-in"]:
        "Reads the polling interval only from a string, and gives up at a number.",
        "openai/codex codex-rs/login/src/device_code_auth.rs";
    NoIntervalNoWait "no-interval-no-wait" in ["sign-in", "device-grant"]:
        "Polls without a pause when the server names no usable interval.",
        "alpacax/alpacon-cli#244";
    OneSpellingOfTheCode "one-spelling-of-the-code" in ["sign-in"]:
        "Looks for the user code under one name only.",
        "openai/codex codex-rs/login/src/device_code_auth.rs";
    PollsAHairEarly "polls-a-hair-early" in ["sign-in", "device-grant"]:
        "Polls some milliseconds before the interval is over.",
        "charmbracelet/crush#3399";
    FirstPollAtOnce "first-poll-at-once" in ["device-grant"]:
        "Polls for the first time at once, without waiting an interval.",
        "openclaw/openclaw!46698";
    SlowDownFatal "slow-down-fatal" in ["sign-in", "device-grant"]:
        "Takes slow_down for the end of the sign-in.",
        "cli/cli#9370";
    SlowDownForgotten "slow-down-forgotten" in ["sign-in", "device-grant"]:
        "Waits longer once after slow_down, then returns to the old interval.",
        "alpacax/alpacon-cli#244";
    SlowDownIgnored "slow-down-ignored" in ["sign-in", "device-grant"]:
        "Polls on at the old pace after slow_down.",
        "github/copilot-cli#957";
    NewIntervalUnread "new-interval-unread" in ["device-grant"]:
        "Does not read the new interval that comes with slow_down.",
        "octokit/auth-oauth-device.js#334";
    BareStatusFatal "bare-status-fatal" in ["sign-in"]:
        "Takes the bare 403 or 404 of a pending sign-in for a refusal.",
        "openclaw/openclaw!114094";
    PendingCodeUnknown "pending-code-unknown" in ["sign-in", "device-grant"]:
        "Does not know authorization_pending, and ends the sign-in.",
        "aws/aws-cli#6212";
    PollErrorsWith400Only "poll-errors-with-400-only" in ["device-grant"]:
        "Reads the error of a poll only from an answer with status 400.",
        "cli/oauth#76";
    PollsOnAfterDenial "polls-on-after-denial" in ["sign-in", "device-grant"]:
        "Goes on polling after the person said no.",
        "openai/codex codex-rs/login/tests/suite/device_code_login.rs";
    PollsOnAfterExpiry "polls-on-after-expiry" in ["sign-in", "device-grant"]:
        "Goes on polling for a code that has expired.",
        "floriscornel/teams-mcp#16";
    LostPollFatal "lost-poll-fatal" in ["sign-in", "device-grant"]:
        "Ends the sign-in when one poll is lost on the network.",
        "NousResearch/hermes-agent#114610";
    PollServerErrorFatal "poll-server-error-fatal" in ["sign-in"]:
        "Ends the sign-in when one poll meets a broken gateway.",
        "Significant-Gravitas/AutoGPT!14195";
    ThrottledPollKeepsPace "throttled-poll-keeps-pace" in ["sign-in"]:
        "Takes a throttled poll for a pending one, and keeps its pace.",
        "ndycode/codex-multi-auth!441";
    ThrottledCodeFatal "throttled-code-fatal" in ["sign-in"]:
        "Gives up when the request for a code is throttled once.",
        "NousResearch/hermes-agent!47860";
    NotEnabledUnnamed "not-enabled-unnamed" in ["sign-in"]:
        "Does not say that sign-in by device code is switched off.",
        "spacedriveapp/spacebot!214";
    OwnVerifierAtExchange "own-verifier-at-exchange" in ["sign-in"]:
        "Exchanges the code with a verifier of its own instead of the server's.",
        "byte5ai/omadia!823";
    RefusedCodeSentAgain "refused-code-sent-again" in ["sign-in"]:
        "Sends a code again that the server has refused.",
        "NousResearch/hermes-agent!114756";
    LostExchangeFatal "lost-exchange-fatal" in ["sign-in"]:
        "Throws the approval away when the connection breaks before the server has seen the code.",
        "NousResearch/hermes-agent!114756";
    IncompleteGrantStored "incomplete-grant-stored" in ["sign-in", "leaks"]:
        "Stores a sign-in although tokens are missing in it.",
        "holon-run/holon!1549";
    ReasonDropped "reason-dropped" in ["sign-in", "refresh"]:
        "Shows the status of a refusal without its reason.",
        "OpenCoworkAI/open-codesign#219";
    DeviceCodeSettingUnmentioned "device-code-setting-unmentioned" in ["sign-in"]:
        "Does not say that device codes may be switched off in the account's settings, nor how else to sign in.",
        "openai/codex#34817";
    NotYetValidRefused "not-yet-valid-refused" in ["sign-in"]:
        "Refuses a new token that is not yet valid by the clock of this machine.",
        "Azure/azure-cli#26618";
    NewTokenRefreshedAgain "new-token-refreshed-again" in ["sign-in"]:
        "Refreshes again and again while the clock of this machine calls each new token expired.",
        "manfredsteyer/angular-oauth2-oidc#1135";
    ReuseSignsOut "reuse-signs-out" in ["sign-in", "refresh"]:
        "Signs out when its refresh token was spent elsewhere, and revokes the sign-in of whoever spent it.",
        "openai/codex#6393";
    SignsOutBeforeSignIn "signs-out-before-sign-in" in ["sign-in"]:
        "Removes working credentials before there are new ones.",
        "openai/codex#46430";
    StateUnchecked "state-unchecked" in ["authorization-code"]:
        "Accepts a code that comes without the right state.",
        "Soju06/codex-lb#2076";
    PkcePlain "pkce-plain" in ["authorization-code"]:
        "Sends the verifier itself as its challenge.",
        "RFC 9700 §2.1.1";
    PkceMissing "pkce-missing" in ["authorization-code"]:
        "Asks for a code without a challenge.",
        "RFC 9700 §2.1.1";

    // Refresh.
    FlatErrorsOnly "flat-errors-only" in ["refresh"]:
        "Reads OAuth errors only where RFC 6749 puts them, not in an object under `error`.",
        "NousResearch/hermes-agent!11512";
    OldRefreshTokenKept "old-refresh-token-kept" in ["refresh", "baseline"]:
        "Keeps the old refresh token after it was rotated.",
        "lanes-sh/link#109";
    RefreshTokenLost "refresh-token-lost" in ["refresh"]:
        "Forgets the refresh token when the answer brings no new one.",
        "modelcontextprotocol/rust-sdk!949";
    IdTokenDemanded "id-token-demanded" in ["refresh"]:
        "Takes a refresh without an id_token for a failure.",
        "router-for-me/CLIProxyAPI#3497";
    NeverRefreshes "never-refreshes" in ["refresh", "baseline"]:
        "Uses the tokens it started with until the end.",
        "vectorize-io/hindsight!1661";
    EarlyRefreshMustWork "early-refresh-must-work" in ["refresh"]:
        "Fails the turn when the early refresh fails, although the access token is still good.",
        "robinebers/openusage!568";
    NoReloadBeforeRefresh "no-reload-before-refresh" in ["refresh"]:
        "Does not look for a newer pair in the file before it refreshes.",
        "openai/codex!11802";
    EachCallRefreshes "each-call-refreshes" in ["refresh"]:
        "Refreshes once for each of several requests at the same time.",
        "anomalyco/opencode#28234";
    RefreshWithoutLock "refresh-without-lock" in ["refresh"]:
        "Refreshes without a lock on the file that other processes share.",
        "openai/codex#10332";
    LoserGivesUp "loser-gives-up" in ["refresh"]:
        "Does not adopt the pair that another process stored while its own refresh was refused.",
        "openai/codex!15127";
    RefusedRefreshSentAgain "refused-refresh-sent-again" in ["refresh"]:
        "Sends a refused refresh token again.",
        "openai/codex codex-rs/login/tests/suite/auth_refresh.rs";
    EmptyRefreshTokenSent "empty-refresh-token-sent" in ["refresh"]:
        "Sends a refresh request with an empty token.",
        "zhishile/codex-auth-helper#24";
    DeadTokenSentAgain "dead-token-sent-again" in ["refresh", "store", "accounts"]:
        "Tries a refresh token that is known to be dead at every start.",
        "NousResearch/hermes-agent!28118";
    TerminalNeededToRefresh "terminal-needed-to-refresh" in ["refresh"]:
        "Does not refresh without a terminal.",
        "anthropics/claude-code#79685";
    UnauthorizedLoop "unauthorized-loop" in ["refresh"]:
        "Refreshes and asks again for as long as it is refused.",
        "openai/codex#7362";
    ReplayWithoutNewToken "replay-without-new-token" in ["refresh"]:
        "Sends a refused request again although there is no new token.",
        "NousResearch/hermes-agent#70097";
    BodyLostOnReplay "body-lost-on-replay" in ["refresh"]:
        "Sends the request after a refresh with an empty body.",
        "TauricResearch/TradingAgents!926";
    ServerErrorEndsTheSignIn "server-error-ends-the-sign-in" in ["refresh"]:
        "Takes a failure of the token endpoint's server for the end of the sign-in.",
        "NousResearch/hermes-agent!6525";
    ThrottleEndsTheSignIn "throttle-ends-the-sign-in" in ["refresh"]:
        "Takes a throttled refresh for missing credentials.",
        "NousResearch/hermes-agent!33168";
    BlockPageEndsTheSignIn "block-page-ends-the-sign-in" in ["refresh"]:
        "Takes a block page of the network's edge for the end of the sign-in.",
        "NousResearch/hermes-agent!102455";
    ChildrenNotSignedIn "children-not-signed-in" in ["refresh"]:
        "Starts the agents beside the first one without the sign-in.",
        "massgen/MassGen#906";

    // Store.
    NewPairNotStored "new-pair-not-stored" in ["refresh", "store", "baseline"]:
        "Uses a rotated pair without writing it down.",
        "openclaw/openclaw#105666";
    StoreWipedOnFailure "store-wiped-on-failure" in ["refresh"]:
        "Removes the credentials when a refresh fails, whatever the reason.",
        "NousResearch/hermes-agent!6525";
    WrittenInPlace "written-in-place" in ["store"]:
        "Empties the credential file before it writes it again.",
        "anthropics/claude-code#26717";
    ReadableByAll "readable-by-all" in ["store", "baseline"]:
        "Makes the credential file readable by everybody.",
        "aden-hive/hive!5631";
    PrivateTooLate "private-too-late" in ["store"]:
        "Makes the credential file private only after it was written.",
        "bastani-inc/atomic!2681";
    UnknownMembersDropped "unknown-members-dropped" in ["store"]:
        "Drops members of the credential file that it does not know.",
        "uwuclxdy/clauth#45";
    DamagedFileReset "damaged-file-reset" in ["store"]:
        "Overwrites a damaged credential file.",
        "anthropics/claude-code#29158";
    StatusNeverDoubts "status-never-doubts" in ["store"]:
        "Says that somebody is signed in when the sign-in is known to be dead.",
        "openclaw/openclaw#86215";
    OrganizationForAccount "organization-for-account" in ["baseline"]:
        "Names an organization where the account belongs.",
        "ndycode/codex-multi-auth#700";
    NewerVersionAskedFor "newer-version-asked-for" in ["baseline"]:
        "Asks another host for a newer version of itself at every start.",
        "anthropics/claude-code#36250";
    SignOutKeepsTheFile "sign-out-keeps-the-file" in ["baseline"]:
        "Leaves the credential file behind when somebody signs out.",
        "openai/codex#14704";

    // Framing.
    CrLfUnknown "crlf-unknown" in ["framing"]:
        "Knows only the line feed as the end of a line.",
        "hey-api/hey-api#3054";
    CrUnknown "cr-unknown" in ["framing"]:
        "Does not know the lone carriage return as the end of a line.",
        "a2aproject/a2a-js#714";
    CutCrLfIsTwoEnds "cut-crlf-is-two-ends" in ["framing"]:
        "Takes a CRLF that lies in two chunks for two ends of lines.",
        "rexxars/eventsource-parser#17";
    CrHeldBack "cr-held-back" in ["framing"]:
        "Waits behind a CR for the byte that follows, and at the end of the stream in vain.",
        "universal-tool-calling-protocol/python-utcp!104";
    Utf8PerChunk "utf8-per-chunk" in ["framing"]:
        "Decodes each chunk by itself, and damages characters that lie in two.",
        "mrpulor-gh/nuphus#41";
    CutUtf8Fatal "cut-utf8-fatal" in ["framing"]:
        "Gives up at a chunk that ends inside a character.",
        "xberg-io/liter-llm#152";
    BomKept "bom-kept" in ["framing"]:
        "Reads a byte order mark as part of the first line.",
        "openai/openai-python!3819";
    CharsetObeyed "charset-obeyed" in ["framing"]:
        "Decodes the stream as its content type says.",
        "web-platform-tests/wpt eventsource/format-utf-8.any.js";
    SecondBomDropped "second-bom-dropped" in ["framing"]:
        "Drops every byte order mark at the start of the stream, where one belongs to the format.",
        "web-platform-tests/wpt eventsource/format-bom-2.any.js";
    NulEndsTheChunk "nul-ends-the-chunk" in ["framing"]:
        "Reads each chunk as a C string, and loses what follows a NUL in it.",
        "web-platform-tests/wpt eventsource/format-null-character.any.js";
    LineSeparatorsEndLines "line-separators-end-lines" in ["framing"]:
        "Takes Unicode's line separators for ends of lines.",
        "florimondmanca/httpx-sse#34";
    SpaceDemanded "space-demanded" in ["framing"]:
        "Does not read fields without a space behind the colon.",
        "praxis-proxy/praxis!739";
    FieldsByTheirBeginning "fields-by-their-beginning" in ["framing"]:
        "Takes every line that begins with the letters of a field for that field.",
        "web-platform-tests/wpt eventsource/format-field-parsing.any.js";
    BlockWithoutDataFatal "block-without-data-fatal" in ["framing"]:
        "Reads a block without data as an event, and gives up because there is no JSON in it.",
        "openai/openai-python#3833";
    RetryMustBeANumber "retry-must-be-a-number" in ["framing"]:
        "Gives up at a retry line that is no number.",
        "spring-projects/spring-framework!37193";
    LastDataLineOnly "last-data-line-only" in ["framing"]:
        "Keeps only the last of several data lines.",
        "numman-ali/opencode-openai-codex-auth!96";
    CommentEndsTheEvent "comment-ends-the-event" in ["framing"]:
        "Loses the event in which a comment stands.",
        "xiaoliu10/claude-code-router-next!44";
    DoneInsideText "done-inside-text" in ["framing"]:
        "Takes any event with the letters [DONE] in it for the sentinel.",
        "rahilp/second-brain-cloudflare#353";
    DoneIsSuccess "done-is-success" in ["framing"]:
        "Takes [DONE] for the end of a complete answer.",
        "openai/codex!8708";
    LinesOf64KiB "lines-of-64-kib" in ["framing"]:
        "Reads no line longer than 64 KiB.",
        "openai/openai-go#368";
    LinesOf1MiB "lines-of-1-mib" in ["framing"]:
        "Reads no line longer than 1 MiB.",
        "nextlevelbuilder/goclaw#1348";
    LongLineReadAgain "long-line-read-again" in ["framing"]:
        "Reads a long line from its beginning at every chunk.",
        "rexxars/eventsource-parser!28";

    // Stream.
    EndIsSuccess "end-is-success" in ["stream", "framing"]:
        "Takes the end of the stream for the end of the answer.",
        "earendil-works/pi#8996";
    FailedIsSuccess "failed-is-success" in ["stream", "failure"]:
        "Takes a response whose status is failed for a valid one.",
        "KarpelesLab/teamclaude!391";
    WaitsForTheEnd "waits-for-the-end" in ["stream"]:
        "Waits for the connection to close after the response has ended.",
        "letta-ai/letta-code!3720";
    FailureWaitsForTheEnd "failure-waits-for-the-end" in ["stream"]:
        "Tells a failed response only after the connection has closed.",
        "openai/codex#43140";
    IncompleteIsSuccess "incomplete-is-success" in ["stream"]:
        "Shows an answer that was cut short as a complete one.",
        "langchain-ai/langchain!33871";
    IncompleteRetried "incomplete-retried" in ["stream"]:
        "Asks again when an answer was cut short at its limit.",
        "openai/codex#38831";
    CreatedDemanded "created-demanded" in ["stream"]:
        "Gives up at an event that comes before response.created.",
        "BerriAI/litellm#9545";
    CreatedBeginsAnew "created-begins-anew" in ["stream"]:
        "Forgets what has come when response.created comes a second time.",
        "openai/openai-python src/openai/lib/streaming/responses/_responses.py";
    LastTerminalWins "last-terminal-wins" in ["stream"]:
        "Lets the last of several events that end the response decide.",
        "xuzhougeng/wisp-science!748";
    UsageDemanded "usage-demanded" in ["stream"]:
        "Fails when a complete response does not count its reasoning tokens.",
        "BenedictKing/ccx#97";
    TerminalOutputOnly "terminal-output-only" in ["stream", "baseline"]:
        "Reads the answer only from the last event, where the server leaves it empty.",
        "NousResearch/hermes-agent#5736";
    NullOutputCrash "null-output-crash" in ["stream"]:
        "Crashes when the last event has no output.",
        "NousResearch/hermes-agent#32883";
    EmptyAnswerRetried "empty-answer-retried" in ["stream"]:
        "Asks again when the complete answer is empty.",
        "NousResearch/hermes-agent#3956";
    UnannouncedIndexCrash "unannounced-index-crash" in ["stream"]:
        "Crashes at text of an item that was not announced.",
        "openai/openai-python#2852";
    NullItemCrash "null-item-crash" in ["stream"]:
        "Crashes at an item that is null.",
        "openai/openai-python!3131";
    UnopenedItemFatal "unopened-item-fatal" in ["stream"]:
        "Gives up at an item that is closed without having been opened.",
        "BerriAI/litellm#37852";
    CallArgumentsOnFirst "call-arguments-on-first" in ["stream"]:
        "Adds the arguments of parallel function calls to the first call.",
        "can1357/oh-my-pi#1880";
    ItemsByIdOnly "items-by-id-only" in ["stream"]:
        "Tells items apart by their id alone, which some servers change between events.",
        "vercel/ai packages/openai resolveOutputItemId";
    ArgumentsFromDeltasOnly "arguments-from-deltas-only" in ["stream"]:
        "Takes the arguments of a call from deltas only.",
        "BerriAI/litellm#27144";
    TextFromDeltasOnly "text-from-deltas-only" in ["stream"]:
        "Takes the text of an answer from deltas only.",
        "BerriAI/litellm#27144";
    DoneTextDoubled "done-text-doubled" in ["stream", "baseline"]:
        "Adds the whole text of a closing event to the deltas it repeats.",
        "BerriAI/litellm#27144";
    UnclosedCallDropped "unclosed-call-dropped" in ["stream"]:
        "Drops a call whose closing event never comes.",
        "anomalyco/opencode!43575";
    CutOffCallRun "cut-off-call-run" in ["stream"]:
        "Runs a call whose arguments were cut off.",
        "NousResearch/hermes-agent!93433";
    ItemIdForCallId "item-id-for-call-id" in ["stream"]:
        "Answers a call by the id of its item.",
        "NousResearch/hermes-agent!43";
    NullCodeUnreadable "null-code-unreadable" in ["stream"]:
        "Cannot read an error event whose code is null.",
        "vercel/ai#21360";
    FlatErrorEventUnread "flat-error-event-unread" in ["stream"]:
        "Reads an error event only when its details are nested.",
        "vercel/ai#14932";
    ErrorEventIgnored "error-event-ignored" in ["stream"]:
        "Ignores error events, and tells only that the stream has closed.",
        "zyycn/codex-proxy-rs!90";
    BrokenOffIsSuccess "broken-off-is-success" in ["stream"]:
        "Loses the error when a connection breaks behind text, and takes the text for the answer.",
        "openai/openai-node#2046";
    ResetStreamIsTheEnd "reset-stream-is-the-end" in ["stream"]:
        "Takes the reset of an HTTP/2 stream for the end of the body, and what has come for the answer.",
        "hyperium/hyper#3681";
    CutBehindTheAnswerFatal "cut-behind-the-answer-fatal" in ["stream"]:
        "Fails a complete answer because the connection breaks behind it.",
        "anmonteiro/ocaml-h2!119";
    RefusedStreamFatal "refused-stream-fatal" in ["stream"]:
        "Gives up when a server refuses a request that it has not looked at.",
        "nodejs/undici!5598";
    KeepaliveFatal "keepalive-fatal" in ["stream"]:
        "Gives up at a keepalive event.",
        "openai/openai-node#1964";
    UnknownEventFatal "unknown-event-fatal" in ["stream"]:
        "Gives up at an event of a type it does not know.",
        "dcdpr/jp!566";
    UnknownItemFatal "unknown-item-fatal" in ["stream"]:
        "Gives up at an item of a type it does not know.",
        "CherryHQ/cherry-studio#20940";
    BothTextsShown "both-texts-shown" in ["stream"]:
        "Shows the text of the failed attempt before the answer of the next.",
        "NousResearch/hermes-agent!99241";
    ClosedTransportReused "closed-transport-reused" in ["stream"]:
        "Sends the next attempt over a client that was closed with the last one.",
        "NousResearch/hermes-agent!25769";
    FirstByteUnlimited "first-byte-unlimited" in ["stream", "websocket"]:
        "Waits for the first byte without a limit.",
        "NousResearch/hermes-agent!32042";
    SilenceUnlimited "silence-unlimited" in ["stream"]:
        "Waits for the next byte without a limit.",
        "HybridAIOne/hybridclaw!1288";
    ThoughtTakenForSilence "thought-taken-for-silence" in ["stream"]:
        "Ends a stream that is silent for less than its limit.",
        "spacedriveapp/spacebot!254";
    CommentsAreNoLife "comments-are-no-life" in ["stream"]:
        "Counts comments as silence.",
        "openai/codex#31539";
    ContentTypeDemanded "content-type-demanded" in ["stream"]:
        "Reads a stream only with the right content type.",
        "dyndynjyxa/aio-coding-hub#158";
    DocumentIsSuccess "document-is-success" in ["stream", "failure"]:
        "Takes a document in place of a stream for an empty answer.",
        "james-6-23/codex2api!332";
    ResponsesStored "responses-stored" in ["stream"]:
        "Asks the server to store the response, which it refuses.",
        "akitaonrails/ai-memory!64";
    DelayInProseUnread "delay-in-prose-unread" in ["stream"]:
        "Does not read the delay that stands in the sentence only.",
        "openai/codex codex-rs/codex-api/src/sse/responses.rs";

    // WebSocket.
    WarmUpIsTheAnswer "warm-up-is-the-answer" in ["websocket"]:
        "Takes the empty response that only warms up a WebSocket for the answer of the turn.",
        "decolua/9router!3440";
    WarmUpRefusalFallsBack "warm-up-refusal-falls-back" in ["websocket"]:
        "Leaves the WebSocket for HTTP when only the warm-up was refused.",
        "router-for-me/CLIProxyAPI#1901";
    FullReplayAfterCall "full-replay-after-call" in ["websocket"]:
        "Cannot find its place after a function call, and sends the whole conversation with every step.",
        "can1357/oh-my-pi#7279";
    HistorySentTwice "history-sent-twice" in ["websocket"]:
        "Sends the whole conversation again together with the id of the response that holds it.",
        "openai/codex!11383";
    LostResponseFatal "lost-response-fatal" in ["websocket"]:
        "Ends the turn when a WebSocket no longer knows the response before it.",
        "can1357/oh-my-pi#925";
    IncrementAlone "increment-alone" in ["websocket"]:
        "Sends only the new items again when a WebSocket no longer knows the response before them, and loses the conversation.",
        "router-for-me/CLIProxyAPI!3904";
    ConnectionLimitFatal "connection-limit-fatal" in ["websocket"]:
        "Ends the turn when the time of a WebSocket is over.",
        "vybestack/llxprt-code#2771";
    ClosedSocketIsSuccess "closed-socket-is-success" in ["websocket"]:
        "Takes what had come for the answer when a WebSocket ends before the response does.",
        "Kilo-Org/kilocode!11836";
    BinaryFrameRead "binary-frame-read" in ["websocket"]:
        "Reads a binary frame as if it were an event.",
        "openclaw/openclaw!111138";
    BrokenFrameFatal "broken-frame-fatal" in ["websocket"]:
        "Crashes at a frame that is no JSON.",
        "openai/codex codex-rs/codex-api/src/endpoint/responses_websocket.rs";
    NoFallbackToHttp "no-fallback-to-http" in ["websocket"]:
        "Ends the turn when there is no WebSocket, without trying HTTP.",
        "router-for-me/pi-cliproxyapi-provider!36";
    FallbackUnsaid "fallback-unsaid" in ["websocket"]:
        "Retries and leaves the WebSocket for HTTP without a word.",
        "earendil-works/pi!8787";
    FrameSentOverHttp "frame-sent-over-http" in ["websocket"]:
        "Sends over HTTP what it had prepared as a frame, with members that only frames have.",
        "awsl-project/maxx!682";
    UpgradeRequiredRetried "upgrade-required-retried" in ["websocket"]:
        "Asks again for a WebSocket that the server has declined for good.",
        "justrach/codegraff#427";
    LimitAtUpgradeFallsBack "limit-at-upgrade-falls-back" in ["websocket"]:
        "Does not read a usage limit at the upgrade, and asks on over HTTP.",
        "router-for-me/CLIProxyAPI#5270";
    FirstTokenAtEveryUpgrade "first-token-at-every-upgrade" in ["websocket"]:
        "Opens every WebSocket with the access token of the first, renewed or not.",
        "base/base!2298";

    // Failure.
    RetryAfterIgnored "retry-after-ignored" in ["failure"]:
        "Comes back earlier than Retry-After says.",
        "openclaw/openclaw!111353";
    RetriesWithoutEnd "retries-without-end" in ["failure", "stream"]:
        "Asks again and again without a pause when the service is overloaded.",
        "NousResearch/hermes-agent#107307";
    QuotaRetried "quota-retried" in ["failure", "stream", "websocket"]:
        "Asks again when the plan's limit is reached.",
        "raine/claude-code-proxy!139";
    PermanentErrorRetried "permanent-error-retried" in ["failure"]:
        "Asks again after an error that no second attempt can change.",
        "openai/codex codex-rs/codex-api/src/sse/responses.rs";
    BareUnauthorizedUnknown "bare-unauthorized-unknown" in ["failure"]:
        "Does not know a 401 without a code for an expired token.",
        "openai/codex#41973";
    RefreshOnForbidden "refresh-on-forbidden" in ["failure"]:
        "Refreshes when the edge forbids the request.",
        "openclaw/openclaw#64174";
    LimitTakenForSignIn "limit-taken-for-sign-in" in ["failure", "stream"]:
        "Takes a usage limit for a problem of the sign-in.",
        "NousResearch/hermes-agent#89401";
    ResetTimeUnread "reset-time-unread" in ["failure"]:
        "Does not say when a usage limit ends.",
        "james-6-23/codex2api#9";
    ResetTimeInvented "reset-time-invented" in ["failure"]:
        "Names a time at which a usage limit ends although the server names none.",
        "Soju06/codex-lb!1541";
    PastResetRetried "past-reset-retried" in ["failure", "accounts"]:
        "Asks again at once, and again, when the reset of a usage limit lies in the past.",
        "NousResearch/hermes-agent#36276";
    CauseHidden "cause-hidden" in ["failure"]:
        "Ends in an error of its own in place of the one that ended the turn.",
        "NousResearch/hermes-agent!39340";
    StaleStoreUnnamed "stale-store-unnamed" in ["failure"]:
        "Says to sign in again without saying where the stale credentials are.",
        "garrytan/gstack#1542";
    BlockPageQuoted "block-page-quoted" in ["failure"]:
        "Shows the markup of a block page.",
        "openai/codex!6252";
    SuccessWhateverHappened "success-whatever-happened" in ["failure", "sign-in", "terminal"]:
        "Ends with success after a failure.",
        "NousResearch/hermes-agent#90436";
    ErrorIsTheAnswer "error-is-the-answer" in ["failure"]:
        "Prints an error where the answer belongs.",
        "NousResearch/hermes-agent#102921";
    ApiKeyInstead "api-key-instead" in ["failure"]:
        "Falls back to an API key from the environment without a word.",
        "openclaw/openclaw#81941";
    NoSignInHint "no-sign-in-hint" in ["refresh", "failure"]:
        "Does not say that signing in again helps.",
        "NousResearch/hermes-agent!114845";

    // Accounts.
    NoRotationOnSoftFailure "no-rotation-on-soft-failure" in ["accounts"]:
        "Does not turn to the next account when one has reached its limit.",
        "NousResearch/hermes-agent#24159";

    NoRotationOnDeadSignIn "no-rotation-on-dead-sign-in" in ["accounts"]:
        "Does not turn to the next account when the sign-in of one cannot be refreshed.",
        "NousResearch/hermes-agent!4300";
    ForbiddenAccountKept "forbidden-account-kept" in ["accounts"]:
        "Does not turn to the next account when one is answered with 403.",
        "NousResearch/hermes-agent!8289";
    RotatesOnEveryRefusal "rotates-on-every-refusal" in ["accounts"]:
        "Turns to the next account, or to the fallback, whatever the reason of a refusal.",
        "screenpipe/screenpipe!5063";
    SticksToLastGood "sticks-to-last-good" in ["accounts"]:
        "Begins every turn with the account that worked last, although its sign-in is dead.",
        "openclaw/openclaw#79021";
    CooldownForgotten "cooldown-forgotten" in ["accounts"]:
        "Begins every turn with an account whose limit is reached.",
        "NousResearch/hermes-agent!10282";
    CooldownOutlivesReset "cooldown-outlives-reset" in ["accounts"]:
        "Leaves an account out after its limit has been lifted.",
        "NousResearch/hermes-agent#72941";
    CooldownOutlivesSignIn "cooldown-outlives-sign-in" in ["accounts"]:
        "Leaves an account out for what happened before its new sign-in.",
        "NousResearch/hermes-agent!17001";
    OnePairForAllAccounts "one-pair-for-all-accounts" in ["accounts"]:
        "Writes the new tokens of one account over those of another.",
        "NousResearch/hermes-agent#11364";
    FallbackBeforePool "fallback-before-pool" in ["accounts"]:
        "Turns to the fallback although another account could answer.",
        "NousResearch/hermes-agent#24159";
    NoFallbackAtStart "no-fallback-at-start" in ["accounts"]:
        "Does not turn to the fallback when the turn cannot begin because a refresh was refused.",
        "NousResearch/hermes-agent#7230";
    SilentFallback "silent-fallback" in ["accounts"]:
        "Turns to the fallback without a word.",
        "NousResearch/hermes-agent!31032";
    // Network.
    AuthorityOnlyForTurns "authority-only-for-turns" in ["network"]:
        "Trusts the certificates that the environment names for its turns, and not at sign-in and refresh.",
        "openai/codex#6849";
    CertificateUnnamed "certificate-unnamed" in ["network"]:
        "Says that a request failed, without a word about certificates or the file that is wrong.",
        "openai/codex#26764";
    ProxyPasswordDropped "proxy-password-dropped" in ["network"]:
        "Leaves out the user and the password that stand in the proxy's URL.",
        "anthropics/claude-code#84964";
    ProxyUnnamed "proxy-unnamed" in ["network"]:
        "Does not say that it is the proxy that fails.",
        "openai/codex#5283";
    SocksUnknown "socks-unknown" in ["network"]:
        "Ends without a word about the proxy when that is one for SOCKS.",
        "openai/codex#5283";
    LoopbackThroughProxy "loopback-through-proxy" in ["network"]:
        "Sends what is for this machine to the proxy.",
        "fastagent-sh/fastagent!509";
    ExemptionsIgnored "exemptions-ignored" in ["network"]:
        "Sends everything to the proxy, whatever NO_PROXY says.",
        "openclaw/openclaw!94039";
    CallbackPortAssumed "callback-port-assumed" in ["network"]:
        "Sends the browser to the registered port although another program listens there.",
        "openai/codex#22048";
    BatchTakenForSilence "batch-taken-for-silence" in ["network"]:
        "Gives up on a stream that a proxy keeps back for a while.",
        "nginx/nginx#1505";

    // Translation.
    ToolMessagesPassedOn "tool-messages-passed-on" in ["translation"]:
        "Passes calls and their outputs on in the shape of Chat Completions.",
        "NousResearch/hermes-agent!45";
    LastSystemWins "last-system-wins" in ["translation"]:
        "Keeps only the last of several system messages.",
        "NousResearch/hermes-agent!45";
    SystemPartsLost "system-parts-lost" in ["translation"]:
        "Drops a system message whose content is a list of parts.",
        "diegosouzapw/OmniRoute#12206";
    ImageUrlNested "image-url-nested" in ["translation"]:
        "Leaves the address of an image in an object, where a plain string belongs.",
        "BerriAI/litellm#11820";
    ImageDetailLost "image-detail-lost" in ["translation"]:
        "Drops the detail in which an image shall be looked at.",
        "open-webui/open-webui#28286";
    StrictLeftOut "strict-left-out" in ["translation"]:
        "Makes loose tools strict by leaving the word out.",
        "open-webui/open-webui#27750";
    ToolChoiceNested "tool-choice-nested" in ["translation"]:
        "Leaves the name of the chosen tool in the shape of Chat Completions.",
        "BerriAI/litellm#27611";
    ResponseFormatLost "response-format-lost" in ["translation"]:
        "Drops the schema that the answer shall follow.",
        "BerriAI/litellm!16844";
    ParametersPassedOn "parameters-passed-on" in ["translation"]:
        "Passes parameters on that the server refuses.",
        "akitaonrails/ai-memory!64";
    FailedTranslatedAsStop "failed-translated-as-stop" in ["translation"]:
        "Makes an empty success of a failed response.",
        "askalf/dario!1205";
    CutShortTranslatedAsStop "cut-short-translated-as-stop" in ["translation"]:
        "Says that an answer is complete which was cut short.",
        "BerriAI/litellm!37710";
    FilteredTranslatedAsLength "filtered-translated-as-length" in ["translation"]:
        "Says that an answer was too long which was filtered.",
        "BerriAI/litellm!37710";
    RefusalUntranslated "refusal-untranslated" in ["translation"]:
        "Makes ordinary text of a refusal.",
        "genkit-ai/genkit!6259";
    UsageDetailsLost "usage-details-lost" in ["translation"]:
        "Loses how many tokens were cached and how many were thought.",
        "NousResearch/hermes-agent!45";
    StopBesideCalls "stop-beside-calls" in ["translation"]:
        "Says that the model is done when it calls tools.",
        "BerriAI/litellm!37792";
    CallsShareAnIndex "calls-share-an-index" in ["translation"]:
        "Gives all calls of a stream the index 0.",
        "BerriAI/litellm#21331";
    OutputIndexForCalls "output-index-for-calls" in ["translation"]:
        "Counts calls by their place in the output, thoughts included.",
        "BerriAI/litellm!21337";

    // Terminal.
    TerminalDemanded "terminal-demanded" in ["sign-in", "terminal", "session"]:
        "Demands a terminal to sign in, without needing one.",
        "openai/codex!6382";
    PromptOnTerminalOnly "prompt-on-terminal-only" in ["sign-in", "terminal", "session"]:
        "Keeps page and code to itself when it runs without a terminal.",
        "lidge-jun/opencodex!3385";
    ScreenFlipsBack "screen-flips-back" in ["terminal", "sign-in"]:
        "Flips back to its menu on a terminal before anybody can read the code.",
        "openai/codex#12412";
    ColoursOnAPipe "colours-on-a-pipe" in ["terminal", "sign-in"]:
        "Colours what it prints although nobody looks at it.",
        "openai/codex codex-rs/login/src/device_code_auth.rs";
    AnswerOnStandardError "answer-on-standard-error" in ["terminal", "baseline"]:
        "Prints the answer on standard error.",
        "NousResearch/hermes-agent#90436";
    WaitsForInput "waits-for-input" in ["terminal"]:
        "Waits for standard input to end although the prompt is an argument.",
        "openai/codex#20919";
    UsageTextOnFailure "usage-text-on-failure" in ["terminal"]:
        "Explains its command line when the sign-in is dead.",
        "Dicklesworthstone/coding_agent_account_manager#36";

    // Leaks.
    VerboseShowsTokens "verbose-shows-tokens" in ["leaks"]:
        "Shows headers and bodies with their tokens in verbose mode.",
        "microcks/microcks-cli#265";
    RefusalQuotedAsSent "refusal-quoted-as-sent" in ["leaks"]:
        "Quotes a refusal with the token that the server repeats in it.",
        "can1357/oh-my-pi#870";
    UnreadableGrantQuoted "unreadable-grant-quoted" in ["leaks"]:
        "Quotes an answer full of tokens that it could not read.",
        "majiayu000/litellm-rs!504";
    NoWordOfWarning "no-word-of-warning" in ["leaks"]:
        "Shows the code without a word about phishing.",
        "bman654/clodex#140";
    DebugVariableShowsTokens "debug-variable-shows-tokens" in ["leaks"]:
        "Shows headers with their tokens when the environment asks for debug output.",
        "fallow-rs/fallow!487";
    TokenInArguments "token-in-arguments" in ["leaks"]:
        "Starts a helper with the access token among its arguments.",
        "rjwalters/loom#5982";
    RefreshTokenHandedDown "refresh-token-handed-down" in ["leaks"]:
        "Hands the refresh token to the tools that it starts.",
        "langchain-ai/openwiki!287";
    AccountOfTheFirst "account-of-the-first" in ["leaks", "accounts"]:
        "Names the first account beside the token of the second.",
        "NousResearch/hermes-agent#24159";
    BaseUrlOfTheOtherApi "base-url-of-the-other-api" in ["leaks"]:
        "Sends the ChatGPT token to the base URL that the environment names for the API.",
        "openai/codex!1487";
}
