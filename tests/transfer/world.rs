//! An empty installation to which configuration is applied.

use std::sync::OnceLock;

use support::PrivatePostgres;
use tessera::auth::{PasswordOptions, Passwords, password};
use tessera::base::paging::PageRequest;
use tessera::base::urls::BaseUrl;
use tessera::base::{Actor, Clock, Ctx, Random, Timestamp};
use tessera::catalog::Catalog;
use tessera::db::Db;
use tessera::directory::groups;
use tessera::events::query::{self, EventFilter, EventView};
use tessera::signon::Installation;
use tessera::transfer::{self, Options, Plan, Refusal, Refused};
use tessera::vault::Vault;

/// One installation.
pub struct World {
    pub installation: Installation,
    pub ctx: Ctx,
    _folder: Option<tempfile::TempDir>,
}

impl World {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/t.db", folder.path().display());
        Self::open(&url, Some(folder)).await
    }

    pub async fn postgres() -> Self {
        static CLUSTER: OnceLock<PrivatePostgres> = OnceLock::new();
        Self::open(&CLUSTER.get_or_init(PrivatePostgres::start).create_database(), None).await
    }

    async fn open(url: &str, folder: Option<tempfile::TempDir>) -> Self {
        let (clock, random) = (Clock::frozen(Timestamp(1_795_334_400_000)), Random::System);
        let db = Db::open(url).await.unwrap();
        let ctx = Ctx::background(Actor::CommandLine, clock.clone(), random.clone());
        groups::ensure_everyone(&db, &ctx).await.unwrap();
        let options = PasswordOptions { cost: password::Cost::trifling(), ..PasswordOptions::default() };
        let passwords = Passwords::new(options, &random).unwrap();
        let base_url = BaseUrl::parse("https://id.example", false).unwrap();
        let (vault, catalog) = (Vault::new([7; 32]), Catalog::built_in());
        let installation = Installation::new(db, vault, catalog, base_url, clock, random, passwords).unwrap();
        Self { installation, ctx, _folder: folder }
    }

    pub async fn export(&self) -> String {
        transfer::export(&self.installation).await.unwrap()
    }

    /// Rehearses and carries out.
    pub async fn try_apply(&self, text: &str, options: Options) -> Result<Plan, Vec<Refusal>> {
        let plan = self.rehearse(text, options).await?;
        let declared = transfer::read([file(text)])?;
        let done = transfer::carry_out(&self.installation, &self.ctx, &declared, options, &plan).await;
        done.map(|()| plan).map_err(refusals)
    }

    pub async fn rehearse(&self, text: &str, options: Options) -> Result<Plan, Vec<Refusal>> {
        let declared = transfer::read([file(text)])?;
        transfer::rehearse(&self.installation, &self.ctx, &declared, options).await.map_err(refusals)
    }

    /// Applies what must be taken, and tells the plan's lines.
    pub async fn apply(&self, text: &str) -> Vec<String> {
        lines(&self.try_apply(text, Options::default()).await.unwrap())
    }

    /// What is refused, each as `line:column code`.
    pub async fn refused(&self, text: &str) -> Vec<String> {
        let refusals = self.try_apply(text, Options::default()).await.unwrap_err();
        refusals.iter().map(|r| format!("{}:{} {}", r.at.line, r.at.column, r.code)).collect()
    }

    /// Every event, newest first.
    pub async fn events(&self) -> Vec<EventView> {
        let page = PageRequest { limit: 200, after: None };
        let found =
            query::list(&mut self.installation.db.reader(), &EventFilter::default(), &page).await.unwrap();
        assert!(found.next_cursor.is_none());
        found.items
    }
}

fn file(text: &str) -> (String, Vec<u8>) {
    ("t.yaml".to_owned(), text.as_bytes().to_vec())
}

fn refusals(refused: Refused) -> Vec<Refusal> {
    match refused {
        Refused::Files(refusals) => refusals,
        Refused::Other(error) => panic!("{error}: {:?}", error.internal_cause()),
    }
}

pub fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().flat_map(tessera::transfer::Step::lines).collect()
}
