// Numbers, times and sizes for people: always with their unit, rounded to what can be read at a glance.

export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return min < 10 && s % 60 ? `${min} min ${s % 60} s` : `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

// Device time, which adds up to more than a day has.
export function hours(us: number): string {
  const h = us / 3.6e9;
  return `${h === 0 || h >= 100 ? Math.round(h) : h.toFixed(h >= 1 ? 1 : 3)} h`;
}

const grouped = new Intl.NumberFormat('en-US');
export function count(value: number): string {
  return grouped.format(value);
}
export function percent(part: number, whole: number): string {
  if (whole === 0) return '0 %';
  const value = (100 * part) / whole;
  // Neither 0 % when something is there nor 100 % when something is missing.
  if (part > 0 && value < 1) return '<1 %';
  if (part < whole && value > 99) return '>99 %';
  return `${Math.round(value)} %`;
}

// "21:40" today, "Tue 21:40" within a week, else "3 Dec 21:40".
export function clock(ms: number, now: number): string {
  const at = new Date(ms);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const today = new Date(now);
  if (at.toDateString() === today.toDateString()) return time;
  if (Math.abs(ms - now) < 6 * 86_400_000) return `${at.toLocaleDateString('en-GB', { weekday: 'short' })} ${time}`;
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${time}`;
}

export function timeOf(text: string | null | undefined): number | null {
  if (!text) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

export function version(number: number): string {
  return `v${String(number).padStart(3, '0')}`;
}
