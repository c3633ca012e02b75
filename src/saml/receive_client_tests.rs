//! Requests that an enhanced client brings.

use super::*;
use crate::saml::ecp::{ChannelBinding, ClientAdvice, ClientAnswer};
use crate::saml::names::{CHANNEL_BINDING, SAML_EC, SOAP, SOAP_NEXT};
use crate::saml::soap::decode;

const PAOS: &str = "https://sp.example.com/paos";

fn setup() -> Setup {
    let paos = AssertionConsumer { binding: Some(AcsBinding::Paos), ..acs(PAOS, Some(3), None) };
    let mut setup = Setup::default();
    setup.acs.insert(0, paos);
    setup
}

fn request() -> RequestXml {
    RequestXml::default().with("AssertionConsumerServiceURL", PAOS).without("Destination")
}

fn brought(header: &str, message: &str) -> Result<Trusted, Refusal> {
    let header = if header.is_empty() { String::new() } else { format!("<s:Header>{header}</s:Header>") };
    let envelope = format!("<s:Envelope xmlns:s=\"{SOAP}\">{header}<s:Body>{message}</s:Body></s:Envelope>");
    setup().receive(&decode(envelope.into_bytes(), Carried::Request), FIRST)
}

fn binding(kind: &str, value: &str, attributes: &str) -> String {
    format!(
        "<cb:ChannelBindings xmlns:cb=\"{CHANNEL_BINDING}\" Type=\"{kind}\"{attributes}>{value}</cb:ChannelBindings>"
    )
}

fn extended(inside: &str) -> RequestXml {
    request().containing(&format!("<samlp:Extensions>{inside}</samlp:Extensions>"))
}

#[test]
fn ecp_610_a_client_is_answered_at_an_address_for_clients_and_a_browser_at_one_for_browsers() {
    let trusted = brought("", &request().unsigned()).unwrap();
    assert_eq!((trusted.acs_url(), trusted.binding()), (PAOS, AcsBinding::Paos));
    assert!(trusted.client().is_some() && !trusted.is_signed());
    let named = request().with("ProtocolBinding", AcsBinding::Paos.uri()).signed(&signer());
    assert!(brought("", &named).unwrap().is_signed());
    let default = request().without("AssertionConsumerServiceURL");
    assert_eq!(brought("", &default.unsigned()).unwrap().acs_url(), PAOS);
    let by_index = default.with("AssertionConsumerServiceIndex", "3");
    assert_eq!(brought("", &by_index.unsigned()).unwrap().acs_url(), PAOS);
    // Neither may use the other's.
    assert_eq!(
        local(brought("", &request().with("AssertionConsumerServiceURL", ACS).unsigned())),
        Reason::AcsUnregistered
    );
    for (name, value) in [("AssertionConsumerServiceURL", PAOS), ("AssertionConsumerServiceIndex", "3")] {
        let xml = RequestXml::default().without("AssertionConsumerServiceURL").with(name, value).unsigned();
        for refused in [setup().post(&xml), setup().query(&redirect(&xml))] {
            let reason = local(refused);
            assert!(matches!(reason, Reason::AcsUnregistered | Reason::AcsIndexUnknown), "{reason:?}");
        }
    }
    let browser = RequestXml::default().without("AssertionConsumerServiceURL");
    let browser = setup().post(&browser.unsigned()).unwrap();
    assert!(browser.acs_url() == ACS && browser.client().is_none());
    // By PAOS, but brought by a browser: told where browsers go.
    let xml = RequestXml::default().with("ProtocolBinding", AcsBinding::Paos.uri()).unsigned();
    assert_eq!(
        answered(setup().post(&xml)),
        (Reason::BindingUnsupported, ACS.to_owned(), Status::UnsupportedBinding)
    );
}

