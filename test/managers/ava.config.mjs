// Selected by `npm run test:managers`.
export default {
  files: ['dist/test/managers/**/*.test.js'],
  timeout: '5m',
};
