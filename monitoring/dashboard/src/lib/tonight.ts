// What the start page says: of each shot whether it will be ready, what stands in its way and what would help. Pure.
import { duration } from './format';
import { isLive } from './states';
import type { JobSummary, Slot, Worker } from './types';
import { words } from '../words';

export type Help = 'resume' | 'retry' | 'open' | 'workers';
export interface Trouble {
  job: JobSummary;
  what: string; // "stuck", "2 of 96 tasks failed"
  why: string;
  help: Help;
  weight: number; // the worst first
}

export function shotName(job: Pick<JobSummary, 'show' | 'sequence' | 'shot' | 'name'>): string {
  const parts = [job.show, job.sequence, job.shot].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(' / ') : job.name;
}

// When half and nine of ten simulated futures have it ready, in milliseconds since 1970.
export function forecastOf(job: JobSummary): { p50: number; p90: number; onTime: number | null } | null {
  const forecast = job.forecast;
  if (!forecast?.ready_p50 || !forecast.ready_p90) return null;
  return { p50: Date.parse(forecast.ready_p50), p90: Date.parse(forecast.ready_p90), onTime: forecast.on_time };
}

// When it will be ready, as far as the scheduler can say; p90 where it forecasts.
export function readyAt(job: JobSummary, now: number): { at: number; late: number | null } | null {
  const at = forecastOf(job)?.p90 ?? (job.eta_ms === null ? null : now + job.eta_ms);
  if (at === null) return null;
  const deadline = job.deadline ? Date.parse(job.deadline) : NaN;
  return { at, late: Number.isNaN(deadline) || at <= deadline ? null : at - deadline };
}

export function troubleOf(job: JobSummary, now: number): Trouble | null {
  const failed = job.tasks.failed + job.tasks.quarantined;
  if (job.state === 'failed')
    return { job, what: words.tonight.failedTasks(failed), why: words.tonight.failedWhy, help: 'open', weight: 50 };
  if (!isLive(job)) return null;
  // A job that starts later is as somebody wanted it.
  if (job.condition && job.condition.kind !== 'waiting') {
    const { kind, layer, reason } = job.condition;
    const why = layer ? `${words.layer} ${layer}: ${reason}` : reason;
    const weight = kind === 'stuck' ? 100 : kind === 'blocked' ? 90 : kind === 'input_missing' ? 80 : 20;
    return { job, what: words.conditions[kind], why, help: kind === 'blocked' ? 'workers' : 'open', weight };
  }
  if (failed > 0)
    return { job, what: words.tonight.failedTasks(failed), why: words.tonight.failingWhy, help: 'retry', weight: 70 };
  const ready = readyAt(job, now);
  if (ready?.late)
    return {
      job,
      what: words.tonight.late(duration(ready.late)),
      why: words.tonight.lateWhy(forecastOf(job)?.onTime ?? null),
      help: 'open',
      weight: 60,
    };
  if (job.state === 'paused')
    return { job, what: words.tonight.paused, why: words.tonight.pausedWhy, help: 'resume', weight: 30 };
  return null;
}

const kDay = 24 * 3600_000;

export interface Tonight {
  troubles: Trouble[];
  running: JobSummary[];
  waiting: JobSummary[];
  ended: JobSummary[]; // in the last day, newest first
  fine: number; // live jobs without trouble
}

export function tonightOf(jobs: JobSummary[], now: number): Tonight {
  const recent = (job: JobSummary) => job.finished !== null && now - Date.parse(job.finished) < kDay;
  const troubles: Trouble[] = [];
  for (const job of jobs) {
    if (!isLive(job) && !recent(job)) continue;
    const trouble = troubleOf(job, now);
    if (trouble) troubles.push(trouble);
  }
  troubles.sort((a, b) => b.weight - a.weight || b.job.priority - a.job.priority || a.job.id - b.job.id);
  const troubled = new Set(troubles.map((trouble) => trouble.job.id));
  const live = jobs.filter(isLive);
  const byPriority = (a: JobSummary, b: JobSummary) => b.priority - a.priority || a.id - b.id;
  return {
    troubles,
    running: live.filter((job) => job.state === 'running').sort(byPriority),
    waiting: live.filter((job) => job.state === 'queued').sort(byPriority),
    ended: jobs
      .filter((job) => !isLive(job) && recent(job))
      .sort((a, b) => Date.parse(b.finished!) - Date.parse(a.finished!)),
    fine: live.filter((job) => !troubled.has(job.id)).length,
  };
}

export interface SlotRow {
  worker: Worker;
  slot: Slot;
  busy: boolean;
  why: string; // why it is idle while work waits; empty where nothing waits or it is busy
}

export function slotRows(workers: Worker[], workWaits: boolean): SlotRow[] {
  return workers
    .filter((worker) => worker.state !== 'revoked')
    .flatMap((worker) =>
      worker.slots.map((slot) => {
        const busy = slot.leases.length > 0;
        return { worker, slot, busy, why: busy || !workWaits ? '' : idleWhy(worker, slot) };
      }),
    );
}

function idleWhy(worker: Worker, slot: Slot): string {
  if (worker.state === 'silent') return words.idle.silent(duration(worker.silent_ms));
  if (worker.state === 'draining' || worker.state === 'drained') return words.idle.drained(worker.last_change.reason);
  if (worker.quarantined) return words.idle.quarantined;
  const condition = worker.conditions?.[0];
  if (condition) return condition.message;
  const root = worker.roots.find((each) => each.problem !== '');
  if (root) return words.idle.root(root.name, root.problem);
  if (!slot.usable) return words.idle.unusable;
  return words.idle.nothingFits;
}

// One sentence for the head of the page.
export function headline(tonight: Tonight): string {
  const live = new Set([...tonight.running, ...tonight.waiting].map((job) => job.id));
  for (const trouble of tonight.troubles) live.add(trouble.job.id);
  if (live.size === 0) return words.tonight.nothing;
  const bad = tonight.troubles.length;
  return bad === 0 ? words.tonight.allWell(tonight.fine) : words.tonight.someNot(bad, tonight.fine);
}
