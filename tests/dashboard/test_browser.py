"""What a person sees: every tab in a real browser, without a screen."""

import os
import shutil
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.dashboard.conftest import write_run
from tests.dashboard.test_server import Served, served

pytestmark = pytest.mark.browser

_PATIENCE = 90.0

# TensorBoard hides most of its page in shadow roots, which no selector sees through.
_ALL_TEXT = """
const collect = (node) => {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent.trim();
  if (["STYLE", "SCRIPT", "TEMPLATE"].includes(node.nodeName)) return "";
  const inside = node.shadowRoot ? [...node.shadowRoot.childNodes] : [];
  return [...inside, ...node.childNodes].map(collect).filter(Boolean).join("\\n");
};
return collect(document.body);
"""


# Charts of the old tabs and of the new one, as far as they are laid out.
_CHARTS = """
const inside = (node) => [...node.querySelectorAll("*")].flatMap(
  (element) => [element, ...(element.shadowRoot ? inside(element.shadowRoot) : [])]);
return inside(document).filter(
  (element) => ["LINE-CHART", "VZ-LINE-CHART2"].includes(element.tagName) && element.offsetWidth);
"""


@pytest.fixture(scope="module")
def opened() -> Iterator[webdriver.Chrome]:
    """One for the file, with a profile of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        if os.environ.get("BNREPRO_REQUIRE_BROWSER"):
            pytest.fail("BNREPRO_REQUIRE_BROWSER is set and there is no chromium and chromedriver")
        pytest.skip("browser: needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1500,1100")
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(opened: webdriver.Chrome, dashboard: Served) -> webdriver.Chrome:
    """As if nobody had used it: it has forgotten what pages have stored."""
    opened.get("about:blank")
    origin = dashboard.address.partition("?")[0].rstrip("/")
    told = {"origin": origin, "storageTypes": "all"}
    opened.execute_cdp_cmd("Storage.clearDataForOrigin", told)
    return opened


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("dashboard")
    for network in ("with_bn", "without_bn"):
        for seed in (0, 1):
            write_run(folder / "runs", f"fig1/{network}", seed=seed, rows=100)
    write_run(folder / "runs", "fig2/bn_x5", probe=False)
    figure = folder / "reports" / "smoke" / "fig1"
    figure.mkdir(parents=True)
    Image.new("RGB", (300, 100), "orange").save(figure / "fig1.png")
    (folder / "reports" / "smoke" / "REPORT.md").write_text("# Claims\n\nThree held.\n")
    with served(folder) as process:
        process.wait_for("data/runs", lambda names: len(names) == 7)
        yield process


@pytest.mark.parametrize(
    ("tab", "seen"),
    [
        ("timeseries", ["/accuracy", "fig1/with_bn/mean", "paper/with BN"]),
        ("scalars", ["fig1/accuracy", "fig2/bn_x5/seed0", "paper/BN-x5"]),
        (
            "custom_scalars",
            [
                "Figure 1: accuracy and the inputs to one sigmoid: mean over finished seeds "
                "with 95 % interval",
                "(c) with BN: input to one sigmoid of the last hidden layer",
                "Figures 2 and 3",
                "Matches (2)",  # the means; the curves of the paper begin later
                "paper/without BN",
            ],
        ),
        ("hparams", ["Trial ID", "best test accuracy", "fig1/without_bn/mean", "norm.name"]),
        ("images", ["fig1"]),
        ("text", ["Runs at scale smoke", "Three held."]),
        ("distributions", ["inputs/hidden.1", "fig1/with_bn/mean"]),
        ("histograms", ["inputs/hidden.2", "fig1/without_bn/mean"]),
    ],
)
def test_tab_shows(
    browser: webdriver.Chrome, dashboard: Served, tmp_path: Path, tab: str, seen: list[str]
) -> None:
    browser.get(f"{dashboard.address}#{tab}")
    deadline = time.monotonic() + _PATIENCE
    missing = seen
    while missing and time.monotonic() < deadline:
        time.sleep(0.5)
        page = "\n" + browser.execute_script(_ALL_TEXT)
        missing = [text for text in seen if text not in page]
    browser.save_screenshot(str(tmp_path / f"{tab}.png"))
    assert not missing, page
    assert "do not match" not in page, "a margin chart wants its three tags at the same steps"
    assert "No dashboards are active" not in page


@pytest.mark.parametrize("tab", ["", "#timeseries", "#scalars"])
def test_curves_are_drawn_without_a_click(
    browser: webdriver.Chrome, dashboard: Served, tab: str
) -> None:
    browser.get(dashboard.address + tab)
    deadline = time.monotonic() + _PATIENCE
    while not any(_has_curve(chart) for chart in browser.execute_script(_CHARTS)[:2]):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _has_curve(chart: WebElement) -> bool:
    """Whether some of its picture is in colour: axes, numbers and grid are grey."""
    pixels = np.array(Image.open(BytesIO(chart.screenshot_as_png)).convert("RGB"), dtype=int)
    return bool((np.ptp(pixels, axis=2) > 80).sum() > 50)


def test_page_loads_anew_by_itself_until_someone_switches_that_off(
    browser: webdriver.Chrome, dashboard: Served
) -> None:
    read = "return JSON.parse(localStorage.getItem('_tb_global_settings')).autoReload"
    switch_off = "localStorage.setItem('_tb_global_settings', '{\"autoReload\": false}')"
    for expected in (True, False):
        browser.get("about:blank")
        browser.get(dashboard.address)
        WebDriverWait(browser, _PATIENCE).until(lambda b: "runColorGroup" in b.current_url)
        assert browser.execute_script(read) is expected
        browser.execute_script(switch_off)
