//! What a request may wish for beyond a plain sign-on: a stronger proof, a set of attributes, no new identifier.

use axum::http::StatusCode;
use serde_json::json;

use crate::house::{Browser, House};
use crate::sp::{Posted, Request};

const AGAIN: &str = "https://sp.example/password-again";
const SFA: &str = "https://refeds.org/profile/sfa";

fn ask(classes: &[&str], comparison: &str, attributes: &str) -> String {
    let classes: String = classes
        .iter()
        .flat_map(|class| ["<saml:AuthnContextClassRef>", class, "</saml:AuthnContextClassRef>"])
        .collect();
    let wish = format!(
        "<samlp:RequestedAuthnContext Comparison=\"{comparison}\">{classes}</samlp:RequestedAuthnContext>"
    );
    format!("/saml2/app?{}", Request::new("_c").with(attributes).child(&wish).query(None))
}

fn class_of(page: &str) -> Option<String> {
    Posted::read(page)?.value("<saml:AuthnContextClassRef>", "<")
}

#[tokio::test]
async fn saml_120_121_a_class_that_wants_the_password_again_is_met_by_entering_it() {
    let house = House::open().await;
    let classes = json!([{ "class": SFA }, { "class": AGAIN, "requires": "password_now" }]);
    house.application("app", json!({ "authn_contexts": classes })).await;
    let mut browser = house.member("livia").await;
    // What a session proves is asserted at once, under the name that was asked for.
    let answered = house.get(&mut browser, &ask(&[SFA], "exact", "")).await;
    assert_eq!(class_of(&answered.body).as_deref(), Some(SFA));
    for (classes, comparison) in [(&[AGAIN][..], "exact"), (&[AGAIN], "minimum"), (&[SFA], "better")] {
        let sent = house.get(&mut browser, &ask(classes, comparison, "")).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{comparison}");
        assert!(sent.location().starts_with("/login?request="), "{}", sent.location());
        // Nothing but the password entered there is enough.
        let onward = sent.location().replace("/login?", "/saml2/app/continue?");
        assert_eq!(house.get(&mut browser, &onward).await.location(), sent.location());
        house.clock.advance(1000);
        house.sign_in(&mut browser, "livia").await;
        assert_eq!(house.get(&mut browser, &onward).await.location(), sent.location());
        let entered = house.log_in(&mut browser, &sent.location(), "livia").await;
        let answered = house.get(&mut browser, &entered.location()).await;
        assert_eq!(class_of(&answered.body).as_deref(), Some(AGAIN), "{}", answered.body);
    }
    let passive = "IsPassive=\"true\"";
    for (classes, attributes, expected) in [
        (&[AGAIN][..], passive, ["Responder", "NoPassive"]),
        (&["https://refeds.org/profile/mfa"], passive, ["Responder", "NoAuthnContext"]),
        (&["https://refeds.org/profile/mfa"], "", ["Responder", "NoAuthnContext"]),
    ] {
        let answered = house.get(&mut browser, &ask(classes, "exact", attributes)).await;
        let posted = Posted::read(&answered.body).expect("an answer");
        assert_eq!(posted.status(), expected, "{classes:?}");
        assert!(!posted.holds_assertion());
    }
}

#[tokio::test]
async fn saml_120_nobody_is_asked_for_a_password_that_can_not_help() {
    const MFA: &str = "https://refeds.org/profile/mfa";
    let house = House::open().await;
    let classes = json!([{ "class": AGAIN, "requires": "password_now" }]);
    house.application("app", json!({ "authn_contexts": classes })).await;
    let told = |page: &str| Posted::read(page).map(|posted| posted.status());
    let never = Some(vec!["Responder".to_owned(), "NoAuthnContext".to_owned()]);
    // Nobody is signed in: by Redirect, and by POST, where that shows at the next step only.
    let mut stranger = Browser::default();
    for attributes in ["", "IsPassive=\"true\"", "ForceAuthn=\"true\""] {
        let answered = house.get(&mut stranger, &ask(&[MFA], "exact", attributes)).await;
        assert_eq!(told(&answered.body), never, "{attributes}: {} {}", answered.status, answered.location());
    }
    let wish = format!(
        "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{MFA}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
    );
    let body = Request::new("_p").child(&wish).body();
    let parked = house.post_from_elsewhere(&mut stranger, "/saml2/app", body).await;
    let answered = house.get(&mut stranger, &parked.location()).await;
    assert_eq!(told(&answered.body), never, "{} {}", answered.status, answered.location());
    // Somebody is, and the application wants the password again.
    let mut browser = house.member("livia").await;
    let answered = house.get(&mut browser, &ask(&[MFA], "exact", "ForceAuthn=\"true\"")).await;
    assert_eq!(told(&answered.body), never, "{} {}", answered.status, answered.location());
    // What a sign-in does bring is asked for, and can't be had without a page.
    let sent = house.get(&mut stranger, &ask(&[AGAIN], "exact", "")).await;
    assert!(sent.location().starts_with("/login?request="), "{}", sent.location());
    let answered = house.get(&mut stranger, &ask(&[AGAIN], "exact", "IsPassive=\"true\"")).await;
    assert_eq!(told(&answered.body), Some(vec!["Responder".to_owned(), "NoPassive".to_owned()]));
}

