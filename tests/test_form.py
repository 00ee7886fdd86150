"""The form publisher on a newsroom's own CMS keeps what all publishers promise."""

import pytest

pytest.register_assert_rewrite(
    "contract.publisher_contract", "sites.desk", "sites.news", "sites.classic", "sites.plain"
)
from contract.publisher_contract import PublisherContract, World  # noqa: E402
from sites.classic import Classic  # noqa: E402
from sites.desk import Desk  # noqa: E402
from sites.plain import Plain  # noqa: E402

pytest_plugins = ("sites.desk", "sites.news", "sites.classic", "sites.plain")
pytestmark = pytest.mark.servers


class TestForm(PublisherContract):
    @pytest.fixture
    def world(self, desk: Desk) -> World:
        return desk


class TestClassicEditor(PublisherContract):
    @pytest.fixture
    def world(self, classic: Classic) -> World:
        return classic


class TestPlainPage(PublisherContract):
    @pytest.fixture
    def world(self, plain: Plain) -> World:
        return plain
