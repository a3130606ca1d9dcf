'use strict';
// BullMQ's job schedulers.

const { Queue, Worker } = require('bullmq');
const { job, url, tasks, each, execute, work, run } = require('./protocol');

const CALLERS = 1000;
const connection = url && { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };

async function queue() {
  const opened = new Queue('bench', { connection });
  await opened.waitUntilReady();
  return opened;
}

const assign = (letter) => async () => {
  const opened = await queue();
  const opts = { removeOnComplete: true, removeOnFail: true };
  await each(tasks(letter), CALLERS, (task) =>
    opened.upsertJobScheduler(
      task.id,
      { every: job.every * 1000, startDate: task.start },
      { name: 'execute', data: task.data, opts },
    ),
  );
};

run({
  packages: ['bullmq', 'ioredis'],
  settings: '1,000 concurrent calls; worker concurrency 100, finished jobs removed',
  verbs: {
    assign: assign('x'),
    update: assign('y'),
    remove: async () => {
      const opened = await queue();
      await each(tasks(), CALLERS, (task) => opened.removeJobScheduler(task.id));
    },
    work: async () => {
      const worker = new Worker('bench', async ({ data }) => execute(data), {
        connection,
        concurrency: 100,
        autorun: false,
      });
      await worker.waitUntilReady();
      work(() => worker.run());
    },
  },
});
