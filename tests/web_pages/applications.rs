//! An application from the catalog to its first tile, and its end.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::FutureExt as _;

use crate::world::{Browser, World};

/// Adds an application by its form and opens its SSO tab; answers the path of the application.
pub async fn add(browser: &mut Browser, connector: &str, more: &[(&str, &str)]) -> String {
    browser.get(&format!("/admin/applications/new?connector={connector}")).await;
    let mut fields = vec![("understood", "on")];
    fields.extend_from_slice(more);
    browser.submit("/admin/applications", &fields).await;
    assert!(browser.here().ends_with("/saved"), "{} {}", browser.path, browser.text());
    browser.here().trim_end_matches("/saved").to_owned()
}

#[tokio::test]
async fn heap_from_the_catalog_to_a_members_tile() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    admin.get("/admin/applications").await;
    admin.says("No applications yet");
    admin.get("/admin/applications/new?q=hea").await;
    let choose = admin.link("connector=heap").expect("the catalog is searched without JavaScript");
    admin.get(choose.split('#').next().unwrap()).await;
    assert_eq!(admin.value("label").as_deref(), Some("Heap"));
    admin.submit("/admin/applications", &[("label", "Heap")]).await;
    assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(admin.error_at("understood").is_some(), "the address has to be read");
    let app = add(&mut admin, "heap", &[]).await;
    admin.says("Heap is saved").says("https://id.example.com/saml2/heap");

    let sso = format!("{app}/sso");
    admin.get(&sso).await;
    admin
        .says("1 value is missing before this can be activated")
        .says("Heap ID is empty. It stands in: ACS URL");
    admin.says_not("Heap tenant");
    admin.get(&format!("{sso}/preview")).await;
    admin.says("There is nothing to preview while values are missing").says("Heap ID is empty.");
    admin.get(&sso).await;
    admin.submit(&sso, &[("action", "activate")]).await;
    assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(admin.error_at("placeholders.YOUR_ID").unwrap().contains("ACS URL"), "by name and place");
    admin.submit(&sso, &[("placeholders.YOUR_ID", "not digits"), ("action", "save")]).await;
    assert!(admin.error_at("placeholders.YOUR_ID").is_some());
    assert_eq!(admin.value("placeholders.YOUR_ID").as_deref(), Some("not digits"), "what was typed is kept");
    admin.submit(&sso, &[("placeholders.YOUR_ID", "1234567890"), ("action", "activate")]).await;
    assert_eq!(admin.here(), sso, "{}", admin.text());
    admin.says("Active").says("Switched on.");
    admin.says("https://heapanalytics.com/saml/finalize/1234567890/");

    let mut mara = world.signed_in("mara").await;
    mara.says("No applications yet");
    let tab = format!("{app}/groups");
    admin.get(&tab).await;
    admin.says("No groups bound");
    admin.get(&format!("{sso}/preview?person=mara")).await;
    admin.says("No group is bound to Heap, so nobody can open it.");
    admin.get(&tab).await;
    let elements = admin.elements();
    let group = elements.iter().find(|e| e.tag == "option" && e.text.contains("Marketing")).unwrap();
    let group = group.attr("value").unwrap().to_owned();
    admin.submit(&format!("{tab}/bind"), &[("group", &group)]).await;
    admin.says("Bound.").says("Marketing");
    admin.get(&format!("{sso}/preview?person=mara")).await;
    admin.says("would succeed now").says("through Marketing").says("mara@example.com");
    admin.get(&format!("{sso}/preview")).await;
    admin.says("would be refused now").says("is in Everyone; bound to Heap is Marketing. Add");
    admin.get(&format!("{sso}/preview?person=nobody")).await;
    assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(admin.error_at("person").is_some());

    mara.get("/").await;
    mara.says("Heap");
    assert_eq!(mara.link("/saml2/").as_deref(), Some("/saml2/heap"));
    let otto = world.signed_in("otto").await;
    otto.says("No applications yet");
    mara.get("/?q=zzz").await;
    mara.says("Nothing of that name");

    admin.get(&format!("{tab}?person=mara")).await;
    admin.says("Yes, mara can open Heap").says("In Marketing");
    admin.get(&format!("{tab}?person=otto@example.com")).await;
    admin.says("No, otto can’t open Heap").says("No group that otto is in is bound to Heap.");
    admin.get(&format!("{tab}?person=nobody")).await;
    admin.says("There is nobody of that name");

    admin.get(&tab).await;
    let unbind = format!("{tab}/{group}/unbind");
    admin.submit(&unbind, &[("confirmed", "-")]).await;
    admin.says("Unbind Marketing from Heap?").says("Takes Heap away from 1 person at once");
    mara.get("/").await;
    mara.says("Heap");
    admin.submit(&unbind, &[]).await;
    admin.says("Unbound.");
    mara.get("/").await;
    mara.says("No applications yet");
}

