#!/bin/bash
# One depot at a time: whoever has the lock may run.
mkdir -p data
exec 200>data/lock
flock --nonblock 200 || { echo 'depot runs already' >&2; exit 75; }

export PATH="$PWD/bin:$PATH"
exec node --require closefds/register app.js
