"""Programs that a model wrote, run for real: every honest one unchanged, nothing out, in about a millisecond.

    with Sandbox() as sandbox:
        execution = sandbox.run("answer = 6 * 7", answer="answer")

Each program runs in a process of its own that has locked itself up before it sees the program: resource limits,
Landlock, seccomp, namespaces, and a RestrictedPython policy as the first door. Covered and not covered: SECURITY.md.
"""

from reasonkit.sandbox.allowed import DEFAULT_MODULES
from reasonkit.sandbox.host import Sandbox, describe_isolation
from reasonkit.sandbox.isolation import Isolation, IsolationWarning
from reasonkit.sandbox.targets import LAST_EXPRESSION, STDOUT, Expression, Target, Variable

__all__ = [
    "DEFAULT_MODULES",
    "LAST_EXPRESSION",
    "STDOUT",
    "Expression",
    "Isolation",
    "IsolationWarning",
    "Sandbox",
    "Target",
    "Variable",
    "describe_isolation",
]
