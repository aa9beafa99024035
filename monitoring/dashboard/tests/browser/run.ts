// The dashboard as people use it, scene by scene, over the farm of tests/process/dashboard_test.py.
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { farm, kSlow, launch, setting, Visitor } from './stage.ts';

const screens: [string, string][] = [
  ['tonight', '/'],
  ['shots', '/shots'],
  ['jobs', '/jobs'],
  ['job', '/jobs/1'],
  ['workers', '/workers'],
  ['usage', '/usage'],
  ['events', '/events'],
];

async function signingIn(browser: Browser) {
  const visitor = await Visitor.open(browser, 'light');
  await visitor.page.goto(setting.server);
  await visitor.page.getByRole('heading', { name: 'Framemill' }).waitFor();
  await visitor.accessible('the sign-in');
  await visitor.picture('sign-in');
  await visitor.page.getByLabel('Token', { exact: true }).fill('no such token');
  await visitor.page.keyboard.press('Enter');
  await visitor.see(/unknown token/);
  await visitor.signIn('vic');
  const cookies = await visitor.context.cookies();
  assert.equal(cookies.length, 1);
  assert.ok(cookies[0]!.httpOnly && cookies[0]!.sameSite === 'Strict');
  await visitor.page.reload();
  await visitor.page.getByRole('link', { name: 'Tonight' }).waitFor();
  await visitor.page.getByRole('button', { name: 'Sign out' }).click();
  await visitor.page.getByLabel('Token', { exact: true }).waitFor();
  await visitor.page.reload();
  await visitor.page.getByLabel('Token', { exact: true }).waitFor();
  await visitor.close();
}

