/** The page's reporter and the two declarations: `tile` for boxes that pictures fill, `overlay` for what lies over them. */
import type { Action } from "svelte/action";
import type { Attachment } from "svelte/attachments";

import type { Layout } from "../backend";
import { LayoutReporter, type TileOptions } from "./reporter";
import type { VideoSource } from "./source";

export type Stage = {
  tile: Action<HTMLElement, TileOptions>;
  /** Usable on components too: `{@attach stage.overlay}`. */
  overlay: Attachment<Element>;
  /** Call when something moves without changing its size. */
  invalidate(): void;
  video: VideoSource;
};

export function createStage(video: VideoSource, report: (layout: Layout) => void): Stage {
  const reporter = new LayoutReporter(
    {
      requestFrame: (callback) => requestAnimationFrame(callback),
      devicePixelRatio: () => devicePixelRatio,
      radius: (element) => parseFloat(getComputedStyle(element as Element).borderTopLeftRadius) || 0,
    },
    report,
  );
  const resized = new ResizeObserver(() => reporter.invalidate());
  for (const event of ["resize", "scroll", "transitionrun", "animationstart", "fullscreenchange"]) {
    addEventListener(event, () => reporter.invalidate(), { capture: true, passive: true });
  }
  // Menus are placed by the style of their wrapper, which moves them without resizing them.
  const moved = new MutationObserver(() => reporter.invalidate());
  const watchMoves = (element: Element | null) => element && moved.observe(element, { attributeFilter: ["style"] });

  function forget(element: Element): void {
    resized.unobserve(element);
    reporter.remove(element);
  }
  return {
    tile(element, options) {
      reporter.setTile(element, options);
      resized.observe(element);
      return { update: (next) => reporter.setTile(element, next), destroy: () => forget(element) };
    },
    overlay(element) {
      reporter.setOverlay(element);
      resized.observe(element);
      watchMoves(element.parentElement);
      return () => forget(element);
    },
    invalidate: () => reporter.invalidate(),
    video,
  };
}
