export default {
  files: ['dist/test/**/*.slow.js'],
  // One test traces hundreds of starts; beside another suite on two slow cores that takes some minutes.
  timeout: '15m',
};
