"""How a post of a blog becomes its article: the archive, the rules and a person have their say.

    learn    what new posts teach about the blog: lines that repeat, twins, spellings of tags
    Editor   stored post → article, and what becomes of it

    _whole   which posts are one article

``normalize`` knows one post and no archive, ``rules`` no ledger; here they are joined.
"""

from collections.abc import Callable, Collection, Mapping
from html import escape
from typing import TYPE_CHECKING

from msgspec.structs import replace

from crosspost.editor._whole import JOINS, REPEAT, Whole, join, whole
from crosspost.ledger import Edit, Ledger, StoredPost
from crosspost.model import Article, Media, Post, Reply
from crosspost.rules import Rule, RuleSet, Verdict, alike, dressed, judge, signs

if TYPE_CHECKING:
    from crosspost.normalize import Style


__all__ = ["JOINS", "REPEAT", "Editor", "learn"]


def learn(
    ledger: Ledger, blog: str, style: Callable[[], "Style"], joins: Collection[str] = ()
) -> None:
    """Writes down how posts that are new or changed begin and end, by what their twins are found,
    and how their tags are spelled. A line that stands under many is a footer from then on, so that
    yesterday's articles do not change back and forth; the posts that have it become due. So is what
    goes on in the article of an earlier post, of the kinds that ``joins`` names."""
    posts = ledger.unlined(blog)
    if not posts:
        return
    from crosspost.normalize import edges, hashtags, repeats, same_text

    manner, known = style(), set(ledger.footers(blog))
    while posts:
        with ledger.transaction():
            for post in (one.post for one in posts):
                found = edges(post, manner)
                keys = [edge.key for edge in found]
                ledger.write_lines(
                    blog, post.id, same_text(post), keys, signs(post), hashtags(post)
                )
                for edge in found:
                    if edge.key in known:
                        continue
                    if repeats(edge.kind, *ledger.standing(blog, edge.key, post.id)):
                        ledger.learn_footer(blog, edge.key, edge.line)
                        known.add(edge.key)
                if joins:
                    join(ledger, blog, post, joins)
        posts = ledger.unlined(blog)


