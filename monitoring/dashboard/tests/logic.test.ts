import { describe, expect, it } from 'vitest';
import { cellsOf, windowOf } from '../src/lib/cells';
import { consequences, drainConsequences, touched } from '../src/lib/consequences';
import { bytes, clock, count, duration, percent } from '../src/lib/format';
import { framesText, parseFrames } from '../src/lib/frames';
import { commandLine, shellWord } from '../src/lib/shell';
import { Keys } from '../src/lib/keys';
import { filtered, sorted } from '../src/lib/list';
import { showsOf } from '../src/lib/shots';
import { headline, slotRows, tonightOf, troubleOf } from '../src/lib/tonight';
import { attempt, detail, frame, job, layer, lease, noForecast, noTasks, plan, worker } from './samples';

const now = Date.parse('2026-12-01T20:00:00Z');

describe('frame sets', () => {
  it.each([
    ['1001-1004', [1001, 1002, 1003, 1004]],
    ['1-10x3', [1, 4, 7, 10]],
    ['-3--1,5', [-3, -2, -1, 5]],
    ['', []],
    ['x', []],
  ])('%s', (text, frames) => expect(parseFrames(text)).toEqual(frames));
  it('are written as they are read', () => {
    for (const text of ['1-10', '1,5,9-12', '-3--1', '7']) expect(framesText(parseFrames(text))).toBe(text);
    expect(framesText([1, 2])).toBe('1,2');
  });
  it('of absurd length are bounded', () => expect(parseFrames('0-999999999').length).toBe(200_000));
});

describe('numbers for people', () => {
  it('have their unit', () => {
    expect(duration(999)).toBe('1 s');
    expect(duration(125_000)).toBe('2 min 5 s');
    expect(duration(3_600_000 * 3 + 60_000 * 4)).toBe('3 h 4 min');
    expect(bytes(1536)).toBe('1.5 KiB');
    expect(count(10_000)).toBe('10,000');
  });
  it('never round something to nothing, nor nearly all to all', () => {
    expect(percent(1, 10_000)).toBe('<1 %');
    expect(percent(9_999, 10_000)).toBe('>99 %');
    expect(percent(0, 5)).toBe('0 %');
    expect(percent(5, 5)).toBe('100 %');
    expect(percent(0, 0)).toBe('0 %');
  });
  it('tell the day where it is not today', () => {
    expect(clock(now, now)).toMatch(/^\d\d:\d\d$/);
    expect(clock(now + 3 * 86_400_000, now)).toMatch(/^\w{3} \d\d:\d\d$/);
  });
});

