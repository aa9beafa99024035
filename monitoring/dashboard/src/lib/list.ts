// Filtering and ordering of the list of jobs. Pure; the screen keeps the order still while somebody points at it.
import { kindOfJob, tasksTotal, type Kind } from './states';
import { shotName } from './tonight';
import type { JobSummary } from './types';

export interface Filter {
  text: string;
  state: string; // a kind, "live", or empty
  show: string;
  owner: string; // empty: everybody's
}
export type SortKey = 'job' | 'state' | 'progress' | 'eta' | 'owner' | 'priority' | 'submitted';

function matches(job: JobSummary, terms: string[]): boolean {
  const text = [job.id, job.name, job.show, job.sequence, job.shot, job.principal, ...job.tags]
    .join('\n')
    .toLowerCase();
  return terms.every((term) => text.includes(term));
}

export function filtered(jobs: Iterable<JobSummary>, filter: Filter): JobSummary[] {
  const terms = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const out: JobSummary[] = [];
  for (const job of jobs) {
    const kind = kindOfJob(job);
    if (
      filter.state === 'live' ? ['done', 'failed', 'cancelled'].includes(kind) : filter.state && kind !== filter.state
    )
      continue;
    if (filter.show && job.show !== filter.show) continue;
    if (filter.owner && job.principal !== filter.owner) continue;
    if (terms.length > 0 && !matches(job, terms)) continue;
    out.push(job);
  }
  return out;
}

const kOrder: Kind[] = ['attention', 'failed', 'running', 'waiting', 'paused', 'done', 'cancelled'];

function rank(job: JobSummary, key: SortKey): number | string {
  switch (key) {
    case 'job':
      return shotName(job).toLowerCase();
    case 'state':
      return kOrder.indexOf(kindOfJob(job));
    case 'progress':
      return -(job.tasks.published / Math.max(1, tasksTotal(job.tasks)));
    case 'eta':
      return job.eta_ms ?? Infinity;
    case 'owner':
      return job.principal.toLowerCase();
    case 'priority':
      return -job.priority;
    case 'submitted':
      return -job.id;
  }
}

// The newest first among equals.
export function sorted(jobs: JobSummary[], key: SortKey, reverse: boolean): JobSummary[] {
  const ranked = jobs.map((job) => ({ job, rank: rank(job, key) }));
  ranked.sort((a, b) => {
    const order = a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0;
    return (reverse ? -order : order) || b.job.id - a.job.id;
  });
  return ranked.map((each) => each.job);
}

export function isSortKey(text: string): text is SortKey {
  return ['job', 'state', 'progress', 'eta', 'owner', 'priority', 'submitted'].includes(text);
}
