// What a change would do, in sentences, before anybody makes it. Pure.
import { count } from './format';
import { tasksTotal } from './states';
import type { JobSummary, Worker } from './types';
import { words } from '../words';

export type JobVerb = 'cancel' | 'pause' | 'resume' | 'retry' | 'priority';

const sum = (jobs: JobSummary[], of: (job: JobSummary) => number) => jobs.reduce((total, job) => total + of(job), 0);

// Jobs that the verb can touch at all.
export function touched(verb: JobVerb, jobs: JobSummary[]): JobSummary[] {
  return jobs.filter((job) => {
    const live = job.state === 'queued' || job.state === 'running' || job.state === 'paused';
    switch (verb) {
      case 'cancel':
      case 'priority':
        return live;
      case 'pause':
        return live && job.state !== 'paused';
      case 'resume':
        return job.state === 'paused';
      case 'retry':
        return job.tasks.failed + job.tasks.quarantined + job.tasks.cancelled > 0;
    }
  });
}

export function consequences(verb: JobVerb, jobs: JobSummary[], frames: string): string[] {
  const w = words.consequences;
  const some = touched(verb, jobs);
  const running = sum(some, (job) => job.tasks.leased);
  const waiting = sum(some, (job) => job.tasks.waiting + job.tasks.ready);
  const published = sum(some, (job) => job.frames_published);
  const lines: string[] = [];
  if (verb === 'cancel') {
    if (running) lines.push(w.cancelRunning(count(running)));
    if (waiting) lines.push(w.cancelWaiting(count(waiting)));
    lines.push(published ? w.cancelKeeps(count(published)) : w.cancelNothing);
    lines.push(w.cancelBack);
  } else if (verb === 'pause') {
    if (running) lines.push(w.pauseRunning(count(running)));
    if (waiting) lines.push(w.pauseWaiting(count(waiting)));
    lines.push(w.pauseKeeps);
  } else if (verb === 'resume') {
    lines.push(w.resume(count(waiting)));
  } else if (verb === 'retry') {
    if (frames) lines.push(w.retryFrames(frames));
    else {
      const failed = sum(some, (job) => job.tasks.failed + job.tasks.quarantined);
      const cancelled = sum(some, (job) => job.tasks.cancelled);
      if (failed) lines.push(w.retryFailed(count(failed)));
      if (cancelled) lines.push(w.retryCancelled(count(cancelled)));
    }
    lines.push(w.retryKeeps);
  } else {
    lines.push(w.priority(count(sum(some, (job) => tasksTotal(job.tasks) - job.tasks.published))));
  }
  if (some.length < jobs.length) lines.push(w.skips(jobs.length - some.length));
  return lines;
}

export function drainConsequences(worker: Worker, otherSlots: number): string[] {
  const w = words.consequences;
  const leases = worker.slots.flatMap((slot) => slot.leases);
  const lines = [leases.length > 0 ? w.drainRunning(leases.length, count(worker.tasks_held)) : w.drainIdle];
  lines.push(otherSlots > 0 ? w.drainOthers(otherSlots) : w.drainAlone);
  return lines;
}
