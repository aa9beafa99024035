// What this browser keeps: light or dark, and saved views. Storage may be forbidden; then it lasts as long as the page.
export interface View {
  name: string;
  query: string;
}

function read<T>(key: string, fallback: T): T {
  try {
    return JSON.parse(localStorage.getItem(`framemill.${key}`) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}
function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(`framemill.${key}`, JSON.stringify(value));
  } catch {
    // Forbidden: it lasts as long as the page.
  }
}

class Prefs {
  theme = $state<'light' | 'dark'>(
    read('theme', matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'),
  );
  pictures = $state<boolean>(read('pictures', true)); // cells of frames show them
  views = $state.raw<View[]>(read('views', []));

  constructor() {
    this.show();
  }
  toggleTheme(): void {
    this.theme = this.theme === 'dark' ? 'light' : 'dark';
    write('theme', this.theme);
    this.show();
  }
  showPictures(on: boolean): void {
    this.pictures = on;
    write('pictures', on);
  }
  saveView(name: string, query: string): void {
    this.views = [...this.views.filter((view) => view.name !== name), { name, query }].slice(-20);
    write('views', this.views);
  }
  removeView(name: string): void {
    this.views = this.views.filter((view) => view.name !== name);
    write('views', this.views);
  }
  private show(): void {
    document.documentElement.dataset.theme = this.theme;
  }
}

export const prefs = new Prefs();