#[tokio::test]
async fn deleting_needs_the_number_and_the_address_is_gone_for_a_while() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let first = add(&mut owner, "custom-saml", &[("label", "One"), ("slug", "one")]).await;
    let second =
        add(&mut owner, "bookmark", &[("label", "Two"), ("bookmark_url", "https://two.example")]).await;
    owner.get("/admin/applications").await;
    owner.says("One").says("Two");
    let elements = owner.elements();
    let metadata: Vec<_> = elements.iter().filter(|e| e.tag == "a" && e.text == "Metadata").collect();
    assert_eq!(metadata.len(), 1, "a bookmark has none");
    assert_eq!(metadata[0].attr("href"), Some("/saml2/one/metadata"));
    assert_eq!(metadata[0].attr("aria-label"), Some("Metadata for One"));
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let (one, two) = (id(&first), id(&second));
    // The list's form without JavaScript: rows are ticked, the page asks.
    let token = owner.value("csrf").unwrap();
    let ticked = format!("csrf={token}&id={one}&id={two}").into_bytes();
    let form = Some("application/x-www-form-urlencoded");
    owner.ask("POST", "/admin/applications/delete", form, ticked).await;
    owner.says("Delete 2 applications?").says("Type 2 to confirm");
    for wrong in ["", "1", "3", "two"] {
        owner
            .ask(
                "POST",
                "/admin/applications/delete",
                form,
                format!("csrf={token}&id={one}&id={two}&confirmed=yes&count={wrong}").into_bytes(),
            )
            .await;
        assert_eq!(owner.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(owner.error_at("count").is_some());
    }
    owner
        .ask(
            "POST",
            "/admin/applications/delete",
            form,
            format!("csrf={token}&id={one}&id={two}&confirmed=yes&count=2").into_bytes(),
        )
        .await;
    assert_eq!(owner.status, StatusCode::SEE_OTHER);
    owner.get("/admin/applications?done=deleted").await;
    owner.says("Deleted.").says("No applications yet");
    // The same address again needs a word about what it inherits (decision 18).
    owner.get("/admin/applications/new?connector=custom-saml").await;
    owner
        .submit("/admin/applications", &[("label", "One again"), ("slug", "one"), ("understood", "on")])
        .await;
    assert_eq!(owner.status, StatusCode::CONFLICT);
    owner.says("Until lately One had this address");
    assert_eq!(owner.value("label").as_deref(), Some("One again"));
    owner.submit("/admin/applications", &[("understood", "on"), ("reuse", "on")]).await;
    assert!(owner.here().ends_with("/saved"));
}

#[tokio::test]
async fn the_address_is_read_only_for_ever() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = add(&mut owner, "custom-saml", &[("label", "Ledger"), ("slug", "ledger")]).await;
    let general = format!("{app}/general");
    owner.get(&general).await;
    let elements = owner.elements();
    let slug = elements.iter().find(|e| e.attr("id") == Some("f-slug")).unwrap();
    assert!(slug.attr("readonly").is_some() && slug.attr("name").is_none());
    assert_eq!(slug.attr("value"), Some("ledger"));
    owner.submit(&general, &[("label", "Main ledger"), ("slug", "other")]).await;
    owner.says("Saved.").says("Main ledger");
    let elements = owner.elements();
    assert_eq!(
        elements.iter().find(|e| e.attr("id") == Some("f-slug")).unwrap().attr("value"),
        Some("ledger"),
        "whatever is posted"
    );
    owner.submit(&general, &[("label", "")]).await;
    assert_eq!(owner.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(owner.error_at("label").is_some());
}

const METADATA: &str = r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example/saml">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example/acs" index="3"/>
</SPSSODescriptor></EntityDescriptor>"#;

