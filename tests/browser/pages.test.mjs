// Every page of the demo that the main flows do not pass, in every look: with data, empty, and after a refused form.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, look, person } from "./launch.mjs";
import { startTessera } from "./servers.mjs";

let browser, tessera, lab, password, admin;

before(async () => {
  [browser, tessera] = await Promise.all([launch(), startTessera({ command: "demo" })]);
  const told = (pattern) => pattern.exec(tessera.log())?.[1] ?? assert.fail(`no ${pattern} in:\n${tessera.log()}`);
  password = told(/username octavia\s+password (\S+)/);
  lab = told(/(http:\/\/[^/\s]+)\/start\//);
  admin = await person(browser);
  await signIn(admin.page, "octavia");
});

after(async () => {
  await browser?.close();
  await tessera?.stop();
});

const at = (path) => tessera.base + path;

async function signIn(page, username) {
  await page.goto(at("/login"));
  await page.fill('input[name="username"]', username);
  await page.fill('input[name="password"]', password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(at("/"));
}

/** Somebody else's browser, shut when the looking is done. */
async function as(username, act) {
  const { page, context, faults } = await person(browser);
  if (username) await signIn(page, username);
  await act(page);
  assert.deepEqual(faults, []);
  await context.close();
}

/** Follows a link of the list at `path` and gives where it leads, without the last part for an application's tab. */
async function find(page, path, name) {
  await page.goto(at(path));
  const href = await page.getByRole("link", { name, exact: true }).first().getAttribute("href");
  return href.replace(/\/sso$/, "");
}

/** Presses the last button of that name, past the browser's own checks of what was typed. */
async function send(page, button) {
  await page.evaluate(() => [...document.forms].forEach((form) => (form.noValidate = true)));
  await page.getByRole("button", { name: button, exact: true }).last().click();
  await page.waitForLoadState();
}

const visit = async (page, path, name) => {
  await page.goto(at(path));
  await look(page, name);
};

test("lists, and lists without a hit", async () => {
  const { page } = admin;
  for (const [path, name] of [
    ["/admin/applications", "applications"],
    ["/admin/users", "users"],
    ["/admin/users?q=zzz", "users-none"],
    ["/admin/groups", "groups"],
    ["/admin/events?name=user_login_attempt", "events"],
    ["/admin/events?q=zzz", "events-none"],
    ["/admin/catalog", "catalog"],
    ["/admin/catalog/heap", "connector"],
    ["/admin/tokens", "tokens-empty"],
    ["/api/docs", "api-docs"],
  ]) {
    await visit(page, path, name);
  }
});

test("the catalog is searched while typing, and walked through by keyboard alone", async () => {
  const { page } = admin;
  await page.goto(at("/admin/catalog"));
  const status = page.locator("#cq-n");
  const all = await status.innerText();
  await page.getByLabel("Search the catalog").focus();
  await page.keyboard.type("o365");
  await page.locator("#shelf .pick", { hasText: "Microsoft 365" }).first().waitFor();
  await page.waitForFunction(() => /match/.test(document.querySelector("#cq-n").textContent));
  assert.notEqual(await status.innerText(), all);
  await page.getByLabel("Search the catalog").fill("jira");
  await page.waitForFunction(() => /Atlassian Cloud/.test(document.querySelector("#shelf .pick")?.textContent ?? ""));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Atlassian Cloud/);
  await look(page, "catalog-search");
  await Promise.all([page.waitForURL(/admin\/catalog\/atlassian-cloud$/), page.keyboard.press("Enter")]);
});

test("adding an application", async () => {
  const { page } = admin;
  await visit(page, "/admin/applications/new", "application-new");
  await page.goto(at("/admin/applications/new?connector=heap"));
  await page.getByLabel("Last part of the IdP URL").fill("Not An Address");
  await page.getByLabel(/I have read the address/).check();
  await send(page, "Save application");
  await look(page, "application-new-refused");
  await page.getByLabel("Last part of the IdP URL").fill("heap-again");
  await page.getByLabel(/I have read the address/).check();
  await send(page, "Save application");
  await page.getByRole("heading", { name: "Heap is saved" }).waitFor();
  await look(page, "application-saved");
});

test("an application that people use", async () => {
  const { page, faults } = admin;
  const application = await find(page, "/admin/applications", "Aqueduct");
  await visit(page, `${application}/activity`, "application-activity");
  await page.goto(at(`${application}/groups?person=livia`));
  await page.getByText("Yes, Livia Ferrante can open Aqueduct").waitFor();
  await look(page, "application-groups-answer");
  await page.goto(at(`${application}/sso`));
  await page.getByRole("link", { name: "Preview" }).click();
  await page.locator('input[name="person"]').fill("livia");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("A sign-on of Livia Ferrante would succeed now").waitFor();
  await look(page, "application-preview");
  await page.goto(at(`${application}/sso`));
  await page.getByLabel("SP entity ID").fill("");
  await send(page, "Save");
  await look(page, "application-sso-refused");
  const bookmark = await find(page, "/admin/applications", "Canteen");
  await visit(page, `${bookmark}/sso`, "bookmark");
  assert.deepEqual(faults, []);
});

test("a sign-on that was refused is looked into from its page, and one that succeeded while that is recorded", async () => {
  const { page, faults } = admin;
  const application = await find(page, "/admin/applications", "Aqueduct");
  await page.goto(at(`${application}/activity`));
  await page.getByRole("button", { name: "Record the next 15 minutes" }).click();
  await page.getByText("Sign-ons that succeed are recorded until").waitFor();
  const refused = await page.goto(at("/saml2/aqueduct?SAMLRequest=AAAA"));
  assert.equal(refused.status(), 400);
  await page.getByRole("link", { name: "See what was received" }).click();
  await page.getByRole("heading", { name: /^Exchange / }).waitFor();
  await page.getByText("deflate_invalid").waitFor();
  await look(page, "exchange-refused");
  await page.goto(at(`${application}/sso`));
  await page.getByRole("button", { name: "Test" }).waitFor();
  await page.goto(at("/saml2/aqueduct"));
  await page.getByRole("heading", { name: "Signed in to Aqueduct" }).waitFor();
  await page.goto(at(`${application}/activity`));
  await page.getByText("Signed on", { exact: true }).waitFor();
  await look(page, "application-activity-recorded");
  await page.locator("li", { has: page.getByText("Signed on", { exact: true }) }).locator("a.mono").click();
  await page.getByRole("heading", { name: /^Exchange / }).waitFor();
  await look(page, "exchange-answered");
  assert.deepEqual(faults, []);
});

test("another signing key: made, tried, switched to, gone back from", async () => {
  const { page, faults } = admin;
  const application = await find(page, "/admin/applications", "Aqueduct");
  await page.goto(at(`${application}/sso`));
  await page.getByRole("button", { name: "Make the next one" }).click();
  await page.getByText("Published, not used yet").waitFor();
  const metadata = await page.locator("#v-metadata-url").textContent();
  const published = await (await fetch(metadata)).text();
  assert.equal(published.split("<md:KeyDescriptor").length - 1, 2, "both certificates are in the metadata");
  await look(page, "application-sso-next-key");
  await page.getByRole("button", { name: "Sign in with it" }).click();
  await page.getByRole("heading", { name: "Signed in to Aqueduct" }).waitFor();
  await page.goto(at(`${application}/sso`));
  await page.getByRole("button", { name: "Switch to this one…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Switch", exact: true }).click();
  await page.getByText("Switched. The next sign-on is signed with it.").waitFor();
  await look(page, "application-sso-key-before");
  await page.getByRole("button", { name: "Go back to this one…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Go back", exact: true }).click();
  await page.getByText("Published, not used yet").waitFor();
  assert.deepEqual(faults, []);
});

test("the built-in service provider", async () => {
  const { page, context } = admin;
  const application = await find(page, "/admin/applications", "Tabularium");
  await page.goto(at(`${application}/sso`));
  const [other] = await Promise.all([
    context.waitForEvent("page"),
    page.getByRole("button", { name: "Test the sign-on in a new tab" }).click(),
  ]);
  await other.getByRole("heading", { name: "Signed in to Tabularium" }).waitFor();
  await look(other, "lab-received");
  for (const [path, name] of [["/", "lab"], ["/nowhere", "lab-nothing"]]) {
    await other.goto(lab + path);
    await look(other, name);
  }
  await other.close();
});

test("deleting without JavaScript has a page of its own", async () => {
  const { page } = admin;
  await page.goto(at("/admin/applications"));
  for (const name of ["Slack", "Keeper"]) await page.getByLabel(`Select ${name}`).check();
  // The button posts where no script opens the dialog.
  await page.locator(".bulk button").evaluate((button) => button.removeAttribute("data-dialog"));
  await page.locator(".bulk button").click();
  await page.getByRole("heading", { name: "Delete 2 applications?" }).waitFor();
  await look(page, "delete-page");
});

test("people", async () => {
  const { page } = admin;
  const livia = await find(page, "/admin/users", "Livia Ferrante");
  await visit(page, livia, "user");
  await visit(page, `${livia}/edit`, "user-edit");
  await page.goto(at("/admin/users/new"));
  await page.getByLabel("Username", { exact: true }).fill("new");
  await page.getByLabel("E-mail", { exact: true }).fill("new@meridian.example");
  await page.locator('input[name="password"]').fill("short");
  await send(page, "Add user");
  await look(page, "user-new-refused");
  await visit(page, "/admin/groups/new", "group-new");
});

test("a reset link, and choosing the password", async () => {
  const { page } = admin;
  await page.goto(at(await find(page, "/admin/users", "Felix Brandt")));
  await page.getByRole("button", { name: "Make a reset link" }).click();
  await page.getByText("Shown once").waitFor();
  await look(page, "shown-once");
  const link = (await page.locator("#secret").innerText()).trim();
  await as(null, async (theirs) => {
    await theirs.goto(link);
    await theirs.locator('input[name="password"]').fill("short");
    await send(theirs, "Save the password");
    await look(theirs, "reset-refused");
  });
});

test("settings and tokens", async () => {
  const { page } = admin;
  await visit(page, "/admin/settings", "settings");
  await page.locator('input[inputmode="numeric"]').first().fill("0");
  await send(page, "Save");
  await look(page, "settings-refused");
  await page.goto(at("/admin/tokens"));
  await page.getByLabel("Name", { exact: true }).fill("terraform");
  await send(page, "Make token");
  await page.getByText("Shown once").waitFor();
  await visit(page, "/admin/tokens", "tokens");
});

test("a person's own pages", async () => {
  await as("livia", async (page) => {
    await visit(page, "/?q=zzz", "portal-none");
    await page.goto(at("/account"));
    await page.getByLabel("Current password").fill("not this one");
    await page.getByLabel("New password").fill("short");
    await send(page, "Change password");
    await look(page, "account-refused");
    await visit(page, "/admin/users", "forbidden");
    await visit(page, "/nowhere", "not-found");
    await page.goto(`${lab}/start/aqueduct?force_authn=true`);
    await page.getByRole("heading", { name: "Enter your password again" }).waitFor();
    await look(page, "password-again");
    // From another site the IdP URL asks first.
    await page.goto(`${lab}/`);
    await page.evaluate((url) => location.assign(url), at("/saml2/aqueduct"));
    await page.getByRole("button", { name: "Continue to Aqueduct" }).waitFor();
    await look(page, "continue");
    await page.goto(at("/"));
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    await look(page, "signed-out");
  });
});

test("the gate: a wrong password, a stale sign-in, the page that posts", async () => {
  await as(null, async (page) => {
    await page.goto(at("/login"));
    await page.fill('input[name="username"]', "livia");
    await page.fill('input[name="password"]', "not this one");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("do not go together").waitFor();
    await look(page, "login-refused");
    await page.goto(at(`/login?request=${"A".repeat(43)}`));
    await page.getByRole("heading", { name: "This sign-in has expired" }).waitFor();
    await look(page, "expired");
  });
  const { page, context } = await person(browser);
  await signIn(page, "claudia");
  // As long as its script does not come, the page that posts waits for the button.
  await context.route("**/static/post.js*", (route) => route.abort());
  await page.goto(at("/saml2/aqueduct"));
  await page.getByRole("button", { name: "Continue to Aqueduct" }).waitFor();
  await look(page, "post");
  await context.close();
});

test("by keyboard: the skip link first, and the focus is always seen", async () => {
  await as("livia", async (page) => {
    await page.goto(at("/"));
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "tile-search");
    await page.keyboard.type("tabul");
    assert.equal(await page.locator("#all .tile:visible").count(), 1);
    await page.keyboard.press("ArrowDown");
    const tile = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return [document.activeElement.className, outlineStyle, outlineWidth];
    });
    assert.deepEqual(tile, ["tile", "solid", "3px"]);
  });
});
