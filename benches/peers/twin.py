"""The cases of the benchmarks, done by PyTorch or by ONNX Runtime: `twin.py PEER THREADS`.

Started by `cargo xtask bench --against-peers`, which asks in lines of JSON and gets a line for each:

    (at the start)                                         {"versions": "…"} or {"missing": "torch"}
    {"do": "prepare", "case": …, "given": …, "made": …}    {"able": true}
    {"do": "turn", "warm": true, "at_least_ms": 200}       {"ms": [1.5, 1.4]}
    {"do": "forget"}                                       {}

`given` is a file with inputs and weights; into `made` goes the result, so that both sides can be seen to compute the
same. A turn is timed as ours is: `Case::turn` in benches/src/case.rs.
"""

import json
import os
import sys
import time
import traceback

PEER, THREADS = sys.argv[1], int(sys.argv[2])

# Whatever libraries print must not come between the answers.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**fields):
    print(json.dumps(fields), file=ANSWERS, flush=True)


try:
    import platform


    import backends

    backend = backends.BACKENDS[PEER](THREADS)
except ImportError as error:
    answer(missing=error.name or str(error))
    sys.exit(1)

import tasks  # noqa: E402  (after the check of packages)


class Prepared:
    """One case, ready to run."""

    def __init__(self, case, given, made):
        task = tasks.TASKS[case["task"]](case, tasks.read(given))
        self.run = backend.runner(task)
        result = self.run() if task.comparable else None
        if result is not None:
            tasks.write(made, result)

    def turn(self, warm, at_least_ms):
        if warm:
            self.run()
        times, begin = [], time.perf_counter()
        while not times or (time.perf_counter() - begin) * 1e3 < at_least_ms:
            start = time.perf_counter()
            self.run()
            times.append((time.perf_counter() - start) * 1e3)
        return times


def main():
    answer(versions=f"{backend.version()}, Python {platform.python_version()}")
    prepared = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            match request["do"]:
                case "prepare":
                    able = backend.can(request["case"])
                    if able:
                        prepared = Prepared(request["case"], request["given"], request["made"])
                    answer(able=able)
                case "turn":
                    answer(ms=prepared.turn(request["warm"], request["at_least_ms"]))
                case "forget":
                    prepared = None
                    answer()
        except Exception as error:  # told to whoever asked, who then ends
            traceback.print_exc()
            answer(error=f"{type(error).__name__}: {error}")


main()
