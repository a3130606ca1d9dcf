'use strict';
// The npm package interval-scheduler assigns tasks: node write_npm.js PORT NODE_MODULES

const path = require('path');
process.env.ENVIRONMENT = 'local'; // lets its intervals go down to 1 s
const [port, modules] = process.argv.slice(2);
const { Scheduler, Task } = require(path.resolve(modules, 'interval-scheduler'));

const LATER = Date.UTC(2096, 4, 1, 8, 30);

class Refresh extends Task {
  constructor(id, every, at = LATER, data = JSON.stringify({ user: id })) {
    super();
    Object.assign(this, { name: id, every, at, data });
  }
  serialize() {
    return this.data;
  }
  get onExecuteRescheduleTo() {
    return this.every;
  }
  get executeOn() {
    return this.at;
  }
  get id() {
    return this.name;
  }
}

async function main() {
  const instances = [{ host: '127.0.0.1', port, db: 0 }];
  const scheduler = new Scheduler({ storage: { instances, taskIntervalSeconds: 30 } });
  await scheduler.connect();
  await scheduler.assignTask(new Refresh('user:1', 900));
  await scheduler.assignTask(new Refresh('user:2', 3600, LATER + 60000));
  await scheduler.assignTask(new Refresh('once', undefined));
  await scheduler.assignTask(new Refresh('updated', undefined));
  await scheduler.assignTask(new Refresh('updated', undefined, LATER, 'ä new text'));
  await scheduler.assignTask(new Refresh('too-short', 20));
  await scheduler.assignTask(new Refresh('removed', 900));
  await scheduler.removeTask('removed');
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