#[test]
fn ecp_610_what_a_client_brings_is_checked_like_what_a_browser_brings() {
    assert!(brought("", &request().with("Destination", ENDPOINT).unsigned()).is_ok());
    let cases = [
        (request().with("Destination", "https://idp.example/other").unsigned(), Reason::DestinationMismatch),
        (request().with("IssueInstant", "2026-11-22T07:40:00Z").unsigned(), Reason::Stale),
        (request().signed(&MALLORY.signer(RsaSha256)), Reason::SignatureInvalid),
        (request().signed(&signer()).replace("/paos", "/evil"), Reason::SignatureInvalid),
        ("<x/>".to_owned(), Reason::NotAnAuthnRequest),
        (format!("{}<x/>", request().unsigned()), Reason::SoapInvalid),
    ];
    for (message, reason) in cases {
        assert_eq!(local(brought("", &message)), reason, "{message}");
    }
    // Wrapped: what was signed stands elsewhere, and another request in its place.
    let (signed, evil) = (request().signed(&signer()), request().with("ID", "_evil").unsigned());
    for header in [signed.clone(), format!("<x:y xmlns:x=\"urn:x\">{signed}</x:y>")] {
        assert_eq!(local(brought(&header, &evil)), Reason::SignatureMalformed);
    }
    assert_eq!(local(brought(&signed, &signed.replace("_req", "_evil"))), Reason::SignatureMalformed);
    let must = "<x:y xmlns:x=\"urn:x\" s:mustUnderstand=\"1\"></x:y>";
    assert_eq!(local(brought(must, &request().unsigned())), Reason::SoapInvalid);
    assert_eq!(
        local(setup().post(&format!(
            "<s:Envelope xmlns:s=\"{SOAP}\"><s:Body>{}</s:Body></s:Envelope>",
            request().unsigned()
        ))),
        Reason::NotAnAuthnRequest
    );
}

#[test]
fn ecp_610_client_and_service_provider_name_one_connection_under_a_signature_or_none() {
    let next = format!(" s:actor=\"{SOAP_NEXT}\" s:mustUnderstand=\"1\"");
    let header = |value: &str| binding("tls-server-end-point", value, &next);
    let inside = |value: &str| binding("tls-server-end-point", value, "");
    let both = brought(
        &format!("{}{}", binding("tls-unique", "b3RoZXI=", &next), header(" c2Ft\nZQ== ")),
        &extended(&inside("c2FtZQ==")).signed(&signer()),
    );
    let expected = ChannelBinding { kind: "tls-server-end-point".to_owned(), value: "c2FtZQ==".to_owned() };
    let client = both.unwrap().client().cloned().unwrap();
    assert_eq!((client.channel_binding.as_ref(), client.wants_key), (Some(&expected), false));
    let neither = brought("", &request().signed(&signer())).unwrap();
    assert_eq!(neither.client().unwrap().channel_binding, None);
    let refused = [
        ("they differ", brought(&header("YQ=="), &extended(&inside("Yg==")).signed(&signer()))),
        (
            "of another type",
            brought(&binding("tls-unique", "YQ==", &next), &extended(&inside("YQ==")).signed(&signer())),
        ),
        ("the client's alone", brought(&header("YQ=="), &request().signed(&signer()))),
        ("the application's alone", brought("", &extended(&inside("YQ==")).signed(&signer()))),
        ("without a signature", brought(&header("YQ=="), &extended(&inside("YQ==")).unsigned())),
    ];
    for (what, result) in refused {
        let told = (Reason::ChannelBindings, PAOS.to_owned(), Status::RequestDenied);
        assert_eq!(answered(result), told, "{what}");
    }
    let bad = [
        inside(""),
        format!("<cb:ChannelBindings xmlns:cb=\"{CHANNEL_BINDING}\">YQ==</cb:ChannelBindings>"),
        inside("YQ==").repeat(9),
    ];
    for bad in bad {
        assert_eq!(answered(brought("", &extended(&bad).unsigned())).0, Reason::SchemaViolation);
    }
    // A browser knows nothing of it.
    assert!(
        setup()
            .post(
                &RequestXml::default()
                    .containing(&format!("<samlp:Extensions>{}</samlp:Extensions>", inside("YQ==")))
                    .unsigned()
            )
            .is_ok()
    );
    let key = format!("<k:SessionKey xmlns:k=\"{SAML_EC}\"{next}></k:SessionKey>");
    assert!(brought(&key, &request().unsigned()).unwrap().client().unwrap().wants_key);
}

#[test]
fn ecp_610_the_golden_answer_to_a_client() {
    let channel_binding = ChannelBinding { kind: "tls-unique".to_owned(), value: "YQ==".to_owned() };
    let advice =
        ClientAdvice { channel_binding: Some(channel_binding), generated_key: Some("a2V5".to_owned()) };
    let answer = ClientAnswer {
        acs_url: "https://sp.example.com/paos?a&b",
        request_authenticated: true,
        advice: &advice,
        response: "<samlp:Response></samlp:Response>",
    };
    insta::assert_snapshot!(answer.write().unwrap().replace("><", ">\n<"));
    let bare = ClientAnswer { request_authenticated: false, advice: &ClientAdvice::default(), ..answer };
    let bare = bare.write().unwrap();
    assert_eq!(bare.matches("mustUnderstand").count(), 1, "{bare}");
}
