"""What ``crosspost watch`` holds while it mirrors twenty blogs whose posts are edited again and
again: memory and open files, as the kernel counts them.

    python bench/soak.py [rounds] [edits]

Every two seconds so many posts (1) of each channel are edited; nothing is added, so that what grows
is ours.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from test_operations_soak import Newsroom, Watcher

SHOWN = 6


def main(rounds: int, edits: int) -> None:
    dice = random.Random(5)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        room = Newsroom(Path(folder), dice)
        with room.town:
            for channel in room.channels.values():
                for _ in range(12):
                    channel.happen(dice)
            room.show()
            watcher = Watcher(room.root)
            time.sleep(6)
            for number in range(1, rounds + 1):
                for channel in room.channels.values():
                    for _ in range(edits):
                        channel.edit(dice)
                room.show()
                time.sleep(2)
                watcher.look()
                if number % SHOWN == 0:
                    memory = watcher.memory[-1] / 2**20
                    made, files = number * 20 * edits, watcher.handles[-1]
                    told = f"{made:6} edits {memory:7.1f} MB {files:4} files"
                    print(told)  # noqa: T201
            watcher.stop()


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(*[*given, *(48, 1)[len(given) :]])
