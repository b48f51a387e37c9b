from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("xllamacpp")
pytest.importorskip("gguf")

from reasonkit.clients.gguf import GGUFClient
from reasonkit.clients.stops import cut
from reasonkit.errors import (
    ClientClosed,
    ContextOverflow,
    InputError,
    MissingExtra,
    ModelNotFound,
    NoChatTemplate,
    Unsupported,
)
from reasonkit.types import Completion, Delta, Message, Reply, Request, Sampling
from tests.clients.tiny_models import CHAT_TEMPLATE, Shape, write_gguf

PROMPT = "Question: which river flows through the town?\nThought 1:"
ASK = Request(prompt=PROMPT, sampling=Sampling(max_tokens=24))
DRAWN = replace(ASK, sampling=Sampling(temperature=1.0, max_tokens=24))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def client(file: Path) -> Iterator[GGUFClient]:
    client = GGUFClient(file, slots=4)
    yield client
    client.close()


def ask(client: GGUFClient, request: Request) -> tuple[Completion, ...]:
    last = list(client.stream(request))[-1]
    assert isinstance(last, Reply)
    return last.completions


def texts(client: GGUFClient, request: Request) -> list[str]:
    return [completion.text for completion in ask(client, request)]


async def aask(client: GGUFClient, request: Request) -> tuple[Completion, ...]:
    async with aclosing(client.astream(request)) as pieces:
        last = [piece async for piece in pieces][-1]
    assert isinstance(last, Reply)
    return last.completions


def test_greedy_text_is_the_same_every_time_and_for_every_seed(client: GGUFClient) -> None:
    first = texts(client, ASK)
    assert first[0]
    assert texts(client, replace(ASK, seeds=(7,))) == first
    assert texts(client, replace(ASK, seeds=(1, 2, 3))) == first * 3


def test_a_seed_draws_the_same_text_again_and_seeds_differ(client: GGUFClient) -> None:
    drawn = {seed: texts(client, replace(DRAWN, seeds=(seed,)))[0] for seed in (1, 2, 3, 2**40, -1)}
    assert len(set(drawn.values())) == 5
    for seed, text in drawn.items():
        assert texts(client, replace(DRAWN, seeds=(seed,))) == [text]


def test_samples_together_are_those_drawn_alone(client: GGUFClient) -> None:
    for seeds in [(5, 6, 7), (5, 6, 7, 8, 9, 10), (9, 5, 6, 40)]:
        alone = [texts(client, replace(DRAWN, seeds=(seed,)))[0] for seed in seeds]
        assert texts(client, replace(DRAWN, seeds=seeds)) == alone
        assert texts(client, replace(DRAWN, seeds=seeds, stream=True)) == alone


def test_several_samples_compute_the_prompt_once(client: GGUFClient) -> None:
    prompt = "A prompt that nothing else in this file begins with. " * 4
    completions = ask(client, replace(DRAWN, prompt=prompt, seeds=(1, 2, 3)))
    tokens = client.count_tokens(prompt) + 1  # the first is the begin token
    assert [c.usage.prompt_tokens for c in completions] == [tokens, 0, 0]
    assert completions[0].usage.requests == 1
    assert sum(c.usage.requests for c in completions) == 1


def test_a_longer_prompt_computes_only_what_was_appended(client: GGUFClient) -> None:
    prompt = "Another beginning, so that nothing of it is known. " * 4
    ask(client, replace(ASK, prompt=prompt))
    usage = ask(client, replace(ASK, prompt=prompt + "And more."))[0].usage
    assert usage.cached_tokens >= client.count_tokens(prompt)
    assert usage.cached_tokens < usage.prompt_tokens


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_stop_is_cut_exactly_and_never_shown(client: GGUFClient, data: st.DataObject) -> None:
    whole = texts(client, replace(ASK, sampling=Sampling(max_tokens=48)))[0]
    stop = []
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(whole) - 1))
        stop.append(whole[start : start + data.draw(st.integers(1, 6))])
    request = replace(ASK, stop=tuple(stop), sampling=Sampling(max_tokens=48), stream=True)
    *pieces, reply = client.stream(request)
    assert isinstance(reply, Reply)
    completion = reply.completions[0]
    assert completion.text == cut(whole, tuple(stop))[0]
    assert completion.finish == "stop"
    assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == completion.text


