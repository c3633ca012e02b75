//! The URIs of SAML 2.0, XML Signature and their friends, each once.

/// `urn:oasis:names:tc:SAML:2.0:protocol`
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// `urn:oasis:names:tc:SAML:2.0:assertion`
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Algorithm support in metadata (its own profile, 2.4 and 2.5).
pub const ALG_SUPPORT: &str = "urn:oasis:names:tc:SAML:metadata:algsupport";
/// `urn:oasis:names:tc:SAML:2.0:metadata`
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// Names for people in metadata (Login and Discovery User Interface 2.1).
pub const METADATA_UI: &str = "urn:oasis:names:tc:SAML:metadata:ui";
/// Attributes of entities in metadata (Metadata Extension for Entity Attributes).
pub const METADATA_ATTRIBUTES: &str = "urn:oasis:names:tc:SAML:metadata:attribute";
/// Scopes in metadata: the part after `@` that an identity provider may use (Shibboleth).
pub const METADATA_SCOPE: &str = "urn:mace:shibboleth:metadata:1.0";
/// XML Signature.
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML Encryption 1.0.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// XML Encryption 1.1.
pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// XML Schema.
pub const XS: &str = "http://www.w3.org/2001/XMLSchema";
/// XML Schema instance.
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The namespace of the `xml` prefix.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Exclusive canonicalisation without comments.
pub const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The enveloped-signature transform.
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// HTTP-Redirect binding (Bindings 3.4).
pub const BINDING_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// HTTP-POST binding (Bindings 3.5).
pub const BINDING_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// HTTP-Artifact binding (Bindings 3.6).
pub const BINDING_ARTIFACT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact";
/// SOAP binding (Bindings 3.2).
pub const BINDING_SOAP: &str = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP";
/// SOAP 1.1.
pub const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// Whoever takes a SOAP message next (SOAP 1.1, 4.2.2).
pub const SOAP_NEXT: &str = "http://schemas.xmlsoap.org/soap/actor/next";
/// Header blocks of Enhanced Client or Proxy 2.0.
pub const ECP: &str = "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp";
/// Channel Binding Extensions 1.0.
pub const CHANNEL_BINDING: &str = "urn:oasis:names:tc:SAML:protocol:ext:channel-binding";
/// SAML Enhanced Client SASL and GSS-API Mechanisms.
pub const SAML_EC: &str = "urn:ietf:params:xml:ns:samlec";
/// The extension by which a requester says that it wants no LogoutResponse (Asynchronous Single Logout 2.1).
pub const ASYNC_LOGOUT: &str = "urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo";
/// The DEFLATE encoding of the Redirect binding (Bindings 3.4.4.1).
pub const ENCODING_DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// Bearer subject confirmation (Profiles 3.3).
pub const CM_BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// Format of an Issuer (Core 8.3.6).
pub const FORMAT_ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
/// A request for an encrypted identifier (Core 8.3.9, errata).
pub const FORMAT_ENCRYPTED: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted";

/// Attribute name format `basic` (Core 8.2.3).
pub const ATTRIBUTE_BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
/// Attribute name format `uri` (Core 8.2.2).
pub const ATTRIBUTE_URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
/// Attribute name format `unspecified` (Core 8.2.1).
pub const ATTRIBUTE_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified";

/// Password over a protected channel (AuthnContext 3.4.6).
pub const AUTHN_PASSWORD_PROTECTED: &str =
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// Password over an unprotected channel (AuthnContext 3.4.5).
pub const AUTHN_PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
/// Unspecified means (AuthnContext 3.4.25).
pub const AUTHN_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