#[tokio::test]
async fn saml_123_an_attribute_set_narrows_what_is_released_and_an_unknown_one_is_refused() {
    let house = House::open().await;
    let attributes = json!([
        { "name": "mail", "source": "email" },
        { "name": "login", "source": "username" },
        { "name": "kind", "constant": "person" }
    ]);
    let services = json!([
        { "index": 1, "attributes": [{ "name": "mail", "required": true }, { "name": "salary" }] },
        { "index": 7, "attributes": [{ "name": "login" }] }
    ]);
    house.application("app", json!({ "attributes": attributes, "attribute_services": services })).await;
    let none = json!({ "sp_entity_id": "https://none.example", "attributes": attributes });
    house.application("none", none).await;
    let mut browser = house.member("livia").await;
    let released = |page: &str| -> Vec<String> {
        let posted = Posted::read(page).expect("a response");
        let names = posted.xml.split("<saml:Attribute Name=\"").skip(1);
        names.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    for (index, expected) in [("", &["mail", "login", "kind"][..]), ("1", &["mail"]), ("7", &["login"])] {
        let attribute = match index {
            "" => String::new(),
            index => format!("AttributeConsumingServiceIndex=\"{index}\""),
        };
        let query = Request::new("_a").with(&attribute).query(None);
        let answered = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
        assert_eq!(released(&answered.body), expected, "{index}");
    }
    let query = Request::new("_a").with("AttributeConsumingServiceIndex=\"2\"").query(None);
    let answered = house.get(&mut browser, &format!("/saml2/app?{query}")).await;
    let posted = Posted::read(&answered.body).expect("an answer");
    assert_eq!(posted.status(), ["Requester", "InvalidAttrNameOrValue"]);
    assert_eq!(house.refusal_codes().await, ["attribute_service_unknown"]);
    // Where no set is registered, an index names nothing.
    let mut request = Request::new("_a").with("AttributeConsumingServiceIndex=\"2\"");
    "https://none.example".clone_into(&mut request.issuer);
    let answered = house.get(&mut browser, &format!("/saml2/none?{}", request.query(None))).await;
    assert_eq!(released(&answered.body), ["mail", "login", "kind"]);
}

#[tokio::test]
async fn saml_117_no_identifier_is_made_for_who_does_not_want_one_made() {
    let house = House::open().await;
    house.application("app", json!({})).await;
    let mut browser = house.member("livia").await;
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    let ask = |create: &str| {
        let policy = format!("<samlp:NameIDPolicy Format=\"{persistent}\" {create}/>");
        format!("/saml2/app?{}", Request::new("_p").child(&policy).query(None))
    };
    let refused = house.get(&mut browser, &ask("AllowCreate=\"false\"")).await;
    let posted = Posted::read(&refused.body).expect("an answer");
    assert_eq!(posted.status(), ["Requester", "InvalidNameIDPolicy"]);
    let made = house.get(&mut browser, &ask("")).await;
    // Left out, it counts as yes, though the standard has it otherwise (docs/security.md).
    let made = Posted::read(&made.body).expect("a response").name_id().expect("one is made");
    let known = house.get(&mut browser, &ask("AllowCreate=\"false\"")).await;
    assert_eq!(Posted::read(&known.body).expect("a response").name_id(), Some(made));
}
