//! How a service provider differs from the standard, as data.

use serde::{Deserialize, Serialize};

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $($(#[$variant_doc])* $variant),+ }
        )+
    };
}

choices! {
    /// Which filters it takes.
    FilterSupport {
        /// All of the standard's.
        #[default] Full,
        /// `eq`, joined by `and`.
        EqAnd,
        /// One `eq` on userName, externalId or displayName.
        Identifiers,
        /// It answers as if there were none.
        Ignored,
        /// 400.
        Unsupported,
    }
    /// How texts are compared.
    Case {
        /// Without case, as the standard says.
        #[default] Insensitive,
        /// With case.
        Sensitive,
    }
    /// What a filter on externalId finds.
    ExternalIdFilter {
        /// What has it.
        #[default] Works,
        /// Nothing.
        Nothing,
        /// Everything.
        All,
    }
    /// What becomes of something.
    Members {
        /// It is kept.
        #[default] Kept,
        /// It is silently dropped.
        Dropped,
    }
    /// What DELETE does to a user.
    DeleteUser {
        /// The user is gone.
        #[default] Delete,
        /// The user stays, inactive or locked.
        Deactivate,
    }
    /// What becomes of attributes that the standard does not know.
    UnknownAttributes {
        /// They are stored.
        #[default] Stored,
        /// They are ignored.
        Ignored,
        /// 400.
        Refused,
    }
    /// What a user name must be.
    UserName {
        /// Anything.
        #[default] Any,
        /// An e-mail address.
        Email,
        /// The first e-mail address of the user.
        FirstEmail,
    }
    /// What a change of an immutable attribute does.
    ImmutableChange {
        /// 400, `mutability`.
        #[default] Refused,
        /// 200, and nothing.
        Ignored,
        /// A second account with the new value; the first stays as it was.
        SecondAccount,
    }
    /// How members are removed.
    MemberRemoval {
        /// Both ways.
        #[default] Any,
        /// By `members[value eq "id"]` only; otherwise 400.
        Filter,
        /// By path `members` and a list of values only; otherwise 501.
        Values,
    }
    /// PATCH without a path.
    PathLess {
        /// Taken.
        #[default] Any,
        /// Taken with one attribute only.
        Single,
        /// 400.
        Refused,
    }
    /// How operations must be written.
    OperationCase {
        /// In any case.
        #[default] Any,
        /// `add`; otherwise 501.
        Lower,
        /// `Add`; otherwise 501.
        Capitalised,
    }
    /// What a PATCH answers.
    PatchAnswer {
        /// 200 and the resource.
        #[default] Body,
        /// 204.
        NoContent,
        /// 501: it takes none.
        Unsupported,
    }
    /// What `ServiceProviderConfig` answers.
    ConfigAnswer {
        /// The configuration.
        #[default] Shown,
        /// 404.
        Missing,
        /// 200 and an HTML page.
        Html,
        /// Only at `/ServiceProviderConfigs`, as in SCIM 1.1.
        Plural,
    }
    /// What a taken name answers.
    Conflict {
        /// 409, `uniqueness`.
        #[default] Uniqueness,
        /// 409 without `scimType`.
        NoType,
        /// 400.
        BadRequest,
        /// 500.
        ServerError,
    }
    /// What a member answers that there is no user of.
    UnknownMember {
        /// 400.
        #[default] Refused,
        /// It is left out.
        Ignored,
        /// 404.
        NotFound,
        /// 500.
        ServerError,
    }
}

