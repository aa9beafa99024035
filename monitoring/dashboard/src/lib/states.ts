// What a job, a layer, a frame or a device is doing, as the page shows it: few kinds, each with a colour and a glyph,
// so that nothing depends on colour alone. tests/palette.test.ts holds the colours apart under four kinds of colour
// vision.
import type { JobSummary, TaskCounts, Worker } from './types';

export type Kind = 'done' | 'running' | 'waiting' | 'attention' | 'failed' | 'paused' | 'cancelled';
export const kinds: Kind[] = ['done', 'running', 'waiting', 'attention', 'failed', 'paused', 'cancelled'];

export const glyphs: Record<Kind, string> = {
  done: '✓',
  running: '▶',
  waiting: '·',
  attention: '!',
  failed: '✕',
  paused: '‖',
  cancelled: '⊘',
};

export function kindOfJob(job: Pick<JobSummary, 'state' | 'condition' | 'tasks'>): Kind {
  switch (job.state) {
    case 'done':
      return 'done';
    case 'failed':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    case 'paused':
      return 'paused';
    case 'running':
      return job.condition ? 'attention' : 'running';
    case 'queued':
      return job.condition && job.condition.kind !== 'starved' ? 'attention' : 'waiting';
  }
}

export function kindOfLayer(state: string, hasCondition: boolean): Kind {
  if (state === 'done' || state === 'failed' || state === 'cancelled') return state;
  if (hasCondition) return 'attention';
  return state === 'running' ? 'running' : 'waiting';
}

export function kindOfWorker(worker: Worker): Kind {
  if (worker.state === 'silent' || worker.state === 'revoked') return 'failed';
  if (worker.quarantined || (worker.conditions ?? []).length > 0) return 'attention';
  if (worker.state === 'draining' || worker.state === 'drained') return 'paused';
  return worker.slots.some((slot) => slot.leases.length > 0) ? 'running' : 'waiting';
}

// The stacked bar of a job: its tasks by kind, in the order of the bar.
export function stackOf(tasks: TaskCounts): { kind: Kind; count: number }[] {
  return [
    { kind: 'done' as Kind, count: tasks.published + tasks.committed },
    { kind: 'running' as Kind, count: tasks.leased },
    { kind: 'failed' as Kind, count: tasks.failed + tasks.quarantined },
    { kind: 'cancelled' as Kind, count: tasks.cancelled },
    { kind: 'waiting' as Kind, count: tasks.waiting + tasks.ready },
  ].filter((part) => part.count > 0);
}

export function tasksTotal(tasks: TaskCounts): number {
  return Object.values(tasks).reduce((sum, n) => sum + n, 0);
}
export function tasksOpen(tasks: TaskCounts): number {
  return tasks.waiting + tasks.ready + tasks.leased + tasks.committed;
}

export function isLive(job: Pick<JobSummary, 'state'>): boolean {
  return job.state === 'queued' || job.state === 'running' || job.state === 'paused';
}