def test_a_stop_in_the_prompt_does_not_stop(client: GGUFClient) -> None:
    assert texts(client, replace(ASK, stop=("Thought 1:",))) == texts(client, ASK)


def test_the_limit_is_named_as_the_reason(client: GGUFClient) -> None:
    completion = ask(client, replace(ASK, sampling=Sampling(max_tokens=3)))[0]
    assert (completion.finish, completion.usage.completion_tokens) == ("length", 3)


def test_streams_of_several_samples_add_up(client: GGUFClient) -> None:
    *pieces, reply = client.stream(replace(DRAWN, seeds=(3, 4, 90), stream=True))
    assert isinstance(reply, Reply)
    for index, completion in enumerate(reply.completions):
        said = [piece.text for piece in pieces if isinstance(piece, Delta) and piece.index == index]
        assert "".join(said) == completion.text
        assert len(said) > 1


def test_an_overflow_is_an_error_with_its_numbers_before_anything_is_computed(client: GGUFClient) -> None:
    prompt = "one two three " * 30
    tokens = client.count_tokens(prompt) + 1
    with pytest.raises(ContextOverflow) as caught:
        ask(client, Request(prompt=prompt, sampling=Sampling(max_tokens=512 - tokens + 1)))
    assert (caught.value.prompt_tokens, caught.value.limit) == (tokens, 512)
    assert ask(client, Request(prompt=prompt, sampling=Sampling(max_tokens=1)))[0].usage.cached_tokens < 10


def test_a_request_that_just_fits_gets_all_its_tokens(file: Path) -> None:
    client = GGUFClient(file, max_context=64, slots=2)
    grammar = 'root ::= [a-z]+ "0"'  # keeps the model from ending early
    prompt = "one two three"
    room = 64 - client.count_tokens(prompt) - 1
    completion = ask(client, Request(prompt=prompt, sampling=Sampling(max_tokens=room), grammar=grammar))[0]
    assert completion.usage.completion_tokens == room
    client.close()


def test_a_grammar_holds_and_a_broken_one_is_refused(client: GGUFClient) -> None:
    grammar = 'root ::= "Action 1: " ("Search" | "Lookup" | "Finish") "[" [a-z ]{1,5} "]"'
    assert texts(client, replace(ASK, grammar=grammar))[0].startswith("Action 1: ")
    with pytest.raises(InputError, match="grammar"):
        ask(client, replace(ASK, grammar='root ::= ("a" | '))


def test_logprobs_belong_to_the_text(file: Path) -> None:
    client = GGUFClient(file, logprobs=True)
    greedy = ask(client, replace(ASK, sampling=Sampling(max_tokens=8)))[0]
    assert "".join(one.token for one in greedy.logprobs) == greedy.text
    assert all(one.logprob <= 0.0 for one in greedy.logprobs)
    stop = greedy.logprobs[3].token
    stopped = ask(client, replace(ASK, stop=(stop,), sampling=Sampling(max_tokens=8)))[0]
    assert "".join(one.token for one in stopped.logprobs) == stopped.text
    client.close()


def test_a_chat_is_rendered_by_the_files_own_template_and_a_last_turn_is_continued(tmp_path: Path) -> None:
    client = GGUFClient(write_gguf(tmp_path / "chat.gguf", chat_template=CHAT_TEMPLATE))
    assert client.capabilities.endpoint == "chat"
    assert client.capabilities.prefill
    user = Message(role="user", content="which river?")
    chat = replace(ASK, prompt=(user,))
    assert texts(client, chat) == texts(client, replace(ASK, prompt="<user>which river?\n<assistant>"))
    begun = replace(ASK, prompt=(user, Message(role="assistant", content="Thought 1:")))
    assert texts(client, begun) == texts(client, replace(ASK, prompt="<user>which river?\n<assistant>Thought 1:"))
    client.close()


