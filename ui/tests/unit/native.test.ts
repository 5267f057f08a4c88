import { describe, expect, it } from "vitest";

import { parseColour } from "../../src/lib/video/colour";
import { NativeVideo } from "../../src/lib/video/native";
import { cutOut } from "../../src/lib/video/seethrough";
import { videoMode } from "../../src/lib/video/source";

describe("NativeVideo", () => {
  function attached(video: NativeVideo, tile: string): { shown: boolean[]; detach: () => void } {
    const shown: boolean[] = [];
    return { shown, detach: video.attach(tile, null, (present) => shown.push(present)) };
  }

  it("tells each tile when its picture comes and goes, and only then", () => {
    const video = new NativeVideo();
    const [me, amir] = [attached(video, "me/camera"), attached(video, "amir/camera")];
    video.picturesChanged(["me/camera"]);
    video.picturesChanged(["me/camera", "amir/camera"]);
    video.picturesChanged(["amir/camera", "me/camera"]);
    video.picturesChanged(["amir/camera"]);
    expect([me.shown, amir.shown]).toEqual([[true, false], [true]]);
  });

  it("knows of pictures that were there before the tile was", () => {
    const video = new NativeVideo();
    video.picturesChanged(["me/camera"]);
    expect(attached(video, "me/camera").shown).toEqual([true]);
    expect(attached(video, "amir/camera").shown).toEqual([]);
  });

  it("tells two boxes of one tile, and none that is gone", () => {
    const video = new NativeVideo();
    const [stage, settings] = [attached(video, "me/camera"), attached(video, "me/camera")];
    video.picturesChanged(["me/camera"]);
    settings.detach();
    video.picturesChanged([]);
    expect([stage.shown, settings.shown]).toEqual([[true, false], [true]]);
  });

  it("has no pictures after it was closed", () => {
    const video = new NativeVideo();
    const me = attached(video, "me/camera");
    video.picturesChanged(["me/camera"]);
    video.close();
    expect(me.shown).toEqual([true, false]);
    expect(attached(video, "me/camera").shown).toEqual([]);
  });
});

it("names the way pictures come for the style", () => {
  expect(videoMode({ kind: "websocket", url: "" })).toBe("websocket");
  expect(videoMode({ kind: "native", blend: false })).toBe("native-cut");
  expect(videoMode({ kind: "native", blend: true })).toBe("native-blend");
});

describe("parseColour", () => {
  it("reads what styles and tokens hold", () => {
    expect(parseColour("#0d0b0a")).toEqual({ r: 13, g: 11, b: 10, a: 1 });
    expect(parseColour(" #fff")).toEqual({ r: 255, g: 255, b: 255, a: 1 });
    expect(parseColour("rgb(8 6 5 / .62)")).toEqual({ r: 8, g: 6, b: 5, a: 0.62 });
    expect(parseColour("rgb(8 6 5 / 62%)")).toEqual({ r: 8, g: 6, b: 5, a: 0.62 });
    expect(parseColour("rgba(40, 33, 27, 0.42)")).toEqual({ r: 40, g: 33, b: 27, a: 0.42 });
    expect(parseColour("rgb(233, 230, 224)")).toEqual({ r: 233, g: 230, b: 224, a: 1 });
  });

  it("reads nothing else", () => {
    for (const text of ["", "red", "#12", "#12345", "rgb(1,2)", "var(--stage)", "color(srgb 1 0 0)"])
      expect(parseColour(text), text).toBeNull();
  });
});

describe("cutOut", () => {
  const box = { x: 12, y: 56, width: 100, height: 50, radius: 26 };

  it("leaves the box whole without a hole", () => {
    expect(cutOut(box, [])).toBe('path(evenodd, "M-50 -50H150V100H-50Z")');
  });

  it("cuts a rounded box, in the coordinates of the outer one", () => {
    expect(cutOut(box, [{ x: 32, y: 66, width: 30, height: 20, radius: 5 }])).toBe(
      'path(evenodd, "M-50 -50H150V100H-50ZM25 10h20a5 5 0 0 1 5 5v10a5 5 0 0 1 -5 5h-20a5 5 0 0 1 -5 -5v-10a5 5 0 0 1 5 -5Z")',
    );
  });

  it("never rounds more than there is", () => {
    expect(cutOut(box, [{ x: 12, y: 56, width: 10, height: 8, radius: 99 }])).toContain("M4 0h2a4 4 0 0 1 4 4v0");
  });
});
