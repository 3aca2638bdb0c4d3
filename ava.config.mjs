export default {
  files: ['dist/test/**/*.test.js', '!dist/test/managers/**', '!dist/test/install/**'],
  timeout: '3m',
};
