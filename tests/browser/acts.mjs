// What administrators and people do in a browser, one act at a time.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

export const owner = { username: "livia", email: "livia@example.org", password: "seven hills and one river" };

export async function signIn(page, { username, password }) {
  await page.fill('input[name="username"]', username);
  await page.fill('input[name="password"]', password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Presses a button that may ask for the password again before it acts. */
export async function press(page, name) {
  await page.getByRole("button", { name, exact: true }).first().click();
  await page.waitForLoadState();
  if (await page.getByRole("heading", { name: "Enter your password again" }).isVisible()) {
    await page.fill('input[name="password"]', owner.password);
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await page.waitForLoadState();
  }
}

/** Follows the set-up link; the owner is signed in after it. `look` is handed the page before it is filled. */
export async function setUp(page, tessera, look = async () => {}) {
  await page.goto(tessera.setupLink() ?? assert.fail(`no set-up link in:\n${tessera.log()}`));
  await look(page, "setup");
  await page.getByLabel("Organisation").fill("Forum");
  await page.getByLabel("First name").fill("Livia");
  await page.getByLabel("Last name").fill("Drusilla");
  await page.locator('input[name="email"]').fill(owner.email);
  await page.locator('input[name="username"]').fill(owner.username);
  await page.locator('input[name="password"]').fill(owner.password);
  await page.getByRole("button", { name: "Create the owner account" }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/setup"));
  if (new URL(page.url()).pathname === "/login") await signIn(page, owner);
  await page.goto(`${tessera.base}/admin/applications`);
  await page.getByRole("heading", { name: "Applications", exact: true }).waitFor();
}

/** Adds an application; answers its path in the console. */
export async function addApplication(page, base, connector, label, slug) {
  await page.goto(`${base}/admin/applications/new?q=${encodeURIComponent(connector)}`);
  await page.locator("a.pick", { hasText: connector }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(label);
  await page.getByLabel("Last part of the IdP URL").fill(slug);
  await page.getByLabel("I have read the address and it is the one I want").check();
  await press(page, "Save application");
  await page.getByRole("heading", { name: `${label} is saved` }).waitFor();
  await page.getByRole("link", { name: "Configure application" }).click();
  await page.getByRole("button", { name: "Activate", exact: true }).waitFor();
  return new URL(page.url()).pathname.replace(/\/sso$/, "");
}

export async function addPerson(page, base, { username, email, password }) {
  await page.goto(`${base}/admin/users/new`);
  await page.getByLabel("Username", { exact: true }).fill(username);
  await page.getByLabel("E-mail", { exact: true }).fill(email);
  await page.locator('input[name="password"]').fill(password);
  await press(page, "Add user");
}

export async function bind(page, base, application, group) {
  await page.goto(`${base}${application}/groups`);
  // The option tells the number of members beside the name.
  const option = page.locator('select[name="group"] option', { hasText: new RegExp(`^${group} \\(`) });
  await page.locator('select[name="group"]').selectOption(await option.getAttribute("value"));
  await press(page, "Bind group");
  await page.getByRole("link", { name: group }).waitFor();
}

/** Asks until the answer is a yes: what goes on beside the page takes its time. */
export async function until(asked, otherwise) {
  for (const start = Date.now(); ; await pause(100)) {
    const answer = await asked();
    if (answer) return answer;
    assert.ok(Date.now() - start < 60_000, otherwise);
  }
}

/** Loads a page until it shows this. */
export async function shows(page, address, text) {
  const shown = async () => {
    await page.goto(address);
    return page.getByText(text).first().isVisible();
  };
  await until(shown, `${text} is not on ${address}`);
}

/** Writes into the fields of a person's form and saves it. `values` are by their labels. */
export async function edit(page, base, { username, email }, values) {
  await page.goto(`${base}/admin/users?q=${username}`);
  await page.locator("tr", { hasText: email }).getByRole("link").click();
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
  await press(page, "Save");
}

export async function addGroup(page, base, name, members) {
  await page.goto(`${base}/admin/groups/new`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await press(page, "Add group");
  for (const { username } of members) {
    await page.locator('input[name="user"]').fill(username);
    await press(page, "Add member");
  }
}

/** Fills in where the SCIM service of an application is, and its token; saves nothing. */
export async function fillConnection(page, tab, url, token) {
  await page.goto(tab);
  await page.getByLabel("Base URL").fill(url);
  await page.locator('input[name="token"]').fill(token);
}
