# As spawner.js, with Python's subprocess. `route` is "open" or "close": the value of close_fds.
import json
import os
import resource
import subprocess
import sys
import time

given = json.loads(sys.argv[1])
close = given["route"] == "close"
for _ in range(given["fds"]):
    os.open("/dev/null", os.O_RDONLY)
for _ in range(given["strays"]):
    os.set_inheritable(os.open("/dev/zero", os.O_RDWR), True)


def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used) * 1000


def spawn():
    child = subprocess.Popen(
        given["child"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=close,
    )
    child.wait()


def play(count, most):
    times = []
    spawn()
    before = cpu()
    begin = now = time.perf_counter_ns()
    while len(times) < count and (now - begin) / 1e6 < most:
        start = now
        spawn()
        now = time.perf_counter_ns()
        times.append((now - start) / 1e6)
    return {"times": times, "cpu": cpu() - before}


print("{}", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(play(asked["count"], asked["most"])), flush=True)
