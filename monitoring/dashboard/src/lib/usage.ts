// What shows and people have used of the farm, as groups with their parts. Pure.
import type { UsageSum } from './types';

export type GroupBy = 'show' | 'principal';

export interface Used {
  jobs: number;
  live: number;
  frames: number;
  retries: number;
  twice: number; // windows that were begun again
  loads: number;
  deviceUs: number;
}
export interface UsageGroup {
  name: string;
  sum: Used;
  parts: { name: string; used: Used }[]; // the other way: people of a show, shows of a person
}

const none = (): Used => ({ jobs: 0, live: 0, frames: 0, retries: 0, twice: 0, loads: 0, deviceUs: 0 });

export function usedOf(row: UsageSum): Used {
  return {
    jobs: row.jobs,
    live: row.jobs_live,
    frames: row.frames_published,
    retries: row.retries,
    twice: row.windows_run_twice,
    loads: row.model_loads,
    deviceUs: row.device_us,
  };
}

export function add(a: Used, b: Used): Used {
  const sum = none();
  for (const key of Object.keys(sum) as (keyof Used)[]) sum[key] = a[key] + b[key];
  return sum;
}

// Those that used most come first.
export function groupsOf(rows: readonly UsageSum[], by: GroupBy): UsageGroup[] {
  const groups = new Map<string, UsageGroup>();
  for (const row of rows) {
    const group = groups.get(row[by]) ?? { name: row[by], sum: none(), parts: [] };
    groups.set(row[by], group);
    group.sum = add(group.sum, usedOf(row));
    group.parts.push({ name: by === 'show' ? row.principal : row.show, used: usedOf(row) });
  }
  const all = [...groups.values()].sort((a, b) => b.sum.deviceUs - a.sum.deviceUs);
  for (const group of all) group.parts.sort((a, b) => b.used.deviceUs - a.used.deviceUs);
  return all;
}

export function total(rows: readonly UsageSum[]): Used {
  return rows.map(usedOf).reduce(add, none());
}
