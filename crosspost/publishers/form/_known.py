"""Admins that are known by their addresses: Django's, and WordPress's with its classic editor."""

from typing import Final, NamedTuple

PIECES: Final = {"aa": "%Y", "mm": "%m", "jj": "%d", "hh": "%H", "mn": "%M", "ss": "%S"}
"""WordPress's fields of a date."""


_WORDPRESS: Final = """
[site.newsroom.upload]
page   = "{admin}media-new.php"
field  = "async-upload"
submit = "html-upload"
find   = {{page = "{admin}upload.php?mode=list&s={name}", link = "#the-list .title strong a"}}
edit   = "{admin}post.php?post={id}&action=edit"
url    = "#attachment_url"
delete = {{link = "a.submitdelete"}}
"""
KNOWN: Final = {
    "post_title": "title",
    "excerpt": "lead",
    "content": "body",
    "post_name": "slug",
    "tax_input[post_tag]": "tags",
}
"""WordPress's names, whatever its language."""


class Around(NamedTuple):
    """The pages around the form, where the admin is one that is known; ``more`` are lines of the
    table, ``tables`` others after it."""

    edit: str
    find: str
    link: str
    more: tuple[str, ...]
    sure: bool
    tables: str = ""


def around(has_slug: bool, path: str) -> Around:
    """The pages around the form at ``path``; a guess where its admin is not known."""
    base, more = path.partition("?")[0], tuple[str, ...]()
    if base.endswith("/add/"):
        lists = base.removesuffix("add/")
        more = (
            f'archive = {{page = "{lists}", link = "#result_list th a", next = ".this-page + a"}}',
            f'delete = {{page = "{lists}{{id}}/delete/"}}',
            'public = {link = ".viewsitelink", redirect = true}   # its «View on site»',
        )
        return Around(f"{lists}{{id}}/change/", f"{lists}?q={{slug}}", "#result_list th a",
                      more, sure=True)  # fmt: skip
    if base.endswith("/post-new.php"):
        admin = base.removesuffix("post-new.php")
        lists = f"{admin}edit.php?post_type=post"
        buttons = 'submit = ["publish", "save"], draft_submit = "save"'
        more = (
            'form  = "form#post"',
            f'archive = {{page = "{lists}", link = "a.row-title", next = "a.next-page"}}',
            'delete = {link = "a.submitdelete"}',
            'public = {link = "#wp-admin-bar-view a"}',
            f'published = {{field = "post_status", live = "publish", draft = "draft", {buttons}}}',
            'gone = ["because it is in the Trash", "item that does not exist"]',
        )
        return Around(f"{admin}post.php?post={{id}}&action=edit",
                      f"{admin}edit.php?s={{mark}}&post_type=post", "a.row-title", more,
                      sure=True, tables=_WORDPRESS.format(admin=admin, id="{id}",
                                                          name="{name}"))  # fmt: skip
    mark = "?" if "?" not in path else "&"
    sought = "{slug}" if has_slug else "{mark}"
    return Around(f"{path}{mark}id={{id}}", f"{path}{mark}q={sought}", "td a", (), sure=False)
