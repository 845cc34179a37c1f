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

export default defineConfig({
  plugins: [systemFonts, react()],
  build: {
    outDir: "../src/fototeca/web/built",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // The page's policy takes no font or image from a data: address.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": server } },
});
