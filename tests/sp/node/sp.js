// A strict service provider on node-saml. How it is spoken to stands in docs/testing.md.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { parseArgs } from "node:util";

import { SAML, ValidateInResponseTo, generateServiceProviderMetadata } from "@node-saml/node-saml";
import { DOMParser } from "@xmldom/xmldom";

const METADATA = "urn:oasis:names:tc:SAML:2.0:metadata";
const ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion";
const PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol";
const DSIG = "http://www.w3.org/2000/09/xmldsig#";
const BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-";
const CLOCK_SKEW_MS = 5_000;

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "entity-id": { type: "string" },
    "idp-metadata": { type: "string" },
    "sign-requests": { type: "boolean", default: false },
    "allow-unsolicited": { type: "boolean", default: false },
    "name-id-format": { type: "string", default: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" },
  },
});

const say = (event, fields) => console.log(JSON.stringify({ event, ...fields }));
const parse = (xml) => new DOMParser().parseFromString(xml, "text/xml").documentElement;
const all = (node, ns, name) => Array.from(node.getElementsByTagNameNS(ns, name));
const children = (node, ns, name) =>
  Array.from(node.childNodes).filter((child) => child.namespaceURI === ns && child.localName === name);

function keyPair(folder) {
  const [key, cert] = [path.join(folder, "sp.key"), path.join(folder, "sp.crt")];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days", "2", "-subj", "/CN=sp"];
  execFileSync("openssl", [...request, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

function readIdpMetadata(xml) {
  const root = parse(xml);
  const [role] = all(root, METADATA, "IDPSSODescriptor");
  const signing = all(role, METADATA, "KeyDescriptor").filter((key) => key.getAttribute("use") !== "encryption");
  const endpoint = (binding, service = "SingleSignOnService") =>
    all(role, METADATA, service)
      .find((service) => service.getAttribute("Binding") === BINDING + binding)
      ?.getAttribute("Location");
  return {
    entityId: root.getAttribute("entityID"),
    certificates: signing.flatMap((key) => all(key, DSIG, "X509Certificate").map((cert) => cert.textContent.trim())),
    redirect: endpoint("Redirect"),
    post: endpoint("POST"),
    logout: endpoint("Redirect", "SingleLogoutService"),
  };
}

class Provider {
  sessions = new Map();
  requests = new Map();

  constructor(base, folder) {
    this.base = base;
    this.acs = `${base}/acs`;
    this.entityId = options["entity-id"] ?? `${base}/metadata`;
    this.pair = keyPair(folder);
    this.cache = {
      saveAsync: async (id, value) => {
        const entry = { value, createdAt: Date.now() };
        this.requests.set(id, entry);
        return entry;
      },
      getAsync: async (id) => this.requests.get(id)?.value ?? null,
      removeAsync: async (id) => (id !== null && this.requests.delete(id) ? id : null),
    };
  }

  metadata() {
    const xml = generateServiceProviderMetadata({
      issuer: this.entityId,
      callbackUrl: this.acs,
      logoutCallbackUrl: `${this.base}/slo`,
      identifierFormat: options["name-id-format"],
      wantAssertionsSigned: true,
      publicCerts: this.pair.cert,
      privateKey: this.pair.key,
      decryptionCert: this.pair.cert,
      decryptionPvk: this.pair.key,
    });
    return options["sign-requests"] ? xml : xml.replace(/ AuthnRequestsSigned="true"/, ' AuthnRequestsSigned="false"');
  }

  async learnIdp(source) {
    const xml = /^https?:/.test(source) ? await (await fetch(source)).text() : readFileSync(source, "utf8");
    this.idp = readIdpMetadata(xml);
  }

  saml({ binding = "redirect", sign, forceAuthn = false, passive = false, validate = "always" } = {}) {
    const signing = sign ?? options["sign-requests"];
    return new SAML({
      issuer: this.entityId,
      callbackUrl: this.acs,
      audience: this.entityId,
      entryPoint: this.idp[binding],
      logoutUrl: this.idp.logout,
      logoutCallbackUrl: `${this.base}/slo`,
      idpIssuer: this.idp.entityId,
      idpCert: this.idp.certificates,
      privateKey: signing ? this.pair.key : undefined,
      decryptionPvk: this.pair.key,
      signatureAlgorithm: "sha256",
      digestAlgorithm: "sha256",
      identifierFormat: options["name-id-format"],
      wantAssertionsSigned: true,
      wantAuthnResponseSigned: true,
      validateInResponseTo: ValidateInResponseTo[validate],
      acceptedClockSkewMs: CLOCK_SKEW_MS,
      disableRequestedAuthnContext: true,
      forceAuthn,
      passive,
      cacheProvider: this.cache,
    });
  }

  async consume(form) {
    const peek = parse(Buffer.from(form.get("SAMLResponse") ?? "", "base64").toString("utf8"));
    const solicited = peek.hasAttribute("InResponseTo");
    if (!solicited && !options["allow-unsolicited"]) throw new Error("unsolicited response");
    const encrypted = all(peek, ASSERTION, "EncryptedAssertion").length === 1;
    const saml = this.saml({ validate: solicited ? "always" : "ifPresent" });
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: form.get("SAMLResponse") });
    const response = parse(profile.getSamlResponseXml());
    const assertion = parse(profile.getAssertionXml());
    this.holdToTheProfile(response, assertion);
    return { encrypted, ...this.describe(profile, response, assertion, form.get("RelayState")) };
  }

  // Profiles 4.1.4.2 and 4.1.4.3: what node-saml leaves to its caller.
  holdToTheProfile(response, assertion) {
    const demand = (holds, reason) => {
      if (!holds) throw new Error(reason);
    };
    const top = children(children(response, PROTOCOL, "Status")[0], PROTOCOL, "StatusCode")[0];
    demand(top.getAttribute("Value") === "urn:oasis:names:tc:SAML:2.0:status:Success", "status is not Success");
    demand(response.getAttribute("Destination") === this.acs, "another Destination");
    for (const node of [response, assertion])
      demand(children(node, ASSERTION, "Issuer")[0]?.textContent === this.idp.entityId, "another issuer");
    const confirmations = all(assertion, ASSERTION, "SubjectConfirmationData");
    demand(confirmations.length > 0, "no SubjectConfirmationData");
    for (const data of confirmations) {
      demand(data.getAttribute("Recipient") === this.acs, "another Recipient");
      demand(!data.hasAttribute("NotBefore") && data.hasAttribute("NotOnOrAfter"), "NotBefore or NotOnOrAfter");
      demand(data.getAttribute("InResponseTo") === response.getAttribute("InResponseTo"), "InResponseTo differs");
    }
    demand(all(assertion, ASSERTION, "AuthnStatement").length === 1, "no AuthnStatement");
  }

  describe(profile, response, assertion, relayState) {
    const attributes = {};
    for (const attribute of all(assertion, ASSERTION, "Attribute")) {
      attributes[attribute.getAttribute("Name")] = all(attribute, ASSERTION, "AttributeValue").map((v) => v.textContent);
    }
    return {
      name_id: profile.nameID,
      name_id_format: profile.nameIDFormat,
      attributes,
      session_index: profile.sessionIndex ?? null,
      authn_instant: all(assertion, ASSERTION, "AuthnStatement")[0].getAttribute("AuthnInstant"),
      in_response_to: response.hasAttribute("InResponseTo") ? response.getAttribute("InResponseTo") : null,
      issuer: profile.issuer,
      relay_state: relayState,
    };
  }
}

// A message by POST at the address for logout, which is the binding that node-saml puts into its metadata.
async function takeLogout(provider, req, res) {
  let body = "";
  for await (const chunk of req) body += chunk;
  const form = new URLSearchParams(body);
  const saml = provider.saml({ sign: true, validate: "ifPresent" });
  try {
    if (form.has("SAMLRequest")) {
      const { profile } = await saml.validatePostRequestAsync({ SAMLRequest: form.get("SAMLRequest") });
      // A form of another site brings no cookie: the session is found by what the request says.
      let ended = false;
      for (const [id, session] of provider.sessions) {
        if (session.name_id === profile.nameID && session.session_index === profile.sessionIndex)
          ended = provider.sessions.delete(id);
      }
      const location = await saml.getLogoutResponseUrlAsync(profile, form.get("RelayState") ?? "", {}, ended);
      return reply(res, 303, "", { location });
    }
    // node-saml looks for InResponseTo in a Response only, so that of a LogoutResponse is held here.
    const peek = parse(Buffer.from(form.get("SAMLResponse") ?? "", "base64").toString("utf8"));
    if (!provider.requests.has(peek.getAttribute("InResponseTo"))) throw new Error("unsolicited response");
    const { loggedOut } = await saml.validatePostResponseAsync({ SAMLResponse: form.get("SAMLResponse") });
    if (!loggedOut) throw new Error("the identity provider has not signed out");
    reply(res, 200, { event: "signed_out" });
  } catch (error) {
    const refusal = { reason: `${error.name}: ${error.message}` };
    say("refused", refusal);
    reply(res, 403, { event: "refused", ...refusal });
  }
}

async function askToSignOut(provider, req, res) {
  const session = provider.sessions.get(sessionOf(req));
  const user = { nameID: session.name_id, nameIDFormat: session.name_id_format, sessionIndex: session.session_index };
  // The answer comes as a form of another site, which brings no cookie: so the session here ends now.
  provider.sessions.delete(sessionOf(req));
  reply(res, 303, "", { location: await provider.saml({ sign: true }).getLogoutUrlAsync(user, "", {}) });
}

const sessionOf = (req) => /(?:^|; )sp-node=(\w+)/.exec(req.headers.cookie ?? "")?.[1];

// The innermost status code of a refused message, without its URN: unverified, for tests to read.
function statusOf(message) {
  const codes = [...Buffer.from(message ?? "", "base64").toString("utf8").matchAll(/SAML:2\.0:status:(\w+)/g)];
  return codes.at(-1)?.[1] ?? null;
}

function reply(res, status, body, headers = {}) {
  const json = typeof body !== "string";
  res.writeHead(status, { "content-type": json ? "application/json" : "text/html; charset=utf-8", ...headers });
  res.end(json ? JSON.stringify(body) : body);
}

async function sendRequest(provider, res, query) {
  const flag = (name) => (query.has(name) ? query.get(name) === "1" : undefined);
  const binding = query.get("binding") ?? "redirect";
  const how = { binding, sign: flag("sign"), forceAuthn: flag("force_authn"), passive: flag("is_passive") };
  const saml = provider.saml(how);
  const relayState = query.get("relay_state") ?? "";
  if (binding === "post") return reply(res, 200, await saml.getAuthorizeFormAsync(relayState));
  reply(res, 303, "", { location: await saml.getAuthorizeUrlAsync(relayState, undefined, {}) });
}

async function takeResponse(provider, req, res) {
  let body = "";
  for await (const chunk of req) body += chunk;
  const form = new URLSearchParams(body);
  try {
    const accepted = await provider.consume(form);
    say("accepted", accepted);
    const session = randomBytes(16).toString("hex");
    provider.sessions.set(session, { event: "accepted", ...accepted });
    reply(res, 200, { event: "accepted", ...accepted }, { "set-cookie": `sp-node=${session}; Path=/; HttpOnly` });
  } catch (error) {
    const refusal = { reason: `${error.name}: ${error.message}`, status: statusOf(form.get("SAMLResponse")) };
    say("refused", refusal);
    reply(res, 403, { event: "refused", ...refusal });
  }
}

async function handle(provider, req, res) {
  const url = new URL(req.url, provider.base);
  if (req.method === "POST" && url.pathname === "/acs") return takeResponse(provider, req, res);
  if (req.method === "POST" && url.pathname === "/slo") return takeLogout(provider, req, res);
  if (req.method === "GET" && url.pathname === "/logout") return askToSignOut(provider, req, res);
  if (req.method === "GET" && url.pathname === "/login") return sendRequest(provider, res, url.searchParams);
  if (req.method === "GET" && url.pathname === "/metadata")
    return reply(res, 200, provider.metadata(), { "content-type": "application/samlmetadata+xml" });
  if (req.method === "GET" && url.pathname === "/private") {
    const session = provider.sessions.get(sessionOf(req));
    if (session) return reply(res, 200, session);
    return sendRequest(provider, res, new URLSearchParams({ relay_state: "/private" }));
  }
  reply(res, 404, { event: "refused", reason: "no such page" });
}

const folder = mkdtempSync(path.join(tmpdir(), "tessera-sp-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

let provider;
const server = http.createServer((req, res) =>
  handle(provider, req, res).catch((error) => reply(res, 500, { event: "refused", reason: String(error) })),
);
await new Promise((done) => server.listen(Number(options.port), "127.0.0.1", done));
provider = new Provider(`http://127.0.0.1:${server.address().port}`, folder);
const file = path.join(folder, "sp.xml");
writeFileSync(file, provider.metadata());
say("metadata", { file, entity_id: provider.entityId, acs: provider.acs, base: provider.base });

const lines = readline.createInterface({ input: process.stdin });
// Whoever started this ends it by closing its standard input, also by dying.
lines.on("close", () => process.exit(0));
const source = options["idp-metadata"] ?? (await new Promise((done) => lines.once("line", done))).trim();
await provider.learnIdp(source);
say("ready", { base: provider.base, idp: provider.idp.entityId });
