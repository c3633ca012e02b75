//! Every URL path of Tessera, built in one place. No handler and no template writes one by hand.

use std::fmt;

use url::Url;

use crate::base::id::ApplicationId;
use crate::base::{Error, Result};

/// The external address of this installation: scheme, host and port, no path, no trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    secure: bool,
    loopback: bool,
}

impl BaseUrl {
    /// Reads and checks it. `http` is accepted for loopback, or with `allow_insecure` (`--insecure-http`).
    pub fn parse(text: &str, allow_insecure: bool) -> Result<Self> {
        Self::read(text, allow_insecure).map_err(|why| {
            Error::field("base_url", "unusable_base_url", format!("{text} can't be the base URL: {why}"))
        })
    }

    /// The external address of the built-in service provider: held to the same rules, and never the origin of the
    /// identity provider. An address of this machine is of use only where the base URL is one too: elsewhere the
    /// administrator's browser would post a signed assertion to whatever listens on the administrator's own machine.
    pub fn parse_lab(text: &str, allow_insecure: bool, base_url: &Self) -> Result<Self> {
        let fail = |why: &str| {
            Error::field("lab_url", "unusable_lab_url", format!("{text} can't be the lab URL: {why}"))
        };
        let lab = Self::read(text, allow_insecure).map_err(fail)?;
        if lab.text == base_url.text {
            return Err(fail("it is the base URL. Give it a host or port of its own."));
        }
        if lab.loopback && !base_url.loopback {
            return Err(fail("it leads to this machine only, and administrators come from elsewhere."));
        }
        Ok(lab)
    }

    fn read(text: &str, allow_insecure: bool) -> std::result::Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "write it like https://id.example.com.")?;
        let host = url.host().ok_or("it has no host.")?;
        let loopback = match &host {
            url::Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            url::Host::Ipv4(ip) => ip.is_loopback(),
            url::Host::Ipv6(ip) => ip.is_loopback(),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback || allow_insecure => {}
            "http" => {
                return Err(
                    "plain http is only for this machine. Use https, or say --insecure-http if you know what you do.",
                );
            }
            _ => return Err("use https."),
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("leave out the path, the query and the fragment.");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("leave out the user name and password.");
        }
        Ok(Self {
            secure: url.scheme() == "https",
            loopback,
            text: url.as_str().trim_end_matches('/').to_owned(),
        })
    }

    /// `https://id.example.com`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host and, unless it is the usual one, its port.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text.split_once("://").map_or(self.text.as_str(), |(_, rest)| rest)
    }

    /// Its host alone.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        }
    }

    /// Whether it is `https`: then cookies are `__Host-` and `Secure`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is an address of this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The absolute URL of a path that begins with `/`.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text is an absolute URI without white space: what an entity ID should be (Core 8.3.6).
#[must_use]
pub fn is_absolute_uri(text: &str) -> bool {
    !text.chars().any(|c| c.is_whitespace() || c.is_control()) && Url::parse(text).is_ok()
}

/// `/saml2/{slug}`: the IdP URL.
#[must_use]
pub fn idp(slug: &str) -> String {
    format!("/saml2/{slug}")
}

/// `/saml2/{slug}/metadata`, also the default IdP entity ID.
#[must_use]
pub fn idp_metadata(slug: &str) -> String {
    format!("/saml2/{slug}/metadata")
}

/// `/saml2/{slug}/certificate.pem`
#[must_use]
pub fn idp_certificate(slug: &str) -> String {
    format!("/saml2/{slug}/certificate.pem")
}

/// `/saml2/metadata-certificate.pem`: certificates of the keys that our metadata is signed with. No slug has a dot.
#[must_use]
pub fn metadata_certificate() -> &'static str {
    "/saml2/metadata-certificate.pem"
}

/// `/saml2/{slug}/logout`
#[must_use]
pub fn idp_logout(slug: &str) -> String {
    format!("/saml2/{slug}/logout")
}

/// `/saml2/{slug}/artifact`
#[must_use]
pub fn idp_artifact(slug: &str) -> String {
    format!("/saml2/{slug}/artifact")
}

/// `/saml2/{slug}/ecp`
#[must_use]
pub fn idp_ecp(slug: &str) -> String {
    format!("/saml2/{slug}/ecp")
}

