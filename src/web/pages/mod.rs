//! The pages: one typed struct for each, drawn by its template under `templates/`. They are view models: text that is
//! ready to show, no domain types, no database, no handlers. A handler fills one and renders it.
//!
//! Start with [`Shell`], which every page carries, and [`parts`], which pages are put together from.
//! Where a form comes back with errors, put them into [`Shell::errors`] by the names of the inputs: the page lists
//! them and draws each beside its field.

pub mod account;
pub mod api_docs;
pub mod application;
pub mod application_provisioning;
pub mod application_sso;
pub mod applications;
pub mod catalog;
pub mod confirm;
pub mod connector_new;
pub mod connector_upgrade;
pub mod events;
pub mod exchange;
pub mod groups;
pub mod inputs;
pub mod login;
pub mod logout;
pub mod parts;
pub mod portal;
pub mod proceed;
pub mod provisioning_import;
pub mod refusal;
pub mod samples;
pub mod settings;
pub mod setup;
pub mod setup_steps;
pub mod shell;
pub mod sp_source;
pub mod users;

pub use account::{AccountPage, SessionRow};
pub use api_docs::ApiDocsPage;
pub use application::{
    ApplicationActivityPage, ApplicationGeneralPage, ApplicationGroupsPage, ApplicationHead, Tab,
};
pub use application_provisioning::{
    ApplicationProvisioningPage, ComparisonPage, DryRunPage, ProvisioningPreviewPage, ProvisioningStatePage,
};
pub use application_sso::{ApplicationPreviewPage, ApplicationSsoPage, BookmarkPage, SpMetadataPage};
pub use applications::{ApplicationNewPage, ApplicationSavedPage, ApplicationsPage};
pub use catalog::{CatalogPage, ConnectorPage};
pub use confirm::{ConfirmPage, ShownOncePage};
pub use events::EventsPage;
pub use exchange::ExchangePage;
pub use groups::{GroupFormPage, GroupPage, GroupsPage};
pub use login::{ConfirmPasswordPage, ExpiredPage, LoginPage, SignedOutPage};
pub use logout::{LogoutLeg, LogoutPage};
pub use portal::PortalPage;
pub use proceed::{ContinuePage, HandoverPage, PostPage};
pub use refusal::RefusalPage;
pub use samples::{all_samples, all_samples_saying};
pub use settings::{SettingsPage, TokensPage};
pub use setup::{ResetPage, SetupPage};
pub use shell::{Banner, Nav, Shell, SignedIn, Theme, Toast};
pub use users::{UserFormPage, UserPage, UsersPage};
