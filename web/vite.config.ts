import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  resolve: { tsconfigPaths: true },
  build: {
    // dist also holds the placeholder for builds without Node; the build script
    // removes what an earlier build left.
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { port: 3003, proxy: { "/api": "http://127.0.0.1:3002" } },
});
