// From *Add application* to an active one as a new administrator goes, every click and every field counted: the table of
// docs/catalog.md says how many. And the search by which the connector is found.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { setUp } from "./acts.mjs";
import { launch, person } from "./launch.mjs";
import { startTessera } from "./servers.mjs";

/** A page on which nothing is clicked or filled in uncounted. */
class Counted {
  clicks = 0;
  fields = 0;
  #page;

  constructor(page) {
    this.#page = page;
  }

  async click(locator) {
    this.clicks += 1;
    const empty = await locator.evaluate(({ type, form }) =>
      type === "submit" ? [...form.elements].filter((e) => e.matches(":invalid")).map(({ name }) => name) : [],
    );
    assert.deepEqual(empty, [], "the form asks for more");
    await locator.click();
    await this.#page.waitForLoadState();
    assert.deepEqual(await this.#page.locator("#errors li").allInnerTexts(), [], "it was refused");
  }

  /** `value` is a text or a file. */
  async fill(locator, value) {
    this.fields += 1;
    await (typeof value === "string" ? locator.fill(value) : locator.setInputFiles(value));
  }
}

const keeperAt = "https://keepersecurity.com/api/rest/sso";
const keeperId = "459561502469";

/** The file that Keeper's page of the connection exports. */
function keeperFile() {
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "800", "-subj", "/CN=keeper"];
  const pem = execFileSync("openssl", [...request, "-keyout", "/dev/null"], { encoding: "utf8", stdio: "pipe" });
  const certificate = pem.replace(/-----[A-Z ]+-----/g, "").trim();
  const data = `<ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data>`;
  const post = 'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"';
  const xml = `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
    entityID="${keeperAt}/saml/${keeperId}">
  <md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true"
      protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo>${data}</ds:KeyInfo></md:KeyDescriptor>
    <md:SingleLogoutService ${post} Location="${keeperAt}/saml/slo/${keeperId}"/>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>
    <md:AssertionConsumerService ${post} Location="${keeperAt}/saml/sso/${keeperId}" index="0"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>`;
  return { name: "keeper-metadata.xml", mimeType: "application/xml", buffer: Buffer.from(xml) };
}

/** By the names of the table: what is given, and an address that the page makes of it. */
const walks = {
  Slack: {
    letters: "slac",
    connector: "Slack",
    field: "Slack subdomain",
    value: "forum",
    address: "https://forum.slack.com/sso/saml",
  },
  "GitHub Enterprise Cloud": {
    letters: "gith",
    connector: "GitHub Enterprise Cloud",
    field: "GitHub organisation",
    value: "forum",
    address: "https://github.com/orgs/forum/saml/consume",
  },
  Heap: {
    letters: "heap",
    connector: "Heap",
    field: "Heap ID",
    value: "42",
    address: "https://heapanalytics.com/saml/finalize/42/",
  },
  Keeper: {
    letters: "keep",
    connector: "Keeper (Cloud SSO Connect)",
    file: keeperFile,
    address: `${keeperAt}/ext_login/${keeperId}`,
  },
};

const manual = readFileSync(new URL("../../docs/catalog.md", import.meta.url), "utf8");
const [, table] = /\n\| application \| clicks \| fields \|.*\n\| ---.*\n((?:\|.*\n)+)/.exec(manual);
const rows = table.trim().split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

let browser, tessera, admin;

before(async () => {
  [browser, tessera] = await Promise.all([launch(), startTessera()]);
  admin = await person(browser);
  await setUp(admin.page, tessera);
});

after(async () => {
  await browser?.close();
  await tessera?.stop();
});

const at = (path) => tessera.base + path;

test("the manual tells of the applications that are tried, and names every field", () => {
  assert.deepEqual(rows.map(([name]) => name), Object.keys(walks));
  for (const [name, , fields, typed] of rows) assert.equal(typed.split(";").length, Number(fields), name);
});

for (const [name, clicks, fields] of rows) {
  test(`${name} is active after as many clicks and fields as the manual says`, async () => {
    const { letters, connector, file, field, value, address } = walks[name];
    const { page } = admin;
    const button = (text) => page.getByRole("button", { name: text, exact: true }).first();
    await page.goto(at("/admin/applications"));
    const counted = new Counted(page);
    await counted.click(page.getByRole("link", { name: "Add application", exact: true }));
    await counted.fill(page.getByLabel("Search the catalog"), letters);
    await counted.click(page.locator("#shelf .pick", { has: page.getByText(connector, { exact: true }) }));
    await counted.click(page.getByLabel("I have read the address and it is the one I want"));
    await counted.click(button("Save application"));
    await page.getByRole("heading", { name: `${connector} is saved` }).waitFor();
    await counted.click(page.getByRole("link", { name: "Configure application" }));
    if (file) {
      await counted.fill(page.getByLabel("Upload a file"), file());
      await counted.click(button("Show what changes"));
      await counted.click(button("Save these changes"));
      assert.equal(await page.getByLabel("SP entity ID").inputValue(), `${keeperAt}/saml/${keeperId}`);
      assert.equal(await page.getByLabel("Keeper connection ID").inputValue(), keeperId, "told by the file");
    } else {
      await counted.fill(page.getByLabel(field), value);
    }
    await counted.click(button("Activate"));
    await page.getByText("Switched on.").waitFor();
    await page.locator(".page__meta").getByText("Active", { exact: true }).waitFor();
    assert.ok((await page.locator("main").innerText()).includes(address), `${address} is not shown`);
    assert.deepEqual([counted.clicks, counted.fields], [Number(clicks), Number(fields)], "clicks and fields");
    await page.goto(at("/admin/applications"));
    await page.getByRole("row", { name: connector }).getByText("Active", { exact: true }).waitFor();
    assert.deepEqual(admin.faults, []);
  });
}

test("an application is found by another name, despite a typing error, in a category, and by arrows", async () => {
  const { page } = admin;
  const search = page.getByLabel("Search the catalog");
  const categories = page.getByRole("navigation", { name: "Categories" });
  const first = (text) => page.locator("#shelf .pick").first().filter({ hasText: text }).waitFor();
  await page.goto(at("/admin/applications/new"));
  assert.ok(await search.evaluate((input) => input === document.activeElement), "one types at once");
  await page.keyboard.type("slakc");
  await first("Slack");
  await page.waitForURL(/q=slakc/);
  await page.locator("#shelf .pick").first().click();
  await page.getByRole("button", { name: "Save application" }).waitFor();
  await page.goBack();
  assert.equal(await search.inputValue(), "slakc", "who goes back finds what was found");
  await first("Slack");
  await page.goto(at("/admin/applications/new"));
  await categories.getByRole("link", { name: /^Productivity/ }).click();
  await page.waitForURL(/category=productivity/);
  await search.focus();
  await page.keyboard.type("gsuite");
  await first("Google Workspace");
  assert.match(await categories.locator('[aria-current="true"]').innerText(), /^Productivity/);
  assert.equal(await page.getByText("ForeSee CX Suite").count(), 0, "it is of another category");
  await search.fill("github");
  await page.getByRole("link", { name: /^\d+ elsewhere$/ }).click();
  await first("GitHub");
  await page.goto(at("/admin/applications/new?category=productivity&q=gsuite"));
  await search.focus();
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.doesNotMatch(await focused(), /Google Workspace/, "on to the next one");
  await page.keyboard.press("ArrowUp");
  assert.match(await focused(), /Google Workspace/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Google Workspace", exact: true }).waitFor();
  await page.getByRole("button", { name: "Save application" }).waitFor();
  assert.deepEqual(admin.faults, []);
});
