//! Samples of the pages at the gate.

use crate::base::accent::Accent;
use crate::saml::response::Base64;
use crate::web::pages::login::{ConfirmPasswordPage, ExpiredPage, LoginPage, SignedOutPage};
use crate::web::pages::logout::{LogoutLeg, LogoutPage};
use crate::web::pages::parts::{Tone, When};
use crate::web::pages::proceed::{ContinuePage, HandoverPage, PostPage};
use crate::web::pages::refusal::RefusalPage;
use crate::web::pages::samples::{Drawn, Samples, draw};
use crate::web::pages::setup::{ResetPage, SetupPage, SetupValues};
use crate::web::pages::shell::{Nav, Shell};

impl Samples {
    pub(super) fn gate(&self, drawn: &mut Drawn) {
        draw(drawn, "login", &self.login());
        let plain = LoginPage {
            shell: self.gate_shell("Sign in"),
            going_to: None,
            notice: Some(self.t("Your password is changed. Sign in with it.")),
            offer_remember: false,
            ..self.login()
        };
        draw(drawn, "login-plain", &plain);
        let failed = LoginPage {
            username: self.t("livia.ferrante"),
            error: Some(self.t("That username and password do not go together.")),
            ..self.login()
        };
        draw(drawn, "login-failed", &failed);
        let throttled = LoginPage {
            shell: Self::dark(self.gate_shell("Sign in to Heap")),
            throttled: Some(self.t("Wait 4 minutes, then try again. Your account is not locked.")),
            ..self.login()
        };
        draw(drawn, "login-throttled", &throttled);
        draw(drawn, "confirm-password", &self.confirm_password());
        draw(drawn, "signed-out", &SignedOutPage { shell: self.gate_shell("Signed out") });
        self.logouts(drawn);
        draw(drawn, "expired", &self.expired());
        draw(drawn, "setup", &self.setup());
        draw(drawn, "reset", &self.reset());
        self.refusals(drawn);
        self.passages(drawn);
    }

    fn login(&self) -> LoginPage {
        LoginPage {
            shell: self.gate_shell("Sign in to Heap"),
            going_to: Some(self.mark("Heap", Accent::Egyptian)),
            handle: self.t("Zk3vJ2"),
            username: String::new(),
            error: None,
            throttled: None,
            notice: None,
            offer_remember: true,
            give_up: Some(self.t("/saml2/heap/give-up")),
        }
    }

    fn confirm_password(&self) -> ConfirmPasswordPage {
        ConfirmPasswordPage {
            action: self.t("/login/confirm"),
            carried: Vec::new(),
            password_field: "password",
            shell: self.person_shell("Enter your password again", Nav::None, false),
            reason: self.t("You are about to change who may sign in to Heap. We ask again because your last sign-in was 20 minutes ago."),
            going_to: None,
            username: self.t("marcus"),
            handle: self.t("Zk3vJ2"),
            error: Some(self.t("That is not your password.")),
            cancel_href: self.t("/admin/applications"),
            give_up: None,
        }
    }

