"""Templates to pages: one environment for each locale, with what every template may use."""

from functools import cache, partial
from typing import Any

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from engine.money import format_money
from engine.punctuation import end_once
from web import assets
from web.amounts import Amounts
from web.histories import because
from web.labels import ALL
from web.reasons import ages, said
from web.words import LANGUAGES, translations

_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@cache
def environment(locale: Locale) -> Environment:
    """Templates in this locale: texts are escaped, and a name that nobody gave is an error."""
    made = Environment(
        loader=PackageLoader("web", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )  # fmt: skip
    spoken = translations(locale.language)
    made.install_gettext_translations(spoken, newstyle=True)  # type: ignore[attr-defined]

    @pass_context
    def told(context: Context, text: str, facts: dict[str, Any] | None = None) -> str:
        """A text that is not the template's own, such as a refusal's: a per cent sign in it is one."""
        found = str(spoken.gettext(text))
        if facts and "%(" in found:
            return found % facts
        organisation = context["organisation"]
        return said(locale, text, Amounts(organisation["currency"], organisation["locale"], str(locale)))

    made.globals |= {
        "told": told, "ages": partial(ages, locale), "static": assets.address, "labels": ALL, "languages": LANGUAGES,
        "lang": str(locale).replace("_", "-"),
        "direction": "rtl" if locale.language in _RIGHT_TO_LEFT else "ltr",
        "colon": "\N{NO-BREAK SPACE}:" if locale.language == "fr" else ":",
    }  # fmt: skip
    made.filters |= {"because": _because, "money": _money, "initials": initials, "session": _session}
    return made


@pass_context
def _money(context: Context, amount_minor: int) -> str:
    """An amount in the organisation's currency, in the reader's locale."""
    return format_money(amount_minor, context["organisation"]["currency"], str(context["writing"].locale))


@pass_context
def _session(context: Context, name: str) -> str:
    """A session's name with its day and times as the reader writes them."""
    return str(context["writing"].session(name))


@pass_context
def _because(context: Context, reason: str) -> str:
    """Why a step of a history was taken: what the system says is in the reader's language."""
    return because(context["writing"], reason)


def initials(name: str) -> str:
    """Two letters for a picture that is not there."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def page(locale: Locale, template: str, facts: dict[str, Any]) -> str:
    return end_once(environment(locale).get_template(template).render(facts))