/// `/saml2/{slug}/logout/soap`
#[must_use]
pub fn idp_logout_soap(slug: &str) -> String {
    format!("/saml2/{slug}/logout/soap")
}

/// `/admin/applications/{id}/{tab}`
#[must_use]
pub fn admin_application(id: ApplicationId, tab: &str) -> String {
    format!("/admin/applications/{id}/{tab}")
}

/// Paths without a parameter.
macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)+) => {
        $($(#[$doc])* #[doc = concat!("`", $path, "`")] #[must_use] pub fn $name() -> &'static str { $path })+
    };
}

/// Paths with text parameters: ids, slugs and tokens, which are URL-safe by their own rules.
macro_rules! filled {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),+) = $path:literal;)+) => {
        $($(#[$doc])* #[doc = concat!("`", $path, "`")] #[must_use]
        pub fn $name($($arg: &str),+) -> String { format!($path) })+
    };
}

fixed! {
    /// The portal: the wall of tiles.
    portal = "/";
    /// Signing in; the form posts here too.
    login = "/login";
    /// What to do when an application could not sign somebody in: the `errorURL` of the metadata (MD-301). Public.
    sign_in_help = "/login/help";
    /// Asks a signed-in person for the password again; posts here too.
    confirm_password = "/login/confirm";
    /// Signing out by POST; by GET how a sign-out of several applications stands, `?run=`.
    logout = "/logout";
    /// Goes on with a sign-out of several applications; POST.
    logout_next = "/logout/next";
    /// The person's own page.
    account = "/account";
    /// Changes the person's own password; POST.
    account_password = "/account/password";
    /// Ends all other sessions of the person; POST.
    account_sign_out_everywhere = "/account/sessions/end-others";
    /// Chooses light, dark or the device's way; POST.
    account_theme = "/account/theme";
    /// The console's entrance, which leads on to the applications.
    admin = "/admin";
    /// Applications of the console; a POST makes one.
    admin_applications = "/admin/applications";
    /// Form of a new application.
    admin_application_new = "/admin/applications/new";
    /// Deletes the posted `id`s: asks first unless `confirmed`; POST.
    admin_applications_delete = "/admin/applications/delete";
    /// The catalog.
    admin_catalog = "/admin/catalog";
    /// Writes a connector to begin with.
    admin_connector_new = "/admin/connectors/new";
    /// People; a POST makes one.
    admin_users = "/admin/users";
    /// Form of a new person.
    admin_user_new = "/admin/users/new";
    /// Groups; a POST makes one.
    admin_groups = "/admin/groups";
    /// Form of a new group.
    admin_group_new = "/admin/groups/new";
    /// Events.
    admin_events = "/admin/events";
    /// Finds the recorded exchange with a `?reference=` and leads there.
    admin_exchange_find = "/admin/exchanges";
    /// Events as a file, `?format=jsonl|csv`.
    admin_events_export = "/admin/events/export";
    /// Settings; posts here too.
    admin_settings = "/admin/settings";
    /// Whether metadata is signed; POST.
    admin_metadata_signing = "/admin/settings/metadata";
    /// Makes another key to sign metadata with; POST.
    admin_metadata_keys = "/admin/settings/metadata/keys";
    /// API tokens; a POST makes one.
    admin_tokens = "/admin/tokens";
    /// Inbound SCIM: the address that a client is given.
    scim = "/scim/v2";
    /// People over SCIM; a POST makes one.
    scim_users = "/scim/v2/Users";
    /// Groups over SCIM; a POST makes one.
    scim_groups = "/scim/v2/Groups";
    /// What the SCIM server can do.
    scim_config = "/scim/v2/ServiceProviderConfig";
    /// Kinds of resources over SCIM.
    scim_resource_types = "/scim/v2/ResourceTypes";
    /// Schemas of the resources over SCIM.
    scim_schemas = "/scim/v2/Schemas";
    /// Searching people and groups at once over SCIM, which is not built.
    scim_search = "/scim/v2/.search";
    /// Several SCIM requests in one, which is not built.
    scim_bulk = "/scim/v2/Bulk";
    /// The caller as a SCIM resource, which a token is not.
    scim_me = "/scim/v2/Me";
    /// What the REST API can do.
    api_docs = "/api/docs";
    /// The REST API in OpenAPI.
    api_openapi = "/api/openapi.json";
}