    fn logouts(&self, drawn: &mut Drawn) {
        let leg = |application: &str, state: &'static str, tone: Tone| LogoutLeg {
            application: self.t(application),
            state,
            tone,
        };
        let waiting = LogoutPage {
            shell: self.gate_shell("Signing you out"),
            heading: self.t("Signing you out"),
            legs: vec![
                leg("Heap", "Signed out", Tone::Ok),
                leg("Keeper", "Has not answered yet", Tone::Info),
                leg("Harness", "Comes next", Tone::Info),
            ],
            run: self.t("Zk3vJ2"),
            waits_for: Some(self.t("Keeper")),
            complete: false,
            asked_by: String::new(),
            answerable: false,
            signed_in: false,
        };
        draw(drawn, "logout-waiting", &waiting);
        let partial = LogoutPage {
            shell: self.gate_shell("You are signed out of Tessera"),
            heading: self.t("You are signed out of Tessera"),
            legs: vec![
                leg("Keeper", "Did not answer: sign out there yourself", Tone::Warn),
                leg("Harness", "Signed out", Tone::Ok),
            ],
            waits_for: None,
            asked_by: self.t("Heap"),
            answerable: true,
            ..waiting
        };
        draw(drawn, "logout-partial", &partial);
    }

    fn expired(&self) -> ExpiredPage {
        ExpiredPage {
            shell: self.gate_shell("This sign-in has expired"),
            going_to: Some(self.mark("Heap", Accent::Egyptian)),
            again_href: self.t("/saml2/heap"),
            lifetime: self.t("30 minutes"),
        }
    }

    fn setup(&self) -> SetupPage {
        SetupPage {
            shell: self.wrong(
                Shell { organisation: String::new(), ..self.gate_shell("Set up") },
                &[("password", "Too short: 9 characters. Use at least 15; a few unrelated words work well.")],
            ),
            action: self.t("/setup/4WkZqT"),
            values: SetupValues {
                organisation: self.t("Meridian Foods"),
                first_name: self.t("Marcus"),
                last_name: self.t("Oyelaran"),
                email: self.t("marcus@meridian.example"),
                username: self.t("marcus"),
            },
            password_min: 15,
            link_ends: self.when("2026-06-12T10:30:00Z", "12 June 2026, 10:30 UTC"),
        }
    }

    fn reset(&self) -> ResetPage {
        ResetPage {
            shell: self.gate_shell("Choose a new password"),
            action: self.t("/reset/4WkZqT"),
            username: self.t("livia.ferrante"),
            password_min: 15,
            link_ends: self.when("2026-06-13T10:30:00Z", "tomorrow, 10:30 UTC"),
        }
    }

    fn refusals(&self, drawn: &mut Drawn) {
        let keeper = RefusalPage {
            shell: Shell {
                reference: self.t("4F7K-29QD-M1XA"),
                ..self.person_shell("You can’t open Keeper yet", Nav::None, false)
            },
            heading: self.t("You can’t open Keeper yet"),
            lead: self.t("You are signed in as Livia Ferrante, and that worked. But Keeper has not been given to you, so we stopped here and sent nothing to Keeper."),
            advice: self.list(&[
                "Ask your IT team for access to Keeper. Send them the reference below: it tells them exactly what happened.",
                "If you have more than one account, sign out and sign in with the other one.",
                "If somebody gave you access a moment ago, try again. It takes effect at once.",
            ]),
            application: Some(self.mark("Keeper", Accent::Porphyry)),
            door: self.t("Not open to you yet"),
            again: Some(self.link("Try again", "/saml2/keeper")),
            when: self.when("2026-06-12T09:40:12Z", "12 June 2026, 09:40:12 UTC"),
            technical: vec![
                self.mono("Event", "sso_auth, outcome denied, code not_bound"),
                self.mono("Correlation id", "01978c4f-7b29-7d1a-9e02-5b6f3c8a10d4"),
                self.mono("To put it right", "Applications › Keeper › Groups › Bind a group"),
            ],
        };
        draw(drawn, "refusal", &keeper);
        let missing = RefusalPage {
            shell: self.gate_shell("There is nothing here"),
            heading: self.t("There is nothing here"),
            lead: self.t("The address is wrong, or what stood here has been deleted."),
            advice: Vec::new(),
            application: None,
            door: self.t("No such door"),
            again: None,
            when: When::default(),
            technical: Vec::new(),
        };
        draw(drawn, "not-found", &missing);
    }

    fn passages(&self, drawn: &mut Drawn) {
        let heap = self.mark("Heap", Accent::Egyptian);
        let proceed = ContinuePage {
            shell: self.person_shell("Continue to Heap", Nav::None, false),
            application: heap.clone(),
            action: self.t("/saml2/heap"),
            relay_state: self.t("/app/reports"),
        };
        draw(drawn, "continue", &proceed);
        let handover = HandoverPage {
            shell: self.person_shell("Opening Heap", Nav::None, false),
            application: heap,
            target: self.t("https://heapanalytics.com/login"),
            target_host: self.t("heapanalytics.com"),
            leaving: false,
        };
        draw(drawn, "handover", &handover);
        let post = PostPage::new(
            self.t("Heap"),
            self.t("https://heapanalytics.com/saml/finalize/42/"),
            "SAMLResponse",
            Base64::encode("<samlp:Response/>"),
            Some(self.t("/app/reports")),
        );
        draw(drawn, "post", &post);
    }
}
