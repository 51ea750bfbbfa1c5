"""langchain-openai: whole and streamed answers, structured output, tools, embeddings."""

from __future__ import annotations

import sys
from typing import Annotated

from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, Field

url, model = sys.argv[1:]


class Dog(BaseModel):
    """A dog. A model as small as the bundled one goes on with a text that has no bound."""

    name: Annotated[str, Field(max_length=12)]
    age: Annotated[int, Field(ge=0, le=30)]


def weather(city: Annotated[str, Field(max_length=12)]) -> str:
    """The weather of a city."""
    return f"Sunny in {city}"


chat = ChatOpenAI(
    base_url=f"{url}/v1",
    api_key="not-needed",
    model=model,
    temperature=0,
    max_retries=0,
    seed=1,
    stream_usage=True,
)
assert "Mini-Claude" in str(chat.invoke("Who are you?").content)
pieces = list(chat.stream("Who are you?"))
assert "Mini-Claude" in "".join(str(piece.content) for piece in pieces)
assert any(piece.usage_metadata for piece in pieces)
dog = chat.with_structured_output(Dog, method="json_schema").invoke("A dog called Rex")
assert isinstance(dog, Dog), dog
called = chat.bind_tools([weather], tool_choice="any").invoke("What is the weather in Rome?")
assert called.tool_calls, called
assert called.tool_calls[0]["name"] == "weather"
assert set(called.tool_calls[0]["args"]) == {"city"}
vectors = OpenAIEmbeddings(
    base_url=f"{url}/v1", api_key="not-needed", model=model, check_embedding_ctx_length=False
).embed_documents(["a cat", "a dog"])
assert len(vectors) == 2
assert abs(sum(value * value for value in vectors[0]) - 1) < 1e-3
print("langchain-openai: answers, streams, structured output, tools, embeddings")
