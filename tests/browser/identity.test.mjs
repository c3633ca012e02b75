// What an administrator does with a connection beyond bringing it up: by keyboard, without JavaScript, with another
// token, another mapping, after somebody's hand at the other side, and switching it off and on again.
import assert from "node:assert/strict";
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
  signIn,
  until,
} from "./acts.mjs";
import { launch, look, person, settled } from "./launch.mjs";
import { startLab, startTessera } from "./servers.mjs";

const ada = { username: "ada", email: "ada@example.org", password: "bronze abacus under the arch" };
const bob = { username: "bob", email: "bob@example.org", password: "granite steps by the water" };
const network = ["--outbound-allow", "127.0.0.1/32"];

// Aqueduct is at `lab`, Cistern at `other`.
let browser, tessera, lab, other, admin, application, tab;

before(async () => {
  [browser, tessera, lab, other] = await Promise.all([
    launch(),
    startTessera({ args: network }),
    startLab(),
    startLab(),
  ]);
  admin = await person(browser, { reducedMotion: "reduce" });
  const { page } = admin;
  await setUp(page, tessera);
  for (const someone of [ada, bob]) await addPerson(page, tessera.base, someone);
  await addGroup(page, tessera.base, "Analysts", [ada, bob]);
  await edit(page, tessera.base, ada, { "First name": "Ada", "Job title": "Countess" });
  application = await addApplication(page, tessera.base, "Custom SAML", "Aqueduct", "aqueduct");
  tab = `${tessera.base}${application}/provisioning`;
  await bind(page, tessera.base, application, "Analysts");
});

after(async () => {
  await browser?.close();
  await tessera?.stop();
  await lab?.stop();
  await other?.stop();
});

/** Waits until the account of that name fulfils this. */
const holds = (at, username, fulfils, otherwise) =>
  until(async () => fulfils((await at.user(username)) ?? {}), otherwise);

/** Goes on by Tab until this has the focus. At every stop the focus is seen, on what has it or on its label. */
async function tabTo(page, target) {
  for (let stops = 0; stops < 60; stops += 1) {
    await page.keyboard.press("Tab");
    await settled(page);
    const [where, seen] = await page.evaluate(() => {
      const here = document.activeElement;
      const box = here.getBoundingClientRect();
      const middle = (from, to, end) => (Math.max(from, 0) + Math.min(to, end)) / 2;
      const hit = document.elementFromPoint(
        middle(box.left, box.right, innerWidth),
        middle(box.top, box.bottom, innerHeight),
      );
      // Of a date's own button the browser draws it, within.
      const within = here.matches('input[type="date"]:not(:focus-visible)');
      const drawn = [here, here.closest("label")].filter(Boolean).some((element) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
      });
      const bare = here.contains(hit) || here.closest("label")?.contains(hit);
      return [here.outerHTML.slice(0, 200), (drawn || within) && Boolean(bare)];
    });
    assert.ok(seen, `the focus is not seen on ${where}`);
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`${target} is not reached by Tab`);
}

