'use strict';
// The original, from npm.

process.env.ENVIRONMENT = 'local'; // lets its intervals go down to 1 s
const { Scheduler, Task } = require('interval-scheduler');
const { job, url, tasks, each, execute, work, run } = require('./protocol');

const CALLERS = 1000;

class BenchTask extends Task {
  constructor(task) {
    super();
    this.task = task;
  }
  serialize() {
    return this.task.data;
  }
  get onExecuteRescheduleTo() {
    return job.every;
  }
  get executeOn() {
    return this.task.start === undefined ? Date.now() : this.task.start;
  }
  get id() {
    return this.task.id;
  }
}

async function connected() {
  const instances = [{ host: url.hostname, port: url.port, db: 0 }];
  const scheduler = new Scheduler({ checkTasksEverySeconds: 1, storage: { instances, taskIntervalSeconds: 1 } });
  await scheduler.connect();
  return scheduler;
}

const assign = (letter) => async () => {
  const scheduler = await connected();
  await each(tasks(letter), CALLERS, (task) => scheduler.assignTask(new BenchTask(task)));
};

run({
  packages: ['interval-scheduler'],
  settings: '1,000 concurrent calls; taskIntervalSeconds 1 and checkTasksEverySeconds 1, the smallest it takes',
  verbs: {
    assign: assign('x'),
    update: assign('y'),
    remove: async () => {
      const scheduler = await connected();
      await each(tasks(), CALLERS, (task) => scheduler.removeTask(task.id));
    },
    work: async () => {
      const scheduler = await connected();
      work(() => scheduler.startTaskExecute(async (data) => execute(data)));
    },
  },
});
