"""How large a file a real WordPress takes is tried, and nothing of the trial stays."""

import pytest

from crosspost.errors import PublisherError
from crosspost.publishers import Finding
from crosspost.publishers.wordpress import _limits

pytest.register_assert_rewrite("sites.news")
from sites.faulty import Faulty  # noqa: E402
from sites.news import News  # noqa: E402

pytest_plugins = ("sites.news",)
pytestmark = pytest.mark.servers


def limits(news: News, **more: str) -> Finding:
    (found,) = _limits.limits(news.make(**more)._client)
    return found


def test_what_arrives_is_told_and_removed(news: News) -> None:
    found = limits(news)
    assert (found.ok, found.detail) == (True, "32 MB arrive, more was not tried")
    assert news.files() == 0


@pytest.mark.parametrize(("limit", "ok"), [(1, False), (3, False), (9, True)])
def test_a_site_that_takes_small_files_only_says_which_line_to_change(
    news: News, limit: int, ok: bool
) -> None:
    news.site.plugin(
        "small",
        "add_filter('wp_handle_upload_prefilter', function ($f) { "
        f"if (filesize($f['tmp_name']) > {limit}e6) "
        "$f['error'] = 'The uploaded file exceeds the upload_max_filesize directive.'; "
        "return $f; });",
    )
    found = limits(news)
    assert found.ok == ok
    assert "upload_max_filesize directive" in found.detail
    assert "php.ini" in found.remedy
    assert "client_max_body_size" in found.remedy
    assert news.files() == 0


def test_a_file_without_an_answer_is_removed_too(news: News) -> None:
    with Faulty(news.site.url) as way:
        way.fault = lambda method, path: (
            "cut-after" if method == "POST" and path.endswith("/media") else ""
        )
        found = limits(news, url=way.url)
    assert not found.ok
    assert news.files() == 0


def test_a_file_that_cannot_be_removed_is_named_and_goes_with_the_next_trial(news: News) -> None:
    with Faulty(news.site.url) as way:
        way.fault = lambda method, path: "403" if method == "DELETE" else ""
        with pytest.raises(PublisherError, match=r"Delete «crosspost-[0-9a-f]{24}» in Media"):
            limits(news, url=way.url)
    assert news.files() == 1
    limits(news)
    assert news.files() == 0
