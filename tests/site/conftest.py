"""The built site, served on the loopback interface, and a headless browser to read it with."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import serve

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Base address of the built site."""
    with serve(HTML) as base:
        yield base


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A browser context; without a Chromium the test is skipped, but never where CI=true."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        message = "no Chromium found: the pages were not tested in a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=program, headless=True, args=FLAGS
        )
        context.set_default_timeout(60_000)
        yield context
        context.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the pages weigh: what a test prints in another process is lost."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, lines in report.user_properties:
            if name == "heaviest":
                terminalreporter.section("the heaviest pages, with their figures")
                terminalreporter.write_line("\n".join(lines))
