export default {
  files: ['dist/test/**/*.browser.js'],
  timeout: '3m',
};
