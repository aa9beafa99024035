// Single keys and pairs ("g j") for the whole page. Silent while somebody types, and while a dialog is open.

const kPairMs = 1200;

export class Keys {
  private first = '';
  private at = 0;
  private readonly heard = (event: KeyboardEvent) => this.onKey(event);

  constructor(private readonly actions: Record<string, () => void>) {}

  listen(): () => void {
    window.addEventListener('keydown', this.heard);
    return () => window.removeEventListener('keydown', this.heard);
  }
  // Which action a key leads to; the first key of a pair leads to none yet.
  match(key: string, now: number): (() => void) | null {
    const pair = now - this.at < kPairMs ? this.actions[`${this.first} ${key}`] : undefined;
    this.first = key;
    this.at = now;
    return pair ?? this.actions[key] ?? null;
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement | null;
    if (target?.closest('input:not([type=checkbox]), textarea, select, dialog, [contenteditable]')) {
      if (event.key === 'Escape' && target.matches('[data-search]')) target.blur();
      return;
    }
    const action = this.match(event.key, event.timeStamp);
    if (!action) return;
    event.preventDefault();
    action();
  }
}
