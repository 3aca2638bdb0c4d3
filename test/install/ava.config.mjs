// Selected by `npm run verify:install`.
export default {
  files: ['dist/test/install/**/*.test.js'],
  timeout: '10m',
};
