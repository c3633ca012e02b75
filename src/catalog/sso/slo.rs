//! Where an application takes logout messages: one address for each binding, as its metadata names them. Flat, so that
//! a patch can name one address and leave the others (RFC 7396).

use serde::{Deserialize, Serialize};

use super::change::Change;

/// The application's addresses for single logout. All may hold placeholders; without any of them it can't be told that
/// a person has signed out.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields, default)]
pub struct Slo {
    /// Where it takes logout messages by HTTP-Redirect.
    pub redirect_url: Option<String>,
    /// Where it takes LogoutResponses by HTTP-Redirect, when elsewhere.
    pub redirect_response_url: Option<String>,
    /// Where it takes logout messages by HTTP-POST.
    pub post_url: Option<String>,
    /// Where it takes LogoutResponses by HTTP-POST, when elsewhere.
    pub post_response_url: Option<String>,
    /// Where it takes LogoutRequests by SOAP, from server to server.
    pub soap_url: Option<String>,
}

/// What a connector or a `PATCH` says of them.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Slo")]
pub struct SloPatch {
    /// Where it takes logout messages by HTTP-Redirect.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub redirect_url: Change<String>,
    /// Where it takes LogoutResponses by HTTP-Redirect, when elsewhere.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub redirect_response_url: Change<String>,
    /// Where it takes logout messages by HTTP-POST.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub post_url: Change<String>,
    /// Where it takes LogoutResponses by HTTP-POST, when elsewhere.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub post_response_url: Change<String>,
    /// Where it takes LogoutRequests by SOAP, from server to server.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub soap_url: Change<String>,
}

impl SloPatch {
    pub(super) fn merge_into(self, slo: &mut Slo) {
        self.redirect_url.apply_to_option(&mut slo.redirect_url);
        self.redirect_response_url.apply_to_option(&mut slo.redirect_response_url);
        self.post_url.apply_to_option(&mut slo.post_url);
        self.post_response_url.apply_to_option(&mut slo.post_response_url);
        self.soap_url.apply_to_option(&mut slo.soap_url);
        for url in slo.addresses_mut().into_iter().map(|(_, url)| url) {
            // An empty form field means the same as none.
            if url.as_deref().is_some_and(|text| text.trim().is_empty()) {
                *url = None;
            }
        }
    }
}

impl Slo {
    /// The patch that gives just these addresses, whatever was there.
    #[must_use]
    pub fn replacing(self) -> SloPatch {
        let said = |url: Option<String>| url.map_or(Change::Reset, Change::Set);
        SloPatch {
            redirect_url: said(self.redirect_url),
            redirect_response_url: said(self.redirect_response_url),
            post_url: said(self.post_url),
            post_response_url: said(self.post_response_url),
            soap_url: said(self.soap_url),
        }
    }

    /// The addresses with their dotted names.
    pub(super) fn addresses(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("slo.redirect_url", &self.redirect_url),
            ("slo.redirect_response_url", &self.redirect_response_url),
            ("slo.post_url", &self.post_url),
            ("slo.post_response_url", &self.post_response_url),
            ("slo.soap_url", &self.soap_url),
        ]
    }

    pub(super) fn addresses_mut(&mut self) -> [(&'static str, &mut Option<String>); 5] {
        [
            ("slo.redirect_url", &mut self.redirect_url),
            ("slo.redirect_response_url", &mut self.redirect_response_url),
            ("slo.post_url", &mut self.post_url),
            ("slo.post_response_url", &mut self.post_response_url),
            ("slo.soap_url", &mut self.soap_url),
        ]
    }

    /// The field that is missing: an address for answers without one for requests is of no use.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        if self.redirect_response_url.is_some() && self.redirect_url.is_none() {
            return Some("slo.redirect_url");
        }
        (self.post_response_url.is_some() && self.post_url.is_none()).then_some("slo.post_url")
    }
}