def test_a_chat_without_a_template_is_refused(client: GGUFClient, file: Path) -> None:
    assert client.capabilities.endpoint == "completions"
    with pytest.raises(NoChatTemplate):
        ask(client, replace(ASK, prompt=(Message(role="user", content="hi"),)))
    with pytest.raises(NoChatTemplate):
        GGUFClient(file, endpoint="chat")


def test_an_adapter_is_refused_and_never_left_out(client: GGUFClient) -> None:
    with pytest.raises(Unsupported, match="hotpot"):
        ask(client, replace(ASK, adapter="hotpot"))


def test_threads_share_the_model_and_get_what_they_would_get_alone(client: GGUFClient) -> None:
    requests = [replace(DRAWN, prompt=f"Question: number {n}\nThought 1:", seeds=(n,)) for n in range(12)]
    alone = [texts(client, request)[0] for request in requests]
    together: dict[int, str] = {}

    def work(number: int) -> None:
        together[number] = texts(client, requests[number])[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(12)] == alone


async def test_an_event_loop_runs_more_requests_than_slots(client: GGUFClient) -> None:
    requests = [
        replace(DRAWN, prompt=f"Question: number {n}\nThought 1:", seeds=(n,), stream=n % 2 == 0) for n in range(12)
    ]
    alone = [texts(client, request)[0] for request in requests]
    replies = await asyncio.gather(*(aask(client, request) for request in requests))
    assert [completions[0].text for completions in replies] == alone


async def test_an_error_reaches_the_one_who_awaits(client: GGUFClient) -> None:
    with pytest.raises(ContextOverflow):
        await aask(client, replace(ASK, sampling=Sampling(max_tokens=10_000)))


def test_closing_a_stream_early_frees_its_slot(file: Path) -> None:
    client = GGUFClient(file, slots=1)
    stream = client.stream(replace(ASK, grammar="root ::= [a-z]+", sampling=Sampling(max_tokens=400), stream=True))
    assert isinstance(next(stream), Delta)
    stream.close()
    assert ask(client, ASK)[0].text
    client.close()


async def test_cancelling_a_task_frees_its_slot(file: Path) -> None:
    client = GGUFClient(file, slots=1)
    endless = replace(ASK, grammar="root ::= [a-z]+", sampling=Sampling(max_tokens=400))
    task = asyncio.create_task(aask(client, endless))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await aask(client, ASK))[0].text
    await client.aclose()


def test_a_closed_client_refuses_and_may_be_closed_twice(file: Path) -> None:
    client = GGUFClient(file)
    client.close()
    client.close()
    for stream in (False, True):
        with pytest.raises(ClientClosed):
            ask(client, replace(ASK, stream=stream))
    with pytest.raises(ClientClosed):
        client.count_tokens("x")


def test_closing_ends_what_is_being_answered(file: Path) -> None:
    client = GGUFClient(file, slots=1)
    stream = client.stream(replace(ASK, grammar="root ::= [a-z]+", sampling=Sampling(max_tokens=450), stream=True))
    next(stream)
    client.close()
    with pytest.raises(ClientClosed):
        list(stream)


