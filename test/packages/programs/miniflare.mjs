import { Miniflare } from 'miniflare';

const miniflare = new Miniflare({
  modules: true,
  script: 'export default { fetch() { return new Response("hello"); } };',
});
const response = await miniflare.dispatchFetch('http://localhost/');
console.log(await response.text());
await miniflare.dispose();
