// Handlers for tests/test_runtimes_node.py: event.do says what happens.
const net = require("node:net");

let invocations = 0;
const held = [];

const deeds = {
  echo: (event) => event,
  environ: () => ({ ...process.env }),
  about: () => ({ version: process.version, flags: process.execArgv, cwd: process.cwd(), uid: process.getuid(), invocations }),
  raise: () => { throw new TypeError("wrong"); },
  sdk: () => typeof require("@aws-sdk/client-secrets-manager").SecretsManagerClient,
  heap: () => { for (;;) held.push(new Array(1 << 16).fill({ number: held.length }).map((one) => ({ ...one }))); },
  buffers: () => { for (;;) held.push(Buffer.alloc(1 << 20, 1)); },
};

function hold(answer) {
  const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL);
  held.push(net.connect(port, hostname, answer));
}

exports.callback = (event, context, callback) => {
  invocations += 1;
  if (event.wait === false) context.callbackWaitsForEmptyEventLoop = false;
  if (event.misspelt === false) context.callbackwaitsforemptyeventloop = false;
  if (event.do === "hold") hold(() => callback(null, { invocations, sockets: held.length }));
  else if (event.do === "later") setTimeout(() => { throw new RangeError("later"); }, 5);
  else if (event.do === "refuse") callback(new Error("refused"));
  else if (event.do === "reject") Promise.reject(new Error("nobody listens"));
  else if (event.do === "silence") return;
  else callback(null, deeds[event.do](event));
};

exports.promised = async (event) => {
  invocations += 1;
  console.log("an order came", event.do);
  if (event.do === "hold") {
    await new Promise(hold);
    return { invocations, sockets: held.length };
  }
  if (event.do === "never") return new Promise(() => {});
  return deeds[event.do](event);
};
