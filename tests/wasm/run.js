// Drives the cancellations of tests/vectors/cancellation.json through the core in WebAssembly: those that the
// default policy and answers without headers are enough for. `node run.js FILE.wasm`
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');

const NAME = 'enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669';
const file = path.join(__dirname, '../vectors/cancellation.json');
const simple = (step) => Object.keys(step.then ?? {}).every((key) => ['status', 'body'].includes(key));
const cases = JSON.parse(fs.readFileSync(file, 'utf8')).cases
  .filter((one) => Object.keys(one.policy).length === 0 && one.steps.every(simple));
assert(cases.length >= 25, `${cases.length} cases`);

WebAssembly.instantiate(fs.readFileSync(process.argv[2]), {}).then(({ instance, module }) => {
  assert.deepStrictEqual(WebAssembly.Module.imports(module), [], 'it imports nothing: no clock, no chance, no socket');
  const wasm = instance.exports;
  const give = (text) => {
    const bytes = Buffer.from(text);
    const place = wasm.input(bytes.length);
    new Uint8Array(wasm.memory.buffer).set(bytes, place);
  };
  const taken = (length) => {
    const bytes = new Uint8Array(wasm.memory.buffer, wasm.output(), length);
    return JSON.parse(Buffer.from(bytes).toString());
  };
  const verdicts = new Set();
  for (const { title, seed, steps } of cases) {
    let now = 0;
    give(NAME);
    let step = taken(wasm.start(now, seed));
    for (const [number, { expect, then }] of steps.entries()) {
      const place = `${title}, step ${number}: ${JSON.stringify(step)}`;
      if (expect.send) {
        assert.strictEqual(step.send, expect.send, place);
        const [method, address] = { cancel: ['POST', `${NAME}:cancel`], get: ['GET', NAME], get_parent: ['GET', NAME.split('/operations')[0]] }[expect.send];
        assert.strictEqual(step.method, method, place);
        assert(step.uri.startsWith(`https://androidmanagement.googleapis.com/v1/${address}`), place);
        assert.deepStrictEqual([step.content_type, step.body], [null, ''], place);
        give(then.body ?? (then.status >= 400 ? JSON.stringify({ error: { code: then.status } }) : ''));
        step = taken(wasm.answer(now, then.status));
      } else if (expect.wait) {
        const [least, most] = expect.wait;
        assert(step.until_ms - now >= least && step.until_ms - now <= most, place);
        assert.strictEqual(step.error, expect.error ?? null, place);
        now = step.until_ms;
        step = taken(wasm.resume(now));
      } else {
        const { verdict = null, attempts, error } = expect.done;
        assert.deepStrictEqual(step.done, { verdict, attempts, error }, place);
        assert.strictEqual(number, steps.length - 1, place);
        verdicts.add(verdict);
      }
    }
  }
  // An update that cancels has its body and the type of it.
  give('//dataflow.googleapis.com/projects/p/locations/us-central1/jobs/j');
  const update = taken(wasm.start(0, 1));
  assert.deepStrictEqual([update.method, update.content_type], ['PUT', 'application/json']);
  assert.deepStrictEqual(JSON.parse(update.body), { requestedState: 'JOB_STATE_CANCELLED' });
  assert(verdicts.has('cancelled') && verdicts.has('gone') && verdicts.has(null), [...verdicts].join());
  console.log(`wasm: ${cases.length} cancellations went to their ends: ${[...verdicts].map((verdict) => verdict ?? 'an error').join(', ')}`);
}).catch((error) => {
  console.error(error);
  process.exit(1);
});
