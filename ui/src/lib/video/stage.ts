/**
 * The page's reporter and what components declare: `tile` for boxes that pictures fill, `overlay`, `over` and `backdrop`
 * for what lies over them, `under` for what lies under them.
 */
import type { Action } from "svelte/action";
import type { Attachment } from "svelte/attachments";

import type { Layout } from "../backend";
import { LAYER } from "./layers";
import { LayoutReporter, type OverlayOptions, type TileOptions } from "./reporter";
import { holdsAny, pageScreen } from "./screen";
import { SeeThrough } from "./seethrough";

export type Stage = {
  /** `picture`: a picture is shown in it. */
  tile: Action<HTMLElement, TileOptions & { picture: boolean }>;
  /** Lies over all video. Usable on components too: `{@attach stage.overlay}`. */
  overlay: Attachment<Element>;
  /** Lies over the tiles up to `z`: what belongs to a tile has the tile's. */
  over(z: number): Attachment<Element>;
  /** Lies over all video and lets it shine through, as far as its background does. */
  backdrop: Attachment<Element>;
  /** Lies under the tiles above `z`, and must not be seen through them. */
  under(z: number): Attachment<HTMLElement>;
  /**
   * People are about to stand elsewhere: pictures that the window paints glide to their new places, and what the page has
   * over them comes back when they are there. Boxes themselves never move in steps, which would paint them each time.
   */
  glide(): void;
  /** Call when something appears or moves without a change of the document: under the pointer. */
  invalidate(): void;
  /** The layout is reported again, even if nothing changes. */
  again(): void;
};

/** `html[data-gliding]` for so long; `--base` of the tokens. */
const GLIDE_MS = 200;

/** After any of these what the event is about may have moved, appeared or gone. */
const MOVES = [
  "resize",
  "scroll",
  "focusin",
  "focusout",
  "transitionrun",
  "transitionend",
  "transitioncancel",
  "animationstart",
  "animationend",
  "animationcancel",
  "fullscreenchange",
];

export function createStage(report: (layout: Layout) => void): Stage {
  const seeThrough = new SeeThrough();
  const requestFrame = (callback: () => void) =>
    pageScreen.requestFrame(() => {
      callback();
      seeThrough.cut();
    });
  const reporter = new LayoutReporter<Element>({ ...pageScreen, requestFrame }, report);
  const invalidate = () => reporter.invalidate();

  function onMove({ target }: Event): void {
    if (!(target instanceof Element) || holdsAny(target, reporter.declared())) reporter.invalidate();
  }
  for (const event of MOVES) addEventListener(event, onMove, { capture: true, passive: true });
  document.addEventListener("visibilitychange", () => reporter.visibilityChanged());
  // Words, classes and styles anywhere can move a box without resizing it, and the theme brings other colours.
  new MutationObserver(() => reporter.glance()).observe(document.documentElement, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  });
  // Called between layout and paint, also for what came into the document after this frame's callbacks.
  const resized = new ResizeObserver(() => {
    reporter.appeared();
    seeThrough.cut();
  });

  let glides: ReturnType<typeof setTimeout> | undefined;
  function glide(): void {
    const { dataset } = document.documentElement;
    if (!dataset.video?.startsWith("native") || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    clearTimeout(glides);
    dataset.gliding = "";
    reporter.glide(GLIDE_MS);
    glides = setTimeout(() => {
      delete dataset.gliding;
      reporter.glide(0);
    }, GLIDE_MS);
  }

  function forget(element: Element): void {
    resized.unobserve(element);
    reporter.remove(element);
  }
  const declare =
    (options: OverlayOptions): Attachment<Element> =>
    (element) => {
      reporter.setOverlay(element, options);
      resized.observe(element);
      return () => forget(element);
    };

  return {
    tile(element, parameters) {
      const set = ({ picture, ...options }: TileOptions & { picture: boolean }) => {
        reporter.setTile(element, options);
        seeThrough.set(element, picture ? options.z : null);
      };
      set(parameters);
      resized.observe(element);
      return {
        update: set,
        destroy() {
          forget(element);
          seeThrough.set(element, null);
        },
      };
    },
    overlay: declare({ z: LAYER.top, shine: false }),
    over: (z) => declare({ z, shine: false }),
    backdrop: declare({ z: LAYER.top, shine: true }),
    under: (z) => (element) => {
      seeThrough.setSolid(element, z);
      resized.observe(element);
      return () => {
        resized.unobserve(element);
        seeThrough.removeSolid(element);
      };
    },
    glide,
    invalidate,
    again: () => reporter.again(),
  };
}
