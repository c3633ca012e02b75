//! The profiles: what services are known to do, as far as their documentation and reports of others say. They are for
//! tests of a client, not portraits.

use crate::base::{Error, Result};

use super::quirks::{
    Case, ConfigAnswer, Conflict, DeleteUser, ExternalIdFilter, FilterSupport, ImmutableChange,
    MemberRemoval, Members, OperationCase, PatchAnswer, PathLess, Quirks, UnknownAttributes, UnknownMember,
    UserName,
};

type Profile = (&'static str, fn() -> Quirks);

const PROFILES: [Profile; 18] = [
    ("none", Quirks::default),
    ("atlassian", atlassian),
    ("aws", aws),
    ("canaille", canaille),
    ("django-scim2", django),
    ("entra", entra),
    ("fusionauth", fusionauth),
    ("github", github),
    ("heap", heap),
    ("interact", interact),
    ("keeper", keeper),
    ("lightdash", lightdash),
    ("miro", miro),
    ("scim2-server", scim2_server),
    ("scimmy", scimmy),
    ("sentry", sentry),
    ("slack", slack),
    ("zoom", zoom),
];

pub(super) fn find(name: &str) -> Result<Quirks> {
    let found = PROFILES.iter().find(|(known, _)| *known == name);
    found.map(|(_, make)| make()).ok_or_else(|| {
        let text = format!("There are no quirks {name:?}. Use one of: {}.", names().join(", "));
        Error::field("quirks", "unknown_quirks", text)
    })
}

pub(super) fn names() -> Vec<&'static str> {
    PROFILES.iter().map(|(name, _)| *name).collect()
}

fn all(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn atlassian() -> Quirks {
    Quirks {
        filter: FilterSupport::Identifiers,
        inactive_is_gone: true,
        delete_user: DeleteUser::Deactivate,
        required_attributes: all(&["emails"]),
        ..Quirks::default()
    }
}

fn aws() -> Quirks {
    Quirks {
        filter: FilterSupport::EqAnd,
        page_default: 50,
        page_max: 100,
        cursor_paging: true,
        members_hidden: true,
        member_changes_max: Some(100),
        no_replace_all_members: true,
        single_valued: true,
        error_key_schema: true,
        path_less: PathLess::Single,
        required_attributes: all(&["name.givenName", "name.familyName", "displayName"]),
        ..Quirks::default()
    }
}

fn canaille() -> Quirks {
    Quirks {
        external_id_filter: ExternalIdFilter::All,
        claims_no_filter: true,
        unknown_attributes: UnknownAttributes::Refused,
        ..Quirks::default()
    }
}

fn django() -> Quirks {
    Quirks {
        external_id_filter: ExternalIdFilter::Nothing,
        claims_no_filter: true,
        members_on_create: Members::Dropped,
        member_removal: MemberRemoval::Values,
        operation_case: OperationCase::Lower,
        unique_group_names: false,
        error_status_number: true,
        no_etags: true,
        ..Quirks::default()
    }
}

fn entra() -> Quirks {
    Quirks {
        operation_case: OperationCase::Capitalised,
        boolean_texts: true,
        member_removal: MemberRemoval::Values,
        patch_user: PatchAnswer::NoContent,
        ..Quirks::default()
    }
}

fn fusionauth() -> Quirks {
    Quirks { conflict: Conflict::BadRequest, unknown_member: UnknownMember::Ignored, ..Quirks::default() }
}

fn github() -> Quirks {
    Quirks {
        user_agent_required: true,
        required_attributes: all(&["externalId", "displayName", "emails"]),
        put_without_active_suspends: true,
        filter: FilterSupport::Identifiers,
        page_max: 100,
        ..Quirks::default()
    }
}

fn heap() -> Quirks {
    Quirks {
        user_name: UserName::Email,
        immutable_attributes: all(&["userName", "emails"]),
        immutable_change: ImmutableChange::SecondAccount,
        ..Quirks::default()
    }
}

fn interact() -> Quirks {
    Quirks {
        dropped_attributes: all(&[
            "timezone",
            "profileUrl",
            "nickName",
            "userType",
            "ims",
            "photos",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        ]),
        unknown_attributes: UnknownAttributes::Ignored,
        ..Quirks::default()
    }
}

fn keeper() -> Quirks {
    Quirks {
        no_enterprise: true,
        unknown_attributes: UnknownAttributes::Ignored,
        user_name: UserName::FirstEmail,
        delete_user: DeleteUser::Deactivate,
        pending_members: true,
        ..Quirks::default()
    }
}

fn lightdash() -> Quirks {
    Quirks {
        unknown_member: UnknownMember::ServerError,
        conflict: Conflict::ServerError,
        ..Quirks::default()
    }
}

fn miro() -> Quirks {
    Quirks { members_max: Some(8000), ..Quirks::default() }
}

fn scim2_server() -> Quirks {
    Quirks { member_removal: MemberRemoval::Filter, patch_group: PatchAnswer::Body, ..Quirks::default() }
}

fn scimmy() -> Quirks {
    Quirks {
        user_name_filter: Case::Sensitive,
        no_location: true,
        unique_group_names: false,
        patch_group: PatchAnswer::Body,
        ..Quirks::default()
    }
}

fn sentry() -> Quirks {
    Quirks { conflict: Conflict::NoType, ..Quirks::default() }
}

fn slack() -> Quirks {
    Quirks {
        delete_user: DeleteUser::Deactivate,
        config: ConfigAnswer::Plural,
        user_writes_per_minute: Some(180),
        ..Quirks::default()
    }
}

fn zoom() -> Quirks {
    Quirks {
        immutable_attributes: all(&["userName"]),
        immutable_change: ImmutableChange::Ignored,
        user_name: UserName::Email,
        ..Quirks::default()
    }
}
