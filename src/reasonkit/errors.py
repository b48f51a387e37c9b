"""The one tree of errors.

A model's mistake is data and never raised. The world's failure is one of these. Our own mistake is a plain crash.

    ReasonkitError
    ├── InputError                 what the caller gave cannot be used; raised before anything is asked
    │   ├── PromptError            a template or its variables
    │   ├── ModelNotFound          no such model folder or file
    │   ├── MissingExtra           an optional package is not installed
    │   ├── TraceError             a file that is no trace, or a broken one
    │   ├── PagesError             a page source that cannot be opened
    │   └── DatasetError           a row that is not what its dataset promises
    ├── ClientError                a model could not be asked, or did not answer
    │   ├── ClientClosed           asked after close()
    │   ├── ConnectionFailed       the server was not reached, or went away
    │   ├── RequestTimeout         no whole answer within the deadline
    │   ├── StatusError            the server answered with an error status
    │   │   ├── AuthenticationFailed   401, 403
    │   │   ├── RateLimited            429
    │   │   └── ServerFailed           5xx
    │   ├── ReplyError             the answer is not what the protocol promises
    │   ├── ContextOverflow        prompt and max_tokens do not fit the model's context
    │   ├── NoChatTemplate         a chat was asked of a model that has no template
    │   ├── Unsupported            the model or server cannot do what was asked
    │   ├── OutOfMemory            the request alone does not fit the device
    │   └── WorkerDied             the thread or process that owns the model has ended
    ├── SandboxError
    │   ├── SandboxUnavailable     no sandbox could be started
    │   └── IsolationUnavailable   less isolation than was required
    ├── ToolError                  raised by a tool; its text is shown to the model
    ├── ToolCrashed                a tool raised something else
    ├── PageSourceError            a page source did not answer
    ├── ClusterError               a cluster has no workers, or keeps losing them
    ├── BudgetSpent                a refusal, raised inside a strategy; it may be caught
    ├── TrainingFailed             a training run cannot go on; its last checkpoint stays
    │   └── VerificationFailed     what was saved is not the model that was in memory
    ├── ReplayMismatch             a replay asks for something else than was recorded
    └── RunFailed                  raised by Result.raise_for_status()

Errors carry their facts as attributes. They neither log nor import.
"""


class ReasonkitError(Exception):
    """The root: everything that this library raises on purpose."""


class InputError(ReasonkitError, ValueError):
    """What the caller gave cannot be used; the message says what to give instead."""


class PromptError(InputError):
    """A prompt's folder, template or variables are not usable."""


class ModelNotFound(InputError):
    """There is no model at the path that was named."""


class MissingExtra(InputError, ImportError):
    """An optional part is not installed; the message holds the pip line that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package: pip install 'reasonkit[{extra}]'")
        self.extra = extra


class TraceError(InputError):
    """A file is not a trace of this library, or one of its lines is broken."""


class PagesError(InputError):
    """A page source cannot be opened."""


class DatasetError(InputError):
    """A row of a dataset is not what the dataset promises."""


class ClientError(ReasonkitError):
    """A model could not be asked, or did not answer as the protocol promises."""


class ClientClosed(ClientError):
    """A client was asked after `close()`."""


class ConnectionFailed(ClientError):
    """The server was not reached, or the connection broke."""


class RequestTimeout(ClientError):
    """No whole answer came within the deadline."""


class StatusError(ClientError):
    """The server answered with an error status.

    Args:
        message: what the server said, short.
        status: the HTTP status.
        retry_after_seconds: how long the server asks to wait, if it says so.
    """

    def __init__(self, message: str, *, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class AuthenticationFailed(StatusError):
    """401 or 403: the key is missing, wrong, or not allowed to do this."""


class RateLimited(StatusError):
    """429: too many requests, or no quota left."""


class ServerFailed(StatusError):
    """5xx: the server failed, is overloaded, or something before it did not reach it."""


class ReplyError(ClientError):
    """The server's answer is not what the protocol promises."""


class ContextOverflow(ClientError):
    """Prompt and completion do not fit the context; raised before anything is computed.

    Args:
        prompt_tokens: tokens of the prompt.
        max_tokens: tokens asked for.
        limit: tokens that fit.
    """

    def __init__(self, *, prompt_tokens: int, max_tokens: int, limit: int) -> None:
        super().__init__(
            f"the prompt has {prompt_tokens} tokens and max_tokens is {max_tokens}, but the context holds {limit}: "
            "shorten the prompt, lower max_tokens, or use a model with a longer context"
        )
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens
        self.limit = limit


class NoChatTemplate(ClientError):
    """A chat was asked of a model that has no chat template."""


class Unsupported(ClientError):
    """The model or server cannot do what was asked, and nothing was left out silently."""


class OutOfMemory(ClientError):
    """One request alone does not fit the device's memory."""


class WorkerDied(ClientError):
    """The thread or process that owns the model has ended."""


class SandboxError(ReasonkitError):
    """The sandbox itself failed; never the program's fault."""


class SandboxUnavailable(SandboxError):
    """No sandbox could be started here."""


class IsolationUnavailable(SandboxError):
    """This machine offers less isolation than `isolation="required"` asks for."""


class ToolError(ReasonkitError):
    """A tool's own refusal; its text becomes the observation."""


class ToolCrashed(ReasonkitError):
    """A tool raised something other than `ToolError`; the cause is attached."""


class PageSourceError(ReasonkitError):
    """A page source did not answer."""


class ClusterError(ReasonkitError):
    """A cluster was not reached, could not start its workers, or keeps losing them; what is on record stays."""


class BudgetSpent(ReasonkitError):
    """A request was refused because the budget does not cover it; a strategy may catch it.

    Args:
        message: what was refused and why.
        limit: which bound it was: tokens, calls, seconds, usd or steps.
    """

    def __init__(self, message: str, *, limit: str = "tokens") -> None:
        super().__init__(message)
        self.limit = limit


class TrainingFailed(ReasonkitError):
    """A training run cannot go on: a loss that is no number, a process that ended, a wrapper that was not obtained."""


class VerificationFailed(TrainingFailed):
    """What was saved, loaded by a fresh process, is not the model that was in memory."""


class ReplayMismatch(ReasonkitError):
    """The run asks for something else than was recorded; the message shows the difference."""


class RunFailed(ReasonkitError):
    """Raised by `Result.raise_for_status()` when a run ended without an answer because of a failure."""
