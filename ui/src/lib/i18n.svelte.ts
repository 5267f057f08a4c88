/** The language in use: the user's choice, else the system's. Messages read it reactively. */
import { overwriteGetLocale, type Locale } from "./paraglide/runtime";

const current = $state<{ locale: Locale }>({ locale: "en" });
overwriteGetLocale(() => current.locale);

export const currentLocale = (): Locale => current.locale;

export function pickLocale(wanted: string, system: string): Locale {
  const language = wanted === "system" ? system.toLowerCase() : wanted;
  return language.startsWith("sv") ? "sv" : "en";
}

export function setLanguage(wanted: string, system: string): void {
  current.locale = pickLocale(wanted, system);
  document.documentElement.lang = current.locale;
}

/** For `Intl`: Swedish as in Sweden, English with a 24 h clock. */
export function intlLocale(): string {
  return current.locale === "sv" ? "sv-SE" : "en-GB";
}
