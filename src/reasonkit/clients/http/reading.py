"""Reading one answer, whole or in pieces, into drafts; hanging up as soon as every choice has met its stop text.

Says what was heard and judges nothing: whether it is enough, and what to do about it, is decided in `converse`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from reasonkit.clients.http.draft import Draft
from reasonkit.clients.http.reply import Body, Counted, Piece, ServerError, read_body
from reasonkit.clients.http.sse import EventStream
from reasonkit.clients.http.wire import FINISH, HANGUP, READ, Broken, Told, Wish
from reasonkit.clients.screen import Screen
from reasonkit.errors import ReplyError
from reasonkit.types import Delta


@dataclass(slots=True, kw_only=True)
class Heard:
    """One answer, as far as it came."""

    drafts: list[Draft] = field(default_factory=list)
    usage: Counted | None = None
    error: ServerError | None = None
    """The server's own words in place of choices."""
    fault: Broken | ReplyError | None = None
    """Why nothing more came, or why it could not be read."""
    early: bool = False
    """We hung up because nothing more was needed."""
    late: bool = False
    """We hung up because the deadline had passed."""
    prompt_cut: bool = False


def read_whole(stop: tuple[str, ...], screen: Screen, first: int, wanted: int) -> Generator[Wish, Told, Heard]:
    """Read an answer that is one JSON object.

    Args:
        stop: the stop texts.
        screen: where texts are shown.
        first: the number of the answer's first choice among the request's completions.
        wanted: how many choices are of use.
    """
    content = yield from read_rest()
    if isinstance(content, Broken):
        return Heard(fault=content)
    try:
        body = read_body(content)
    except ReplyError as fault:
        return Heard(fault=fault)
    heard = Heard(usage=body.usage, error=body.error, prompt_cut=body.cut)
    for place, piece in enumerate(body.pieces[:wanted]):  # by place: some servers number every choice 0
        draft = Draft(stop)
        draft.feed(Piece(place, piece.text, piece.finish or "stop", piece.logprobs, piece.reasoning))
        draft.end()
        heard.drafts.append(draft)
        yield from _show(screen, first + place, draft.text)
    return heard


def read_events(
    stop: tuple[str, ...], screen: Screen, first: int, wanted: int, late: Callable[[], bool]
) -> Generator[Wish, Told, Heard]:
    """Read an answer that comes as server-sent events; the arguments are those of `read_whole`.

    Args:
        stop: the stop texts.
        screen: where texts are shown.
        first: the number of the answer's first choice among the request's completions.
        wanted: how many choices were asked for.
        late: whether the deadline has passed.
    """
    heard = Heard(drafts=[Draft(stop) for _ in range(wanted)])
    stream, more, done = EventStream(), True, False
    while more and not done:
        told = yield READ
        if isinstance(told, Broken):
            heard.fault = told
            return heard
        assert isinstance(told, bytes)
        more = bool(told)
        for data in stream.feed(told) if more else stream.end():
            if data.strip() == "[DONE]":
                done = True
                break
            try:
                body = read_body(data)
            except ReplyError as fault:
                heard.fault = fault
                break
            heard.usage = body.usage or heard.usage
            heard.prompt_cut = heard.prompt_cut or body.cut
            if body.error is not None:
                heard.error = body.error
                break
            yield from _take(body, heard.drafts, screen, first)
        heard.early = more and not done and all(draft.matched for draft in heard.drafts)
        heard.late = more and not done and not heard.early and late()
        if heard.error is not None or heard.fault is not None or heard.early or heard.late:
            yield HANGUP
            return heard
    if done and more:
        yield FINISH
    for place, draft in enumerate(heard.drafts):
        if done and draft.finish is None and draft.pieces:
            draft.finish = "stop"  # it said that it had finished, though not why
        if draft.finish is not None:
            yield from _show(screen, first + place, draft.end())
    return heard


def read_rest() -> Generator[Wish, Told, bytes | Broken]:
    """Read the body to its end."""
    pieces: list[bytes] = []
    while True:
        told = yield READ
        if isinstance(told, Broken):
            return told
        assert isinstance(told, bytes)
        if not told:
            return b"".join(pieces)
        pieces.append(told)


def _take(body: Body, drafts: list[Draft], screen: Screen, first: int) -> Generator[Wish, Told, None]:
    for piece in body.pieces:
        if 0 <= piece.index < len(drafts):
            yield from _show(screen, first + piece.index, drafts[piece.index].feed(piece))


def _show(screen: Screen, index: int, text: str) -> Generator[Wish, Told, None]:
    if fresh := screen.show(index, text):
        yield Delta(index=index, text=fresh)
