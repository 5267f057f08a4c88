import { describe, expect, it } from "vitest";

import { appLink, findLink, looksLikeLink, MAX_TEXT } from "../../src/lib/link";

const LINK = "http://192.168.1.5:7420/j/kafe-buls-tkrk-aqe2#BwcHBwcHBwcHBwcHBwcHBw";

describe("findLink", () => {
  it("finds the link in the words around it", () => {
    expect(findLink(`  ${LINK}\n`)).toBe(LINK);
    expect(findLink(`Join here: <${LINK}>, see you!`)).toBe(LINK);
    expect(findLink(`(${LINK}).`)).toBe(LINK);
    expect(findLink(`"${LINK}"`)).toBe(LINK);
  });

  it("leaves other text to be judged by the backend", () => {
    expect(findLink(" hello ")).toBe("hello");
    expect(findLink("https://example.org/")).toBe("https://example.org/");
  });

  it("looks at a bounded part", () => {
    expect(findLink("x".repeat(10 * MAX_TEXT))).toHaveLength(MAX_TEXT);
  });
});

describe("looksLikeLink", () => {
  it("is true for invites only", () => {
    expect(looksLikeLink(`see ${LINK}`)).toBe(true);
    expect(looksLikeLink("https://example.org/")).toBe(false);
    expect(looksLikeLink("elin")).toBe(false);
  });
});

describe("appLink", () => {
  it("is what the system hands to the app", () => {
    expect(appLink(new URL(LINK))).toBe("fika://192.168.1.5:7420/j/kafe-buls-tkrk-aqe2?plain#BwcHBwcHBwcHBwcHBwcHBw");
    const secure = "https://meet.example.org/j/kafe-buls-tkrk-aqe2#BwcHBwcHBwcHBwcHBwcHBw.p";
    expect(appLink(new URL(secure))).toBe(secure.replace("https:", "fika:"));
    expect(looksLikeLink(appLink(new URL(secure)))).toBe(true);
  });
});
