// What the scenes of the browser test share: the farm behind the test, the browser, signing in, and looking for what
// must not be there: errors, breaches of the content policy, accessibility violations.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

export interface Setting {
  server: string;
  tokens: Record<string, string>;
  out: string;
  chromium: string;
  hostile: string;
}
export const setting = JSON.parse(process.argv[2] ?? '{}') as Setting;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
// Has the farm do something: see dashboard_test.py.
export async function farm<T>(act: string, how: object = {}): Promise<T> {
  process.stdout.write(`@${JSON.stringify({ do: act, ...how })}\n`);
  const { value } = await answers.next();
  const reply = JSON.parse(value as string) as { value: T; error?: string };
  if (reply.error) throw new Error(`${act}: ${reply.error}`);
  return reply.value;
}

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
export const kSlow = { timeout: 30_000 };

export class Visitor {
  readonly problems: string[] = [];
  readonly context: BrowserContext;
  readonly page: Page;
  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on('pageerror', (error) => this.problems.push(`error: ${error.message}`));
    page.on('console', (message) => {
      const network = /Failed to load resource|net::ERR/.test(message.text());
      if (message.type() === 'error' && !network) this.problems.push(`console: ${message.text()}`);
    });
    page.on('dialog', (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }
  static async open(browser: Browser, theme: 'light' | 'dark' = 'dark', width = 1440, height = 900): Promise<Visitor> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    return new Visitor(context, page);
  }
  async signIn(person: string): Promise<void> {
    await this.page.goto(setting.server);
    await this.page.getByLabel('Token', { exact: true }).fill(setting.tokens[person]!);
    await this.page.keyboard.press('Enter');
    await this.page.getByRole('link', { name: 'Tonight' }).waitFor();
  }
  async go(path: string): Promise<void> {
    await this.page.evaluate((to) => (location.hash = to), path);
    await this.page.locator('main h1').first().waitFor();
  }
  async see(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor(kSlow);
  }
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: `${setting.out}/${name}.png` });
  }
  async accessible(what: string): Promise<void> {
    await this.page.evaluate(axe);
    const violations = await this.page.evaluate(async () => {
      const tool = (
        window as unknown as { axe: { run(where: unknown, how: unknown): Promise<{ violations: unknown[] }> } }
      ).axe;
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
      const found = await tool.run(document, { runOnly: { type: 'tag', values: tags } });
      return (found.violations as { id: string; nodes: { html: string; failureSummary: string }[] }[]).map(
        (each) => `${each.id}: ${each.nodes[0]?.html.slice(0, 200)}: ${each.nodes[0]?.failureSummary}`,
      );
    });
    assert.deepEqual(violations, [], `axe finds something on ${what}`);
  }
  async fits(what: string): Promise<void> {
    const width = await this.page.evaluate(() => document.scrollingElement!.scrollWidth - innerWidth);
    assert.ok(width <= 0, `${what} is ${width} pixels wider than the screen`);
  }
  async close(): Promise<void> {
    await this.context.close();
    assert.deepEqual(this.problems, []);
  }
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: setting.chromium, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
