"""The readers that need no account keep what all readers promise.

Both read the sample channel: one from its export, the other from a t.me on this machine.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.reader_contract import ReaderContract, World
from contract.worlds import CHANNEL, ExportWorld, PreviewWorld
from preview_server import PreviewServer


class TestExport(ReaderContract):
    sees_deletion_of_the_newest = False  # an export may be older than what is known

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[World]:
        world = ExportWorld(tmp_path)
        yield world
        for reader in world.readers:
            reader.close()


class TestPreview(ReaderContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[World]:
        with PreviewServer(files=CHANNEL) as server:
            world = PreviewWorld(tmp_path, server)
            yield world
            for reader in world.readers:
                reader.close()
