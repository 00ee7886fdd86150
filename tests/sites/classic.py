"""WordPress's classic editor as a person fills it: fixtures for tests.

classic   the site of ``sites.news`` without its block editor, with ``make`` for form publishers
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from crosspost.model import Remote
from crosspost.publishers import Context
from crosspost.publishers.form import FormPublisher, FormSettings
from sites.news import News
from sites.wordpress import WordPress

EDIT = "/wp-admin/post.php?post={id}&action=edit"


def settings(url: str, **more: Any) -> dict[str, Any]:
    """The site's table in a config."""
    given: dict[str, Any] = {
        "url": url,
        "login": {
            "page": "/wp-login.php",
            "user": "blogger",
            "password": SecretStr("blogger"),
        },
        "add": "/wp-admin/post-new.php",
        "edit": EDIT,
        "find": {"page": "/wp-admin/edit.php?s={mark}&post_type=post", "link": "a.row-title"},
        "delete": {"link": "a.submitdelete"},
        "public": {"link": "#wp-admin-bar-view a"},
        "published": {
            "field": "post_status",
            "live": "publish",
            "draft": "draft",
            "submit": ["publish", "save"],
            "draft_submit": "save",
        },
        "form": "form#post",
        "gone": ["because it is in the Trash", "item that does not exist"],
        "timezone": "Asia/Omsk",
        "timeout": 30,
        "fields": {
            "title": "post_title",
            "slug": "post_name",
            "lead": "excerpt",
            "body": "content",
            "tags": "tax_input[post_tag]",
            "cover": {"field": "_thumbnail_id", "type": "select"},
            "date": [
                {"field": "aa", "format": "%Y"},
                {"field": "mm", "format": "%m"},
                {"field": "jj", "format": "%d"},
            ],
            "time": [
                {"field": "hh", "format": "%H"},
                {"field": "mn", "format": "%M"},
                {"field": "ss", "format": "%S"},
            ],
        },
        "upload": {
            "page": "/wp-admin/media-new.php",
            "field": "async-upload",
            "submit": "html-upload",
            "find": {
                "page": "/wp-admin/upload.php?mode=list&s={name}",
                "link": "#the-list .title strong a",
            },
            "edit": EDIT,
            "url": "#attachment_url",
            "delete": {"link": "a.submitdelete"},
        },
    }
    return given | more


class Classic(News):
    """The site; publishers fill its forms."""

    def make(self, **more: Any) -> Any:
        given = FormSettings(**settings(more.pop("url", self.site.url), **more))
        context = Context(name="news", base=self.folder, language="ru", timezone="Asia/Omsk")
        made = FormPublisher.open(given, context)
        self.made.append(made)  # type: ignore[arg-type]
        return made

    def public(self, remote: Remote) -> str | None:
        return super().public(remote)


@pytest.fixture
def classic(site: WordPress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Classic]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    site.reset()
    site.plugin("classic", "add_filter('use_block_editor_for_post', '__return_false');")
    world = Classic(site, tmp_path)
    yield world
    for publisher in world.made:
        publisher.close()
