"""`GET /metrics`."""

from __future__ import annotations

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

from miniclaude.messages import TextDelta
from miniclaude.server import metrics
from tests.server.conftest import Serve, Served, full

pytestmark = pytest.mark.anyio

Samples = dict[tuple[str, ...], float]


async def read(served: Served) -> Samples:
    """Every sample by its name and the values of its labels."""
    response = await served.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name.removeprefix("mini_claude_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_answers_tokens_and_requests_are_counted(served: Served) -> None:
    for stream in (False, True):
        await served.chat(model="scripted/m", stream=stream)
    await served.client.post("/v1/embeddings", json={"model": "scripted/m", "input": "a"})
    samples = await read(served)
    assert samples["answers_total", "scripted/m", "complete"] == 3
    assert samples["tokens_total", "prompt", "scripted/m"] == 3 + 3 + 2
    assert samples["tokens_total", "completion", "scripted/m"] == 2
    assert samples["first_token_seconds_count", "scripted/m"] == 3
    assert samples["answer_seconds_count", "scripted/m"] == 3
    assert samples["http_requests_total", "POST", "/chat/completions", "200"] == 2
    assert samples["http_request_seconds_count", "/embeddings"] == 1
    assert (samples["answers_active",], samples["answers_waiting",]) == (0, 0)


async def test_made_up_names_become_no_labels(served: Served) -> None:
    """Else anyone could fill the memory of the server, and of Prometheus."""
    served.scripted.script = [full()]
    for number in range(3):
        await served.chat(model=f"scripted/{number}")
        await served.client.get(f"/nope/{number}")
        await served.client.request(f"M{number}", "/v1/models")
        await served.client.get(f"/models/{number}")
    samples = await read(served)
    assert samples["refused_total", "OverloadedError"] == 3
    labels = {label for _, *values in samples for label in values}
    assert not labels & {"scripted/0", "/nope/0", "M0", "/models/0"}
    assert samples["http_requests_total", "GET", "/models/{model:path}", "404"] == 3


async def test_a_service_that_answers_for_any_name_makes_no_endless_labels(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each name takes dozens of series, here and in Prometheus, and they are never given up."""
    monkeypatch.setattr(metrics, "MAX_MODELS", 2)
    for number in (0, 1, 2, 0, 3):
        await served.chat(model=f"scripted/{number}")
    samples = await read(served)
    counted = {key[1]: count for key, count in samples.items() if key[0] == "answers_total"}
    assert counted == {"scripted/0": 2, "scripted/1": 1, "other": 2}
    assert not {"scripted/2", "scripted/3"} & {label for _, *values in samples for label in values}
    assert samples["tokens_total", "prompt", "other"] == 2 * 3


def test_a_base_that_only_computes_for_its_adapters_takes_no_label() -> None:
    """There are places for a few hundred names, and it answers under none of them."""
    counted = metrics.Metrics()
    none = {"lookup_proposed": 0, "lookup_accepted": 0}
    counted.note_guesses({"base": none})
    assert counted.models == set()
    counted.model_label("tuned")
    counted.note_guesses({"base": none, "tuned": none, "other": {**none, "lookup_proposed": 3}})
    assert counted.models == {"tuned", "other"}
    assert b'guessed_tokens_total{kind="proposed",model="other",source="lookup"} 3.0' in (
        counted.text()
    )


async def test_what_waits_and_what_is_broken_off_is_seen(served: Served) -> None:
    async with anyio.create_task_group() as group:
        served.scripted.script = [None]
        group.start_soon(lambda: served.chat(model="scripted/m"))
        await served.scripted.waiting.wait()
        samples = await read(served)
        assert (samples["answers_active",], samples["answers_waiting",]) == (1, 1)
        group.cancel_scope.cancel()
    served.scripted.script = [TextDelta(0, "a"), ValueError()]
    await served.chat(model="scripted/m")
    samples = await read(served)
    assert samples["refused_total", "cancelled"] == 1
    assert samples["answers_total", "scripted/m", "failed"] == 1
    assert (samples["answers_active",], samples["answers_waiting",]) == (0, 0)


async def test_it_needs_the_key(serve: Serve) -> None:
    async with serve(api_key="correct horse battery") as served:
        assert (await served.client.get("/metrics")).status_code == 401
        assert (await served.client.get("/v1/metrics")).status_code == 401


async def test_guesses_are_counted_by_model_and_source(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read twice, they are not counted twice."""
    guessed = {"m": {"draft_proposed": 5, "draft_accepted": 3, "lookup_proposed": 2}}
    monkeypatch.setattr(served.scripted, "guessed", lambda: guessed, raising=False)
    for _ in range(2):
        samples = await read(served)
        kinds = {key[1:]: n for key, n in samples.items() if key[0] == "guessed_tokens_total"}
        assert kinds == {
            ("proposed", "m", "draft"): 5,
            ("accepted", "m", "draft"): 3,
            ("proposed", "m", "lookup"): 2,
        }


async def test_guesses_of_any_more_models_are_counted_together(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They had series of their own for every name, past the bound that all other counts keep."""
    monkeypatch.setattr(metrics, "MAX_MODELS", 1)
    guessed = {name: {"draft_proposed": 5} for name in ("a", "b", "c")}
    monkeypatch.setattr(served.scripted, "guessed", lambda: guessed, raising=False)
    for _ in range(2):
        samples = await read(served)
        kinds = {key[2]: n for key, n in samples.items() if key[0] == "guessed_tokens_total"}
        assert kinds == {"a": 5, "other": 10}
