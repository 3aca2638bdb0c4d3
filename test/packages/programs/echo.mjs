// A child that needs its message channel: it says so, and ends.
if (process.send === undefined) console.log('no channel');
else process.send('hello', () => process.disconnect?.());
