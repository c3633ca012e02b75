// From an empty server to a person who signs in, as an administrator and that person do it in a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { addApplication, addPerson, bind, owner, press, setUp, signIn } from "./acts.mjs";
import { launch, look, person } from "./launch.mjs";
import { prepareProvider, startTessera } from "./servers.mjs";

const ada = { username: "ada", email: "ada@example.org", password: "bronze abacus under the arch" };
const bob = { username: "bob", email: "bob@example.org", password: "granite steps by the water" };

let browser, tessera, provider, admin;

before(async () => {
  [browser, tessera] = await Promise.all([launch(), startTessera()]);
  admin = await person(browser);
});

after(async () => {
  provider?.stop();
  await browser?.close();
  await tessera?.stop();
});

const at = (path) => tessera.base + path;

test("the first one in becomes the owner", async () => {
  await setUp(admin.page, tessera, look);
  await look(admin.page, "applications-empty");
});

test("the set-up link works once", async () => {
  const { page, context } = await person(browser);
  const answer = await page.goto(tessera.setupLink());
  assert.ok(answer.status() >= 400, `answered ${answer.status()}`);
  await context.close();
});

let heap;
test("Heap is not activated while its placeholder is unfilled, and then it is", async () => {
  const { page } = admin;
  heap = await addApplication(page, tessera.base, "Heap", "Heap", "heap");
  await look(page, "application-sso-missing");
  await press(page, "Activate");
  const fault = page.locator("#errors a");
  assert.match(await fault.innerText(), /Heap ID.*ACS URL/, "named, with the place where it lands");
  assert.equal(await fault.getAttribute("href"), `#${await page.getByLabel("Heap ID").getAttribute("id")}`);
  await page.getByRole("button", { name: "Activate", exact: true }).waitFor();
  await page.getByLabel("Heap ID").fill("42");
  await press(page, "Activate");
  await page.getByRole("button", { name: /^Deactivate/ }).first().waitFor();
  const body = await page.content();
  assert.match(body, /finalize\/(<mark[^>]*>)?42(<\/mark>)?\//);
  await look(page, "application-sso-active");
});

test("the IdP URL can't be edited once it is saved", async () => {
  const { page } = admin;
  await page.goto(at(`${heap}/general`));
  const slug = page.getByLabel("IdP URL");
  assert.equal(await slug.inputValue(), "heap");
  assert.equal(await slug.isEditable(), false);
  assert.equal(await slug.getAttribute("name"), null);
  await look(page, "application-general");
});

test("a group is made, filled and bound", async () => {
  const { page } = admin;
  for (const someone of [ada, bob]) await addPerson(page, tessera.base, someone);
  await page.goto(at("/admin/groups/new"));
  await page.getByLabel("Name", { exact: true }).fill("Analysts");
  await press(page, "Add group");
  await page.getByRole("heading", { name: "Analysts", exact: true }).waitFor();
  await page.locator('input[name="user"]').fill(ada.username);
  await press(page, "Add member");
  await page.getByRole("button", { name: /^Remove/ }).waitFor();
  await look(page, "group");
  await bind(page, tessera.base, heap, "Analysts");
  await look(page, "application-groups");
});

test("her tile opens Heap, with the assertion posted to the filled-in address", async () => {
  const { page, context, faults } = await person(browser);
  let posted;
  await context.route("https://heapanalytics.com/**", (route) => {
    posted = route.request();
    return route.fulfill({ contentType: "text/html", body: "<h1>Heap</h1>" });
  });
  await page.goto(at("/"));
  await look(page, "login");
  await signIn(page, ada);
  await page.locator("a.tile", { hasText: "Heap" }).first().waitFor();
  await look(page, "portal");
  await page.locator("a.tile", { hasText: "Heap" }).first().click();
  await page.getByRole("heading", { name: "Heap", exact: true }).waitFor();
  assert.equal(posted.url(), "https://heapanalytics.com/saml/finalize/42/");
  const message = Buffer.from(new URLSearchParams(posted.postData()).get("SAMLResponse"), "base64").toString();
  assert.match(message, /ada@example\.org/);
  assert.doesNotMatch(message, /InResponseTo/);
  assert.deepEqual(faults, []);
  await context.close();
});

test("a service provider sends her to the login and gets her back", async () => {
  const { page } = admin;
  provider = await prepareProvider(["--sign-requests"]);
  const application = await addApplication(page, tessera.base, "Custom SAML", "Aqueduct", "aqueduct");
  await page.locator('textarea[name="metadata"]').fill(readFileSync(provider.file, "utf8"));
  await press(page, "Show what changes");
  await look(page, "sp-metadata-changes");
  await press(page, "Save these changes");
  await page.goto(at(`${application}/sso`));
  await press(page, "Activate");
  await page.getByRole("button", { name: /^Deactivate/ }).first().waitFor();
  await bind(page, tessera.base, application, "Analysts");
  await provider.start(at("/saml2/aqueduct/metadata"));

  for (const binding of ["redirect", "post"]) {
    const someone = await person(browser);
    await someone.page.goto(`${provider.base}/login?binding=${binding}&relay_state=%2Freports%3Fa%3D1`);
    if (binding === "post") await someone.page.locator("form").evaluate((form) => form.submit()).catch(() => {});
    await someone.page.getByRole("heading", { name: /Aqueduct/ }).waitFor();
    if (binding === "redirect") await look(someone.page, "login-to-application");
    await signIn(someone.page, ada);
    await someone.page.waitForURL(`${provider.base}/acs`);
    const told = JSON.parse(await someone.page.locator("body").innerText());
    assert.equal(told.event, "accepted", JSON.stringify(told));
    assert.equal(told.name_id, ada.email);
    assert.equal(told.relay_state, "/reports?a=1");
    assert.deepEqual(someone.faults, []);
    await someone.context.close();
  }
});

test("without JavaScript the same sign-on takes one more press", async () => {
  const { page, context } = await person(browser, { javaScriptEnabled: false });
  await page.goto(`${provider.base}/login`);
  await signIn(page, ada);
  await page.getByRole("button", { name: "Continue to Aqueduct" }).click();
  await page.waitForURL(`${provider.base}/acs`);
  await context.close();
});

test("a person without access is told why", async () => {
  const { page, context } = await person(browser);
  await page.goto(`${provider.base}/login`);
  await signIn(page, bob);
  await page.getByRole("heading", { name: /open Aqueduct/ }).waitFor();
  assert.ok(page.url().startsWith(tessera.base), "nothing is sent to the provider");
  await look(page, "refusal");
  await page.goto(at("/"));
  assert.equal(await page.locator("a.tile").count(), 0);
  await look(page, "portal-empty");
  await context.close();
});

test("deleting asks for the number, and then the address is gone", async () => {
  const { page, faults } = admin;
  await page.goto(at("/admin/applications"));
  await page.getByLabel("Select Heap").check();
  await page.getByRole("button", { name: "Delete…" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.waitFor();
  await look(page, "applications-delete");
  await dialog.locator('input[name="count"]').fill("2");
  await dialog.getByRole("button", { name: /^Delete/ }).click().catch(() => {});
  const still = await page.request.get(at("/saml2/heap/metadata"));
  assert.equal(still.status(), 200, "a wrong number deletes nothing");
  await dialog.locator('input[name="count"]').fill("1");
  await press(page, "Delete 1 application");
  await page.goto(at("/admin/applications"));
  assert.equal(await page.getByLabel("Select Heap").count(), 0);
  assert.equal((await page.request.get(at("/saml2/heap/metadata"))).status(), 410);
  assert.deepEqual(faults, []);
});
