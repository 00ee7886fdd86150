"""A process that syncs a folder and is killed before or after one of its changing requests.

Its arguments are the folder and the number of the step before which it dies (-1: none); it prints
how many steps there were. A step is a change on its way to the site, and its answer.
"""

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))


def main(folder: str, at: int) -> None:
    import requests
    from crash.program import sync

    count = 0
    send = requests.Session.send

    def step() -> None:
        nonlocal count
        if count == at:
            os._exit(99)
        count += 1

    def watched(session: Any, request: Any, **more: Any) -> Any:
        if request.method == "GET":
            return send(session, request, **more)
        step()
        answer = send(session, request, **more)
        step()
        return answer

    requests.Session.send = watched  # type: ignore[method-assign]
    code, said = sync(Path(folder), [], 0)
    print(count)
    print(said)
    sys.exit(0 if code in (0, 1) else 70)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
