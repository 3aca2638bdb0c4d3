import { build } from 'esbuild';

const { outputFiles } = await build({
  stdin: { contents: 'const text: string = "hello"; console.log(text)', loader: 'ts' },
  write: false,
});
console.log(outputFiles[0].text.trim());
