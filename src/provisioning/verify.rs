//! Whether what answers is a SCIM service that takes us: what it says of itself, and one filtered read. Nothing is
//! written (decision 31).

use serde_json::{Value as Json, json};

use crate::base::Ctx;
use crate::catalog::model::Quirks;
use crate::outbound::Method;
use crate::provisioning::client::{Client, Fault, FaultKind, Reply, encoded};
use crate::scim::{Capabilities, Filter, ListResponse};

/// A name that nobody has, to read by.
const NOBODY: &str = "tessera-looks-whether-filters-work";

/// Asks; answers what the other side can, as it is stored.
pub(in crate::provisioning) async fn verify(
    ctx: &Ctx,
    client: &Client<'_>,
    quirks: &Quirks,
    groups: bool,
) -> Result<Json, Fault> {
    // One that says nothing is taken as the standard has it (SC-01).
    let capabilities = discover(ctx, client).await?.unwrap_or_else(|| json!({}));
    let query = if quirks.no_filter {
        "startIndex=1&count=1".to_owned()
    } else {
        format!("filter={}&startIndex=1&count=1", encoded(&Filter::equals("userName", NOBODY).to_string()))
    };
    read_list(ctx, client, &format!("/Users?{query}")).await?;
    if groups {
        read_list(ctx, client, "/Groups?startIndex=1&count=1").await?;
    }
    Ok(capabilities)
}

/// What it says of itself; `None`: nothing.
pub(in crate::provisioning) async fn discover(ctx: &Ctx, client: &Client<'_>) -> Result<Option<Json>, Fault> {
    match client.send(ctx, Method::Get, "/ServiceProviderConfig", None, None).await {
        Ok(Reply { body: Some(body), .. }) => {
            Ok(Capabilities::read(&body).and_then(|found| serde_json::to_value(found).ok()))
        }
        Err(fault) if fault.kind.is_passing() || fault.kind == FaultKind::Ours => Err(fault),
        // Whether the token is taken tells the read that follows: some show this to nobody, or have none.
        Ok(_) | Err(_) => Ok(None),
    }
}

async fn read_list(ctx: &Ctx, client: &Client<'_>, path: &str) -> Result<ListResponse, Fault> {
    let reply = client.send(ctx, Method::Get, path, None, None).await?;
    list_of(&reply)
}

/// A list, or the fault that the answer is none.
pub(in crate::provisioning) fn list_of(reply: &Reply) -> Result<ListResponse, Fault> {
    let list = reply.body.as_ref().and_then(|body| ListResponse::read(body).ok());
    list.ok_or_else(|| Fault {
        kind: FaultKind::NotScim,
        code: "scim_no_list",
        message: "It answered a search with something that is no list. Check that the base URL is that of the SCIM service.".to_owned(),
        retry_after: None,
    })
}
