// Selected by `npm run test:fast`: tests that start no process, or few.
export default {
  files: [
    'dist/test/*names.test.js',
    'dist/test/layering.test.js',
    'dist/test/base/**/*.test.js',
    'dist/test/policy/{evaluate,known-openers,lint,parse-config}.test.js',
    'dist/test/findings/message.test.js',
    'dist/test/strays/{platform,spawn-method,stray-scan}.test.js',
    'dist/test/spawn/**/*.test.js',
    'dist/test/report/**/*.test.js',
    'dist/test/audit/strace.test.js',
    'dist/test/scan/{find-sites,match-location,programs}.test.js',
    'dist/test/docs/{api,pages,performance}.test.js',
    'dist/test/compat/table.test.js',
    'dist/test/release/{lock-file,rules}.test.js',
    'dist/test/spawn.test.js',
  ],
  timeout: '1m',
};
