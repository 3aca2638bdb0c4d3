export default {
  files: ['dist/test/**/*.heavy.js'],
  timeout: '5m',
};
