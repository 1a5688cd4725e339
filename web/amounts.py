"""Amounts within what the domain says, which writes them as its centre does, as the reader writes them."""

import re
from dataclasses import dataclass
from functools import lru_cache

from engine.money import format_money, parse_locale


@dataclass(frozen=True)
class Amounts:
    """How amounts of one currency are written in the domain's sentences, and by who reads those."""

    currency: str
    domain: str
    reader: str

    @property
    def are_alike(self) -> bool:
        return self.domain == self.reader

    def rewritten(self, text: str) -> str:
        """The text with each of its amounts as its reader writes it."""
        if self.are_alike:
            return text
        return _pattern(self.currency, self.domain).sub(self._rewritten, text)

    def _rewritten(self, found: re.Match[str]) -> str:
        """What is not written exactly as the domain writes amounts is none of them."""
        minor = int(re.sub(r"\D", "", found[0])) * (-1 if "-" in found[0] or "\N{MINUS SIGN}" in found[0] else 1)
        is_ours = format_money(minor, self.currency, self.domain) == found[0]
        return format_money(minor, self.currency, self.reader) if is_ours else found[0]


AS_SAID = Amounts("", "", "")


@lru_cache(maxsize=256)
def _pattern(currency: str, locale: str) -> re.Pattern[str]:
    """What may be an amount there. All decimals are always written, so its digits are its minor units."""
    symbols = parse_locale(locale).number_symbols["latn"]
    number = rf"\d+(?:[{re.escape(symbols['group'] + symbols['decimal'])}]\d+)*"
    written = []
    for minor in (-1, 1):
        sample = format_money(minor, currency, locale)
        digits = re.search(r"\d.*\d|\d", sample)
        assert digits is not None, sample
        written.append(re.escape(sample[: digits.start()]) + number + re.escape(sample[digits.end() :]))
    return re.compile(rf"(?<!\w)(?:{'|'.join(written)})(?!\w)")
