"""Every error a person can meet, drawn as one tree.

    MiniClaudeError
    ├── InvalidRequestError           the caller's request is wrong
    │   ├── UnsupportedFieldError     a field we know of and do not implement, or do not know
    │   ├── ContextLengthError        prompt + answer exceed the model's context
    │   └── PayloadTooLargeError      more bytes than we read
    ├── AuthenticationError           no key, or a wrong one
    ├── PermissionDeniedError         the right key, the wrong Host, Origin or owner
    ├── NotFoundError                 no such row
    │   └── ModelNotFoundError        no such model
    ├── ConflictError                 the row's state forbids it
    ├── RateLimitError                a quota is used up
    ├── OverloadedError               no room now; come back in `retry_after` seconds
    ├── CheckpointError               a model folder is missing something, or is corrupt
    │   └── UnknownArchitectureError  config.json names a family we do not implement
    ├── TokenizerError                tokenizer files are missing, truncated or contradictory
    │   └── ChatTemplateError         a chat template fails to compile, render or stay in bounds
    ├── DatasetError                  a file of training text is missing, or a row of it is bad
    │   └── RowError                  one row is bad; its code is the error's name
    ├── TrainingDivergedError         the loss is no number any more, or grows and grows
    ├── DownloadError                 a pull could not be completed
    ├── UploadError                   a push could not be completed
    ├── ProviderError                 an upstream service failed
    ├── EngineError                   the worker died or broke its protocol
    ├── StoreError                    the database cannot be opened, migrated or written
    │   └── DiskFullError             no space left where we write
    ├── HomeLockedError               another server owns this home folder
    └── SettingsError                 a setting is missing or malformed
        └── OutOfMemoryError          a training run needs more memory than there is

Each carries `message` (what is wrong, and where) and `hint` (what to do next). The server maps
the class to an HTTP status; the command line prints both and exits with 1 or 2.
"""

from __future__ import annotations

import errno

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The operating system's numbers for what is a DiskFullError."""


class MiniClaudeError(Exception):
    """Base of every error this package raises on purpose.

    message: what is wrong and where (file, line, field).
    hint: what the reader can do next, a full sentence.
    param: the request field or option at fault, where there is one.
    code: a stable machine-readable name, such as `context_length_exceeded`.
    """

    code: str | None = None

    def __init__(
        self, message: str, *, hint: str, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.param = param
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidRequestError(MiniClaudeError):
    """The caller's request is wrong; sending it again unchanged will fail again."""

    code = "invalid_value"


class UnsupportedFieldError(InvalidRequestError):
    """A request field that we do not implement; it is named, never dropped."""

    code = "unsupported_field"


class ContextLengthError(InvalidRequestError):
    """The prompt and the answer asked for do not fit the model's context."""

    code = "context_length_exceeded"


class PayloadTooLargeError(InvalidRequestError):
    """The request has more bytes than we are willing to read."""

    code = "payload_too_large"


class AuthenticationError(MiniClaudeError):
    """No key was given, or a wrong one."""

    code = "invalid_api_key"


class PermissionDeniedError(MiniClaudeError):
    """The caller is known but may not do this (Host, Origin or ownership)."""

    code = "permission_denied"


class NotFoundError(MiniClaudeError):
    """The thing named does not exist, or belongs to somebody else."""

    code = "not_found"


class ModelNotFoundError(NotFoundError):
    """No provider offers a model of this name."""

    code = "model_not_found"


class ConflictError(MiniClaudeError):
    """The present state of the row forbids the request."""

    code = "conflict"


class RateLimitError(MiniClaudeError):
    """A quota is used up. retry_after: in seconds, at most 120; None where waiting is no help."""

    code = "rate_limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        retry_after: int | None = 1,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, param=param, code=code)
        self.retry_after = None if retry_after is None else min(retry_after, 120)


class OverloadedError(RateLimitError):
    """The queue is full; nothing is wrong with the request itself."""

    code = "server_overloaded"


class CheckpointError(MiniClaudeError):
    """A model folder is incomplete, corrupt or contradictory."""

    code = "bad_checkpoint"


class UnknownArchitectureError(CheckpointError):
    """config.json names a model family that is not implemented here."""

    code = "unknown_architecture"


class TokenizerError(MiniClaudeError):
    """Tokenizer files are missing, truncated or contradictory."""

    code = "bad_tokenizer"


class ChatTemplateError(TokenizerError):
    """A chat template fails to compile or render, or exceeds its bounds."""

    code = "bad_chat_template"


class DatasetError(MiniClaudeError):
    """A file of training text is missing, or a row of it is bad; the message says which."""

    code = "bad_dataset"


class RowError(DatasetError):
    """One row of a data set cannot be used; `code` names the error (`missing_messages_list`)."""

    code = "bad_row"


class TrainingDivergedError(MiniClaudeError):
    """The loss is no finite number any more, or grows and grows; the last good weights are kept."""

    code = "training_diverged"


class DownloadError(MiniClaudeError):
    """A pull could not be completed; what was fetched is kept for the next try."""

    code = "download_failed"


class UploadError(MiniClaudeError):
    """A push could not be completed; the hub shows all of it or nothing."""

    code = "upload_failed"


class ProviderError(MiniClaudeError):
    """An upstream service failed; `status` is its HTTP status where it sent one."""

    code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        status: int | None = None,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, param=param, code=code)
        self.status = status


class EngineError(MiniClaudeError):
    """The engine's worker process died, or could not be started."""

    code = "engine_error"


class StoreError(MiniClaudeError):
    """The database cannot be opened, migrated or written."""

    code = "store_error"


class DiskFullError(StoreError):
    """There is no space left where we write."""

    code = "disk_full"


class HomeLockedError(MiniClaudeError):
    """Another Mini-Claude server owns this home folder."""

    code = "home_locked"


class SettingsError(MiniClaudeError):
    """A setting is missing or malformed."""

    code = "bad_setting"


class OutOfMemoryError(SettingsError):
    """A training run needs more memory than there is; `hint` lists settings that would fit."""

    code = "does_not_fit"
