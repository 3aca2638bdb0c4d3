// Selected by `npm run test:install`.
export default {
  files: ['dist/test/install/**/*.test.js'],
  timeout: '10m',
};
