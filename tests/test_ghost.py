"""A real Ghost keeps what all publishers promise, and what this one promises beside."""

import pytest

pytest.register_assert_rewrite("contract.publisher_contract", "sites.magazine")
from contract.publisher_contract import PublisherContract, World  # noqa: E402
from sites.magazine import Magazine  # noqa: E402

pytest_plugins = ("sites.magazine",)
pytestmark = pytest.mark.servers


class TestGhost(PublisherContract):
    @pytest.fixture
    def world(self, magazine: Magazine) -> World:
        return magazine