#[tokio::test]
async fn metadata_is_shown_as_a_difference_before_it_counts() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = add(&mut owner, "custom-saml", &[("label", "Ledger")]).await;
    let (sso, metadata) = (format!("{app}/sso"), format!("{app}/sso/metadata"));
    owner.get(&sso).await;
    owner.submit(&metadata, &[("metadata", "")]).await;
    assert_eq!(owner.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(owner.error_at("metadata").is_some());
    owner.submit(&metadata, &[("metadata", "<html></html>")]).await;
    assert!(owner.error_at("metadata").unwrap().contains("not SAML metadata"));
    owner.upload(&metadata, &[], &[("metadata_file", METADATA.as_bytes())]).await;
    owner.says("Nothing is saved yet.").says("https://sp.example/acs (index 3, default)");
    let mut other = world.signed_in("olivia").await;
    other.get(&sso).await;
    assert_eq!(other.value("sp_entity_id").as_deref(), Some(""), "nothing is stored");
    owner.submit(&metadata, &[]).await;
    assert_eq!(owner.here(), sso);
    assert_eq!(owner.value("sp_entity_id").as_deref(), Some("https://sp.example/saml"));
    assert_eq!(owner.value("acs_urls.0.url").as_deref(), Some("https://sp.example/acs"));
    let two = format!(
        r#"<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">{METADATA}{}</EntitiesDescriptor>"#,
        METADATA.replace("sp.example", "sp2.example")
    );
    owner.upload(&metadata, &[], &[("metadata_file", two.as_bytes())]).await;
    owner.says("The metadata describes several service providers.");
    owner.submit(&metadata, &[("entity_id", "https://sp2.example/saml")]).await;
    owner.says("https://sp2.example/acs");
    owner.submit(&metadata, &[]).await;
    assert_eq!(owner.value("sp_entity_id").as_deref(), Some("https://sp2.example/saml"));
}

#[tokio::test]
async fn the_form_of_the_settings_keeps_what_it_shows() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = add(&mut owner, "custom-saml", &[("label", "Ledger")]).await;
    let sso = format!("{app}/sso");
    owner.get(&sso).await;
    let fields = [
        ("sp_entity_id", "https://ledger.example"),
        ("acs_urls.0.url", "https://ledger.example/acs"),
        ("acs_urls.default", "0"),
        ("attributes.0.name", "tier"),
        ("attributes.0.kind", "by_group"),
        ("attributes.0.by_group.rows", "Marketing = editor\r\n* = viewer"),
        ("attributes.0.transforms", "upper"),
        ("relay_states", "/a\r\n/b"),
        ("action", "activate"),
    ];
    owner.submit(&sso, &fields).await;
    owner.says("Switched on.");
    let before = owner.form_fields(&sso);
    owner.submit(&sso, &[("action", "save")]).await;
    owner.says("Saved.");
    let strip = |fields: Vec<(String, String)>| -> Vec<(String, String)> {
        fields.into_iter().filter(|(name, _)| name != "csrf").collect()
    };
    assert_eq!(strip(owner.form_fields(&sso)), strip(before), "saving what is shown changes nothing");
    assert_eq!(owner.value("attributes.0.by_group.rows").unwrap().trim(), "Marketing = editor\n* = viewer");
    // Two faults come back at once, each at its place, with everything as typed.
    owner
        .submit(
            &sso,
            &[("acs_urls.0.url", ""), ("attributes.0.by_group.rows", "Marketing"), ("sp_entity_id", "x y")],
        )
        .await;
    assert_eq!(owner.status, StatusCode::UNPROCESSABLE_ENTITY);
    owner.says("Line 1 has no = in it.");
    assert_eq!(owner.value("sp_entity_id").as_deref(), Some("x y"));
    // An active application stays complete.
    owner.get(&sso).await;
    owner.submit(&sso, &[("sp_entity_id", "")]).await;
    assert_eq!(owner.status, StatusCode::UNPROCESSABLE_ENTITY);
    owner.says("nothing was saved");
    owner.get(&sso).await;
    owner.submit(&format!("{sso}/deactivate"), &[("confirmed", "-")]).await;
    owner.says("Switch off Ledger?");
    owner.submit(&format!("{sso}/deactivate"), &[]).await;
    owner.says("Switched off.");
}

