//! The attributes, as data.

use super::schema::Mutability::{Immutable, ReadOnly, WriteOnly};
use super::schema::{Attribute, ENTERPRISE_URN, GROUP_URN, Schema, Type, USER_URN};

const META: &[Attribute] = &[
    Attribute::text("resourceType", "Kind of resource.").exact().mutability(ReadOnly),
    Attribute::new("created", "When it was made.", Type::DateTime).mutability(ReadOnly),
    Attribute::new("lastModified", "When it was last changed.", Type::DateTime).mutability(ReadOnly),
    Attribute::reference("location", "Its address.", &["uri"]).mutability(ReadOnly),
    Attribute::text("version", "Its entity tag.").exact().mutability(ReadOnly),
];

/// What every resource has (RFC 7643 §3.1).
pub(super) const COMMON: &[Attribute] = &[
    Attribute::reference("schemas", "URNs of the schemas of the resource.", &["uri"])
        .many()
        .required()
        .returned("always"),
    Attribute::text("id", "Identifier that the service provider gave.")
        .exact()
        .mutability(ReadOnly)
        .returned("always")
        .unique(),
    Attribute::text("externalId", "Identifier that the client gave.").exact(),
    Attribute::complex("meta", "About the resource itself.", META).mutability(ReadOnly),
];

const NAME: &[Attribute] = &[
    Attribute::text("formatted", "The whole name, for display."),
    Attribute::text("familyName", "Family name."),
    Attribute::text("givenName", "Given name."),
    Attribute::text("middleName", "Middle names."),
    Attribute::text("honorificPrefix", "Title before the name."),
    Attribute::text("honorificSuffix", "What follows the name."),
];

const fn value() -> Attribute {
    Attribute::text("value", "The value.")
}
const fn display() -> Attribute {
    Attribute::text("display", "How it is shown.")
}
const fn kind(proposed: &'static [&'static str]) -> Attribute {
    Attribute::text("type", "What it is for.").proposing(proposed)
}
const fn primary() -> Attribute {
    Attribute::new("primary", "Whether it is the preferred one.", Type::Boolean)
}

const EMAILS: &[Attribute] = &[value(), display(), kind(&["work", "home", "other"]), primary()];
const PHONES: &[Attribute] =
    &[value(), display(), kind(&["work", "home", "mobile", "fax", "pager", "other"]), primary()];
const IMS: &[Attribute] =
    &[value(), display(), kind(&["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"]), primary()];
const PHOTOS: &[Attribute] = &[
    Attribute::reference("value", "Address of the picture.", &["external"]),
    display(),
    kind(&["photo", "thumbnail"]),
    primary(),
];
const ADDRESSES: &[Attribute] = &[
    Attribute::text("formatted", "The whole address, for display."),
    Attribute::text("streetAddress", "Street, house number and what belongs to them."),
    Attribute::text("locality", "Town."),
    Attribute::text("region", "State or region."),
    Attribute::text("postalCode", "Postal code."),
    Attribute::text("country", "Country, ISO 3166-1 alpha-2."),
    kind(&["work", "home", "other"]),
    primary(),
];
const GROUPS: &[Attribute] = &[
    Attribute::text("value", "Identifier of the group.").exact().mutability(ReadOnly),
    Attribute::reference("$ref", "Address of the group.", &["User", "Group"]).mutability(ReadOnly),
    Attribute::text("display", "Name of the group.").mutability(ReadOnly),
    Attribute::text("type", "Direct or indirect.").proposing(&["direct", "indirect"]).mutability(ReadOnly),
];
const PLAIN: &[Attribute] = &[value(), display(), kind(&[]), primary()];
const CERTIFICATES: &[Attribute] = &[
    Attribute::new("value", "The certificate, DER in Base64.", Type::Binary).exact(),
    display(),
    kind(&[]),
    primary(),
];

/// Users (RFC 7643 §4.1).
pub(super) const USER: Schema = Schema {
    id: USER_URN,
    name: "User",
    description: "User account",
    attributes: &[
        Attribute::text("userName", "Name that the person signs in with.").required().unique(),
        Attribute::complex("name", "The parts of the name.", NAME),
        Attribute::text("displayName", "Name for display."),
        Attribute::text("nickName", "Name among friends."),
        Attribute::reference("profileUrl", "Address of a page about the person.", &["external"]),
        Attribute::text("title", "Job title."),
        Attribute::text("userType", "How the person belongs to the organisation."),
        Attribute::text("preferredLanguage", "Language for texts, as in Accept-Language."),
        Attribute::text("locale", "Locale for formats."),
        Attribute::text("timezone", "Time zone, IANA name."),
        Attribute::new("active", "Whether the person may sign in.", Type::Boolean),
        Attribute::text("password", "Password, in clear, to be set.").mutability(WriteOnly).returned("never"),
        Attribute::complex("emails", "E-mail addresses.", EMAILS).many(),
        Attribute::complex("phoneNumbers", "Phone numbers.", PHONES).many(),
        Attribute::complex("ims", "Addresses for instant messages.", IMS).many(),
        Attribute::complex("photos", "Pictures.", PHOTOS).many(),
        Attribute::complex("addresses", "Postal addresses.", ADDRESSES).many(),
        Attribute::complex("groups", "Groups that the person is in.", GROUPS).many().mutability(ReadOnly),
        Attribute::complex("entitlements", "What the person is entitled to.", PLAIN).many(),
        Attribute::complex("roles", "Roles of the person.", PLAIN).many(),
        Attribute::complex("x509Certificates", "Certificates of the person.", CERTIFICATES).many(),
    ],
};

const MEMBERS: &[Attribute] = &[
    Attribute::text("value", "Identifier of the member.").exact().mutability(Immutable),
    Attribute::reference("$ref", "Address of the member.", &["User", "Group"]).mutability(Immutable),
    Attribute::text("type", "User or Group.").proposing(&["User", "Group"]).mutability(Immutable),
    Attribute::text("display", "How the member is shown.").mutability(ReadOnly),
];

/// Groups (RFC 7643 §4.2).
pub(super) const GROUP: Schema = Schema {
    id: GROUP_URN,
    name: "Group",
    description: "Group",
    attributes: &[
        Attribute::text("displayName", "Name of the group.").required(),
        Attribute::complex("members", "Who is in it.", MEMBERS).many(),
    ],
};

const MANAGER: &[Attribute] = &[
    Attribute::text("value", "Identifier of the manager's user.").exact(),
    Attribute::reference("$ref", "Address of the manager's user.", &["User"]),
    Attribute::text("displayName", "Name of the manager.").mutability(ReadOnly),
];

/// The enterprise extension of users (RFC 7643 §4.3).
pub(super) const ENTERPRISE_USER: Schema = Schema {
    id: ENTERPRISE_URN,
    name: "EnterpriseUser",
    description: "Enterprise extension of a user",
    attributes: &[
        Attribute::text("employeeNumber", "Number that the organisation gave the person."),
        Attribute::text("costCenter", "Cost centre."),
        Attribute::text("organization", "Organisation."),
        Attribute::text("division", "Division."),
        Attribute::text("department", "Department."),
        Attribute::complex("manager", "The person's manager.", MANAGER),
    ],
};
