"""From text to an architecture: :func:`load`, :func:`loads`, :func:`check`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from acadl import syntax
from acadl.diagnostics import Collector, DescriptionError, TooManyDiagnosticsError
from acadl.elaborate import Elaborated, elaborate
from acadl.elaborate_imports import ParseText, ReadText, Sources, read_sources
from acadl.elaborate_names import Watched
from acadl.elaborate_parameters import ParameterValue
from acadl.elaborate_platform import elaborate_platform
from acadl.errors import AcadlError, Diagnostic
from acadl.memory import no_garbage_collection
from acadl.model import Architecture
from acadl.parser import MAX_CHARACTERS, parse, too_long
from acadl.parser_damage import independent
from acadl.platform_model import PlatformDescription
from acadl.reading import ReadError, read_text
from acadl.validate import validate

LONGEST_EXCERPT = 1000  # characters that are kept of a text that is too long


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a description.

    Attributes:
        architecture: ``None`` after errors.
        diagnostics: Errors and warnings, by file and place.
        sources: File name to text, for excerpts.
        known: The architecture as far as it is right, for editors; ``None`` if there is none at all.
        is_library: Whether it declares operations or templates for other files, and no architecture.
        platform: What a file with a ``platform`` describes; ``None`` after errors.
        is_platform: Whether it declares one.
    """

    architecture: Architecture | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    known: Architecture | None = None
    is_library: bool = False
    platform: PlatformDescription | None = None
    is_platform: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it; a file for others needs no architecture."""
        errors = [finding for finding in self.diagnostics if finding.is_error]
        return not errors or (self.is_library and all(map(lacks_architecture, errors)))


def load(path: str | os.PathLike[str], /, **parameters: ParameterValue) -> Architecture:
    """Read a description from an ``.acadl`` file.

    Args:
        path: The file.
        **parameters: Values for the architecture's parameters. Plain numbers count in the unit of the
            parameter's type; strings are read as the language writes values (``"64 KiB"``).

    Raises:
        DescriptionError: The description has errors; all of them are in ``diagnostics``.
        AcadlError: The file cannot be read.
    """
    return _result(check_file(_as_path(path), parameters))


def load_platform(path: str | os.PathLike[str], /, **parameters: ParameterValue) -> PlatformDescription:
    """Read a platform of several cores from an ``.acadl`` file; arguments and errors as for :func:`load`."""
    checked = check_file(_as_path(path), parameters)
    if checked.platform is not None:
        return checked.platform
    if not checked.is_platform and all(finding.code.startswith("E06") for finding in _errors(checked)):
        what = "describes no platform of several cores (`platform name { … }`)"
        raise AcadlError(f"'{os.fspath(path)}' {what}")
    raise DescriptionError(checked.diagnostics, checked.sources)


def _errors(checked: Checked) -> list[Diagnostic]:
    return [finding for finding in checked.diagnostics if finding.is_error]


def loads(text: str, /, file: str = "<string>", **parameters: ParameterValue) -> Architecture:
    """Read a description from text; ``file`` is what messages call it. Such a text cannot import files.

    Raises:
        DescriptionError: The description has errors; all of them are in ``diagnostics``.
    """
    if not isinstance(text, str):
        raise AcadlError(f"a description is text (str), found {type(text).__name__}")
    return _result(check_text(text, file, None, parameters))


def check(text_or_path: str | os.PathLike[str], /, **parameters: ParameterValue) -> list[Diagnostic]:
    """Errors and warnings of a description, given as text or as the path of a file.

    A string is a path if it has one line and ends with ``.acadl``.
    """
    if isinstance(text_or_path, str) and ("\n" in text_or_path or not text_or_path.endswith(".acadl")):
        return list(check_text(text_or_path, "<string>", None, parameters).diagnostics)
    return list(check_file(_as_path(text_or_path), parameters).diagnostics)


def _as_path(path: object) -> Path:
    """A path that a caller gives. Raises :class:`AcadlError` for what is none."""
    if isinstance(path, str | os.PathLike) and isinstance(os.fspath(path), str):
        return Path(path)
    raise AcadlError(f"a description is the path of a file (str or Path), found {type(path).__name__}")


def check_file(path: str | os.PathLike[str], parameters: Mapping[str, ParameterValue]) -> Checked:
    """Everything about the description in a file. Raises :class:`AcadlError` if it cannot be read."""
    file = Path(path)
    try:
        text = read_text(file)
    except ReadError as error:
        raise AcadlError(f"cannot read '{file}': {error}") from error
    return check_text(text, str(file), file.parent, parameters)


def check_text(
    text: str,
    file: str,
    directory: Path | None,
    parameters: Mapping[str, ParameterValue],
    *,
    read: ReadText = read_text,
    parse_text: ParseText = parse,
    watched: Watched | None = None,
) -> Checked:
    """Everything about a description given as text; imports are read from ``directory``.

    Editors give ``read``, for texts that are not saved yet, ``parse_text``, which may remember trees, and
    ``watched``, which takes values by their places.
    """
    if len(text) > MAX_CHARACTERS:
        shown = text[:LONGEST_EXCERPT].encode("utf-8", "replace").decode("utf-8")
        return Checked(None, (too_long(file),), {file: shown})
    text = text.encode("utf-8", "replace").decode("utf-8")  # no lone surrogates, which nobody can print
    with no_garbage_collection():
        return _checked(text, file, directory, parameters, read, parse_text, watched)


def _checked(
    text: str,
    file: str,
    directory: Path | None,
    parameters: Mapping[str, ParameterValue],
    read_file: ReadText,
    parse_text: ParseText,
    watched: Watched | None,
) -> Checked:
    collector = Collector()
    sources: dict[str, str] = {file: text}
    result: Elaborated | None = None
    is_library = False
    try:
        read = read_sources(text, file, directory, collector, read_file, parse_text)
        sources = read.texts
        is_library = _is_library(read.root.parsed.items)
        declared = next(
            (item for item in read.root.parsed.items if isinstance(item, syntax.PlatformDeclaration)), None
        )
        if declared is not None:
            return _checked_platform(read, declared, parameters, collector, watched)
        if collector.error_count:
            result = _check_rest(read, parameters, collector, watched)
        else:
            result = elaborate(read, parameters, collector, watched)
            if result is not None:
                validate(result, collector)
    except TooManyDiagnosticsError:
        collector.note_rest()  # what was found until then is reported
    sound = result is not None and not collector.error_count
    architecture = result.architecture if result is not None and sound else None
    known = result.architecture if result else None
    return Checked(architecture, collector.sorted(), sources, known, is_library)


def _checked_platform(
    read: Sources,
    declared: syntax.PlatformDeclaration,
    parameters: Mapping[str, ParameterValue],
    collector: Collector,
    watched: Watched | None,
) -> Checked:
    inner = Collector()
    platform: PlatformDescription | None = None
    codes = {finding.code for finding in collector.sorted()}
    try:
        platform = elaborate_platform(read, declared, parameters, inner, watched)
    except TooManyDiagnosticsError:
        inner.note_rest()
    found = inner.sorted()
    for finding in independent(found, read.damages, codes) if codes else found:
        collector.add(finding)
    sound = platform if not collector.error_count else None
    return Checked(None, collector.sorted(), read.texts, platform=sound, is_platform=True)


def _is_library(items: tuple[syntax.Item, ...]) -> bool:
    kinds = {type(item) for item in items}
    has_parts = bool(kinds & {syntax.TemplateDeclaration, syntax.OperationsBlock})
    return has_parts and syntax.ArchitectureDeclaration not in kinds


def lacks_architecture(finding: Diagnostic) -> bool:
    """Whether it says that a file has no architecture."""
    return finding.code == "E0601" and finding.line == finding.column == 1


def _check_rest(
    read: Sources, parameters: Mapping[str, ParameterValue], collector: Collector, watched: Watched | None
) -> Elaborated | None:
    """Errors in what could be read of files with syntax errors, unless they may follow from these."""
    inner = Collector()
    result: Elaborated | None = None
    try:
        result = elaborate(read, parameters, inner, watched)
        if result is not None:
            validate(replace(result, is_whole=False, is_joined=False), inner)
    except TooManyDiagnosticsError:
        collector.note_rest()
    codes = {finding.code for finding in collector.sorted()}
    errors = (finding for finding in inner.sorted() if finding.is_error)
    for finding in independent(errors, read.damages, codes):
        collector.add(finding)
    return result


def _result(checked: Checked) -> Architecture:
    if checked.platform is not None:
        name = checked.platform.name
        hint = "`acadl simulate` runs it, acadl.load_platform reads it"
        raise AcadlError(f"'{name}' is a platform of several cores and no architecture; {hint}")
    if checked.architecture is None:
        raise DescriptionError(checked.diagnostics, checked.sources)
    return checked.architecture