filled! {
    /// Where a stored sign-in request goes on, `?request=HANDLE`.
    idp_continue(slug) = "/saml2/{slug}/continue";
    /// Goes back to the application without signing in; POST.
    idp_give_up(slug) = "/saml2/{slug}/give-up";
    /// First-run set-up by one-time link; posts here too.
    setup(token) = "/setup/{token}";
    /// A new password by one-time link; posts here too.
    reset(token) = "/reset/{token}";
    /// A file of the style sheet's world; use `web::assets::asset_url`, which adds the version.
    asset(name) = "/static/{name}";
    /// Ends one session of the person's own; POST.
    account_session_end(session) = "/account/sessions/{session}/end";
    /// An application's picture.
    application_logo(application) = "/logo/{application}";
    /// Says that a new application is saved, and what comes next.
    admin_application_saved(application) = "/admin/applications/{application}/saved";
    /// First tab of an application; posts here too.
    admin_general(application) = "/admin/applications/{application}/general";
    /// What a later version of the connector says otherwise; posts here too.
    admin_connector_upgrade(application) = "/admin/applications/{application}/connector";
    /// Uploads the picture; POST.
    admin_logo(application) = "/admin/applications/{application}/logo";
    /// Takes the picture away; POST.
    admin_logo_remove(application) = "/admin/applications/{application}/logo/remove";
    /// SSO tab; posts here too (`action` is `save` or `activate`).
    admin_sso(application) = "/admin/applications/{application}/sso";
    /// Signs the administrator on to the built-in service provider, to see what the application receives; POST.
    admin_sso_test(application) = "/admin/applications/{application}/sso/test";
    /// What the application would be told of a person, `?person=`.
    admin_sso_preview(application) = "/admin/applications/{application}/sso/preview";
    /// Switches sign-on off: asks first unless `confirmed`; POST.
    admin_sso_deactivate(application) = "/admin/applications/{application}/sso/deactivate";
    /// SP metadata: shows the difference, applies it when `confirmed`; POST.
    admin_sp_metadata(application) = "/admin/applications/{application}/sso/metadata";
    /// Where SP metadata is fetched from; posts here too: shows the difference, applies it when `confirmed`.
    admin_sp_source(application) = "/admin/applications/{application}/sso/metadata/url";
    /// Fetches SP metadata now; POST.
    admin_sp_source_refresh(application) = "/admin/applications/{application}/sso/metadata/refresh";
    /// What a later copy asks for.
    admin_sp_source_changes(application) = "/admin/applications/{application}/sso/metadata/changes";
    /// Takes it over; POST.
    admin_sp_source_accept(application) = "/admin/applications/{application}/sso/metadata/accept";
    /// Lets go of it; POST.
    admin_sp_source_discard(application) = "/admin/applications/{application}/sso/metadata/discard";
    /// Fetches SP metadata no more: asks first unless `confirmed`; POST.
    admin_sp_source_remove(application) = "/admin/applications/{application}/sso/metadata/remove";
    /// Adds a certificate of the SP; POST.
    admin_sp_certificates(application) = "/admin/applications/{application}/sso/certificates";
    /// Takes a certificate of the SP away; POST.
    admin_sp_certificate_remove(application, certificate) = "/admin/applications/{application}/sso/certificates/{certificate}/remove";
    /// Applies a deployment profile, or leaves it: asks first unless `confirmed`; POST.
    admin_sso_profile(application) = "/admin/applications/{application}/sso/profile";
    /// Makes the next signing key; POST.
    admin_keys(application) = "/admin/applications/{application}/sso/keys";
    /// Certificate of a key, as a download.
    admin_key_certificate(application, key) = "/admin/applications/{application}/sso/keys/{key}/certificate.pem";
    /// Shows a certificate in the metadata; POST.
    admin_key_publish(application, key) = "/admin/applications/{application}/sso/keys/{key}/publish";
    /// Takes a certificate out of the metadata; POST.
    admin_key_withdraw(application, key) = "/admin/applications/{application}/sso/keys/{key}/withdraw";
    /// Signs with a key from now on: asks first unless `confirmed`; POST.
    admin_key_promote(application, key) = "/admin/applications/{application}/sso/keys/{key}/promote";
    /// Deletes a key: asks first unless `confirmed`; POST.
    admin_key_delete(application, key) = "/admin/applications/{application}/sso/keys/{key}/delete";
    /// Signs the administrator on to the application with a key; POST.
    admin_key_test(application, key) = "/admin/applications/{application}/sso/keys/{key}/test";
    /// Signs metadata with another key from now on: asks first unless `confirmed`; POST.
    admin_metadata_key_promote(key) = "/admin/settings/metadata/keys/{key}/promote";
    /// Deletes a key that does not sign metadata: asks first unless `confirmed`; POST.
    admin_metadata_key_delete(key) = "/admin/settings/metadata/keys/{key}/delete";
    /// Identity management tab; posts here too (`action` is `save` or `activate`).
    admin_provisioning(application) = "/admin/applications/{application}/provisioning";
    /// Gives another token; POST.
    admin_provisioning_token(application) = "/admin/applications/{application}/provisioning/token";
    /// Client certificate of identity management, as a download.
    admin_provisioning_certificate(application) = "/admin/applications/{application}/provisioning/certificate.pem";
    /// Makes another client certificate: asks first unless `confirmed`; POST.
    admin_provisioning_certificate_make(application) = "/admin/applications/{application}/provisioning/certificate";
    /// Switches identity management off: asks first unless `confirmed`; POST.
    admin_provisioning_deactivate(application) = "/admin/applications/{application}/provisioning/deactivate";
    /// Attribute mapping; POST (`action` is `save`, `add`, `restore` or `dry_run`).
    admin_provisioning_mapping(application) = "/admin/applications/{application}/provisioning/mapping";
    /// Which requests would be sent; POST.
    admin_provisioning_dry_run(application) = "/admin/applications/{application}/provisioning/dry-run";
    /// What would be sent of a person, `?person=`.
    admin_provisioning_preview(application) = "/admin/applications/{application}/provisioning/preview";
    /// How it stands with each person and group, `?kind=&status=&cursor=`.
    admin_provisioning_state(application) = "/admin/applications/{application}/provisioning/state";
    /// Tries one person or group again, or all that failed; POST.
    admin_provisioning_retry(application) = "/admin/applications/{application}/provisioning/retry";
    /// Decides on what waits for a yes; POST (`action` is `approve` or `reject`).
    admin_provisioning_approvals(application) = "/admin/applications/{application}/provisioning/approvals";
    /// The people of an application, to be brought in, `?status=&cursor=`; posts here too, to begin it.
    admin_provisioning_import(application) = "/admin/applications/{application}/provisioning/import";
    /// Has the people of an application read anew; POST.
    admin_provisioning_import_scan(application) = "/admin/applications/{application}/provisioning/import/scan";
    /// Stopping one.
    admin_provisioning_import_stop(application) = "/admin/applications/{application}/provisioning/import/stop";
    /// What was found when the application was last compared; posts here too, to compare now.
    admin_provisioning_comparison(application) = "/admin/applications/{application}/provisioning/comparison";
    /// Groups tab; `?person=` asks whether that person can sign in.
    admin_bindings(application) = "/admin/applications/{application}/groups";
    /// A recorded exchange.
    admin_exchange(application, exchange) = "/admin/applications/{application}/activity/{exchange}";
    /// Records exchanges that succeed for the posted `minutes`; POST.
    admin_record(application) = "/admin/applications/{application}/activity/record";
    /// Binds the posted `group`; POST.
    admin_bind(application) = "/admin/applications/{application}/groups/bind";
    /// Unbinds: asks first unless `confirmed`; POST.
    admin_unbind(application, group) = "/admin/applications/{application}/groups/{group}/unbind";
    /// Events of one application.
    admin_activity(application) = "/admin/applications/{application}/activity";
    /// One connector of the catalog.
    admin_connector(connector) = "/admin/catalog/{connector}";
    /// One person over SCIM.
    scim_user(user) = "/scim/v2/Users/{user}";
    /// One group over SCIM.
    scim_group(group) = "/scim/v2/Groups/{group}";
    /// One kind of resources over SCIM.
    scim_resource_type(name) = "/scim/v2/ResourceTypes/{name}";
    /// One schema over SCIM.
    scim_schema(urn) = "/scim/v2/Schemas/{urn}";
    /// One person.
    admin_user(user) = "/admin/users/{user}";
    /// Form of a person; posts here too.
    admin_user_edit(user) = "/admin/users/{user}/edit";
    /// Suspends: asks first unless `confirmed`; POST.
    admin_user_suspend(user) = "/admin/users/{user}/suspend";
    /// Activates; POST.
    admin_user_activate(user) = "/admin/users/{user}/activate";
    /// Makes a one-time reset link and shows it once; POST.
    admin_user_reset_link(user) = "/admin/users/{user}/reset-link";
    /// Adds a person to the posted `group`; POST.
    admin_user_groups(user) = "/admin/users/{user}/groups";
    /// Ends all sessions of a person; POST.
    admin_user_sign_out(user) = "/admin/users/{user}/sign-out";
    /// Gives a person to SCIM (`managed` is `true`), or takes them back; POST.
    admin_user_scim(user) = "/admin/users/{user}/scim";
    /// Gives or takes a role; POST.
    admin_user_role(user) = "/admin/users/{user}/role";
    /// Deletes: asks first unless `confirmed`; POST.
    admin_user_delete(user) = "/admin/users/{user}/delete";
    /// One group.
    admin_group(group) = "/admin/groups/{group}";
    /// Form of a group; posts here too.
    admin_group_edit(group) = "/admin/groups/{group}/edit";
    /// Gives a group to SCIM (`managed` is `true`), or takes it back; POST.
    admin_group_scim(group) = "/admin/groups/{group}/scim";
    /// Adds the posted `user`; POST.
    admin_group_member_add(group) = "/admin/groups/{group}/members/add";
    /// Takes a member out; POST.
    admin_group_member_remove(group, user) = "/admin/groups/{group}/members/{user}/remove";
    /// Binds the posted `application`; POST.
    admin_group_bind(group) = "/admin/groups/{group}/applications/bind";
    /// Unbinds an application: asks first unless `confirmed`; POST.
    admin_group_unbind(group, application) = "/admin/groups/{group}/applications/{application}/unbind";
    /// Deletes: asks first unless `confirmed`; POST.
    admin_group_delete(group) = "/admin/groups/{group}/delete";
    /// Revokes a token: asks first unless `confirmed`; POST.
    admin_token_revoke(token) = "/admin/tokens/{token}/revoke";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_is_where_the_administrators_browser_is() {
        let lab =
            |text: &str, base: &str| BaseUrl::parse_lab(text, false, &BaseUrl::parse(base, false).unwrap());
        let (here, there) = ("http://localhost:8080", "https://id.example.com");
        for (good, base) in [
            ("https://lab.example.com", there),
            ("https://id.example.com:8443", there),
            ("http://127.0.0.1:9000", here),
            ("https://lab.example.com", here),
        ] {
            assert!(lab(good, base).is_ok(), "{good} beside {base}");
        }
        for (bad, base) in [
            ("http://127.0.0.1:9000", there),
            ("https://localhost", there),
            ("http://lab.example.com", there),
            ("https://lab.example.com/x", there),
            (there, there),
            (here, here),
        ] {
            assert_eq!(lab(bad, base).unwrap_err().code, "invalid_input", "{bad} beside {base}");
        }
    }

    #[test]
    fn base_url_is_https_or_this_machine() {
        for good in [
            "https://id.example.com",
            "https://id.example.com/",
            "http://localhost:8080",
            "http://127.0.0.1:1",
        ] {
            assert!(BaseUrl::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.com",
            "https://x/y",
            "ftp://x",
            "https://u:p@x",
            "https://x?y",
            "x",
            "http://localhost.evil.example",
        ] {
            assert!(BaseUrl::parse(bad, false).is_err(), "{bad}");
        }
        assert!(BaseUrl::parse("http://id.example.com", true).is_ok());
        assert_eq!(
            BaseUrl::parse("https://id.example.com:443/", false).unwrap().as_str(),
            "https://id.example.com"
        );
    }
}
