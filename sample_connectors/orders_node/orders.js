// Orders in PostgreSQL, behind API Gateway with Lambda proxy integration. One connection, opened by the first
// invocation and kept for the next ones; the answer lists the server's process behind each, `backends`.
//
// Known weakness of `callback`: a callback's answer waits until the event loop is empty, and an open connection keeps
// it from being so; the work is done, and the function runs into its timeout. `guide` says otherwise as a well-known
// guide spells it, in lower case: a property that nobody reads. `fixed` spells it as the runtime does. `closing` gives
// the connection up each time. `promise` is async: its answer is sent when it is there, whatever is open. Node.js 24
// runs only handlers of this kind.

const { Client } = require("pg");

let connected; // a promise of the connection
const backends = []; // of this execution environment's invocations

exports.callback = (event, context, callback) => {
  orders().then((found) => callback(null, found), callback);
};

exports.guide = (event, context, callback) => {
  context.callbackwaitsforemptyeventloop = false;
  exports.callback(event, context, callback);
};

exports.fixed = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  exports.callback(event, context, callback);
};

exports.closing = (event, context, callback) => {
  orders().finally(close).then((found) => callback(null, found), callback);
};

exports.promise = async () => orders();

async function orders() {
  const client = await (connected ??= connect());
  const { rows } = await client.query("select pg_backend_pid() as pid");
  console.log("answered by backend", rows[0].pid);
  backends.push(rows[0].pid);
  return { statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ backends }) };
}

async function connect() {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client;
}

async function close() {
  const client = await connected;
  connected = undefined;
  await client.end();
}
