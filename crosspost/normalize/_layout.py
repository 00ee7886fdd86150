"""Where every character of a post's text goes. Pure; knows no HTML and no template.

The text is read from both ends: what repeats or signs (hashtags, a call to subscribe, a credit)
is taken from the bottom, captions go to their photos, then the headline and the lead are taken
from the top. What nobody claims is the body.
"""

import re
from collections.abc import Sequence
from typing import Final

from crosspost.markup import safe_url
from crosspost.model import Part, Post, Span
from crosspost.normalize import _footers, _lines
from crosspost.normalize._asked import Asked, Claim
from crosspost.normalize._headline import GREETING, Headline, headline
from crosspost.normalize._text import LEADING, Line, lines, sentence_ends

_SIDE_CAPTION: Final = 300
"""A photo's own text in an album is its caption up to this length, a paragraph of the post
beyond."""
_LEAD: Final = range(30, 321)
_AFTER_LEAD: Final = 100
"""A lead needs as many characters of text after it."""
_LISTED: Final = 12
"""So many lines of hashtags may stand below the line that announces them."""
_SENTENCES: Final = ("the first sentence", "the bold first sentence", "its only line")
"""Headlines that are a part of the prose."""
_LEANS: Final = re.compile(
    r"(?:об этом|о н[её]м|поэтому|потому|но|а|и|да|однако|также|ещ[её]"
    r"|кроме (?:того|этого)|при этом|так(?:ой|ая|ое|ие|им)?|вот|тогда|затем|потом"
    r"|он|она|они|оно|его|е[её]|их|там|здесь|тут|впрочем"
    r"|зато|например|то есть|эт(?:о|от|а|и|им|их)|but|and|or|so"
    r"|he|she|they|it|his|her|their|there|then|also|therefore|this|these"
    r"|those|however|for example)\b",
    re.IGNORECASE,
)
"""How a paragraph begins that leans on what was said before it."""
_BULLET: Final = re.compile(r"(?:[—–•·▪*☐☑✅-]|\d+[.)])\s?")


