"""Brings the catalogues of the pages up to date: `python scripts/translate.py` adds what is new, with an empty text."""

from web.catalogues import LANGUAGES_TO_KEEP, renew

for language in LANGUAGES_TO_KEEP:
    for path, empty in renew(language).items():
        print(f"{path}: {empty} texts to translate")
