import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const server = process.env.FOTOTECA_URL ?? "http://127.0.0.1:8400";

/** Cloudscape's 190 KB of fonts are data: addresses, which our policy forbids: the system's it is. */
const systemFonts: Plugin = {
  name: "system-fonts",
  enforce: "pre",
  transform: (code, id) =>
    id.includes("global-styles/index.css") ? code.replace(/@font-face\s*{[^}]*}/g, "") : null,
};

/** Two files for all of Cloudscape that has no page of its own: its modules would be fifty. */
function chunkOf(id: string) {
  if (/node_modules\/(react|react-dom|react-router|scheduler|@tanstack|openapi-fetch)\/|preload-helper/.test(id)) {
    return "framework";
  }
  const shared = /@cloudscape-design\/(components|component-toolkit|collection-hooks)\/(?!table|i18n\/messages)/;
  return shared.test(id) ? "cloudscape" : null;
}

export default defineConfig({
  plugins: [systemFonts, react()],
  build: {
    outDir: "../src/fototeca/web/built",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // The page's policy takes no font or image from a data: address.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    rollupOptions: { output: { manualChunks: chunkOf } },
  },
  worker: { format: "es" },
  server: { proxy: { "/api": server } },
});
