// Identity management as an administrator drives it, at an SCIM service of the lab: connecting, what fails, dry run,
// approval, retry, and bringing in three people and a hundred and fifty.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { addApplication, addPerson, bind, owner, press, setUp } from "./acts.mjs";
import { launch, look, person } from "./launch.mjs";
import { startLab, startTessera } from "./servers.mjs";

const ada = { username: "ada", email: "ada@example.org", password: "bronze abacus under the arch" };
const outbox = mkdtempSync(path.join(tmpdir(), "tessera-mail-"));
const network = ["--outbound-allow", "127.0.0.1/32"];
const mail = ["--mail-from", "Tessera <tessera@example.org>", "--mail-folder", outbox];

let browser, tessera, lab, admin, tab;

before(async () => {
  [browser, tessera, lab] = await Promise.all([launch(), startTessera({ args: [...network, ...mail] }), startLab()]);
  admin = await person(browser);
});

after(async () => {
  await browser?.close();
  await tessera?.stop();
  await lab?.stop();
  rmSync(outbox, { recursive: true, force: true });
});

/** Loads the tab until it shows this: what goes on beside the page takes its time. */
async function shows(page, text, address = tab) {
  for (const start = Date.now(); ; await pause(100)) {
    await page.goto(tessera.base + address);
    if (await page.getByText(text).first().isVisible()) return;
    assert.ok(Date.now() - start < 30_000, `${text} is not on ${address}`);
  }
}

async function configure(page, token) {
  await page.goto(tessera.base + tab);
  await page.getByLabel("Base URL").fill(lab.url);
  await page.locator('input[name="token"]').fill(token);
}

test("an activation that fails says why, and loses nothing that was typed", async () => {
  const { page } = admin;
  await setUp(page, tessera);
  await addPerson(page, tessera.base, ada);
  await page.goto(`${tessera.base}/admin/groups/new`);
  await page.getByLabel("Name", { exact: true }).fill("Analysts");
  await press(page, "Add group");
  await page.locator('input[name="user"]').fill(ada.username);
  await press(page, "Add member");
  const application = await addApplication(page, tessera.base, "Custom SAML", "Aqueduct", "aqueduct");
  tab = `${application}/provisioning`;
  await bind(page, tessera.base, application, "Analysts");
  await configure(page, "not-the-token");
  await look(page, "provisioning-first");
  await press(page, "Configure");
  await press(page, "Activate");
  await page.getByText("Saved, but Aqueduct could not be activated").waitFor();
  assert.match(await page.locator("main").innerText(), /401/, "what the other side said");
  assert.equal(await page.getByLabel("Base URL").inputValue(), lab.url);
  await look(page, "provisioning-refused");
});

test("a dry run says what would be sent, and sends nothing", async () => {
  const { page } = admin;
  await page.locator('input[name="token"]').fill(lab.token);
  await page.getByLabel("Approval", { exact: false }).first().waitFor({ state: "attached" }).catch(() => {});
  await page.locator('input[name="require_approval"][value="create"]').check();
  await press(page, "Save");
  await lab.clear();
  await press(page, "Dry run");
  await page.getByText("ada", { exact: false }).first().waitFor();
  await look(page, "provisioning-dry-run");
  assert.deepEqual(await lab.writes(), []);
});

test("what needs a yes waits for it and shows what it is of", async () => {
  const { page } = admin;
  await page.goto(tessera.base + tab);
  await press(page, "Activate");
  await page.getByText("Connected to Aqueduct, and verified").waitFor();
  await shows(page, "1 change waits for your yes");
  await page.getByText("What exactly").first().click();
  assert.match(await page.locator("pre").first().innerText(), /"userName": "ada"/);
  await look(page, "provisioning-approval");
  assert.deepEqual(await lab.writes(), [], "nothing goes out before the yes");
  await page.getByRole("button", { name: /^Approve for/ }).first().click();
  await page.getByText("Approved. It is sent now.").waitFor();
  await shows(page, "It takes our changes.");
  assert.deepEqual(await lab.writes(), ["POST /Users"]);
});

