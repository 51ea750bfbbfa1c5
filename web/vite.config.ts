import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const server = process.env.MINI_CLAUDE_URL ?? "http://127.0.0.1:8642";
const api = [
  "/conversations",
  "/models",
  "/health",
  "/ready",
  "/datasets",
  "/preparations",
  "/files",
  "/presets",
  "/tools",
  "/attachments",
  "/fine_tuning",
];

/** KaTeX names each font in three formats; every browser that runs this page reads the first. */
function onlyWoff2(): Plugin {
  return {
    name: "only-woff2",
    enforce: "pre",
    transform(css, id) {
      if (!id.includes("katex") || !id.endsWith(".css")) return null;
      return css.replaceAll(/,url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)/g, "");
    },
  };
}

export default defineConfig({
  plugins: [react(), onlyWoff2()],
  resolve: {
    alias: {
      "rehype-raw": fileURLToPath(
        new URL("src/features/chat/markdown/noRawHtml.ts", import.meta.url),
      ),
    },
  },
  build: {
    outDir: "../miniclaude/server/static",
    emptyOutDir: true,
    target: "es2022",
    // An inlined font or image would be a data: URL, which the page's policy need not allow.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1100,
  },
  server: { proxy: Object.fromEntries(api.map((path) => [path, server])) },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
