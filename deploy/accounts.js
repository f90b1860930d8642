// Creates the one-node replica set and its three accounts, or updates them if they exist.
// Runs in mongosh inside mongod's network: until the first account exists, MongoDB lets localhost (and nobody else) create it.
// Passwords are read from files and never appear in a command line, an environment or a log.
const fs = require("node:fs");
const secret = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8").replace(/[\r\n]+$/, "");
const database = process.env.DATABASE;
const DEADLINE = Date.now() + 60_000;

function retry(what, attempt) {
  for (;;) {
    try {
      const result = attempt();
      if (result) return result;
    } catch (error) {
      if (Date.now() > DEADLINE) throw error;
    }
    if (Date.now() > DEADLINE) throw new Error(`gave up waiting: ${what}`);
    sleep(300);
  }
}

// What the engine needs, and no more. "" means every collection except the system collections.
//   replace: creates a staging collection, fills and indexes it, renames it over the live one; dropCollection covers both
//   upsert, append, sync: bring the live collection in line (collMod) and change it in place (update, remove)
//   verify: listIndexes;  the ledger _engine_runs and the locks _engine_locks: insert and update
const LOADER = [
  { resource: { db: database, collection: "" },
    actions: ["listCollections", "listIndexes", "createCollection", "createIndex", "collMod", "find", "insert", "update", "remove",
              "renameCollectionSameDB", "dropCollection"] },
];

const admin = retry("mongod answers", () => connect("mongodb://127.0.0.1:27017/admin?directConnection=true"));
if (!admin.hello().setName) admin.adminCommand({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] } });
retry("a primary is elected", () => admin.hello().isWritablePrimary);

function login() {
  try {
    admin.auth("root", secret("root"));
  } catch {
    return false;
  }
  return true;
}
if (!login()) {
  admin.createUser({ user: "root", pwd: secret("root"), roles: ["root"] });
  admin.auth("root", secret("root"));
}

if (admin.getRole("loader")) admin.updateRole("loader", { privileges: LOADER, roles: [] });
else admin.createRole({ role: "loader", privileges: LOADER, roles: [] });

const ACCOUNTS = { loader: ["loader"], reader: [{ role: "read", db: database }] };
for (const [user, roles] of Object.entries(ACCOUNTS)) {
  if (admin.getUser(user)) admin.updateUser(user, { pwd: secret(user), roles });
  else admin.createUser({ user, pwd: secret(user), roles });
}
print(`replica set rs0 and the accounts loader and reader of ${database} are ready`);
