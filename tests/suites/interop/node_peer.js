// The npm package `ws` as a client that checks an echo server or the chat, or a server for the example `client`.
// usage: NODE_PATH=.../node_modules node node_peer.js client|chat URL [deflate] | node_peer.js server [deflate]
// The environment variable SERVER is the name of the server to print, if it is not echo_server.
'use strict';
const { WebSocket, WebSocketServer } = require('ws');

const SIZES = [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 1 << 20];
const text = (size) => 'aé€~'.repeat(size / 4 + 1).slice(0, size);
const binary = (size) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251));
// With compression every message is compressed, however short.
const perMessageDeflate = process.argv.includes('deflate') && { threshold: 0 };

const peers = `ws${perMessageDeflate ? ' with compression' : ''} -> ${process.env.SERVER || 'echo_server'}`;

function open(url, protocols = []) {
  const ws = new WebSocket(url, protocols, { perMessageDeflate, handshakeTimeout: 10000 });
  const waiting = [];
  const arrived = [];
  ws.next = (event) =>
    new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no ${event} in 10 s`)), 10000);
      const early = arrived.findIndex((entry) => entry.event === event);
      if (early >= 0) resolve(arrived.splice(early, 1)[0].values);
      else waiting.push({ event, resolve, reject });
    });
  for (const event of ['open', 'message', 'pong', 'close']) {
    ws.on(event, (...values) => {
      const index = waiting.findIndex((entry) => entry.event === event);
      if (index >= 0) waiting.splice(index, 1)[0].resolve(values);
      else arrived.push({ event, values });
    });
  }
  ws.on('error', (error) => waiting.splice(0).forEach((entry) => entry.reject(error)));
  return ws;
}

function same(found, wanted) {
  const left = Buffer.isBuffer(found) ? found.toString('latin1') : String(found);
  const right = Buffer.isBuffer(wanted) ? wanted.toString('latin1') : String(wanted);
  if (left !== right) throw new Error(`${left.slice(0, 60)} instead of ${right.slice(0, 60)}`);
}

async function client(url) {
  let failures = 0;
  async function check(name, body) {
    const ws = open(url);
    try {
      await ws.next('open');
      await body(ws);
      console.log(`ok ${peers}: ${name}`);
    } catch (error) {
      failures += 1;
      console.log(`FAIL ${peers}: ${name}: ${error.message}`);
    } finally {
      ws.terminate();
    }
  }
  for (const size of SIZES) {
    await check(`text ${size}`, async (ws) => {
      ws.send(text(size));
      const [data, isBinary] = await ws.next('message');
      same(isBinary, false);
      same(data.toString(), text(size));
    });
    await check(`binary ${size}`, async (ws) => {
      ws.send(binary(size));
      const [data, isBinary] = await ws.next('message');
      same(isBinary, true);
      same(data, binary(size));
    });
  }
  await check('1000 messages in order', async (ws) => {
    for (let i = 0; i < 1000; i += 1) ws.send(`message ${i} of a thousand that are much like each other`);
    for (let i = 0; i < 1000; i += 1) {
      same((await ws.next('message'))[0].toString(), `message ${i} of a thousand that are much like each other`);
    }
  });
  await check('ping', async (ws) => {
    ws.ping('are you there');
    same((await ws.next('pong'))[0].toString(), 'are you there');
  });
  await check('text in fragments with a ping among them', async (ws) => {
    const bytes = Buffer.from('Grüße €😀');
    ws.send(bytes.subarray(0, 3), { fin: false, binary: false });
    ws.ping('between');
    same((await ws.next('pong'))[0].toString(), 'between');
    ws.send(bytes.subarray(3, 10), { fin: false, binary: false });
    ws.send(bytes.subarray(10), { fin: true, binary: false });
    same((await ws.next('message'))[0].toString(), 'Grüße €😀');
  });
  await check('close with code and reason', async (ws) => {
    ws.close(4001, 'done');
    same((await ws.next('close'))[0], 4001);
  });
  return failures;
}

/** Two clients of the chat. */
async function chat(url) {
  const [one, two] = [open(url), open(url)];
  let failures = 0;
  async function check(name, body) {
    try {
      await body();
      console.log(`ok ${peers}: ${name}`);
    } catch (error) {
      failures += 1;
      console.log(`FAIL ${peers}: ${name}: ${error.message}`);
    }
  }
  const heard = async (ws) => (await ws.next('message'))[0].toString().replace(/^[0-9]+: /, '');
  await check('text', async () => {
    for (const ws of [one, two]) await ws.next('open');
    one.send('Grüße €😀');
    for (const ws of [one, two]) same(await heard(ws), 'Grüße €😀');
  });
  await check('1 MiB in fragments with a ping among them', async () => {
    const whole = Buffer.from(text(590000));
    for (let at = 0; at < whole.length; at += 50000) {
      one.send(whole.subarray(at, at + 50000), { fin: at + 50000 >= whole.length, binary: false });
    }
    one.ping('between');
    same((await one.next('pong'))[0].toString(), 'between');
    for (const ws of [one, two]) same(await heard(ws), whole.toString());
  });
  await check('binary: Close 1003', async () => {
    two.send(binary(10));
    same((await two.next('close'))[0], 1003);
  });
  await check('close with code and reason', async () => {
    one.close(4001, 'done');
    same((await one.next('close'))[0], 4001);
  });
  return failures;
}

function server() {
  const wss = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    maxPayload: 16 << 20,
    perMessageDeflate,
    handleProtocols: (offered) => (offered.has('superchat') ? 'superchat' : false),
    verifyClient: ({ req }, done) =>
      req.url === '/forbidden' ? done(false, 403, 'Forbidden') : done(true),
  });
  wss.on('connection', (ws, request) => {
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    ws.on('close', (code) => console.log(`closed ${request.url} ${code}`));
    ws.on('error', (error) => console.log(`error ${request.url} ${error.message}`));
    if (request.url === '/ping') {
      ws.on('pong', (data) => console.log(`pong ${data}`));
      ws.ping('from the server');
    }
  });
  wss.on('listening', () => console.log(`listening on 127.0.0.1:${wss.address().port}`));
}

const [mode, url] = process.argv.slice(2);
if (mode === 'client') client(url).then((failures) => process.exit(failures ? 1 : 0));
else if (mode === 'chat') chat(url).then((failures) => process.exit(failures ? 1 : 0));
else if (mode === 'server') server();
else {
  console.error('usage: node_peer.js client|chat URL [deflate] | node_peer.js server [deflate]');
  process.exit(2);
}
