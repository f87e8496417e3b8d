'use strict';
const $ = id => document.getElementById(id);
const show = (id, value) => { $(id).textContent = value; };
const ROWS = 500, SAMPLES = 600, NUMBERS = 100, LOAD = 64 << 20;
const byteLength = text => new TextEncoder().encode(text).length;
const grouped = number => number.toLocaleString('en');
const milliseconds = time => `${time.toFixed(time < 100 ? 2 : 0)} ms`;

const clock = new Intl.DateTimeFormat('en-GB',
  { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });

let ws = null;
const waiting = []; // sent, echo not received yet: { data, at, quiet, done }
const rows = [], times = [], counts = { back: 0, differ: 0 };

// --- Painting, at most once per animation frame.
let painting = false;
function paintSoon() {
  if (!painting) requestAnimationFrame(paint);
  painting = true;
}

function paint() {
  painting = false;
  $('log').prepend(...rows.splice(0).reverse());
  while ($('log').childElementCount > ROWS) $('log').lastChild.remove();
  show('count', grouped(counts.back));
  show('differ', grouped(counts.differ));
  show('waiting', grouped(waiting.length));
  const sorted = Float64Array.from(times).sort();
  const [p50, p99] = [0.5, 0.99].map(part => sorted[Math.ceil(sorted.length * part) - 1] ?? 0);
  const named = Object.entries({ rtt: times.at(-1), p50, p99 });
  for (const [id, time] of named) show(id, times.length ? milliseconds(time) : '–');
  paintPlot(p50, p99);
}

function paintPlot(p50, p99) {
  const canvas = $('plot'), ratio = devicePixelRatio, { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext('2d'), style = getComputedStyle(canvas);
  const color = name => { pen.fillStyle = style.getPropertyValue(name); };
  // Decades from 0.1 ms, the resolution of a browser's clock, to one above the longest time.
  const top = Math.ceil(Math.log10(Math.max(1, ...times))), left = 50;
  const y = time => 14 + (height - 20) * (top - Math.log10(Math.max(time, 0.1))) / (top + 1);
  const level = (time, text, x, below) => {
    pen.fillRect(left, y(time), width - left, 1);
    color(x ? '--in' : '--dim');
    pen.fillText(text, x, y(time) + below);
  };
  pen.scale(ratio, ratio);
  pen.font = '11px system-ui, sans-serif';
  for (let decade = -1; decade <= top; decade += 1) {
    color('--line');
    level(10 ** decade, `${10 ** decade} ms`, 0, 4);
  }
  color('--accent');
  const step = (width - left - 6) / SAMPLES;
  times.forEach((time, n) => pen.fillRect(width - 4 - (times.length - n) * step, y(time) - 1.5, 3, 3));
  color('--in');
  if (times.length) level(p50, 'p50', left + 4, -3);
  if (times.length) level(p99, 'p99', left + 30, -3);
}

// --- The log.
function element(tag, name, text, ...children) {
  const made = Object.assign(document.createElement(tag), { className: name, textContent: text });
  made.append(...children);
  return made;
}

function log(way, kind, size, preview, took = '', bad = false) {
  const time = clock.format(), arrow = { out: '↑ out', in: '↓ in' }[way] ?? '·';
  const cells = { time, way: arrow, kind, size, preview, took };
  const spans = Object.entries(cells).map(([name, text]) => element('span', name, text));
  rows.push(element('li', `${way} ${bad ? 'bad' : ''}`, '', ...spans));
  if (rows.length > ROWS) rows.shift();
  paintSoon();
}

const logState = (kind, text, bad = false) => log('', kind, '', text, '', bad);

function logMessage(way, data, took, bad) {
  const text = typeof data === 'string', size = text ? byteLength(data) : data.byteLength;
  const start = text ? startOfText(data) : startOfBytes(new Uint8Array(data.buffer ?? data));
  log(way, text ? 'text' : 'binary', `${grouped(size)} B`, (bad ? 'differs: ' : '') + start, took, bad);
}

const startOfText = text => (text.length <= 120 ? text : `${text.slice(0, 120).toWellFormed()}…`);

function startOfBytes(bytes) {
  const pairs = Array.from(bytes.subarray(0, 32), byte => byte.toString(16).padStart(2, '0'));
  return [...pairs, ...(bytes.length > 32 ? ['…'] : [])].join(' ');
}

// --- The connection.
function connect() {
  try {
    ws = new WebSocket($('url').value, $('protocols').value.split(/[\s,]+/).filter(Boolean));
  } catch (error) {
    return logState('error', error.message, true);
  }
  ws.binaryType = 'arraybuffer';
  ws.onopen = () => { logState('open', `${ws.url} ${ws.protocol}`); showState(); };
  ws.onmessage = event => receive(event.data);
  ws.onerror = () => logState('error', 'browsers tell a page nothing more', true);
  ws.onclose = closed;
  showState();
}

function showState() {
  const state = ['connecting', 'open', 'closing', 'closed'][ws ? ws.readyState : 3];
  show('status', state);
  $('status').dataset.state = state;
  for (const part of document.querySelectorAll('fieldset.open')) part.disabled = state !== 'open';
  show('connect', state === 'closed' ? 'Connect' : 'Disconnect');
  $('connect').disabled = state === 'closing';
  show('agreed', state === 'open' ? `Subprotocol: ${ws.protocol || 'none'}. Extensions: ${ws.extensions || 'none'}.`
    : 'Separate subprotocols with commas. If the server selects none of them, the browser fails the connection.');
}

const closeSize = (code, reason) => (code ? `${2 + byteLength(reason)} B` : '0 B');

function close(code, reason) {
  const told = code ? `${code} ${reason}` : 'without a code';
  if (ws.readyState === WebSocket.OPEN) log('out', 'close', closeSize(code, reason), told);
  ws.close(...(code ? [code, reason] : []));
  showState();
}

function closed({ code, reason, wasClean }) {
  const size = wasClean ? closeSize(code !== 1005, reason) : '';
  const told = [code, reason, wasClean ? '(clean)' : '(not clean)'].filter(Boolean).join(' ');
  log('in', 'close', size, told, '', !wasClean);
  for (const { done } of waiting.splice(0)) done?.('lost');
  if (stress) stopStress();
  showState();
}

function send(data, quiet = false, done = null) {
  waiting.push({ data, at: performance.now(), quiet, done });
  ws.send(data);
  if (!quiet) logMessage('out', data);
}

function receive(data) {
  const now = performance.now(), asked = waiting.shift();
  if (!asked) return logMessage('in', data);
  const good = same(asked.data, data), took = now - asked.at;
  counts.back += 1;
  counts.differ += good ? 0 : 1;
  times.push(took);
  if (times.length > SAMPLES) times.shift();
  if (!asked.quiet || !good) logMessage('in', data, milliseconds(took), !good);
  asked.done?.(good ? 'same' : 'differs');
  paintSoon();
}

function same(sent, back) {
  if (typeof sent === 'string' || typeof back === 'string') return sent === back;
  const bytes = new Uint8Array(back);
  if (bytes.length !== sent.length) return false;
  for (let i = 0; i < bytes.length; i += 1) if (bytes[i] !== sent[i]) return false;
  return true;
}

function bytesOf(hex) {
  const digits = hex.replace(/\s+/g, ''), pairs = digits.match(/../g) ?? [];
  return /^([\da-f]{2})*$/i.test(digits) ? Uint8Array.from(pairs, pair => parseInt(pair, 16)) : null;
}

async function sendFiles(files) {
  for (const file of files) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (ws?.readyState === WebSocket.OPEN) send(bytes);
  }
}