test("what the application refuses is told, and tried again when somebody says so", async () => {
  const { page } = admin;
  await lab.fault({ kind: "status", status: 400 }, { method: "PATCH", times: 1 });
  await page.goto(`${tessera.base}/admin/users?q=ada`);
  await page.getByRole("link", { name: /ada/ }).first().click();
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByLabel("First name").fill("Augusta");
  await press(page, "Save");
  await shows(page, "could not be kept in sync");
  await look(page, "provisioning-trouble");
  await page.getByRole("button", { name: /^Retry/ }).first().click();
  await page.getByText("It is tried again now.").waitFor();
  for (const start = Date.now(); (await lab.user("ada"))?.name?.givenName !== "Augusta"; await pause(100)) {
    assert.ok(Date.now() - start < 30_000, "it was not sent again");
  }
  await page.goto(tessera.base + tab);
  assert.equal(await page.getByText("could not be kept in sync").count(), 0);
});

const there = (name, active = true) => ({
  userName: name,
  displayName: `Person ${name}`,
  active,
  emails: [{ value: `${name}@example.org`, primary: true }],
});

test("three people are brought in while one watches, and who is suspended there is not", async () => {
  const { page } = admin;
  await lab.seed([there("p-one"), there("p-two"), there("p-three"), there("p-away", false)]);
  await page.goto(tessera.base + tab);
  await page.getByRole("link", { name: "Import people from Aqueduct" }).click();
  await look(page, "provisioning-import-first");
  await press(page, "Read the people of Aqueduct");
  await page.getByText("Person p-three").waitFor();
  const suspended = page.getByRole("checkbox", { name: "Import Person p-away" });
  assert.equal(await suspended.isDisabled(), true);
  // By keyboard alone: to the box that ticks all, and on to the button.
  const every = page.getByRole("checkbox", { name: "Tick all on this page" });
  await every.focus();
  await page.keyboard.press("Space");
  assert.equal(await page.locator('input[name="remote"]:checked').count(), 3);
  await look(page, "provisioning-import");
  await page.getByRole("button", { name: "Import the ticked" }).focus();
  await page.keyboard.press("Enter");
  // The card follows by itself.
  await page.getByText("3 people were imported").waitFor({ timeout: 30_000 });
  await page.goto(`${tessera.base}/admin/users?q=p-`);
  for (const name of ["p-one", "p-two", "p-three"]) await page.getByText(`Person ${name}`).first().waitFor();
  assert.equal(await page.getByText("Person p-away").count(), 0);
  assert.deepEqual(readdirSync(outbox), [], "three are no matter for a mail");
});

test("whoever is suspended here is inactive there within a minute", async () => {
  const { page } = admin;
  await page.goto(`${tessera.base}/admin/users?q=ada`);
  await page.getByRole("link", { name: /Augusta|ada/ }).first().click();
  await page.getByText("In sync").first().waitFor();
  await look(page, "user-provisioned");
  await press(page, "Suspend…");
  await page.getByRole("button", { name: /^Suspend/ }).last().click();
  const start = Date.now();
  await page.getByText("Suspended").first().waitFor();
  while ((await lab.user("ada")).active) {
    assert.ok(Date.now() - start < 60_000, "the account is still active there");
    await pause(100);
  }
  await page.goto(`${tessera.base}${tab.replace("provisioning", "activity")}?about=provisioning`);
  await page.getByText(/inactive/).first().waitFor();
});

test("a hundred and fifty people are brought in beside the page, with a bar, and a mail at the end", async () => {
  const { page } = admin;
  await lab.seed(Array.from({ length: 150 }, (_, n) => there(`crowd-${String(n).padStart(3, "0")}`)));
  const address = `${tab}/import`;
  await page.goto(tessera.base + address);
  await press(page, "Read again");
  await page.getByRole("button", { name: "Import all 150 new people" }).click();
  await page.getByText(/Importing 150 people|150 people were imported/).first().waitFor();
  await shows(page, "150 people were imported", address);
  await look(page, "provisioning-imported");
  let mails = [];
  for (const start = Date.now(); mails.length === 0; await pause(100)) {
    mails = readdirSync(outbox).filter((name) => name.endsWith(".eml"));
    assert.ok(Date.now() - start < 30_000, "no mail came");
  }
  const text = readFileSync(path.join(outbox, mails[0]), "utf8");
  assert.equal(mails.length, 1);
  assert.match(text, new RegExp(`To: ${owner.email}`));
  assert.match(text, /Subject: 150 people imported from Aqueduct/);
  const [, link] = /(http:\/\/localhost:\d+\/admin\/\S+)/.exec(text.replaceAll("=\r\n", ""));
  await page.goto(link);
  await page.getByText("150 people were imported").waitFor();
  assert.deepEqual(admin.faults, []);
});
