import pythonBridge from 'python-bridge';

const python = pythonBridge({ python: 'python3' });
python.ex`import math`;
console.log(await python`math.sqrt(${9})`);
await python.end();
