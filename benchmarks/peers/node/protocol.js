'use strict';
// What the programs of Node share; the same verbs and lines as benchmarks/peers/python/protocol.py.

const fs = require('fs');
const readline = require('readline');

const ran = { tasks: [], at: [] };
const [, , verb, url, options] = process.argv;
const job = options && JSON.parse(options);

const say = (what) => fs.writeSync(1, JSON.stringify(what) + '\n');
const now = () => (performance.timeOrigin + performance.now()) / 1000;

/** The tasks: number, id of 11 bytes, payload of 40, first run in ms of the Unix epoch (undefined: at once). */
function tasks(letter = 'x') {
  return Array.from({ length: job.count }, (_, n) => {
    const number = String(n).padStart(6, '0');
    const start = job.start == null ? undefined : Math.round((job.start + n * (job.step || 0)) * 1000);
    return { id: 'user:' + number, data: number.padEnd(40, letter), start };
  });
}

/** Call for all tasks, so many under way at a time; the seconds it took. */
async function each(list, callers, call) {
  const began = performance.now();
  let next = 0;
  const caller = async () => {
    while (next < list.length) await call(list[next++]);
  };
  await Promise.all(Array.from({ length: callers }, caller));
  say({ seconds: (performance.now() - began) / 1000 });
}

/** A task runs: the executor's whole work. */
function execute(data) {
  ran.at.push(now());
  ran.tasks.push(data);
}

/** Say that this worker is ready; after "go" call `start` and report. */
function work(start) {
  let said = 0;
  readline.createInterface({ input: process.stdin }).on('line', (line) => {
    if (line === 'go') {
      start();
      setInterval(() => ran.at.length !== said && say({ runs: (said = ran.at.length) }), 50);
    } else {
      const report = JSON.stringify({ tasks: ran.tasks.map((data) => Number(data.slice(0, 6))), at: ran.at }) + '\n';
      process.stdout.write(report, () => process.exit(0));
    }
  });
  say({ ready: true });
}

/** The program: does what its arguments ask for; `verbs` may leave nothing open but what `work` needs. */
async function run({ packages, settings, verbs }) {
  if (verb === 'about') {
    const versions = { node: process.versions.node };
    for (const name of packages) versions[name] = require(`./node_modules/${name}/package.json`).version;
    say({ versions, settings, spread: true });
    return;
  }
  await verbs[verb]();
  if (verb !== 'work') process.exit(0);
}

module.exports = { job, url: url && new URL(url), tasks, each, execute, work, run };
