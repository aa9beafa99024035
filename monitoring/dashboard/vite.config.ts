import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The bundle must come out equal byte for byte wherever it is built: no source maps, no inlined files, no times.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: 'build',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8750', '/readyz': 'http://127.0.0.1:8750' } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node', css: { include: [/.+/] } },
});