#[tokio::test]
async fn a_bookmark_has_an_address_and_nothing_else() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    owner.get("/admin/applications/new?connector=bookmark").await;
    owner.submit("/admin/applications", &[("label", "Desk"), ("bookmark_url", "javascript:alert(1)")]).await;
    assert!(owner.error_at("bookmark_url").is_some());
    owner.submit("/admin/applications", &[("bookmark_url", "https://desk.example")]).await;
    let app = owner.here().trim_end_matches("/saved").to_owned();
    let tab = format!("{app}/sso");
    owner.get(&tab).await;
    owner.submit(&tab, &[("bookmark_url", "https://desk2.example"), ("action", "activate")]).await;
    owner.says("Active");
    assert_eq!(owner.value("bookmark_url").as_deref(), Some("https://desk2.example"));
    owner.submit(&tab, &[("bookmark_url", "data:text/html,x"), ("action", "save")]).await;
    assert!(owner.error_at("bookmark_url").is_some());
}

fn png() -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbaImage::from_pixel(20, 20, image::Rgba([1, 2, 3, 255]))
        .write_to(&mut out, image::ImageFormat::Png)
        .unwrap();
    out.into_inner()
}

#[tokio::test]
async fn a_35_a_logo_is_a_picture_and_for_those_who_may_see_it() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = add(&mut owner, "custom-saml", &[("label", "Ledger")]).await;
    let (general, logo) = (format!("{app}/general"), format!("{app}/logo"));
    owner.get(&general).await;
    owner.upload(&logo, &[], &[("logo", b"<svg xmlns='http://www.w3.org/2000/svg'/>")]).await;
    assert_eq!(owner.status, StatusCode::UNPROCESSABLE_ENTITY);
    owner.says("Use a PNG, JPEG or WebP picture.");
    owner.upload(&logo, &[], &[("logo", &png())]).await;
    owner.says("Saved.");
    let elements = owner.elements();
    let src = elements.iter().find_map(|e| e.attr("src").filter(|src| src.starts_with("/logo/"))).unwrap();
    let src = src.to_owned();
    owner.get(&src).await;
    assert_eq!(owner.header("content-type"), "image/png");
    assert!(owner.header("content-security-policy").contains("sandbox"));
    assert_eq!(owner.header("x-content-type-options"), "nosniff");
    assert!(owner.header("cache-control").starts_with("private"));
    let mut otto = world.signed_in("otto").await;
    otto.get(&src).await;
    assert_eq!(otto.status, StatusCode::NOT_FOUND, "no group gives it");
    let mut nobody = world.browser();
    nobody.get(&src).await;
    assert_eq!(nobody.here(), "/login");
    owner.get(&general).await;
    owner.submit(&format!("{logo}/remove"), &[]).await;
    owner.says("Removed.");
    owner.get(&src).await;
    assert_eq!(owner.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn av_08_a_09_metadata_is_read_on_the_pool_of_cores() {
    let world = World::new().await;
    let mut owner = world.signed_in("olivia").await;
    let app = add(&mut owner, "custom-saml", &[("label", "Ledger")]).await;
    let metadata = format!("{app}/sso/metadata");
    owner.get(&format!("{app}/sso")).await;
    // Every core is taken until the sender is gone.
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let mut work = Vec::new();
    for _ in 0..256 {
        let (installation, held) = (world.web.installation.clone(), held.clone());
        let mut piece =
            Box::pin(async move { installation.on_cpu(move || held.lock().unwrap().recv().is_err()).await });
        assert!((&mut piece).now_or_never().is_none(), "it waits for its core");
        work.push(piece);
    }
    let file = [("metadata_file", METADATA.as_bytes())];
    let early = tokio::time::timeout(Duration::from_millis(300), owner.upload(&metadata, &[], &file)).await;
    assert!(early.is_err(), "it waits for a core");
    drop(release);
    futures_util::future::join_all(work).await;
    owner.upload(&metadata, &[], &file).await;
    owner.says("Nothing is saved yet.");
}

#[tokio::test]
async fn slo_501_the_form_takes_the_addresses_for_sign_out() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let app = add(&mut admin, "heap", &[]).await;
    let sso = format!("{app}/sso");
    admin.get(&sso).await;
    admin.says("Sign-out URL").says("https://id.example.com/saml2/heap/logout");
    admin.submit(&sso, &[("slo.redirect_url", "http://plain.example/slo"), ("action", "save")]).await;
    assert!(admin.error_at("slo.redirect_url").is_some(), "{}", admin.text());
    admin.submit(&sso, &[("slo.redirect_url", "https://heap.example/YOUR_ID/slo"), ("action", "save")]).await;
    assert_eq!(admin.here(), sso, "{}", admin.text());
    assert_eq!(admin.value("slo.redirect_url").as_deref(), Some("https://heap.example/YOUR_ID/slo"));
    admin.says("Sign-out URL, redirect");
    admin.submit(&sso, &[("slo.redirect_url", ""), ("action", "save")]).await;
    assert_eq!(admin.value("slo.redirect_url").as_deref(), Some(""));
}

