"""The rules of the docstrings: who raises says so, and a sentence has its subject first."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

from interval_scheduler import Scheduler
from tests.architecture.source import MODULES, Module, offenders
from tests.public import NAMES

#: Public members of a `Scheduler` that raise nothing, each with the reason.
RAISES_NOTHING = {
    "accepting_tasks": "a flag",
    "counts": "it only reads memory",
    "executing_tasks": "a flag",
    "online": "a flag",
}
#: Words that open a relative clause: the subject of the sentence would be hidden in it.
OPENERS = re.compile(r"(What|Whether|How|Where|So)\b")
#: Words that open a noun phrase or a statement, where a function has to be told to do something.
NOUNS = re.compile(r"(An?|The|All|This|These|It|Its|One|Each|Every|No|When|As|With|From|About)\b")


def public_members() -> dict[str, str]:
    """The docstrings of the public members of a scheduler, by name."""
    return {
        name: inspect.getdoc(member) or "" for name, member in inspect.getmembers(Scheduler) if not name.startswith("_")
    }


@pytest.mark.parametrize("name", sorted(public_members()))
def test_a_public_member_that_raises_says_so(name: str) -> None:
    says_so = re.search(r"^Raises:\n +\w+(, \w+)*: \S", public_members()[name], re.MULTILINE) is not None
    assert says_so == (name not in RAISES_NOTHING)


def test_errors_that_are_named_exist() -> None:
    for name, text in public_members().items():
        section = re.search(r"^Raises:\n((?: +.*\n?)+)", text, re.MULTILINE)
        for line in section[1].splitlines() if section else ():
            if found := re.match(r" {4}([A-Z]\w*(?:, [A-Z]\w*)*):", line):
                for error in found[1].split(", "):
                    assert error in NAMES, f"{name} raises {error}"


def _docstrings(module: Module) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and not (isinstance(node, ast.FunctionDef) and _is_property(node)):
                found.append((getattr(node, "lineno", 1), text))
    return found


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    # A flag may well be told as a question: "Whether tasks are accepted."
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def _hidden(module: Module) -> list[str]:
    """The docstrings whose subject stands in a relative clause."""
    return [f"{line}: {text[:60]}" for line, text in _docstrings(module) if OPENERS.match(text)]


def _noun_phrases(module: Module) -> list[str]:
    """The summaries of functions that tell nobody to do something."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_property(node):
            summary = (ast.get_docstring(node) or "").split("\n")[0]
            if NOUNS.match(summary):
                found.append(f"{node.lineno}: {summary[:60]}")
    return found


def test_a_docstring_does_not_hide_its_subject() -> None:
    assert offenders(_hidden) == {}


def test_the_summary_of_a_function_is_an_imperative() -> None:
    assert offenders(_noun_phrases) == {}


def test_the_rule_sees_what_it_looks_for() -> None:
    assert OPENERS.match("Whether it is so.")
    assert not OPENERS.match("Return whether it is so.")
    assert NOUNS.match("The header by which a run ends.")
    assert sum(len(_docstrings(module)) for module in MODULES.values()) > 400


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    args = function.args
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {each.arg for each in named if each is not None} - {"self", "cls"}


def _misdescribed(module: Module) -> list[str]:
    """The functions and classes that describe other arguments than they have."""
    found = []
    for node in ast.walk(module.tree):
        function = node
        if isinstance(node, ast.ClassDef):
            inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
            function = inits[0] if inits else node
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        assert isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        section = re.search(r"^Args:\n((?: +.*\n?)+)", ast.get_docstring(node) or "", re.MULTILINE)
        if section:
            described = set(re.findall(r"^ {4}\*{0,2}(\w+):", section[1], re.MULTILINE))
            if described != _parameters(function):
                found.append(f"{node.lineno}: {node.name}")
    return found


def test_the_arguments_that_are_described_are_those_there_are() -> None:
    assert offenders(_misdescribed) == {}
