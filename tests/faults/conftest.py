"""Rows of the table of faults, and the undisturbed lines that they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.conftest import Retrained
from tests.faults.table import Row, shown, written
from tests.infra.running_stack import SmallLine
from tests.product_line import ProductLine

Record = Callable[[str, str], Row]
_ROWS = pytest.StashKey[list[Row]]()
_TABLE = pytest.StashKey[list[dict[str, object]]]()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Adds a row to the table; it stays there also if the test fails."""

    def add(fault: str, when: str) -> Row:
        row = Row(fault, when)
        request.node.stash.setdefault(_ROWS, []).append(row)
        return row

    return add


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        rows = item.stash.get(_ROWS, [])
        if report.failed and call.excinfo is not None:
            reason = (str(call.excinfo.value).strip().splitlines() or [call.excinfo.typename])[0]
            for row in rows:
                row.same_verdicts = False
                row.outcome = f"FAILED: {reason}"
        if rows:
            item.config.stash[_TABLE] = written(rows)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The whole table, rows of other runs included; nothing where no fault was done."""
    if table := config.stash.get(_TABLE, None):
        terminalreporter.write_line(shown(table))


@pytest.fixture(scope="session")
def undisturbed(retrained: Retrained) -> ProductLine:
    """The line with a network, to which nothing happened."""
    return retrained.line


@pytest.fixture(scope="session")
def small_undisturbed(
    retrained: Retrained, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> ProductLine:
    """The line with the cheapest reconstruction, to which nothing happened."""
    line = SmallLine(tmp_path_factory.mktemp("small"), retrained.line.archive, environment)
    line.retrain()
    return line


@pytest.fixture
def line(retrained: Retrained, environment: dict[str, str], tmp_path: Path) -> ProductLine:
    """A line with a network, not run yet."""
    return ProductLine(tmp_path / "line", retrained.line.archive, environment)


@pytest.fixture
def small_line(retrained: Retrained, environment: dict[str, str], tmp_path: Path) -> SmallLine:
    """A line with the cheapest reconstruction, not run yet."""
    return SmallLine(tmp_path / "line", retrained.line.archive, environment)
