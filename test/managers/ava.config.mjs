// Selected by `npm run verify:managers`.
export default {
  files: ['dist/test/managers/**/*.test.js'],
  timeout: '5m',
};
