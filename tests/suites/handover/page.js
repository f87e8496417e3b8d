// Echoes and the feed in a browser, for `seconds`; gives what was wrong, the number of messages, and the longest wait.
(async seconds => {
  const url = `ws://${location.host}/`;
  const errors = [];
  let messages = 0, longest = 0, numbers = 0, isOver = false;
  const open = path => new Promise((opened, failed) => {
    const ws = new WebSocket(url + path);
    ws.binaryType = 'arraybuffer';
    ws.onopen = () => opened(ws);
    ws.onerror = () => failed(new Error('not opened'));
    ws.onclose = event => isOver || errors.push(`closed with ${event.code}`);
  });
  const echo = async ws => {
    ws.onerror = () => errors.push('an error');
    const end = performance.now() + 1000 * seconds;
    while (performance.now() < end && !errors.length) {
      const text = 'Grüße '.repeat(1 + Math.floor(2000 * Math.random() ** 3));
      const start = performance.now();
      ws.send(text);
      const answer = await Promise.race([
        new Promise(got => ws.onmessage = event => got(event.data)),
        new Promise(late => setTimeout(late, 10000, null)),
      ]);
      if (answer !== text) errors.push(`${answer?.length} for ${text.length}`);
      messages += 1;
      longest = Math.max(longest, performance.now() - start);
    }
  };
  let last = null;
  const feed = await open('feed');
  feed.onmessage = event => {
    const { seq } = JSON.parse(event.data);
    if (last !== null && seq !== last + 1) errors.push(`${seq} after ${last}`);
    last = seq;
    numbers += 1;
  };
  await Promise.all((await Promise.all([open(''), open('')])).map(echo));
  isOver = true;
  return { errors, messages, numbers, longest };
})
