// Jobs as a producer knows them: show > sequence > shot, with the versions of each. Pure.
import type { JobSummary } from './types';

export interface Shot {
  shot: string;
  versions: JobSummary[]; // newest first; a remake belongs to its version and is left out
}
export interface Sequence {
  sequence: string;
  shots: Shot[];
}
export interface Show {
  show: string;
  sequences: Sequence[];
}

export function showsOf(jobs: Iterable<JobSummary>): Show[] {
  const shows = new Map<string, Map<string, Map<string, JobSummary[]>>>();
  for (const job of jobs) {
    if (job.remake_of !== null) continue;
    const sequences = shows.get(job.show) ?? new Map<string, Map<string, JobSummary[]>>();
    shows.set(job.show, sequences);
    const shots = sequences.get(job.sequence) ?? new Map<string, JobSummary[]>();
    sequences.set(job.sequence, shots);
    const name = job.shot || job.name;
    shots.set(name, [...(shots.get(name) ?? []), job]);
  }
  const byName = <T>(map: Map<string, T>) =>
    [...map.entries()].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  return byName(shows).map(([show, sequences]) => ({
    show,
    sequences: byName(sequences).map(([sequence, shots]) => ({
      sequence,
      shots: byName(shots).map(([shot, versions]) => ({ shot, versions: versions.sort((a, b) => b.id - a.id) })),
    })),
  }));
}
