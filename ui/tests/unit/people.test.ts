import { describe, expect, it } from "vitest";

import { colour, firstName, handleAngle, initials } from "../../src/lib/people";

describe("initials", () => {
  it("takes the first and the last word", () => {
    expect(initials("Elin Lindqvist")).toBe("EL");
    expect(initials("  anna maria åberg ")).toBe("AÅ");
    expect(initials("Cher")).toBe("C");
  });

  it("skips signs and keeps whole characters", () => {
    expect(initials("(Bo) «Ek»")).toBe("BE");
    expect(initials("𝒜da 𝒵")).toBe("𝒜𝒵");
    expect(initials("")).toBe("?");
    expect(initials("🙂")).toBe("?");
  });
});

describe("colour and handle", () => {
  it("stay the same for the same name", () => {
    expect(colour("Amir Rahimi")).toBe(colour(" Amir Rahimi "));
    expect(handleAngle("Amir Rahimi")).toBe(handleAngle("Amir Rahimi"));
  });

  it("use all eight colours", () => {
    const used = new Set(Array.from({ length: 200 }, (_, index) => colour(`Person ${index}`)));
    expect(used.size).toBe(8);
    for (const value of used) expect(value).toMatch(/^var\(--p[1-8]\)$/);
  });
});

it("greets by the first name", () => {
  expect(firstName(" Elin Lindqvist")).toBe("Elin");
  expect(firstName("")).toBe("");
});
