//! An application with a bound group, a SCIM service of the lab that it is at, and an administrator at its tab.

use std::time::Duration;

use tessera::applications::binding;
use tessera::base::id::GroupId;
use tessera::base::{Clock, Random};
use tessera::directory::{memberships, people};
use tessera::lab::scim::{LabScim, Quirks, ScimLabOptions};
use tessera::provisioning::import;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::applications::add;
use crate::world::{Browser, World};

pub const TOKEN: &str = "of-the-lab";

/// A SCIM service of the lab on a port of its own.
pub struct Service {
    pub lab: LabScim,
    pub url: String,
    task: JoinHandle<()>,
}

impl Service {
    pub async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let options = ScimLabOptions {
            origin,
            token: TOKEN.to_owned(),
            quirks: Quirks::default(),
            latency: Duration::ZERO,
        };
        let lab = LabScim::new(options, clock.clone(), Random::seeded(11));
        let (url, router) = (lab.base_url(), lab.router());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { lab, url, task }
    }

    pub fn is_active(&self, username: &str) -> Option<bool> {
        self.lab.user_named(username).map(|user| user["active"] == serde_json::json!(true))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reading figures: a number and what it counts.
pub trait Figures {
    fn shows(&self, label: &str, figure: &str) -> &Self;
}

impl Figures for Browser {
    #[track_caller]
    fn shows(&self, label: &str, figure: &str) -> &Self {
        let elements = self.elements();
        let at = elements.iter().position(|e| e.tag == "dt" && e.text == label);
        let at = at.unwrap_or_else(|| panic!("no figure {label}:\n{}", self.text()));
        let found = elements[at..].iter().find(|e| e.tag == "dd").unwrap();
        assert_eq!(found.text, figure, "{label}");
        self
    }
}

/// An application with a bound group of `mara`, and an application admin at its tab.
pub struct Scene {
    pub world: World,
    pub service: Service,
    pub admin: Browser,
    pub group: GroupId,
    /// `/admin/applications/{id}/provisioning`
    pub tab: String,
}

impl Scene {
    pub async fn new() -> Self {
        let world = World::new().await;
        let service = Service::start(&world.clock).await;
        let mut admin = world.signed_in("adam").await;
        let app = add(&mut admin, "custom-saml", &[("label", "Ledger")]).await;
        let id = app.rsplit('/').next().unwrap().parse().unwrap();
        let group = world.group("Ledger people").await;
        let mara = world.person("maria", None).await;
        memberships::add(world.db(), &world.ctx(), group, mara).await.unwrap();
        binding::bind(world.db(), &world.ctx(), id, group).await.unwrap();
        let tab = format!("{app}/provisioning");
        admin.get(&tab).await;
        Self { world, service, admin, group, tab }
    }

    /// Configured and active, and all that is due done.
    pub async fn active() -> Self {
        let mut scene = Self::new().await;
        scene.configure(&[("action", "activate")]).await;
        scene.admin.says("Connected to Ledger, and verified");
        scene.turn().await;
        scene.reload().await;
        scene
    }

    pub async fn configure(&mut self, more: &[(&str, &str)]) {
        let url = self.service.url.clone();
        let mut fields = vec![("base_url", url.as_str()), ("token", TOKEN)];
        fields.extend_from_slice(more);
        self.admin.submit(&self.tab.clone(), &fields).await;
    }

    pub async fn submit(&mut self, path: &str, changes: &[(&str, &str)]) {
        let path = format!("{}{path}", self.tab);
        self.admin.submit(&path, changes).await;
    }

    pub async fn reload(&mut self) {
        self.admin.get(&self.tab.clone()).await;
    }

    pub async fn turn(&self) {
        self.world.web.provisioning.turn().await.unwrap();
    }

    pub async fn bring_in(&self) {
        let base = &self.world.web.installation.base_url;
        import::turn(self.world.db(), &self.world.ctx(), base).await.unwrap();
    }

    pub async fn join(&self, username: &str) {
        let user = self.world.person(username, None).await;
        memberships::add(self.world.db(), &self.world.ctx(), self.group, user).await.unwrap();
    }

    pub async fn leave(&self) {
        let found =
            people::find_by_login_name(&mut self.world.db().reader(), "maria").await.unwrap().unwrap();
        memberships::remove(self.world.db(), &self.world.ctx(), self.group, found.id).await.unwrap();
    }

    /// The number in the name of the row of this attribute.
    pub fn row(&self, scim: &str) -> String {
        let elements = self.admin.elements();
        let row = elements.iter().find(|e| {
            e.attr("value") == Some(scim)
                && e.attr("name").is_some_and(|name| name.rsplit('.').next() == Some("scim"))
        });
        let name = row.unwrap_or_else(|| panic!("no row for {scim}")).attr("name").unwrap();
        name.trim_end_matches(".scim").to_owned()
    }

    pub fn has_row(&self, scim: &str) -> bool {
        self.admin.elements().iter().any(|e| {
            e.attr("value") == Some(scim)
                && e.attr("name").is_some_and(|name| name.rsplit('.').next() == Some("scim"))
        })
    }
}
