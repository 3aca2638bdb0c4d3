export default {
  files: ['dist/test/**/*.slow.js'],
  timeout: '5m',
};
