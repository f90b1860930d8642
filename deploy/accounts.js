// Creates the one-node replica set and its accounts, or adds a database to what they may do.
// Runs in mongosh inside mongod's network: until the first account exists, MongoDB lets localhost (and nobody else) create it.
// Passwords are read from files and never appear in a command line, an environment or a log.
// The roles and who has them are data: roles.json, printed from the engine's table of privileges (docs/privileges.md).
const fs = require("node:fs");
const read = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8");
const secret = (name) => read(name).replace(/[\r\n]+$/, "");
const { roles: ROLES, accounts: ACCOUNTS } = JSON.parse(read("roles.json"));
const database = process.env.DATABASE;
const ledger = process.env.ENGINE_LEDGER_DB || database;
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

// A role belongs to the database that it is about. Built-in roles, such as read, are in every database already.
function define({ role, db }) {
  if (!ROLES[role]) return;
  const there = admin.getSiblingDB(db);
  const privileges = Object.entries(ROLES[role]).map(([collection, actions]) => ({ resource: { db, collection }, actions }));
  if (there.getRole(role)) there.updateRole(role, { privileges, roles: [] });
  else there.createRole({ role, privileges, roles: [] });
}

for (const [user, { data, ledger: beside }] of Object.entries(ACCOUNTS)) {
  const known = admin.getUser(user);
  const added = data.map((role) => ({ role, db: database })).concat(ledger === database ? [] : beside.map((role) => ({ role, db: ledger })));
  const held = known ? known.roles.map(({ role, db }) => ({ role, db })) : [];
  [...held, ...added].forEach(define); // those of other databases too: a newer engine may need more
  if (known) admin.updateUser(user, { pwd: secret(user) });
  else admin.createUser({ user, pwd: secret(user), roles: [] });
  admin.grantRolesToUser(user, added); // what it holds, it keeps
}
print(`replica set rs0 and the accounts ${Object.keys(ACCOUNTS).join(" and ")} of ${database} are ready`);