class Layout:
    """The claims on a text, and what they make."""

    def __init__(self, post: Post, asked: Asked) -> None:
        self.text, self._post, self._asked = post.text, post, asked
        self.own = asked.own
        self.claims: list[Claim] = []
        self.credits: list[tuple[int, int, str, bool]] = []
        self.headline: Headline | None = None
        self.lead: tuple[int, int] | None = None
        self._run_listed: bool | None = None
        self._links = _footers.hidden(post)
        self._lines = lines(post.text, post.entities)
        if self._lines:
            self._read()
        self.claims.sort()
        tags: dict[str, str] = {}
        for claim in self.claimed("tags"):
            name = self._tag(self.text[claim.start : claim.end])
            tags.setdefault(_lines.tag_key(name), name)
        self.tags = tuple(tags.values())

    def _tag(self, hashtag: str) -> str:
        """The tag that a hashtag becomes: as a person wants it, else as it was first spelled."""
        name = _lines.tag_name(hashtag)
        key = _lines.tag_key(name)
        return self._asked.renamed.get(key) or self._asked.spelled.get(key) or name

    def spans(self) -> tuple[Span, ...]:
        """The claims and what lies between them, over the whole text."""
        found: list[Span] = []
        at = 0
        for claim in [*self.claims, Claim(len(self.text), len(self.text), "body", "")]:
            found += self._between(at, claim.start)
            if claim.end > claim.start:
                start, end, part, reason, figure = claim
                found.append(Span(start=start, end=end, part=part, reason=reason, figure=figure))
            at = max(at, claim.end)
        return tuple(found)

    def _between(self, start: int, end: int) -> list[Span]:
        if start >= end:
            return []
        words = self.text[start:end].strip()
        if not words:
            return [Span(start=start, end=end, part="removed", reason="white space between parts")]
        return [Span(start=start, end=end, part="body", reason="")]

    def claimed(self, part: Part, figure: int = -1) -> list[Claim]:
        """The claims for one part (of one figure)."""
        return [one for one in self.claims if one.part == part and one.figure == figure]

    # --- reading ---

    def _read(self) -> None:
        self._side_captions()
        self._cover_caption()
        self._bottom()
        self._captions()
        if self._asked.goes_on:
            return
        rest = self._unclaimed()
        head = headline(self.text, self._post.entities, rest, self._asked.limit)
        if head is None:
            return
        if self._asked.keep_sentence and any(how in _SENTENCES for *_, how in head.parts):
            head = head._replace(parts=(), end=0, links=())
        self.headline = head
        for start, end, part, reason in head.parts:
            self._claim(start, end, "headline" if part == "headline" else "removed", reason)
        if head.parts and not self._asked.keep_lead:
            self._lead(head.end)

    def _claim(self, start: int, end: int, part: Part, reason: str, figure: int = -1) -> None:
        if start < end:
            self.claims.append(Claim(start, end, part, reason, figure))

    def _unclaimed(self) -> list[Line]:
        """The lines, or what the claims have left of them."""
        claims = sorted(self.claims)
        left: list[Line] = []
        first = 0
        for line in self._lines:
            while first < len(claims) and claims[first].end <= line.start:
                first += 1
            at, index = line.start, first
            while index < len(claims) and claims[index].start < line.end:
                left += self._rest(line, at, claims[index].start)
                at = max(at, claims[index].end)
                index += 1
            left += self._rest(line, at, line.end)
        return left

    def _rest(self, line: Line, start: int, end: int) -> list[Line]:
        if start == line.start and end == line.end:
            return [line]
        words = self.text[start:end] if start < end else ""
        if not words.strip():
            return []
        start += len(words) - len(words.lstrip())
        return [line._replace(start=start, end=start + len(words.strip()))]

    def _side_captions(self) -> None:
        """In an album of which several photos have words: the longest or first are the post's,
        the short ones the captions of their photos."""
        ranges: list[tuple[int, int, int]] = []
        for index, media in enumerate(self._post.media):
            if media.caption is None or min(media.caption) < 0:
                continue
            start = max(media.caption[0], ranges[-1][1] if ranges else 0)
            end = min(media.caption[0] + media.caption[1], len(self.text))
            if media.caption[0] >= start and self.text[start:end].strip():
                ranges.append((start, end, index))
        if len(ranges) < 2:
            return
        longest = max(ranges, key=lambda one: one[1] - one[0])
        main = longest if self._is_long(*longest[:2]) else ranges[0]
        for start, end, index in ranges:
            figure = self._asked.figures.get(index)
            if (start, end, index) == main or figure is None or self._is_long(start, end):
                continue
            self._side_caption(start, end, figure)

    def _cover_caption(self) -> None:
        """In a rich post: the caption right behind the photo that becomes the cover."""
        start = None
        for one in self._post.entities:
            if one.type == "media":
                start = one.offset if one.value == str(self._asked.cover) else None
            elif start is not None and one.type == "caption" and one.length > 0:
                if not self.text[start : one.offset].strip():
                    figure = self._asked.figures[self._asked.cover]
                    self._side_caption(one.offset, one.offset + one.length, figure)
                return

    def _is_long(self, start: int, end: int) -> bool:
        return end - start > _SIDE_CAPTION or "\n\n" in self.text[start:end].strip()

    def _side_caption(self, start: int, end: int, figure: int) -> None:
        """The lines of one photo's words: hashtags are tags here too."""
        for line in self._unclaimed():
            if line.start < start or line.end > end:
                continue
            words = self.text[line.start : line.end]
            if found := _lines.tags(words):
                self._take_tags(line.start, line.end, found)
            elif not self._take_credit(line):
                self._claim(line.start, line.end, "caption", "came with this photo", figure)

    def _bottom(self) -> None:
        """What stands below the text, from the last line upwards: hashtags, a footer, a credit.
        A line that the law demands stays. A first line of hashtags alone goes the same way, and
        a first line that stands above many posts."""
        left, kept = self._unclaimed(), []
        while left:
            line = left.pop()
            words = self.text[line.start : line.end]
            if line.free and _lines.legal(words) and not _lines.tags(words):
                kept.append(line)
            elif not line.free or not self._take_bottom(line, left):
                left.append(line)
                break
        left += reversed(kept)
        if len(left) > 1 and left[0].free and self._take_repeated(left[0], top=True):
            left = left[1:]
        if left and left[-1].free:
            self._take_tail(left[-1])
        if left and left[0].free:
            self._take_rubric(left[0], len(left) > 1)

    def _take_tail(self, line: Line) -> None:
        """The hashtags, the credit and the caption behind the last sentence of a line."""
        found = _lines.tags_at_end(self.text[line.start : line.end])
        if found:
            self._take_tags(line.start, line.end, found)
            line = self._rest(line, line.start, line.start + found[0][0])[0]
        for _ in range(2):
            at = _lines.tail(self.text[line.start : line.end])
            last = line._replace(start=line.start + at)
            if at < 0 or not (self._take_credit(last) or self._take_caption(last)):
                return
            line = self._rest(line, line.start, last.start)[0]

    def _take_rubric(self, line: Line, below: bool) -> None:
        """The hashtags above the text, or before its first sentence."""
        words = self.text[line.start : line.end]
        found = _lines.tags(words) if below else []
        if found:
            self._take_tags(line.start, line.end, found)
        elif starts := _lines.tags_at_start(words):
            self._take_tags(line.start, line.start + starts[-1][1], starts)

    def _take_bottom(self, line: Line, above: Sequence[Line]) -> bool:
        words = self.text[line.start : line.end]
        if found := _lines.tags(words):
            if self._run_listed is None:
                self._run_listed = self._listed(above)
            if not self._run_listed:
                self._take_tags(line.start, line.end, found)
            return not self._run_listed
        self._run_listed = None
        if self._take_repeated(line, top=not above):
            return True
        if self._asked.card and safe_url(words) == self._asked.card:
            self._claim(line.start, line.end, "removed", "the address stands on its card")
            return True
        if self._take_credit(line):
            return True
        return self._take_caption(line)

    def _take_repeated(self, line: Line, *, top: bool) -> bool:
        """A line that stands under many posts, or that a person named; at the top, or as the only
        line, not one of plain words, which are this post's own."""
        words = self.text[line.start : line.end]
        if len(words) > _lines.LONGEST_FOOTER or _lines.legal(words):
            return False
        asked, spelled = self._asked, _footers.spelled(words)
        if spelled in asked.forbidden:
            return False
        links = _footers.targets(self._links, line)
        targets = [address for _, _, address in links]
        count = asked.footers.get(_footers.key(words, targets), 0)
        reason = ""
        if spelled in asked.pinned:
            reason = "a footer, the config says"
        elif count and (links or not top or _lines.linked(words)):
            reason = f"repeats under {count} posts"
        elif _lines.footer(words, self._beside(line, links), targets, asked.own, asked.title):
            reason = "only leads to this channel"
        if reason:
            self._claim(line.start, line.end, "removed", reason)
        return bool(reason)

    def _beside(self, line: Line, links: Sequence[tuple[int, int, str]]) -> str:
        """What of the line is under no link."""
        beside, at = "", line.start
        for start, end, _ in links:
            beside += self.text[at : max(at, start)]
            at = max(at, end)
        return beside + self.text[at : line.end]

    def _listed(self, above: Sequence[Line]) -> bool:
        """Whether hashtags below these lines are what the text lists («Рубрики канала:»)."""
        for line in above[:-_LISTED:-1]:
            words = self.text[line.start : line.end]
            if not _lines.tags(words):
                return words.endswith(":")
        return False

    def _take_tags(self, start: int, end: int, found: Sequence[tuple[int, int]]) -> None:
        """Claims the hashtags of the line and what is between them."""
        at = start + found[0][0] if found[0][0] else start
        for first, last in found:
            name = _lines.tag_name(self.text[start + first : start + last])
            self._claim(at, start + first, "removed", "between hashtags")
            unwanted = _lines.tag_key(name) in self._asked.no_tags and not _lines.legal(name)
            part: Part = "removed" if unwanted else "tags"
            reason = "a hashtag that is no tag here" if unwanted else "hashtags beside the text"
            tag = self._tag(name)
            if not unwanted and _lines.tag_key(tag) != _lines.tag_key(name):
                reason = f"a hashtag that is called «{tag}» here"
            self._claim(start + first, start + last, part, reason)
            at = start + last
        self._claim(at, end, "removed", "between hashtags")

    def _take_credit(self, line: Line) -> bool:
        found = _lines.credit(self.text[line.start : line.end])
        if found is None or not self._shows(
            "photo" if found.kind == "photo" else "video", found.kind
        ):
            return False
        start, end = line.start + found.start, line.start + found.end
        self._claim(line.start, start, "removed", "the credit's label, written anew")
        self._claim(start, end, "credit", "says who made the photo")
        self._claim(end, line.end, "removed", "punctuation after the credit")
        self.credits.insert(0, (start, end, found.kind, found.whole))
        return True

    def _shows(self, kind: str, wanted: str = "") -> bool:
        kinds = {self._post.media[index].kind for index in self._asked.figures}
        if wanted == "photo and video":
            return bool(kinds & {"photo", "video"})
        return kind in kinds

    def _captions(self) -> None:
        """Captions in the midst of the text: paragraphs of their own, or last in one."""
        left = self._unclaimed()
        after, taken = -1, True
        for line in reversed(left[1:]):
            last = after != line.paragraph
            after = line.paragraph
            if not line.free or not (last or taken):
                taken = False
                continue
            words = self.text[line.start : line.end]
            taken = self._take_caption(line) or self._take_late_credit(line)
            taken = taken or _lines.caption(words) is not None

    def _take_late_credit(self, line: Line) -> bool:
        words = self.text[line.start : line.end]
        return words[:1].lower() in "фp📷📸" and self._take_credit(line)

    def _take_caption(self, line: Line) -> bool:
        words = self.text[line.start : line.end]
        found = _lines.caption(words)
        figure = self._described(line, found) if found else -1
        if figure < 0:
            return False
        at = _lines.tail(words)
        if at > 0 and self._take_credit(line._replace(start=line.start + at)):
            line = self._rest(line, line.start, line.start + at)[0]
        self._claim(line.start, line.end, "caption", "describes this photo", figure)
        return True

    def _described(self, line: Line, found: _lines.Caption) -> int:
        """The figure a caption belongs to: the one it came with, the one it names, the first."""
        kind = "video" if found.video else "photo"
        shown = [
            (index, figure)
            for index, figure in self._asked.figures.items()
            if self._post.media[index].kind == kind
        ]
        if not shown:
            return -1
        with_words = [i for i, media in enumerate(self._post.media) if media.caption]
        if len(with_words) > 1 and not found.number:
            for index, figure in shown:
                start, length = self._post.media[index].caption or (0, 0)
                if start <= line.start < start + length:
                    return figure
        if found.number:
            return shown[found.number - 1][1] if found.number <= len(shown) else -1
        return shown[0][1]

    def _lead(self, at: int) -> None:
        """The first paragraph after the headline, if it stands for itself and text follows."""
        left = [line for line in self._unclaimed() if line.end > at]
        if not left:
            return
        line, after = left[0], left[1:]
        words = self.text[line.start : line.end]
        alone = not after or after[0].paragraph != line.paragraph
        ends = words[-1] in '.!?…»")'
        if (
            not (line.free and alone and ends and len(words) in _LEAD)
            or LEADING.match(words)
            or _BULLET.match(words)
            or _LEANS.match(words)
            or GREETING.match(words)
        ):
            return
        sentences = sum(1 for _ in sentence_ends(self.text, line.start, line.end))
        if sentences <= 2 and sum(one.end - one.start for one in after) >= _AFTER_LEAD:
            self.lead = (line.start, line.end)
            self._claim(line.start, line.end, "lead", "the first paragraph stands for itself")
