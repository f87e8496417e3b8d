// Runs in the page that echo_server serves: raw WebSocket echoes on the same port.
// usage: evaluated by browser.py; the value is a promise of [[name, passed, detail], ...]
(async () => {
  const SIZES = [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 1 << 20];
  const results = [];
  const note = (name, passed, detail = '') => results.push([name, Boolean(passed), String(detail)]);
  const within = (seconds, promise) =>
    Promise.race([
      promise,
      new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), seconds * 1000)),
    ]);
  const text = (size) => 'aé€😀'.repeat(size / 5 + 1).slice(0, size);
  const binary = (size) => Uint8Array.from({ length: size }, (_, i) => i % 251);

  const ws = new WebSocket(`ws://${location.host}/`);
  ws.binaryType = 'arraybuffer';
  const arrived = [];
  let wake = () => {};
  ws.onmessage = (event) => {
    arrived.push(event.data);
    wake();
  };
  const closed = new Promise((resolve) => (ws.onclose = resolve));
  const next = async () => {
    while (!arrived.length) await within(10, new Promise((resolve) => (wake = resolve)));
    return arrived.shift();
  };

  try {
    await within(10, new Promise((resolve, reject) => ((ws.onopen = resolve), (ws.onerror = reject))));
    note('open', true);
    for (const size of SIZES) {
      // A cut can leave half a surrogate pair, which the browser sends as U+FFFD.
      const sent = text(size).toWellFormed();
      ws.send(sent);
      note(`text ${size}`, (await next()) === sent);
    }
    for (const size of [...SIZES, 8 << 20]) {
      const sent = binary(size);
      ws.send(sent);
      const back = new Uint8Array(await next());
      note(`binary ${size}`, back.length === size && back.every((byte, i) => byte === sent[i]));
    }
    for (let i = 0; i < 1000; i += 1) ws.send(`message ${i}`);
    let inOrder = true;
    for (let i = 0; i < 1000; i += 1) inOrder = (await next()) === `message ${i}` && inOrder;
    note('1000 messages in order', inOrder);
    ws.close(3000, 'bye');
    const end = await within(10, closed);
    note('clean close 3000', end.code === 3000 && end.wasClean, `${end.code} clean ${end.wasClean}`);
  } catch (error) {
    note('all steps', false, error.message || error.type);
  }
  return results;
})();
