// Identity management as an administrator drives it, at an SCIM service of the lab: connecting, what fails, dry run,
// approval, retry, and bringing in three people and six hundred.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import {
  addApplication,
  addGroup,
  addPerson,
  bind,
  edit,
  fillConnection,
  owner,
  press,
  setUp,
  shows,
  until,
} from "./acts.mjs";
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

test("an activation that fails says why, and loses nothing that was typed", async () => {
  const { page } = admin;
  await setUp(page, tessera);
  await addPerson(page, tessera.base, ada);
  await addGroup(page, tessera.base, "Analysts", [ada]);
  const application = await addApplication(page, tessera.base, "Custom SAML", "Aqueduct", "aqueduct");
  tab = `${tessera.base}${application}/provisioning`;
  await bind(page, tessera.base, application, "Analysts");
  await fillConnection(page, tab, lab.url, "not-the-token");
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
  await page.goto(tab);
  await press(page, "Activate");
  await page.getByText("Connected to Aqueduct, and verified").waitFor();
  await shows(page, tab, "1 change waits for your yes");
  await page.getByText("What exactly").first().click();
  assert.match(await page.locator("pre").first().innerText(), /"userName": "ada"/);
  await look(page, "provisioning-approval");
  assert.deepEqual(await lab.writes(), [], "nothing goes out before the yes");
  await page.getByRole("button", { name: /^Approve for/ }).first().click();
  await page.getByText("Approved. It is sent now.").waitFor();
  await shows(page, tab, "It takes our changes.");
  assert.deepEqual(await lab.writes(), ["POST /Users"]);
});

test("what the application refuses is told, and tried again when somebody says so", async () => {
  const { page } = admin;
  await lab.fault({ kind: "status", status: 400 }, { method: "PATCH", times: 1 });
  await edit(page, tessera.base, ada, { "First name": "Augusta" });
  await shows(page, tab, "could not be kept in sync");
  await look(page, "provisioning-trouble");
  await page.getByRole("button", { name: /^Retry/ }).first().click();
  await page.getByText("It is tried again now.").waitFor();
  await until(async () => (await lab.user("ada"))?.name?.givenName === "Augusta", "it was not sent again");
  await page.goto(tab);
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
  await page.goto(tab);
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
  await page.getByText("Suspended").first().waitFor();
  await until(async () => !(await lab.user("ada")).active, "the account is still active there");
  await page.goto(`${tab.replace("provisioning", "activity")}?about=provisioning`);
  await page.getByText(/inactive/).first().waitFor();
});

test("six hundred people are brought in beside the page, with a bar that grows, and a mail at the end", async () => {
  const { page } = admin;
  await lab.seed(Array.from({ length: 600 }, (_, n) => there(`crowd-${String(n).padStart(3, "0")}`)));
  const address = `${tab}/import`;
  await page.goto(address);
  await press(page, "Read again");
  await page.getByRole("button", { name: "Import all 600 new people" }).click();
  await page.getByText(/Importing 600 people|600 people were imported/).first().waitFor();
  const bar = [];
  const ended = async () => {
    bar.push(...(await page.locator("progress:visible").evaluateAll((shown) => shown.map(({ value }) => value))));
    await page.goto(address);
    return page.getByText("600 people were imported").isVisible();
  };
  await until(ended, "the import does not end");
  assert.deepEqual(bar, bar.toSorted((one, other) => one - other), "it went back");
  assert.ok(bar.at(-1) > bar[0], `the bar stood still: ${bar}`);
  await look(page, "provisioning-imported");
  const arrived = () => readdirSync(outbox).filter((name) => name.endsWith(".eml"));
  await until(() => arrived().length > 0, "no mail came");
  const mails = arrived();
  const text = readFileSync(path.join(outbox, mails[0]), "utf8");
  assert.equal(mails.length, 1);
  assert.match(text, new RegExp(`To: ${owner.email}`));
  assert.match(text, /Subject: 600 people imported from Aqueduct/);
  const [, link] = /(http:\/\/localhost:\d+\/admin\/\S+)/.exec(text.replaceAll("=\r\n", ""));
  await page.goto(link);
  await page.getByText("600 people were imported").waitFor();
  assert.deepEqual(admin.faults, []);
});