test("by keyboard alone: from the application's page to a connection, and the focus is always seen", async () => {
  const { page } = admin;
  const button = (name) => page.getByRole("button", { name, exact: true }).first();
  await page.goto(`${tessera.base}${application}/general`);
  await tabTo(page, page.getByRole("link", { name: "Identity management" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Connection" }).waitFor();
  await tabTo(page, page.getByLabel("Base URL"));
  await page.keyboard.type(lab.url);
  await tabTo(page, page.locator('input[name="token"]'));
  await page.keyboard.type(lab.token);
  await tabTo(page, button("Configure"));
  await page.keyboard.press("Enter");
  await page.getByText("Saved.").waitFor();
  await tabTo(page, button("Activate"));
  await page.keyboard.press("Enter");
  await page.getByText("Connected to Aqueduct, and verified").waitFor();
  await shows(page, tab, "It takes our changes.");
  for (const { username } of [ada, bob]) await holds(lab, username, (user) => user.active, `no ${username} there`);
  await look(page, "identity-active");
});

test("a wrong token is refused and the one before stays; the right one is taken and never shown", async () => {
  const { page } = admin;
  await page.goto(tab);
  await page.locator('input[name="token"]').fill("not-the-token");
  await press(page, "Update token");
  await page.getByText("the one before stays in use").waitFor();
  assert.match(await page.locator("main").innerText(), /401/, "what the other side said");
  assert.doesNotMatch(await page.content(), /not-the-token/);
  await look(page, "identity-token-refused");
  await edit(page, tessera.base, ada, { "First name": "Augusta" });
  await holds(lab, "ada", ({ name }) => name?.givenName === "Augusta", "nothing is sent with the one before");

  await lab.renew("another-of-the-lab");
  await page.goto(tab);
  await page.locator('input[name="token"]').fill("another-of-the-lab");
  await press(page, "Update token");
  await page.getByText("The new token is saved, and the old one is gone.").waitFor();
  assert.doesNotMatch(await page.content(), /of-the-lab/);
  await edit(page, tessera.base, ada, { "First name": "Ada" });
  await holds(lab, "ada", ({ name }) => name?.givenName === "Ada", "nothing is sent with the new one");
  await page.goto(tab);
  assert.doesNotMatch(await page.content(), /of-the-lab/);
});

test("a limit that is no number is refused, with what was typed still there", async () => {
  const { page } = admin;
  const limit = page.getByLabel("People", { exact: true });
  await page.goto(tab);
  const stored = await limit.inputValue();
  await limit.fill("many");
  await page.getByLabel("Per cent of everybody").fill("101");
  await press(page, "Save");
  const faults = page.locator("#errors a");
  assert.match(await faults.first().innerText(), /from 0 to 1,000,000/);
  assert.match(await faults.last().innerText(), /from 0 to 100\./);
  await look(page, "identity-limit-refused");
  await faults.first().click();
  assert.equal(await limit.evaluate((input) => input === document.activeElement), true);
  assert.equal(await limit.inputValue(), "many");
  const proof = page.getByRole("radio", { name: "Token", exact: true });
  assert.equal(await proof.isChecked(), true, "how Tessera proves itself stands as it was");
  await page.goto(tab);
  assert.equal(await limit.inputValue(), stored);
});

test("the mapping: one row out, a constant in, looked at before it is saved, and the default again", async () => {
  const { page, context } = admin;
  await page.goto(tab);
  await page.getByLabel("Remove title").check();
  await page.getByLabel("Attribute to add").selectOption("userType");
  await press(page, "Add");
  await page.getByText("Added below, and not saved yet").waitFor();
  assert.equal(await page.getByLabel("Remove title").count(), 0);
  await page.getByLabel("Kind of value for userType").selectOption("constant");
  await page.getByLabel("Constant for userType").fill("staff");
  await look(page, "identity-mapping-unsaved");
  await lab.clear();
  await press(page, "See what this changes");
  await page.getByText("Nothing was written there, and nothing is saved here.").waitFor();
  await page.getByText(/PATCH \/Users/).first().click();
  assert.match(await page.locator("pre:visible").first().innerText(), /"staff"/);
  await look(page, "identity-mapping-dry-run");
  assert.deepEqual(await lab.writes(), []);

  const preview = await context.newPage();
  const would = async () => {
    await preview.goto(`${tab}/preview?person=ada`);
    return JSON.parse(await preview.locator("pre").innerText());
  };
  const saved = await would();
  assert.deepEqual([saved.title, saved.userType], ["Countess", undefined], "nothing is saved yet");
  await press(page, "Save this mapping");
  await page.getByText("Saved.").waitFor();
  const changed = await would();
  assert.deepEqual([changed.title, changed.userType], [undefined, "staff"]);
  await look(preview, "identity-preview");
  await holds(lab, "ada", ({ title, userType }) => !title && userType === "staff", "it is not there");

  await page.goto(tab);
  await press(page, "Restore default");
  await page.getByText("This is the default, and not saved yet").waitFor();
  assert.equal((await would()).userType, "staff", "it is only shown");
  await press(page, "Save mapping");
  await page.getByText("Saved.").waitFor();
  await holds(lab, "ada", ({ title, userType }) => title === "Countess" && !userType, "it is not as it was");
  await preview.close();
});

test("what the application makes no account without stays in the mapping", async () => {
  const { page } = admin;
  await page.goto(tab);
  const row = page.getByRole("row", { name: /userName/ });
  await row.getByText("Always sent").waitFor();
  assert.equal(await page.getByLabel("Remove userName").count(), 0);
  // Nor can a form that was tampered with.
  await row.locator('[name$=".enabled"]').evaluate((input) => {
    const name = input.name.replace(/enabled$/, "remove");
    input.replaceWith(Object.assign(document.createElement("input"), { type: "hidden", name, value: "on" }));
  });
  await press(page, "Save mapping");
  await page.getByText("Saved.").waitFor();
  await row.getByText("Always sent").waitFor();
});

test("what somebody changed there is named when it is compared, and put right", async () => {
  const { page } = admin;
  const before = await lab.user("ada");
  await lab.change(before.id, { displayName: "Somebody else", title: "Nobody" });
  await page.goto(tab);
  await press(page, "Compare with Aqueduct");
  await page.getByText("Compared. What was found stands below.").waitFor();
  const row = page.getByRole("row", { name: /^ada/ });
  assert.match(await row.innerText(), /Changed there\s+Somebody changed displayName.+title in Aqueduct/);
  assert.equal(await page.getByRole("row", { name: /^bob/ }).count(), 0);
  await look(page, "identity-comparison");
  await holds(lab, "ada", ({ displayName }) => displayName === before.displayName, "it is not put right");
  assert.equal((await lab.user("ada")).title, "Countess");
  await press(page, "Compare now");
  await page.getByText("No difference").waitFor();
  await look(page, "identity-comparison-none");
});

test("without JavaScript a connection is configured, activated, approved and tried again", async () => {
  const { page, context } = await person(browser, { javaScriptEnabled: false });
  await page.goto(`${tessera.base}/login`);
  await signIn(page, owner);
  const there = await addApplication(page, tessera.base, "Custom SAML", "Cistern", "cistern");
  const cistern = `${tessera.base}${there}/provisioning`;
  await bind(page, tessera.base, there, "Analysts");
  await fillConnection(page, cistern, other.url, other.token);
  await page.locator('input[name="require_approval"][value="create"]').check();
  await press(page, "Configure");
  await press(page, "Activate");
  await page.getByText("Connected to Cistern, and verified").waitFor();
  await shows(page, cistern, "2 changes wait for your yes");
  await press(page, "Approve all 2…");
  await page.getByRole("heading", { name: "Approve all 2 changes that wait?" }).waitFor();
  assert.deepEqual(await other.writes(), [], "nothing goes out before the yes");
  await press(page, "Approve all 2");
  await page.getByText("Approved. It is sent now.").waitFor();
  for (const { username } of [ada, bob]) await holds(other, username, (user) => user.active, `no ${username} there`);

  await other.fault({ kind: "status", status: 400 }, { method: "PATCH", times: 1 });
  await edit(page, tessera.base, bob, { "Job title": "Mason" });
  await shows(page, cistern, "1 person could not be kept in sync");
  await press(page, "Retry all");
  await page.getByText("It is tried again now.").waitFor();
  await holds(other, "bob", ({ title }) => title === "Mason", "it was not sent again");
  await context.close();
});

test("deactivated, nothing is sent; activated again, what changed meanwhile is", async () => {
  const { page, faults } = admin;
  await page.goto(tab);
  await press(page, "Deactivate…");
  const dialog = page.getByRole("dialog");
  await look(page, "identity-deactivate");
  await dialog.getByRole("button", { name: "Keep it active" }).click();
  await page.goto(tab);
  await press(page, "Deactivate…");
  await dialog.getByRole("button", { name: "Deactivate", exact: true }).click();
  await page.getByText("Deactivated. Nothing is sent any more.").waitFor();
  await page.getByText("Not connected to Aqueduct").waitFor();
  await lab.clear();
  // The other application shows when this one would have got it: by the second change, the first at the latest.
  for (const someone of [ada, bob]) {
    await edit(page, tessera.base, someone, { "Job title": "Free" });
    await holds(other, someone.username, ({ title }) => title === "Free", "it was not sent to Cistern");
  }
  assert.deepEqual(await lab.writes(), []);
  await page.goto(tab);
  await look(page, "identity-deactivated");
  await press(page, "Activate");
  await page.getByText("Connected to Aqueduct, and verified").waitFor();
  await holds(lab, "ada", ({ title }) => title === "Free", "what changed meanwhile is not there");
  assert.deepEqual(faults, []);
});