// --- Load: a burst, and messages kept in flight.
/** A message that contains its number if there is room, so that reordered echoes differ. */
function payload(number, size, kind) {
  if (kind === 'text') return String(number).padEnd(size, '.').slice(0, size);
  const bytes = new Uint8Array(size).fill(number);
  for (let i = 0, rest = number; i < size && i < 4; i += 1, rest >>>= 8) bytes[i] = rest;
  return bytes;
}

const fieldsOfLoad = () => [...['total', 'flight', 'size'].map(id => Number($(id).value)), $('kind').value];

function burst() {
  const [total, , size, kind] = fieldsOfLoad();
  const start = performance.now();
  let left = total, same = 0;
  const done = end => {
    same += end === 'same';
    left -= 1;
    if (left > 0) return;
    const took = milliseconds(performance.now() - start), errors = total - same;
    const result = `${same} of ${total} × ${size} B back in ${took}, ${errors} errors`;
    show('result', result);
    logState('burst', result, errors > 0);
  };
  show('result', 'running');
  for (let i = 0; i < total; i += 1) send(payload(i, size, kind), true, done);
}

let stress = null;
function startStress() {
  const [, flight, size, kind] = fieldsOfLoad();
  const run = stress = { size, sent: 0, back: 0, errors: 0, start: performance.now() };
  const next = () => send(payload(run.sent++, size, kind), true, end => {
    run.errors += end !== 'same';
    run.back += end !== 'lost';
    if (stress === run && end !== 'lost') next();
  });
  for (let i = 0; i < flight; i += 1) next();
  run.timer = setInterval(showStress, 500, run, { at: run.start, back: 0 });
  show('stress', 'Stop');
}

function showStress(run, last) {
  const now = performance.now(), rate = (run.back - last.back) / (now - last.at) * 1000;
  Object.assign(last, { at: now, back: run.back });
  show('rate', grouped(Math.round(rate)));
  show('volume', (rate * run.size / 1e6).toFixed(2));
  show('errors', grouped(run.errors));
}

