export default {
  files: ['dist/test/**/*.test.js', '!dist/test/managers/**'],
  timeout: '3m',
};
