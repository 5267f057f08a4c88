/**
 * Lets pictures beneath the page be seen (`html[data-video="native-blend"]`). What holds a picture is marked with
 * `data-see-through`, which the style makes transparent; what lies under a picture without holding it gets a hole.
 */
import type { Box } from "./reporter";

const MARK = "data-see-through";
/** Farther out than anything that belongs to a box. */
const MARGIN = 50;

/** What of `box` stays in sight when pictures lie over it at `holes`; both in the same coordinates. */
export function cutOut(box: Box, holes: readonly Box[]): string {
  // Rings and frames around the box are not cut.
  const outer = `M${-MARGIN} ${-MARGIN}H${box.width + MARGIN}V${box.height + MARGIN}H${-MARGIN}Z`;
  const inner = holes.map((hole) => roundedBox({ ...hole, x: hole.x - box.x, y: hole.y - box.y }));
  return `path(evenodd, "${[outer, ...inner].join("")}")`;
}

function roundedBox({ x, y, width, height, radius }: Box): string {
  const r = Math.min(radius, width / 2, height / 2);
  const [w, h] = [width - 2 * r, height - 2 * r];
  const arc = (dx: number, dy: number) => `a${r} ${r} 0 0 1 ${dx} ${dy}`;
  return `M${x + r} ${y}h${w}${arc(r, r)}v${h}${arc(-r, r)}h${-w}${arc(-r, -r)}v${-h}${arc(r, -r)}Z`;
}

export class SeeThrough {
  /** Boxes that show a picture, each with what holds it: a box that goes has left the document before it is told here. */
  readonly #pictures = new Map<HTMLElement, { z: number; holders: Element[] }>();
  /** What would be painted over pictures above its `z`, with its hole. */
  readonly #solids = new Map<HTMLElement, { z: number; clip: string }>();
  /** How many pictures an element holds. */
  readonly #held = new Map<Element, number>();

  /** `z` of the picture in `box`; `null` without one. */
  set(box: HTMLElement, z: number | null): void {
    const before = this.#pictures.get(box);
    if (z === (before?.z ?? null)) return;
    if (z === null) {
      this.#pictures.delete(box);
      this.#mark(before?.holders ?? [], -1);
    } else {
      const holders = before?.holders ?? withAncestors(box);
      this.#pictures.set(box, { z, holders });
      if (!before) this.#mark(holders, 1);
    }
    this.cut();
  }

  setSolid(element: HTMLElement, z: number): void {
    this.#solids.set(element, { z, clip: "" });
    this.cut();
  }

  removeSolid(element: HTMLElement): void {
    this.#solids.delete(element);
  }

  /** Cuts the holes anew: after anything has moved. */
  cut(): void {
    const blend = document.documentElement.dataset.video === "native-blend";
    for (const [solid, state] of this.#solids) {
      const holes = blend ? this.#above(solid, state.z) : [];
      const clip = holes.length > 0 ? cutOut(boxOf(solid), holes) : "";
      if (clip === state.clip) continue;
      state.clip = clip;
      solid.style.clipPath = clip;
    }
  }

  #above(solid: HTMLElement, z: number): Box[] {
    const { left, right, top, bottom } = solid.getBoundingClientRect();
    return [...this.#pictures]
      .filter(([, picture]) => picture.z > z)
      .map(([picture]) => boxOf(picture))
      .filter((box) => box.x < right && left < box.x + box.width && box.y < bottom && top < box.y + box.height);
  }

  #mark(holders: readonly Element[], change: 1 | -1): void {
    for (const element of holders) {
      const held = (this.#held.get(element) ?? 0) + change;
      if (held > 0) this.#held.set(element, held);
      else this.#held.delete(element);
      element.toggleAttribute(MARK, held > 0);
    }
  }
}

function withAncestors(box: Element): Element[] {
  const all: Element[] = [];
  for (let element: Element | null = box; element; element = element.parentElement) all.push(element);
  return all;
}

function boxOf(element: HTMLElement): Box {
  const { x, y, width, height } = element.getBoundingClientRect();
  return { x, y, width, height, radius: parseFloat(getComputedStyle(element).borderTopLeftRadius) || 0 };
}
