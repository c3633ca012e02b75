//! F-06: a service provider's metadata becomes a draft in which every address is one that we would send to, or is
//! refused; the draft written as metadata becomes the same draft.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_fuzz::attribute_value;
use tessera_fuzz::peer::NOW;
use tessera_fuzz::saml::names::{METADATA, PROTOCOL};
use tessera_fuzz::saml::xml::Limits;
use tessera_fuzz::saml::{AcsBinding, Location, SpMetadata, read_sp_metadata};

fuzz_target!(|data: &[u8]| {
    for allow_http in [false, true] {
        let Ok(draft) = read_sp_metadata(data, None, NOW, allow_http) else { continue };
        let logout =
            draft.single_logout.iter().flat_map(|at| [Some(&at.location), at.response_location.as_ref()]);
        for url in draft.acs.iter().map(|acs| &acs.url).chain(logout.flatten()) {
            let location = Location::parse(url, allow_http).expect("MD-303");
            assert_eq!(location.as_str(), url, "to the letter");
            assert!(url.len() <= 2048 && !url.contains(['#', '\\', '"', '<', '>', '\n']));
            let scheme = url::Url::parse(url).expect("a URL");
            assert!(scheme.scheme() == "https" || scheme.scheme() == "http");
        }
        assert!(!draft.entity_id.is_empty() && data.len() <= Limits::METADATA.total);
        assert!(draft.acs.iter().any(|acs| acs.binding.is_some()));
        let again =
            read_sp_metadata(written(&draft).as_bytes(), None, NOW, allow_http).expect("our own writing");
        assert_eq!(again.entity_id, draft.entity_id);
        assert_eq!(again.acs, draft.acs);
        assert_eq!(again.name_id_formats, draft.name_id_formats);
        assert_eq!(again.authn_requests_signed, draft.authn_requests_signed);
        assert_eq!(again.want_assertions_signed, draft.want_assertions_signed);
        assert_eq!(again.single_logout, draft.single_logout);
        assert_eq!(again.attribute_services, draft.attribute_services);
    }
});

fn written(draft: &SpMetadata) -> String {
    let value = |text: &str| attribute_value(text).expect("it came out of XML");
    let optional = |name: &str, text: Option<&str>| {
        text.map_or(String::new(), |text| format!(" {name}=\"{}\"", value(text)))
    };
    let flag =
        |name: &str, said: Option<bool>| said.map_or(String::new(), |said| format!(" {name}=\"{said}\""));
    let mut out = format!(
        "<EntityDescriptor xmlns=\"{METADATA}\" entityID=\"{}\"><SPSSODescriptor protocolSupportEnumeration=\"{PROTOCOL}\"{}{}>",
        value(&draft.entity_id),
        flag("AuthnRequestsSigned", draft.authn_requests_signed),
        flag("WantAssertionsSigned", draft.want_assertions_signed)
    );
    for at in &draft.single_logout {
        out.push_str(&format!(
            "<SingleLogoutService Binding=\"{}\" Location=\"{}\"{}/>",
            value(&at.binding),
            value(&at.location),
            optional("ResponseLocation", at.response_location.as_deref())
        ));
    }
    for format in &draft.name_id_formats {
        out.push_str(&format!("<NameIDFormat>{}</NameIDFormat>", value(format)));
    }
    for acs in &draft.acs {
        let binding = acs.binding.map_or("urn:other", AcsBinding::uri);
        let index = acs.index.map_or(String::new(), |index| format!(" index=\"{index}\""));
        out.push_str(&format!(
            "<AssertionConsumerService Binding=\"{binding}\" Location=\"{}\"{index}{}/>",
            value(&acs.url),
            flag("isDefault", acs.is_default)
        ));
    }
    for service in &draft.attribute_services {
        out.push_str(&format!("<AttributeConsumingService index=\"{}\">", service.index));
        for attribute in &service.attributes {
            out.push_str(&format!(
                "<RequestedAttribute Name=\"{}\" isRequired=\"{}\"/>",
                value(&attribute.name),
                attribute.is_required
            ));
        }
        out.push_str("</AttributeConsumingService>");
    }
    out.push_str("</SPSSODescriptor></EntityDescriptor>");
    out
}
