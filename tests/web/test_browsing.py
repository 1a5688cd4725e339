"""What looks at every page can fail."""

import pytest
from playwright.sync_api import Browser

from tests.web.browsing import person

PALE = """data:text/html,<html lang="en"><title>Pale</title><main><h1>Pale</h1>
<p style="color: silver; background: white">Who reads this?</p><img src="data:,"></main></html>"""


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_page_with_faults_is_not_sound_however_often_it_is_looked_at(browser: Browser, scripts: bool) -> None:
    with person(browser, "", scripts=scripts) as somebody:
        somebody.open(PALE)
        for _ in range(2):
            with pytest.raises(AssertionError, match=r"color-contrast: .*Who reads this.*\n.*image-alt: "):
                somebody.is_sound()


def test_what_was_mended_is_sound(browser: Browser) -> None:
    with person(browser, "") as somebody:
        somebody.open(PALE)
        with pytest.raises(AssertionError, match="color-contrast"):
            somebody.is_sound()

        somebody.page.evaluate("document.querySelectorAll('p, img').forEach(fault => fault.remove())")
        somebody.is_sound()


def test_a_page_that_is_too_wide_does_not_fit(browser: Browser) -> None:
    with person(browser, "", size="phone") as somebody:
        somebody.open('data:text/html,<body style="margin: 0"><div style="width: 500px">wide</div>')
        with pytest.raises(AssertionError, match="500 px wide where there are 390"):
            somebody.fits()