describe('windows', () => {
  const grid = plan().grid; // frames 1-6, 5-10: 5 and 6 are handed on
  it('own the frames that they write first', () => {
    expect([1, 4, 5, 6, 7, 10].map((each) => windowOf(grid, each)?.window)).toEqual([0, 0, 0, 0, 1, 1]);
  });
  it('mark what the next one starts from', () => {
    expect([4, 5, 6, 7, 9, 10].map((each) => windowOf(grid, each)?.isContext)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('cells', () => {
  const inputs = { job: detail(), layer: layer(), plan: plan(), variant: 0, frames: [], attempts: [], leases: [] };
  const states = (cells: ReturnType<typeof cellsOf>) => cells.map((cell) => cell.kind.charAt(0)).join('');
  it('wait until something is known of them', () => expect(states(cellsOf(inputs))).toBe('wwwwwwwwww'));
  it('of published and committed frames are done', () => {
    const frames = [frame(1), frame(2, { state: 'committed' }), frame(3, { variant: 1 }), frame(4, { layer: 'other' })];
    expect(states(cellsOf({ ...inputs, frames }))).toBe('ddwwwwwwww');
  });
  it('of the window at work fill with its steps', () => {
    const cells = cellsOf({ ...inputs, leases: [{ lease: lease(), worker: 'w1' }] });
    expect(states(cells)).toBe('wwwwwwrrrr');
    expect(cells[7]!.fill).toBeCloseTo(0.45);
    expect(cells[7]!.worker).toBe('w1');
  });
  it('are failed where an attempt failed and nothing came of it later', () => {
    const frames = [frame(1)];
    const failed = { ...inputs, frames, layer: layer({ failed: 1 }), attempts: [attempt()] };
    expect(states(cellsOf(failed))).toBe('dfffffwwww');
    expect(states(cellsOf({ ...failed, layer: layer() }))).toBe('dwwwwwwwww'); // it is tried again
  });
  it('of a cancelled job are cancelled, of a paused one paused', () => {
    expect(states(cellsOf({ ...inputs, job: detail({ state: 'cancelled' }), frames: [frame(1)] }))).toBe('dccccccccc');
    expect(states(cellsOf({ ...inputs, job: detail({ state: 'paused' }) }))).toBe('pppppppppp');
  });
  it('stand for several frames where there are too many, and show the worst of them', () => {
    const cells = cellsOf({ ...inputs, frames: [frame(1), frame(2), frame(3)] }, 5);
    expect(cells.map((cell) => [cell.first, cell.last])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9, 10],
    ]);
    expect(states(cells)).toBe('dwwww');
    expect(cells[1]!.fill).toBe(0.5);
  });
  it('of a program follow its frames one by one', () => {
    const command = plan({ grid: null, phases: [{ index: 0, kind: 'command', variant: 0, tasks: 4, frames: '1-4' }] });
    const leases = [{ lease: lease({ phase: 'command', task: 2, steps: 0, step: 0 }), worker: 'w1' }];
    expect(states(cellsOf({ ...inputs, plan: command, leases }))).toBe('wwrw');
  });
});

describe('tonight', () => {
  const failed = job(1, { tasks: { ...noTasks, failed: 2, ready: 3 } });
  const stuck = job(2, { condition: { kind: 'stuck', layer: 'boards', reason: 'gave back', since: null } });
  it('names what is wrong, the worst first, with what helps', () => {
    const tonight = tonightOf([job(3), failed, stuck, job(4, { state: 'paused' })], now);
    expect(tonight.troubles.map((each) => each.job.id)).toEqual([2, 1, 4]);
    expect(tonight.troubles.map((each) => each.help)).toEqual(['open', 'retry', 'resume']);
    expect(headline(tonight)).toBe('3 jobs need attention; 1 is on its way.');
  });
  it('says so when all is well, or nothing is there', () => {
    expect(headline(tonightOf([job(1), job(2)], now))).toBe('All 2 jobs in the queue are on their way.');
    expect(headline(tonightOf([], now))).toBe('Nothing is queued.');
  });
  it('knows late shots where the scheduler has deadlines', () => {
    const ready = (p90: string, on_time: number) =>
      job(1, {
        deadline: '2026-12-01T20:10:00Z',
        forecast: { ...noForecast, state: 'estimated', ready_p50: '2026-12-01T20:02:00Z', ready_p90: p90, on_time },
      });
    expect(troubleOf(ready('2026-12-01T20:20:00Z', 0.4), now)?.what).toBe('late by 10 min');
    expect(troubleOf(ready('2026-12-01T20:20:00Z', 0.4), now)?.why).toContain('40 %');
    expect(troubleOf(ready('2026-12-01T20:05:00Z', 0.97), now)).toBeNull();
  });
  it('forgets what ended long ago', () => {
    const ended = job(1, { state: 'failed', finished: '2026-11-20T10:00:00Z' });
    expect(tonightOf([ended], now).troubles).toEqual([]);
  });
  it('says why a slot is idle while work waits', () => {
    const rows = slotRows(
      [worker({ state: 'drained' }), worker({ state: 'silent', silent_ms: 60_000 }), worker()],
      true,
    );
    expect(rows.map((row) => row.why)).toEqual(['drained', 'not heard for 1 min', 'nothing that waits can run here']);
    expect(slotRows([worker()], false)[0]!.why).toBe('');
  });
});

describe('the list of jobs', () => {
  const jobs = [job(1), job(2, { state: 'done', principal: 'ben' }), job(3, { priority: 90, tags: ['dailies'] })];
  const all = { text: '', state: '', show: '', owner: '' };
  it('is searched in everything that people call a job', () => {
    expect(filtered(jobs, { ...all, text: 'DAILIES hb_3' }).map((each) => each.id)).toEqual([3]);
    expect(filtered(jobs, { ...all, owner: 'ben' }).map((each) => each.id)).toEqual([2]);
    expect(filtered(jobs, { ...all, state: 'live' }).map((each) => each.id)).toEqual([1, 3]);
    expect(filtered(jobs, { ...all, show: 'none' })).toEqual([]);
  });
  it('is ordered, the newest first among equals', () => {
    expect(sorted(jobs, 'priority', false).map((each) => each.id)).toEqual([3, 2, 1]);
    expect(sorted(jobs, 'submitted', true).map((each) => each.id)).toEqual([1, 2, 3]);
  });
  it('of 10,000 jobs is filtered and ordered in a blink', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => job(i + 1));
    const begun = performance.now();
    expect(sorted(filtered(many, { ...all, text: 'hb_9999' }), 'job', false)).toHaveLength(1);
    expect(sorted(filtered(many, all), 'job', false)).toHaveLength(10_000);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

describe('shots', () => {
  it('have their versions, the newest first, and no remakes', () => {
    const shows = showsOf([
      job(1, { shot: 'a' }),
      job(2, { shot: 'a', version: 2 }),
      job(3, { shot: 'a', remake_of: 1 }),
    ]);
    expect(shows[0]!.sequences[0]!.shots[0]!.versions.map((each) => each.id)).toEqual([2, 1]);
  });
  it('are in the order that people count in', () => {
    const shots = showsOf([job(1, { shot: 'sh10' }), job(2, { shot: 'sh2' })])[0]!.sequences[0]!.shots;
    expect(shots.map((each) => each.shot)).toEqual(['sh2', 'sh10']);
  });
});

describe('what a change would do', () => {
  const some = job(1, { tasks: { ...noTasks, leased: 1, waiting: 4, published: 3 }, frames_published: 3 });
  it('is said before it is done', () => {
    expect(consequences('cancel', [some], '').slice(0, 3)).toEqual([
      '1 task that runs now stops at the next step.',
      '4 waiting tasks are dropped.',
      '3 published files stay.',
    ]);
    expect(consequences('retry', [job(2, { tasks: { ...noTasks, failed: 2 } })], '')[0]).toMatch(/^2 failed tasks are/);
  });
  it('leaves alone what it does not apply to, and says so', () => {
    const ended = job(3, { state: 'done' });
    expect(touched('cancel', [some, ended]).map((each) => each.id)).toEqual([1]);
    expect(consequences('cancel', [some, ended], '').at(-1)).toBe('1 job is left as it is: the change does not apply.');
  });
  it('tells what a drain interrupts', () => {
    const busy = worker({
      tasks_held: 12,
      slots: [{ index: 0, name: 'cpu0', usable: true, leases: [lease()], booked_bytes: 0, budget_bytes: 0 }],
    });
    expect(drainConsequences(busy, 0)[0]).toMatch(/^1 piece of work with 12 tasks/);
    expect(drainConsequences(worker(), 3)).toEqual(['Nothing runs on it now.', '3 other slots go on.']);
  });
});

describe('command lines', () => {
  it('are quoted so that a shell reads one word', () => {
    expect(shellWord("it's $HOME")).toBe("'it'\\''s $HOME'");
    expect(commandLine(7, 'boards', '1-4')).toBe('framemill retry 7 --layer boards --frames 1-4');
    expect(commandLine(7, '', '')).toBe('framemill job 7');
  });
});

describe('keys', () => {
  it('are single ones and pairs, if the second comes soon', () => {
    const heard: string[] = [];
    const keys = new Keys({ j: () => heard.push('j'), 'g j': () => heard.push('g j') });
    keys.match('g', 0);
    keys.match('j', 500)?.();
    keys.match('g', 1000);
    keys.match('j', 5000)?.();
    expect(heard).toEqual(['g j', 'j']);
  });
});