function stopStress() {
  const { size, back, errors, start, timer } = stress, seconds = (performance.now() - start) / 1000;
  stress = null;
  clearInterval(timer);
  show('errors', grouped(errors));
  logState('stress', `${grouped(back)} × ${size} B back in ${seconds.toFixed(1)} s, ${errors} errors`, errors > 0);
  show('stress', 'Stress');
}

// --- The feed.
let feed = null;
function follow() {
  feed = { seen: null, pause: 1, counts: { received: 0, missed: 0, repeated: 0, resumed: 0 } };
  $('numbers').replaceChildren();
  openFeed();
  showFeed();
}

function openFeed() {
  const url = new URL('/feed', $('url').value), again = feed.seen !== null;
  if (again) url.search = `after=${feed.seen}`;
  if (again) addNumber(`↻ after=${feed.seen}`, 'again');
  feed.socket = new WebSocket(url);
  feed.socket.onopen = () => { feed.counts.resumed += again; feed.pause = 1; showFeed(); };
  feed.socket.onmessage = event => numbered(JSON.parse(event.data));
  feed.socket.onclose = () => reopen((feed.pause = Math.min(feed.pause * 2, 30)));
}

function drop() {
  clearTimeout(feed.timer);
  feed.socket.onopen = feed.socket.onmessage = feed.socket.onclose = null; // what still arrives is requested again
  feed.socket.close();
}

function reopen(seconds) {
  drop();
  feed.timer = setTimeout(openFeed, seconds * 1000);
}

function leave() {
  drop();
  feed = null;
  showFeed();
}

/** `{"seq":N}`, or `{"gap":N}`: the requested messages are gone, and the feed continues with N. */
function numbered({ seq, gap }) {
  const number = seq ?? gap, missing = feed.seen === null ? 0 : number - feed.seen - 1;
  if (missing > 0) {
    feed.counts.missed += missing;
    addNumber(`${missing} missed`, 'bad');
  }
  if (seq) addNumber(seq, missing < 0 ? 'bad' : '');
  feed.counts.received += seq ? 1 : 0;
  feed.counts.repeated += seq && missing < 0 ? 1 : 0;
  if (gap) feed.seen = gap - 1;
  else if (missing >= 0) feed.seen = seq;
  showFeed();
}

function addNumber(text, name) {
  $('numbers').prepend(element('li', name, text));
  while ($('numbers').childElementCount > NUMBERS) $('numbers').lastChild.remove();
}

function showFeed() {
  show('follow', feed ? 'Stop' : 'Follow');
  $('drop-feed').disabled = !feed;
  if (!feed) return;
  show('newest', feed.seen ?? '–');
  for (const [name, count] of Object.entries(feed.counts)) show(name, grouped(count));
}

// --- The controls.
const onSubmit = (form, action) => { $(form).onsubmit = event => { event.preventDefault(); action(); }; };

/** Validates a field: `check` returns the error message, or something falsy. */
function rule(field, form, check) {
  const run = () => $(field).setCustomValidity(check($(field).value) || '');
  $(form).addEventListener('input', run);
  run();
}

rule('hex', 'send-hex', hex => !bytesOf(hex) && 'Pairs of hex digits, such as 00 7f ff');
rule('code', 'ending', code => !/^(1000|[34]\d{3})$/.test(code) && '1000, or 3000 to 4999');
rule('reason', 'ending', reason => {
  show('reason-length', byteLength(reason));
  return byteLength(reason) > 123 && 'At most 123 bytes of UTF-8';
});
for (const field of ['total', 'flight']) {
  rule(field, 'load', count => count * $('size').value > LOAD && 'At most 64 MiB in flight');
}

onSubmit('connection', () => (!ws || ws.readyState === WebSocket.CLOSED ? connect() : close()));
onSubmit('send-text', () => send($('text').value.toWellFormed()));
onSubmit('send-hex', () => send(bytesOf($('hex').value)));
onSubmit('load', burst);
onSubmit('ending', () => close(Number($('code').value), $('reason').value));
$('files').onchange = () => sendFiles([...$('files').files]).then(() => { $('files').value = ''; });
$('stress').onclick = () => (stress ? stopStress() : $('load').reportValidity() && startStress());
$('follow').onclick = () => (feed ? leave() : $('url').reportValidity() && follow());
$('drop-feed').onclick = () => $('away').reportValidity() && reopen(Number($('away').value));
$('clear').onclick = () => $('log').replaceChildren();
for (const kind of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, event => {
    event.preventDefault();
    document.body.classList.toggle('dropping', kind === 'dragover');
    if (kind === 'drop') sendFiles([...event.dataTransfer.files]);
  });
}
new ResizeObserver(paintSoon).observe($('plot'));
matchMedia('(prefers-color-scheme: dark)').onchange = paintSoon;

$('url').value = `${location.protocol.replace('http', 'ws')}//${location.host}/`;
connect();
paintSoon();
