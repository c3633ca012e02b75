//! The closed list of event names. A name, once used, keeps its meaning.

use std::fmt;
use std::str::FromStr;

macro_rules! names {
    ($($name:ident = $text:literal, $sentence:literal;)+) => {
        /// Name of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventName {
            $(#[doc = $sentence] $name),+
        }

        impl EventName {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in events, filters and exports.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What happened, to be completed by actor and target: "… signed in".
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence),+ }
            }
        }

        impl FromStr for EventName {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$name),)+ _ => Err(()) }
            }
        }
    };
}

names! {
    ServerStart = "server_start", "started the server";
    SetupLinkCreate = "setup_link_create", "made a set-up link";
    SetupComplete = "setup_complete", "set Tessera up and became its owner";
    BaseUrlChange = "base_url_change", "changed the base URL";
    SettingsUpdate = "settings_update", "changed the settings";
    UserLoginAttempt = "user_login_attempt", "tried to sign in";
    UserReauthenticate = "user_reauthenticate", "entered the password again";
    UserLogout = "user_logout", "signed out";
    SessionRevoke = "session_revoke", "ended a session";
    UserCreate = "user_create", "created a person";
    UserUpdate = "user_update", "changed a person";
    UserSuspend = "user_suspend", "suspended a person";
    UserActivate = "user_activate", "activated a person";
    UserDelete = "user_delete", "deleted a person";
    UserPasswordChange = "user_password_change", "set a password";
    UserResetLinkCreate = "user_reset_link_create", "made a password-reset link";
    AdminRoleChange = "admin_role_change", "changed a role";
    GroupCreate = "group_create", "created a group";
    GroupUpdate = "group_update", "changed a group";
    GroupDelete = "group_delete", "deleted a group";
    GroupMembershipChange = "group_membership_change", "changed who is in a group";
    ScimManagementGive = "scim_management_give", "gave a person or a group to SCIM";
    ScimManagementTake = "scim_management_take", "took a person or a group back from SCIM";
    TokenCreate = "token_create", "made an API token";
    TokenRevoke = "token_revoke", "revoked an API token";
    AuthorizationDenied = "authorization_denied", "was refused an action";
    ApplicationCreate = "application_create", "added an application";
    ApplicationUpdate = "application_update", "changed an application";
    ApplicationActivate = "application_activate", "activated an application";
    ApplicationDeactivate = "application_deactivate", "deactivated an application";
    ApplicationUpgrade = "application_upgrade", "took over another version of an application's connector";
    ApplicationDelete = "application_delete", "deleted an application";
    ApplicationBind = "application_bind", "bound a group to an application";
    ApplicationUnbind = "application_unbind", "unbound a group from an application";
    SpMetadataSourceSet = "sp_metadata_source_set", "had an application's metadata fetched from an address";
    SpMetadataSourceRemove = "sp_metadata_source_remove", "stopped fetching an application's metadata";
    SpMetadataChange = "sp_metadata_change", "found other metadata of an application";
    SpMetadataFailure = "sp_metadata_failure", "could not fetch an application's metadata";
    SpMetadataAccept = "sp_metadata_accept", "accepted other metadata of an application";
    SpMetadataDiscard = "sp_metadata_discard", "discarded other metadata of an application";
    CertificateCreate = "certificate_create", "made a signing key and certificate";
    CertificateImport = "certificate_import", "took over a signing key and certificate";
    CertificatePublish = "certificate_publish", "published a certificate in the metadata";
    CertificateWithdraw = "certificate_withdraw", "took a certificate out of the metadata";
    CertificateRotate = "certificate_rotate", "switched to another signing key";
    CertificateDelete = "certificate_delete", "deleted a signing key and certificate";
    CertificateExpiring = "certificate_expiring", "noticed that a certificate ends soon";
    MetadataKeyCreate = "metadata_key_create", "made a key to sign metadata with";
    MetadataKeyRotate = "metadata_key_rotate", "switched to another key to sign metadata with";
    MetadataKeyDelete = "metadata_key_delete", "deleted a key to sign metadata with";
    ApplicationOpen = "application_open", "opened an application";
    SsoAuth = "sso_auth", "signed on to an application";
    SsoLogout = "sso_logout", "signed out of an application";
    SsoTest = "sso_test", "tried a sign-on to an application";
    SsoRefused = "sso_refused", "was refused at sign-on";
    MasterKeyChange = "master_key_change", "put the data under another master key";
    ExchangeRecord = "exchange_record", "set how long exchanges of an application are recorded";
    ExchangeOpen = "exchange_open", "opened a recorded exchange";
    IdmIntegrationActivate = "idm_integration_activate", "switched identity management of an application on";
    IdmIntegrationUpdate = "idm_integration_update", "changed identity management of an application";
    IdmIntegrationReauth = "idm_integration_reauth", "gave an application's identity management another secret";
    IdmCertificateCreate = "idm_certificate_create", "made the certificate that an application's identity management knows us by";
    IdmIntegrationDelete = "idm_integration_delete", "switched identity management of an application off";
    IdmIntegrationFailure = "idm_integration_failure", "found that an application can't be provisioned";
    IdmTokenExpiring = "idm_token_expiring", "noticed that the secret of an application's identity management ends soon";
    IdmMassChange = "idm_mass_change", "held many at once who would lose an application";
    IdmDepartureOverdue = "idm_departure_overdue", "noticed that people who left still have their accounts at an application";
    IdmApproval = "idm_approval", "decided on a change at an application";
    IdmReconcile = "idm_reconcile", "compared an application with what it should hold";
    UserImport = "user_import", "began to bring people in from an application";
    UserImportEnd = "user_import_end", "brought people in from an application";
    IdmRetry = "idm_retry", "had changes at an application tried again";
    UserLookupProvision = "user_lookup_provision", "found a person's account at an application";
    UserCreateProvision = "user_create_provision", "made a person's account at an application";
    UserUpdateProvision = "user_update_provision", "changed a person's account at an application";
    UserDeprovision = "user_deprovision", "set a person's account at an application inactive";
    UserDeleteProvision = "user_delete_provision", "deleted a person's account at an application";
    GroupCreateProvision = "group_create_provision", "made a group at an application";
    GroupUpdateProvision = "group_update_provision", "changed a group at an application";
    GroupDeleteProvision = "group_delete_provision", "deleted a group at an application";
    MailUndelivered = "mail_undelivered", "gave up a mail that could not be sent";
    EventChainVerify = "event_chain_verify", "verified the event chain";
    EventExport = "event_export", "exported events";
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