#[tokio::test]
async fn the_catalog_is_found_in_by_other_names_and_shown_in_portions() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    let picks = |admin: &crate::world::Browser| {
        admin
            .elements()
            .iter()
            .filter(|one| {
                one.attr("class").is_some_and(|class| class.starts_with("pick "))
                    || one.attr("class") == Some("pick")
            })
            .count()
    };
    for page in ["/admin/catalog", "/admin/applications/new"] {
        admin.get(page).await;
        let others = if page.ends_with("new") { 2 } else { 0 };
        assert_eq!(picks(&admin), 60 + others, "{page}");
        let all = admin.link("all=1").expect("a way to all of them");
        admin.get(&all).await;
        assert!(picks(&admin) >= 877, "{page}: {}", picks(&admin));
        assert!(admin.link("all=1").is_none());
        for (typed, meant) in [
            ("o365", "Microsoft 365"),
            ("gsuite", "Google Workspace"),
            ("jira", "Atlassian"),
            ("salesforec", "Salesforce"),
        ] {
            admin.get(&format!("{page}?q={typed}")).await;
            admin.says(meant);
        }
        admin.get(&format!("{page}?category=education")).await;
        admin.says("of 8");
    }
    admin.get("/admin/catalog?q=slack").await;
    assert!(admin.body.contains("<path d="), "the brand's glyph");
    admin.get("/admin/catalog?q=nothing-of-the-kind").await;
    admin.says("No connector matches").says("Request or write a connector");
}

#[tokio::test]
async fn an_application_that_is_not_in_the_catalog_gets_a_connector_of_what_is_known() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    admin.get("/admin/catalog").await;
    let page = admin.link("/admin/connectors/new").expect("the catalog leads there");
    admin.get(&page).await.says("Request or write a connector").says_not("The linter");
    admin.get(&format!("{page}?name=&acs_url=https%3A%2F%2Fx.example%2Facs")).await;
    assert_eq!(admin.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(admin.error_at("name").is_some());
    assert_eq!(admin.value("acs_url").as_deref(), Some("https://x.example/acs"), "nothing typed is lost");
    let known = "name=Acme%20%3Cb%3E&entity_id=https%3A%2F%2Fglobex.acme.example&own_part=globex\
        &acs_url=https%3A%2F%2Fglobex.acme.example%2Fsaml&category=finance";
    admin.get(&format!("{page}?{known}")).await;
    admin.says("a/acme-b.yaml").says("The linter finds nothing wrong");
    admin.says("https://YOUR_SUBDOMAIN.acme.example/saml").says("[finance]").says("tessera catalog lint");
    assert!(!admin.body.contains("<b>"));
    admin.get(&format!("{page}?name=Acme&acs_url=http%3A%2F%2Facme.example%2Fsaml")).await;
    admin.says_not("The linter finds nothing wrong").says("Line ");
    let mut nobody = world.signed_in("mara").await;
    nobody.get(&page).await;
    assert_ne!(nobody.status, StatusCode::OK);
}

#[tokio::test]
async fn the_catalog_says_how_well_its_facts_are_known() {
    let world = World::new().await;
    let mut admin = world.signed_in("adam").await;
    admin.get("/admin/catalog/heap").await.says("Checked against documentation").says("Kelvin Zero");
    admin.get("/admin/catalog?q=loom").await.says("Not checked");
    admin.get("/admin/catalog?q=10%2C000ft").await.says("Replaced");
    admin.get("/admin/catalog/10-000ft-plans").await.says("Not checked").says("Where it is known from");
    admin.says("Use instead").says("Resource Management by Smartsheet");
    admin.says_not("Checked against");
    admin.get("/admin/catalog/custom-saml").await.says_not("Not checked");
}
