/** Keyboard ways between and inside regions: F6 cycles, arrows rove within a toolbar. */
import type { Action } from "svelte/action";

const FOCUSABLE = 'button:not([disabled]):not([tabindex="-1"]), a[href], input:not([disabled]), [tabindex="0"]';

/** Moves focus to the next (`1`) or previous (`-1`) element with `data-region` that holds something focusable. */
export function cycleRegions(step: 1 | -1, root: ParentNode = document): void {
  const regions = Array.from(root.querySelectorAll<HTMLElement>("[data-region]")).filter(
    (region) => region.querySelector(FOCUSABLE) !== null,
  );
  if (regions.length === 0) return;
  const here = regions.findIndex((region) => region.contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : regions.length - 1) : (here + step + regions.length) % regions.length;
  regions[next]?.querySelector<HTMLElement>(FOCUSABLE)?.focus();
}

export function nextIndex(key: string, index: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return (index + 1) % count;
    case "ArrowLeft":
      return (index - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** A toolbar is one tab stop; arrows, Home and End move within it. */
export const roving: Action<HTMLElement> = (toolbar) => {
  const items = () =>
    Array.from(toolbar.querySelectorAll<HTMLElement>("button")).filter((item) => item.offsetParent !== null);

  function select(item: HTMLElement | undefined): void {
    for (const each of items()) each.tabIndex = each === item ? 0 : -1;
  }
  function refresh(): void {
    const all = items();
    if (all.filter((item) => item.tabIndex === 0).length !== 1)
      select(all.find((i) => i === document.activeElement) ?? all[0]);
  }
  function onKey(event: KeyboardEvent): void {
    const all = items();
    const here = all.indexOf(document.activeElement as HTMLElement);
    const next =
      here < 0 || event.ctrlKey || event.altKey || event.metaKey ? null : nextIndex(event.key, here, all.length);
    if (next === null) return;
    event.preventDefault();
    select(all[next]);
    all[next]?.focus();
  }
  function onFocus(event: FocusEvent): void {
    const item = (event.target as HTMLElement).closest<HTMLElement>("button");
    if (item) select(item);
  }
  const changed = new MutationObserver(refresh);
  changed.observe(toolbar, { childList: true, subtree: true });
  addEventListener("resize", refresh);
  toolbar.addEventListener("keydown", onKey);
  toolbar.addEventListener("focusin", onFocus);
  refresh();
  return {
    destroy() {
      changed.disconnect();
      removeEventListener("resize", refresh);
      toolbar.removeEventListener("keydown", onKey);
      toolbar.removeEventListener("focusin", onFocus);
    },
  };
};