def test_a_card_beside_the_file_is_followed(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", chat_template=CHAT_TEMPLATE)
    (tmp_path / "reasonkit.json").write_text(
        json.dumps({"endpoint": "completions", "max_context": 128, "name": "tiny"})
    )
    client = GGUFClient(tmp_path)
    assert (client.capabilities.endpoint, client.capabilities.max_context) == ("completions", 128)
    assert client.describe() == {"client": "gguf", "model": "tiny", "file": "tiny.gguf"}
    client.close()
    client = GGUFClient(file, max_context=256, endpoint="chat")
    assert (client.capabilities.endpoint, client.capabilities.max_context) == ("chat", 256)
    client.close()


def test_quantised_files_are_read(tmp_path: Path) -> None:
    client = GGUFClient(write_gguf(tmp_path / "q8.gguf", quantized=True))
    assert texts(client, ASK)[0]
    client.close()


def test_what_is_no_model_is_said_so(tmp_path: Path, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelNotFound, match="no GGUF file at"):
        GGUFClient(tmp_path / "absent.gguf")
    with pytest.raises(ModelNotFound, match="none"):
        GGUFClient(tmp_path)
    (tmp_path / "text.gguf").write_text("this is a text")
    with pytest.raises(InputError, match="not a GGUF file"):
        GGUFClient(tmp_path / "text.gguf")
    (tmp_path / "head.gguf").write_bytes(file.read_bytes()[:3000])
    with pytest.raises(InputError, match="cut off"):
        GGUFClient(tmp_path / "head.gguf")
    (tmp_path / "half.gguf").write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(InputError, match="incomplete"):
        GGUFClient(tmp_path / "half.gguf")
    with pytest.raises(InputError, match="unknown model architecture: 'foobar'"):
        GGUFClient(write_gguf(tmp_path / "foobar.gguf", architecture="foobar"))
    assert capfd.readouterr() == ("", "")


@settings(max_examples=60, deadline=None)
@given(at=st.integers(4, 1200), byte=st.integers(0, 255), cut_at=st.integers(4, 2000))
def test_a_damaged_header_is_an_input_error_or_no_matter(
    file: Path, tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, cut_at: int
) -> None:
    from reasonkit.clients.gguf.header import read_header

    content = bytearray(file.read_bytes()[:20_000])
    content[at] = byte
    damaged = tmp_path_factory.mktemp("damaged") / "x.gguf"
    for version in (content, content[:cut_at]):
        damaged.write_bytes(version)
        with contextlib.suppress(InputError):
            read_header(damaged)


@pytest.mark.parametrize("options", [{"max_context": 513}, {"max_context": 2}, {"slots": 0}])
def test_sizes_out_of_range_are_refused(file: Path, options: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        GGUFClient(file, **options)  # type: ignore[arg-type]


def test_without_the_extra_the_pip_line_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtra, match=r"reasonkit\[gguf\]"):
        GGUFClient(file)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_port_is_opened_and_the_socket_is_private_and_goes(file: Path) -> None:
    own = descriptors()
    client = GGUFClient(file)
    opened = descriptors() - own
    inodes = {name[8:-1] for name in opened if name.startswith("socket:")}
    listening = [
        line.split()[9]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
    ]
    assert inodes
    assert not inodes & set(listening)
    folder = Path(client._engine._address.removeprefix("unix://")).parent
    assert folder.stat().st_mode & 0o077 == 0
    client.close()
    assert not folder.exists()


def descriptors() -> set[str]:
    out = set()
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder's own, closed by now
            out.add(str(one.readlink()))
    return out


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, env=dict(os.environ)
    )


def test_a_model_that_nobody_closed_leaves_nothing_and_says_nothing(file: Path, tmp_path: Path) -> None:
    code = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[2]\n"
        "from reasonkit.clients.gguf import GGUFClient\n"
        "from reasonkit.types import Request\n"
        "client = GGUFClient(sys.argv[1])\n"
        "stream = client.stream(Request(prompt='a', stream=True))\n"
        "next(stream)\n"
        "assert 'torch' not in sys.modules and 'asyncio' not in sys.modules\n"
    )
    done = run(code, str(file), str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_close_frees_the_memory_and_the_threads(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "larger.gguf", Shape(hidden=512, layers=4, intermediate=1024, heads=8, kv_heads=8))
    code = (
        "import gc, os, sys\n"
        "from reasonkit.clients.gguf import GGUFClient\n"
        "from reasonkit.types import Request, Sampling\n"
        "def held(): return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')\n"
        "def once():\n"
        "    client = GGUFClient(sys.argv[1], slots=8)\n"
        "    list(client.stream(Request(prompt='a b c ' * 50, sampling=Sampling(max_tokens=4))))\n"
        "    most = held(); client.close(); gc.collect()\n"
        "    return most\n"
        "once(); before = held(); most = once()\n"
        "for _ in range(5): once()\n"
        "print(before, most, held(), len(os.listdir('/proc/self/task')))\n"
    )
    done = run(code, str(file))
    assert done.returncode == 0, done.stderr
    before, most, after, threads = map(int, done.stdout.split())
    assert most - before > 30 * 2**20
    assert after - before < (most - before) / 3
    assert threads <= 2  # OpenMP may keep one


def test_closing_right_after_opening_never_hangs(file: Path) -> None:
    for _ in range(20):
        GGUFClient(file).close()
