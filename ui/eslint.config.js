import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

export default ts.config(
  {
    ignores: [
      "dist/",
      "dist-fake/",
      "dist-web/",
      "src/lib/paraglide/",
      "src/lib/backend/bindings.ts",
      "src/lib/protocol/",
      "test-results/",
    ],
  },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, __FAKE__: "readonly", __WEB__: "readonly" } } },
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: ts.parser } } },
  {
    rules: {
      "no-console": "error",
      "svelte/no-at-html-tags": "error",
      // Dates are never changed here, and the toasts' timers are no state of the page.
      "svelte/prefer-svelte-reactivity": "off",
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
);