class Editor:
    """Makes articles of a blog's posts. ``own`` are the blog's own rules, ``series`` says whether
    «Часть 2» links to «Часть 1», ``review`` whether a person looks at every post before it is on
    any site, ``joins`` which posts are one article, ``keeps`` whether an article outlives its
    post."""

    def __init__(
        self,
        ledger: Ledger,
        blog: str,
        style: "Style",
        rules: RuleSet,
        own: tuple[Rule, ...],
        *,
        series: bool,
        review: bool = False,
        joins: Collection[str] = (),
        keeps: bool = False,
    ) -> None:
        footers = {key: count for key, (_, count) in ledger.footers(blog).items()}
        self._style = replace(style, footers=footers, tag_names=ledger.spellings(blog))
        self._ledger, self._blog = ledger, blog
        self._rules, self._own, self._series = rules, own, series
        self._review, self._joins, self._keeps = review, joins, keeps

    def article(self, stored: StoredPost, slug: str, missing: Mapping[int, str]) -> Article:
        """The article of a post, with all that is joined to it; ``slug`` and ``missing`` as for
        ``normalize``, of the post as ``composed`` gives it."""
        from crosspost.normalize import joined, normalize

        edit = self._ledger.edit(self._blog, stored.post.id) or Edit()
        style = self._style
        if edit != Edit():
            own = edit.headline is not None, edit.lead is not None
            style = replace(style, keep_sentence=own[0], keep_lead=own[1])
        one = self._whole(stored.post.id)
        if one and one.post_id == stored.post.id:
            post, made = joined(one.posts), self._merged(one, style, slug, missing)
        else:
            post = stored.post
            made = normalize(self._quoting(post), style, slug=slug, missing=missing)
        return _edited(dressed(post, made, self._own), edit)

    def _merged(self, one: Whole, style: "Style", slug: str, missing: Mapping[int, str]) -> Article:
        """The article of posts that are one. The first that has words gives headline and lead."""
        from crosspost.normalize import merged, normalize, parted, quotation

        found: list[Article] = []
        leading = None
        for post, gone in zip(one.posts, parted(missing, one.posts), strict=True):
            cover = next((a.cover for a in found if a.cover is not None), None)
            title = leading.title if leading else ""
            below = replace(found[0], title=title, cover=cover) if found else None
            quoting = self._quoting(post, one)
            made = normalize(quoting, style, slug=slug, missing=gone, below=below)
            leading = leading or (made if quotation(post, style) else None)
            found.append(made)
        whole = _told(merged(one.posts, found), one)
        if leading is None:
            return whole
        name = slug or f"{one.post_id}-{leading.slug.partition('-')[2]}"
        return replace(whole, title=leading.title, lead=leading.lead, slug=name)

    def verdict(self, stored: StoredPost, article: Article) -> Verdict:
        """What becomes of the post, of which this is the article."""
        one = self._whole(stored.post.id)
        if one and one.post_id != stored.post.id:
            return _stands_in(one, stored.post.id, self._blog)
        twin = 0
        if self._rules.repeats in ("hold", "skip"):
            likely = self._ledger.likely_twins(self._blog, stored.post.id)
            others = (self._ledger.post(self._blog, one) for one in likely)
            twin = next((one.post.id for one in others if one and alike(stored.post, one.post)), 0)
        deliveries = self._ledger.deliveries(self._blog, stored.post.id) if self._review else ()
        review = self._review and not any(one.public for one in deliveries)
        return judge(stored.post, article, self._rules, self._own, twin, review=review)

    # --- Posts that are one article ---

    def _whole(self, post_id: int) -> Whole | None:
        if not self._joins:
            return None
        return whole(self._ledger, self._blog, post_id, self._joins, keeps=self._keeps)

    def composed(self, stored: StoredPost) -> StoredPost:
        """The post with all that is joined to it, as one; it is as young as the youngest of
        them."""
        one = self._whole(stored.post.id)
        if one is None or one.post_id != stored.post.id:
            return stored
        from crosspost.normalize import joined

        return replace(stored, post=replace(joined(one.posts), edited=one.told))

    def joined_to(self, post_id: int) -> tuple[int, tuple[int, ...]]:
        """The post by whose name the article is known in which this one stands: itself, mostly;
        and the other posts of that article."""
        one = self._whole(post_id)
        return (one.post_id, tuple(one.others)) if one else (post_id, ())

    def holder(self, stored: StoredPost, media: Media) -> StoredPost:
        """The post, of those that are one article, to which the file belongs."""
        places = (media.locator,)
        for other in self.joined_to(stored.post.id)[1]:
            found = self._ledger.post(self._blog, other)
            if found and any(
                one.locator in places or one.thumb in places for one in found.post.media
            ):
                return found
        return stored

    def address(self, message: int) -> str:
        """Where a message stands in Telegram."""
        return f"{self._style.link.rstrip('/')}/{message}" if self._style.link else "#"

    # --- Replies ---

    def _quoting(self, post: Post, within: Whole | None = None) -> Post:
        """The post with a short quotation of what it answers, where the reply quotes nothing
        itself and readers of the blog may see what is answered. What it answers ``within`` one
        article stands above it."""
        reply = post.reply_to
        if reply is None and self._series:
            reply = self._continuing(post)
        if reply and within and not reply.url:
            key = self._ledger.post_of(self._blog, reply.post_id)
            if key in (within.post_id, *within.others):
                return replace(post, reply_to=None)
        if reply is None or reply.quote or reply.url or not reply.post_id:
            return post
        key = self._ledger.post_of(self._blog, reply.post_id)
        other = self._ledger.post(self._blog, key) if key and key != post.id else None
        if other is None or other.gone or not self._is_shown(other):
            return post
        from crosspost.normalize import quotation

        quote = quotation(other.post, self._style)
        return replace(post, reply_to=replace(reply, quote=quote))

    def _continuing(self, post: Post) -> Reply | None:
        """What a post that goes on where another ended answers, as it were: that other post."""
        from crosspost.normalize import continued, may_continue

        if post.forward or not may_continue(post):
            return None
        found = continued(post, self._ledger.before(self._blog, post.id))
        return Reply(post_id=found.id) if found else None

    def _is_shown(self, other: StoredPost) -> bool:
        """Whether readers of the blog see that post, or will by all that is known."""
        from crosspost.normalize import normalize

        deliveries = self._ledger.deliveries(self._blog, other.post.id)
        if any(one.public for one in deliveries):
            return True
        made = dressed(other.post, normalize(other.post, self._style), self._own)
        skipped = any(one.word in ("skip", "remove", "undo", "undone") for one in deliveries)
        return not skipped and self.verdict(other, made).action == "publish"


def _stands_in(one: Whole, post_id: int, blog: str) -> Verdict:
    """What becomes of a post that is no article of its own."""
    if one.others[post_id] == REPEAT:
        reason = f"It says the same as the post {blog}/{one.post_id}, whose article has its words"
        return Verdict(action="skip", reason=reason, rule="repeat")
    reason = f"It is a part of the article {blog}/{one.post_id}"
    return Verdict(action="skip", reason=reason, rule="part")


def _told(article: Article, one: Whole) -> Article:
    """The article, which says of what posts it is made."""
    kinds = {REPEAT: "Said again in", "": "Goes on with"}
    notes = [
        f"{kinds[REPEAT if why == REPEAT else '']} {article.blog}/{post_id}"
        for post_id, why in one.others.items()
    ]
    return replace(article, notes=(*article.notes, *notes))


def _edited(article: Article, edit: Edit) -> Article:
    """The article with what a person wrote, which goes before all else."""
    if edit == Edit():
        return article
    said = [name for name in edit.__struct_fields__ if getattr(edit, name) is not None]
    return replace(
        article,
        title=article.title if edit.headline is None else edit.headline,
        lead=article.lead if edit.lead is None else escape(edit.lead, quote=False),
        tags=article.tags if edit.tags is None else edit.tags,
        notes=(*article.notes, f"Written by a person: {', '.join(said)}"),
    )
