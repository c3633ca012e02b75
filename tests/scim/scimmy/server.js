// A SCIM service in memory on scimmy: `node server.js PORT TOKEN`. It ends when its standard input closes.

import { randomUUID } from "node:crypto";

import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token] = process.argv.slice(2);

/** A shelf of resources whose `unique` attribute is taken once. */
function shelf(unique) {
  const held = new Map();
  const now = () => new Date().toISOString();
  const clash = (id, value) =>
    [...held.values()].some((one) => one.id !== id && one[unique]?.toLowerCase() === value?.toLowerCase());
  return {
    held,
    egress: (resource) => {
      if (resource.id) {
        const found = held.get(resource.id);
        if (!found) throw new SCIMMY.Types.Error(404, null, `Nothing has the id ${resource.id}`);
        return found;
      }
      const all = [...held.values()];
      return resource.filter ? resource.filter.match(all) : all;
    },
    ingress: (resource, instance) => {
      const id = resource.id ?? randomUUID();
      const before = held.get(id);
      if (resource.id && !before) throw new SCIMMY.Types.Error(404, null, `Nothing has the id ${id}`);
      if (clash(id, instance[unique])) throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
      const plain = JSON.parse(JSON.stringify(instance));
      const meta = { created: before?.meta.created ?? now(), lastModified: now() };
      held.set(id, { ...plain, id, meta });
      return held.get(id);
    },
    degress: (resource) => {
      if (!held.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, `Nothing has the id ${resource.id}`);
    },
  };
}

SCIMMY.Resources.declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false), shelf("userName"));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, shelf("displayName"));

const app = express();
app.use(
  "/scim/v2",
  new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
      if (request.header("authorization") !== `Bearer ${token}`) throw new Error("That is not the token");
      return "tessera";
    },
  }),
);
const server = app.listen(Number(port), "127.0.0.1");
process.stdin.resume();
process.stdin.on("end", () => {
  server.closeAllConnections();
  server.close(() => process.exit(0));
});