async function framesArrive(root: Visitor) {
  const { page } = root;
  await root.go('/');
  const job = await farm<number>('generate', { steps: 30 });
  await root.see('harbor / hb / hb_0010');
  await root.go(`/jobs/${job}`);
  const done = page.locator('.cell.done');
  await done.first().waitFor(kSlow);
  const before = await done.count();
  await page.waitForFunction((count) => document.querySelectorAll('.cell.done').length > count, before, kSlow);
  await root.picture('job-running');
  await root.see('44 of 44 frames');
  assert.equal(await done.count(), 44);
  assert.equal(await page.locator('.cell.start').count(), 3, 'each later window begins with a line');
  // The cells become a contact sheet as pictures follow the frames.
  await page.waitForFunction(() => document.querySelectorAll('.cell img').length === 44, undefined, kSlow);
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll<HTMLImageElement>('.cell img, .played img')].every((img) => img.naturalWidth > 0),
    undefined,
    kSlow,
  );
  await root.picture('job-pictures');
  const scrubber = page.getByRole('slider', { name: 'Frame of boards' });
  await scrubber.focus();
  await page.keyboard.press('Home');
  await page.getByAltText('Frame 1001 of boards').waitFor();
  await page.keyboard.press('ArrowRight');
  await page.getByAltText('Frame 1002 of boards').waitFor();
  await page.getByRole('button', { name: 'Play boards' }).click();
  await page.waitForFunction(() => document.querySelector('.played .number')?.textContent !== '1002', undefined, kSlow);
  await page.getByRole('button', { name: 'Stop boards' }).click();
  await page.getByRole('button', { name: 'States' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.cell img').length === 0);
  await page.getByRole('button', { name: 'Pictures' }).click();
  return job;
}

async function versionsSideBySide(root: Visitor) {
  const { page } = root;
  const job = await farm<number>('generate', { steps: 4, prompt: 'sea at night, blue boat moving right' });
  await root.go(`/jobs/${job}`);
  await root.see('44 of 44 frames');
  await page.waitForFunction(() => document.querySelectorAll('.cell img').length === 44, undefined, kSlow);
  await root.go('/shots');
  const shot = page.locator('li.panel', { hasText: 'hb_0010' });
  await shot.locator('.take img').waitFor(kSlow);
  await shot.locator('.older img').waitFor(kSlow);
  // A pointer over it makes it move.
  await shot.locator('.take .stage').hover();
  const number = await shot.locator('.take .number').textContent();
  await page.waitForFunction(
    (before) => document.querySelector('.take .number')?.textContent !== before,
    number,
    kSlow,
  );
  await root.picture('shots');
  await shot.getByRole('button', { name: 'Versions of hb_0010 side by side' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('img').nth(1).waitFor(kSlow);
  await dialog.getByRole('slider').first().focus();
  await page.keyboard.press('Home');
  await dialog.getByAltText('Frame 1001 of hb_0010 v001').waitFor();
  await dialog.getByAltText('Frame 1001 of hb_0010 v002').waitFor();
  await root.accessible('versions side by side');
  await root.picture('versions');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await root.go('/jobs?q=hb_0010');
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll<HTMLImageElement>('.line .thumb img')].filter((img) => img.naturalWidth > 0)
        .length === 2,
    undefined,
    kSlow,
  );
}

async function failuresAreSeen(root: Visitor) {
  const { page } = root;
  const job = await farm<number>('paint', { shot: 'nm_0450', what: 'bad', frames: '1-12', seconds: 0.1 });
  await root.go(`/jobs/${job}`);
  await root.see('Failures');
  await page.waitForFunction(() => document.querySelectorAll('.cell.failed').length === 2, undefined, kSlow);
  await root.see(/no paint left/);
  // Drag over three cells, look at the log of the first, and retry them.
  const cells = page.locator('.cell');
  await cells.nth(5).hover();
  await page.mouse.down();
  await cells.nth(7).hover();
  await page.mouse.up();
  await root.see('3 frames: 6-8');
  await page.getByRole('status').getByRole('button', { name: 'Retry' }).click();
  await root.see('Failed and cancelled tasks of the frames 6-8 are opened again.');
  await root.picture('job-retry');
  await page.getByLabel(/^Why/).fill('another try');
  await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
  await root.see('Done.');
  await page.getByRole('button', { name: 'Explain' }).click();
  return job;
}

async function aSelectionIsCancelled(root: Visitor) {
  const { page } = root;
  for (const shot of ['nm_0500', 'nm_0510', 'nm_0520']) await farm('paint', { shot, frames: '1-200', seconds: 0.5 });
  await root.go('/jobs?state=live');
  await page.getByLabel('Select night_market / sq10 / nm_0500').check();
  await page.getByLabel('Select night_market / sq10 / nm_0510').check();
  await root.picture('jobs');
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await root.see(/waiting tasks are dropped/);
  await root.picture('cancel');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await root.see('Done.');
  await page.mouse.move(2, 2);
  await root.go('/jobs?state=cancelled');
  await page.getByRole('link', { name: 'night_market / sq10 / nm_0510' }).waitFor(kSlow);
  await page.getByRole('link', { name: 'night_market / sq10 / nm_0500' }).waitFor(kSlow);
}

async function aWorkerIsDrained(root: Visitor) {
  const { page } = root;
  await root.go('/workers');
  const worker = page.locator('li.worker', { hasText: 'w2' });
  await worker.getByRole('button', { name: 'Drain' }).click();
  await root.picture('drain');
  await page.getByLabel(/^Why/).fill('new fan');
  await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await worker
    .getByText(/draining|drained/)
    .first()
    .waitFor(kSlow);
  await worker.getByText(/root, .*: new fan/).waitFor(kSlow);
  await worker.getByRole('button', { name: 'Undrain' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Undrain' }).click();
  await worker.getByText('up', { exact: true }).waitFor(kSlow);
}

async function hostileTextIsInert(root: Visitor) {
  const { page } = root;
  const job = await farm<number>('paint', {
    shot: 'nm_0600',
    name: 'evil',
    what: 'bad',
    frames: '7-9',
    tags: [setting.hostile],
    person: 'eve',
  });
  await farm('cli', { words: ['pause', String(job), '--reason', setting.hostile] });
  for (const path of ['/', '/shots', '/jobs', `/jobs/${job}`, '/events']) {
    await root.go(path);
    await page.waitForTimeout(800);
    assert.equal(await page.locator('img[src="x"]').count(), 0, `markup came alive on ${path}`);
  }
  await root.go(`/jobs/${job}`);
  await root.see(setting.hostile);
  assert.equal(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked), undefined);
  await farm('cli', { words: ['cancel', String(job)] });
}

async function theSchedulerIsLostAndFound(root: Visitor) {
  const { page } = root;
  await root.go('/');
  await page.evaluate(() => ((window as unknown as { kept: number }).kept = 1));
  await farm('stop_scheduler');
  await root.see(/has not been heard since/);
  await root.picture('lost');
  await farm('start_scheduler');
  await page.getByText(/has not been heard since/).waitFor({ state: 'detached', timeout: 40_000 });
  const job = await farm<number>('paint', { shot: 'nm_0700', frames: '1-2', seconds: 0.1 });
  await page.getByText('night_market / sq10 / nm_0700').first().waitFor(kSlow);
  assert.equal(
    await page.evaluate(() => (window as unknown as { kept?: number }).kept),
    1,
    'the page was loaded again',
  );
  // Changes are possible again, too: the session is a new one.
  await root.go(`/jobs/${job}`);
  await root.see('2 of 2 frames');
}

async function everyScreenIsAccessible(browser: Browser, job: number) {
  for (const theme of ['light', 'dark'] as const) {
    const visitor = await Visitor.open(browser, theme);
    await visitor.signIn('root');
    for (const [name, path] of screens) {
      await visitor.go(name === 'job' ? `/jobs/${job}` : path);
      await visitor.page.waitForTimeout(name === 'job' ? 1200 : 500);
      await visitor.accessible(`${name}, ${theme}`);
      await visitor.picture(`${name}-${theme}`);
    }
    await visitor.close();
  }
}

async function thePhoneFits(browser: Browser, job: number) {
  const visitor = await Visitor.open(browser, 'dark', 390, 844);
  await visitor.signIn('vic');
  for (const [name, path] of screens) {
    await visitor.go(name === 'job' ? `/jobs/${job}` : path);
    await visitor.page.waitForTimeout(800);
    await visitor.fits(name);
    await visitor.picture(`phone-${name}`);
  }
  await visitor.go(`/jobs/${job}`);
  for (const name of ['Retry', 'Priority', 'Cancel', 'Pause'])
    for (const button of await visitor.page.getByRole('button', { name, exact: true }).all())
      assert.ok(await button.isDisabled(), `a viewer could ${name}`);
  await visitor.close();
}

async function keysAreEnough(root: Visitor) {
  const { page } = root;
  await root.go('/');
  await page.keyboard.press('g');
  await page.keyboard.press('j');
  await page.getByRole('heading', { name: 'Jobs' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('nm_0450');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelectorAll('.body .line').length === 1);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /nm_0450/ }).waitFor();
  await page.locator('.cell').first().focus();
  await page.keyboard.press('Shift+ArrowRight');
  await root.see('2 frames: 1,2');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByText('next and previous row').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

// The list with 10,000 jobs: what the server would send is written here.
async function tenThousandJobs(browser: Browser) {
  const visitor = await Visitor.open(browser);
  const { page } = visitor;
  const tasks = {
    waiting: 3,
    ready: 1,
    leased: 1,
    committed: 0,
    published: 5,
    failed: 0,
    quarantined: 0,
    cancelled: 0,
  };
  const job = (id: number) => ({
    id,
    remake_of: null,
    name: 'comp',
    show: 'big',
    sequence: 'sq',
    shot: `sh_${id}`,
    principal: 'ana',
    tags: [],
    version: 1,
    state: 'running',
    condition: null,
    priority: id % 100,
    submitted: new Date().toISOString(),
    started: null,
    finished: null,
    tasks,
    frames: 10,
    frames_published: 5,
    eta_ms: id * 1000,
  });
  await page.route(/\/api\/v1\/jobs\?live=true/, async (route) => {
    const after = Number(new URL(route.request().url()).searchParams.get('after') ?? 10_001);
    const items = Array.from({ length: 1000 }, (_, i) => job(after - 1 - i));
    await route.fulfill({ json: { items, next: after > 1001 ? String(after - 1000) : null } });
  });
  await page.route('**/readyz', (route) =>
    route.fulfill({
      status: 503,
      json: { code: 'store.read_only', message: 'the disk of the store is full', field: '', hint: '' },
    }),
  );
  await visitor.signIn('root');
  await visitor.go('/jobs');
  await visitor.see(/^10,\d+ jobs$/);
  await visitor.see(/the disk of the store is full/);
  const begun = Date.now();
  await page.locator('.body').evaluate((body) => (body.scrollTop = 50 * 5000));
  await page.getByText('big / sq / sh_5000').first().waitFor();
  await page.getByLabel('Search jobs').fill('sh_77');
  await page.getByText('big / sq / sh_7700').first().waitFor();
  const took = Date.now() - begun;
  console.log(`10,000 jobs: scroll to the middle and search in ${took} ms`);
  assert.ok(took < 15_000);
  assert.ok((await page.locator('.body .line').count()) < 100, 'only what is seen is drawn');
  await visitor.picture('jobs-10000');
  await visitor.close();
}

async function main() {
  const browser = await launch();
  const scene = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const begun = Date.now();
    const result = await act();
    console.log(`ok  ${((Date.now() - begun) / 1000).toFixed(1)} s  ${name}`);
    return result;
  };
  let root: Visitor | null = null;
  try {
    await scene('a token opens a session that a reload keeps and a sign-out ends', () => signingIn(browser));
    root = await Visitor.open(browser);
    const visitor = root;
    await visitor.signIn('root');
    const made = await scene('frames arrive while one looks', () => framesArrive(visitor));
    await scene('versions stand side by side, at one frame', () => versionsSideBySide(visitor));
    await scene('failed frames are selected and retried', () => failuresAreSeen(visitor));
    await scene('a selection of jobs is cancelled, after what happens was said', () => aSelectionIsCancelled(visitor));
    await scene('a worker is drained with a reason', () => aWorkerIsDrained(visitor));
    await scene('no screen has accessibility violations, light and dark', () => everyScreenIsAccessible(browser, made));
    await scene('text from outside is inert', () => hostileTextIsInert(visitor));
    await scene('keys are enough', () => keysAreEnough(visitor));
    await scene('screens fit a phone, and a viewer changes nothing', () => thePhoneFits(browser, made));
    await scene('10,000 jobs, and a store that is read only', () => tenThousandJobs(browser));
    await scene('the scheduler is lost and found without a reload', () => theSchedulerIsLostAndFound(visitor));
    await visitor.close();
  } catch (error) {
    await root?.picture('failure').catch(() => undefined);
    console.log(`problems: ${root?.problems.join('\n')}`);
    throw error;
  } finally {
    await browser.close();
  }
}

await main().then(
  () => process.exit(0),
  (error) => {
    console.log(error);
    process.exit(1);
  },
);
