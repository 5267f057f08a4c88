/** Numbers and times as people read them. */
import type { CallView, QualityView } from "./backend";
import { intlLocale } from "./i18n.svelte";
import { m } from "./paraglide/messages";

/**
 * One for each language and style: making one reads tables of the language, a quarter of the script time in which the call's
 * screen is built.
 */
const formats = new Map<string, unknown>();
function format<Options, Format>(Kind: new (locale: string, options: Options) => Format, options: Options): Format {
  const locale = intlLocale();
  const key = [Kind.name, locale, JSON.stringify(options)].join(" ");
  const known = formats.get(key) as Format | undefined;
  const made = known ?? new Kind(locale, options);
  if (known === undefined) formats.set(key, made);
  return made;
}

/** `m:ss`, from one hour on `h:mm:ss`. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const tail = two(seconds % 60);
  return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${tail}`;
}

/** "1.2 Mbit/s" from one megabit on, below "640 kbit/s". */
export function bitrate(kbps: number): string {
  const number = (value: number, maximumFractionDigits: number) =>
    format(Intl.NumberFormat, { maximumFractionDigits }).format(value);
  return kbps >= 1000 ? `${number(kbps / 1000, 1)} Mbit/s` : `${number(kbps, 0)} kbit/s`;
}

/** "1.2 MB". */
export function byteSize(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const [unit, maximumFractionDigits] = [units[step] ?? "byte", step > 1 ? 1 : 0];
  const style = { style: "unit", unit, unitDisplay: step === 0 ? "long" : "short", maximumFractionDigits } as const;
  return format(Intl.NumberFormat, style).format(bytes / 1000 ** step);
}

/** "Good, 42 ms, 1.2 Mbit/s, direct, end-to-end encrypted". */
export function statsLine(quality: QualityView): string {
  const parts = [qualityWord(quality.level)];
  if (quality.roundTripMs !== null) parts.push(`${quality.roundTripMs} ms`);
  parts.push(bitrate(quality.receiveKbps));
  if (quality.lossPercent > 0) parts.push(m.stats_lost({ percent: quality.lossPercent }));
  parts.push(quality.relayed ? m.stats_relayed() : m.stats_direct(), m.stats_encrypted());
  return parts.join(", ");
}

export function qualityWord(level: QualityView["level"]): string {
  return { good: m.quality_good, fair: m.quality_fair, weak: m.quality_weak }[level]();
}

/** "1280 × 720, 30 pictures a second". */
export function pictureSize(width: number, height: number, fps: number): string {
  return width > 0 && height > 0 ? m.stats_picture({ width, height, fps }) : m.stats_no_picture();
}

/** "Amir", "Amir and Sofia", "Amir, Sofia and 2 more". */
export function nameList(names: readonly string[]): string {
  const shown = names.length > 3 ? names.slice(0, 2) : names;
  const rest = names.length - shown.length;
  const parts = rest > 0 ? [...shown, m.and_more({ count: rest })] : [...shown];
  return format(Intl.ListFormat, { type: "conjunction" }).format(parts);
}

export function timeOfDay(at: Date): string {
  return format(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit" }).format(at);
}

/** "Tuesday 24 November". */
export function day(at: Date): string {
  const text = format(Intl.DateTimeFormat, { weekday: "long", day: "numeric", month: "long" }).format(at);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The name on top of the call. */
export function callTitle(view: CallView): string {
  const names = view.participants.map(({ name }) => name || m.someone());
  return names.length > 0 ? nameList(names) : m.call_title();
}
