import { describe, expect, it } from 'vitest';
import { csvOf } from '../src/lib/csv';
import { hours } from '../src/lib/format';
import type { UsageSum } from '../src/lib/types';
import { groupsOf, total } from '../src/lib/usage';

const row = (show: string, principal: string, device_h: number, frames = 10): UsageSum => ({
  show,
  principal,
  jobs: 1,
  jobs_live: 0,
  frames_published: frames,
  retries: 2,
  windows_run_twice: 0,
  model_loads: 1,
  device_us: device_h * 3.6e9,
});
const rows = [row('atlas', 'ana', 2), row('boreal', 'ana', 5), row('atlas', 'ben', 4, 7)];

describe('usage', () => {
  it('is summed by show, with its people, those that used most first', () => {
    const groups = groupsOf(rows, 'show');
    expect(groups.map((group) => [group.name, group.sum.deviceUs / 3.6e9, group.sum.frames])).toEqual([
      ['atlas', 6, 17],
      ['boreal', 5, 10],
    ]);
    expect(groups[0]!.parts.map((part) => part.name)).toEqual(['ben', 'ana']);
  });
  it('is summed by person, with their shows', () => {
    expect(groupsOf(rows, 'principal').map((group) => [group.name, group.parts.length])).toEqual([
      ['ana', 2],
      ['ben', 1],
    ]);
    expect(total(rows)).toMatchObject({ jobs: 3, retries: 6, deviceUs: 11 * 3.6e9 });
    expect(total([]).deviceUs).toBe(0);
  });
  it('is told in hours', () => {
    expect([0, 3.6e6, 3.6e9, 1.5 * 3.6e10, 3.6e12].map(hours)).toEqual(['0 h', '0.001 h', '1.0 h', '15.0 h', '1000 h']);
  });
});

describe('a CSV file', () => {
  it('quotes text, keeps numbers, and starts no formula', () => {
    expect(
      csvOf(
        ['a', 'b'],
        [
          ['x "y"', -3],
          ['=1+1', null],
        ],
      ),
    ).toBe('"a","b"\r\n"x ""y""",-3\r\n"\'=1+1",""\r\n');
  });
});