/// The differences of one service provider. All of them left out is the standard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one difference, on or off, and they combine freely"
)]
pub struct Quirks {
    /// Which filters it takes.
    pub filter: FilterSupport,
    /// How the user name in a filter is compared.
    pub user_name_filter: Case,
    /// What a filter on externalId finds.
    pub external_id_filter: ExternalIdFilter,
    /// `ServiceProviderConfig` says that filters are not supported.
    pub claims_no_filter: bool,
    /// Resources of a page when no count is given.
    pub page_default: u64,
    /// Most resources of a page.
    pub page_max: u64,
    /// It pages by cursor too (RFC 9865), and says no total then.
    pub cursor_paging: bool,
    /// Groups never show members.
    pub members_hidden: bool,
    /// What becomes of the members of a new group.
    pub members_on_create: Members,
    /// Most memberships changed by one request.
    pub member_changes_max: Option<usize>,
    /// Most members of a group; 413 above.
    pub members_max: Option<usize>,
    /// All members can't be replaced or removed at once.
    pub no_replace_all_members: bool,
    /// How members are removed.
    pub member_removal: MemberRemoval,
    /// New members wait until somebody approves them.
    pub pending_members: bool,
    /// What an unknown member answers.
    pub unknown_member: UnknownMember,
    /// E-mail addresses, phone numbers and addresses have one value at most.
    pub single_valued: bool,
    /// Errors name their schema in `schema`.
    pub error_key_schema: bool,
    /// Errors have their status as a number.
    pub error_status_number: bool,
    /// What DELETE does to a user.
    pub delete_user: DeleteUser,
    /// A user who is inactive is found no more.
    pub inactive_is_gone: bool,
    /// The enterprise extension is refused.
    pub no_enterprise: bool,
    /// What becomes of unknown attributes.
    pub unknown_attributes: UnknownAttributes,
    /// Known attributes that it has no use for and drops.
    pub dropped_attributes: Vec<String>,
    /// What a user name must be.
    pub user_name: UserName,
    /// Attributes (paths) that a user must have besides userName.
    pub required_attributes: Vec<String>,
    /// Attributes that can't be changed once they are set.
    pub immutable_attributes: Vec<String>,
    /// What a change of them does.
    pub immutable_change: ImmutableChange,
    /// Requests without a User-Agent are refused.
    pub user_agent_required: bool,
    /// PUT without `active` suspends.
    pub put_without_active_suspends: bool,
    /// What PATCH of a user answers.
    pub patch_user: PatchAnswer,
    /// What PATCH of a group answers.
    pub patch_group: PatchAnswer,
    /// How operations must be written.
    pub operation_case: OperationCase,
    /// PATCH without a path.
    pub path_less: PathLess,
    /// Booleans are texts, `True` and `False`, in PATCH and in answers.
    pub boolean_texts: bool,
    /// Answers to POST have no Location.
    pub no_location: bool,
    /// What `ServiceProviderConfig` answers.
    pub config: ConfigAnswer,
    /// What a taken name answers.
    pub conflict: Conflict,
    /// Two groups can't have the same name.
    pub unique_group_names: bool,
    /// Resources have no entity tags, and If-Match is not looked at.
    pub no_etags: bool,
    /// Writes of users a minute, with a burst of 20; 429 above.
    pub user_writes_per_minute: Option<u32>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            filter: FilterSupport::default(),
            user_name_filter: Case::default(),
            external_id_filter: ExternalIdFilter::default(),
            claims_no_filter: false,
            page_default: 100,
            page_max: 1000,
            cursor_paging: false,
            members_hidden: false,
            members_on_create: Members::default(),
            member_changes_max: None,
            members_max: None,
            no_replace_all_members: false,
            member_removal: MemberRemoval::default(),
            pending_members: false,
            unknown_member: UnknownMember::default(),
            single_valued: false,
            error_key_schema: false,
            error_status_number: false,
            delete_user: DeleteUser::default(),
            inactive_is_gone: false,
            no_enterprise: false,
            unknown_attributes: UnknownAttributes::default(),
            dropped_attributes: Vec::new(),
            user_name: UserName::default(),
            required_attributes: Vec::new(),
            immutable_attributes: Vec::new(),
            immutable_change: ImmutableChange::default(),
            user_agent_required: false,
            put_without_active_suspends: false,
            patch_user: PatchAnswer::Body,
            // A large group would be sent back whole.
            patch_group: PatchAnswer::NoContent,
            operation_case: OperationCase::default(),
            path_less: PathLess::default(),
            boolean_texts: false,
            no_location: false,
            config: ConfigAnswer::default(),
            conflict: Conflict::default(),
            unique_group_names: true,
            no_etags: false,
            user_writes_per_minute: None,
        }
    }
}
