"""Derive `countries.json` from the World Factbook (public domain), keeping only what is plain.

    python -m recipes.bundled.generators.countries_from_factbook factbook.jsonl.gz

A country is left out where its text leaves doubt; so is each single fact (two capitals, a disputed
one, a currency that has changed, neighbours that are not all in the table).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import unicodedata
from pathlib import Path

from miniclaude.data.rows import read_rows
from miniclaude.errors import MiniClaudeError

FILE = Path(__file__).parent / "countries.json"
LEFT_OUT = {
    "Taiwan", "Kosovo", "West Bank", "Western Sahara", "Antarctica", "Holy See (Vatican City)",
    "europe/ee.json", "Cook Islands", "Niue", "Hong Kong", "Macau", "Curacao", "Aruba",
    "Sint Maarten",
}  # fmt: skip
RENAMED = {
    "Congo (Brazzaville)": "the Republic of the Congo",
    "DRC": "the Democratic Republic of the Congo", "Côte d'Ivoire": "Ivory Coast",
    "The Gambia": "the Gambia", "The Bahamas": "the Bahamas",
    "The Dominican": "the Dominican Republic", "Burma": "Myanmar", "Cabo Verde": "Cape Verde",
    "United States": "the United States", "United Kingdom": "the United Kingdom",
    "Netherlands": "the Netherlands", "Philippines": "the Philippines", "Maldives": "the Maldives",
    "United Arab Emirates": "the United Arab Emirates", "Solomon Islands": "the Solomon Islands",
    "Marshall Islands": "the Marshall Islands", "Comoros": "the Comoros",
    "Central African Republic": "the Central African Republic", "Timor-Leste": "East Timor",
    "Federated States of Micronesia": "Micronesia",
}  # fmt: skip
ALSO = {
    "Republic of the Congo": "the Republic of the Congo", "Burma": "Myanmar",
    "UAE": "the United Arab Emirates",
    "Democratic Republic of the Congo": "the Democratic Republic of the Congo",
    "Gambia": "the Gambia", "Cote d'Ivoire": "Ivory Coast",
    "Dominican Republic": "the Dominican Republic", "US": "the United States",
    "Turkey (Turkiye)": "Turkey", "Ireland": "Ireland", "UK": "the United Kingdom",
}  # fmt: skip
"""Further names that texts on neighbours use."""
CONTINENTS = {
    "Africa": "Africa", "Asia": "Asia", "Southeast Asia": "Asia", "Middle East": "Asia",
    "Europe": "Europe", "North America": "North America", "South America": "South America",
    "Central America and the Caribbean": "North America", "Oceania": "Oceania",
}  # fmt: skip
CONTINENT_OF = {
    "France": "Europe", "Ukraine": "Europe", "Iceland": "Europe", "Norway": "Europe",
    "Sweden": "Europe", "Finland": "Europe", "Denmark": "Europe", "Canada": "North America",
    "the United States": "North America", "East Timor": "Asia",
}  # fmt: skip
ON_TWO = {"Russia", "Turkey", "Azerbaijan", "Georgia", "Armenia", "Kazakhstan", "Cyprus"}
CAPITAL_OF = {
    "Moldova": "Chisinau", "Equatorial Guinea": "", "Israel": "", "Chile": "Santiago",
    "Tanzania": "Dodoma", "Malaysia": "Kuala Lumpur", "the Netherlands": "Amsterdam",
    "Indonesia": "", "Yemen": "Sanaa", "Montenegro": "Podgorica", "Burundi": "Gitega",
    "Vanuatu": "Port Vila",
}  # fmt: skip
LANGUAGES_OF = {
    "Norway": ["Norwegian"], "Spain": ["Spanish"], "Iran": ["Persian"], "Mali": [],
    "Austria": ["German"], "Ecuador": ["Spanish"], "Mexico": ["Spanish"],
    "the United States": ["English"], "Iceland": ["Icelandic"], "Australia": ["English"],
    "Bangladesh": ["Bengali"], "Brazil": ["Portuguese"], "Egypt": ["Arabic"],
    "Switzerland": ["German", "French", "Italian", "Romansh"],
    "Belgium": ["Dutch", "French", "German"], "Ireland": ["English", "Irish"], "South Africa": [],
    "Estonia": ["Estonian"], "China": ["Chinese"], "Denmark": ["Danish"],
    "the United Kingdom": ["English"], "Libya": ["Arabic"], "Germany": ["German"],
    "Bosnia and Herzegovina": [], "Serbia": ["Serbian"], "Peru": ["Spanish"], "Niger": [],
    "Kenya": ["Swahili", "English"], "Cuba": ["Spanish"], "Bolivia": ["Spanish"],
    "the Netherlands": ["Dutch"], "Slovenia": ["Slovene"], "Italy": ["Italian"],
    "Cyprus": ["Greek", "Turkish"], "Israel": ["Hebrew"], "Zimbabwe": [],
    "Luxembourg": ["Luxembourgish", "French", "German"], "Tunisia": ["Arabic"],
    "Lebanon": ["Arabic"], "Ethiopia": [], "India": ["Hindi", "English"], "Greece": ["Greek"],
    "Portugal": ["Portuguese"], "France": ["French"], "Uruguay": ["Spanish"],
    "Hungary": ["Hungarian"], "Ukraine": ["Ukrainian"], "Sudan": ["Arabic", "English"],
    "Morocco": ["Arabic", "Berber"], "Algeria": ["Arabic", "Berber"],
    "Paraguay": ["Spanish", "Guarani"], "Japan": ["Japanese"],
    "Burundi": ["Kirundi", "French", "English"], "Rwanda": [], "New Zealand": [], "Nauru": [],
    "Pakistan": ["Urdu", "English"], "Tanzania": ["Swahili", "English"],
    "Uganda": ["English", "Swahili"], "Singapore": ["English", "Malay", "Chinese", "Tamil"],
    "Finland": ["Finnish", "Swedish"], "Chad": ["French", "Arabic"],
    "Haiti": ["French", "Haitian Creole"], "Syria": ["Arabic"],
}  # fmt: skip
"""Where the text needs reading, what it says, read; empty where it leaves doubt."""
OFFICIAL = re.compile(r"(?:^|, )([A-Z][a-z]+)(?: \d[\d.]*%)? \(official\)(?: \d[\d.]*%)?(?=,|$|;)")
CURRENCY = re.compile(r"^(.*?) \([A-Z]{2,3}\) per US dollar")
COINS = {
    "euros": "euro", "dinars": "dinar", "francs": "franc", "pesos": "peso", "dollars": "dollar",
    "pounds": "pound", "rupees": "rupee", "shillings": "shilling", "riyals": "riyal",
    "rials": "rial", "dirhams": "dirham", "kronor": "krona", "kroner": "krone", "kronur": "krona",
    "koruny": "koruna", "zlotych": "zloty", "lei": "leu", "forints": "forint", "liras": "lira",
    "rubles": "ruble", "yen": "yen", "yuan": "yuan", "won": "won", "rand": "rand", "baht": "baht",
    "dong": "dong", "birr": "birr", "hryvnia": "hryvnia", "tenge": "tenge", "taka": "taka",
    "ringgits": "ringgit", "rupiah": "rupiah", "quetzales": "quetzal", "lempiras": "lempira",
    "kwanza": "kwanza", "nairas": "naira", "cedis": "cedi",
}  # fmt: skip
NO_NEIGHBOURS = {"Algeria", "Canada", "Denmark", "Mauritania", "Morocco", "Syria"}
"""Where a border is disputed, or would surprise everybody."""
NO_CURRENCY = {
    "Tuvalu",
    "Bulgaria",
    "Zimbabwe",
    "Croatia",
    "Cuba",
    "Belarus",
    "Sierra Leone",
    "Lebanon",
}
"""Where it has changed lately, or several are in use."""


def plain(text: str) -> str:
    """Text without accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).replace(
        "\u2019", "'"
    )


def main_part(text: str) -> str:
    """A name without what stands in brackets behind it; empty where there are several."""
    text = re.sub(r"\s*\([^)]*\)", "", text).strip()
    return "" if ";" in text or "," in text.replace("Washington, D.C.", "") else plain(text)


def country(name: str, fields: dict[str, str]) -> dict[str, object]:
    """What is plain about one country."""
    capital = CAPITAL_OF.get(name, main_part(fields.get("Government > Capital > name", "")))
    continent = CONTINENT_OF.get(
        name, CONTINENTS.get(fields.get("Geography > Map references", "").strip(), "")
    )
    spoken = fields.get("People and Society > Languages > Languages", "") or fields.get(
        "People and Society > Languages", ""
    )
    languages = LANGUAGES_OF.get(name)
    if languages is None:
        languages = OFFICIAL.findall(spoken)
        marked = spoken.count("(official")
        if len(languages) != marked or not spoken.startswith(tuple(languages) or "-"):
            languages = []
    found = CURRENCY.match(fields.get("Economy > Exchange rates > Currency", ""))
    currency = ""
    if found and name not in NO_CURRENCY:
        *before, coin = plain(found[1]).split()
        if coin in COINS:
            currency = " ".join([*before, COINS[coin]])
            if "Financiere" in currency:
                currency = "CFA franc"
    borders = fields.get("Geography > Land boundaries > border countries", "")
    neighbours = [
        re.split(r" ?[\d(]", part.strip())[0].strip() for part in re.split(r";|(?<=km),", borders)
    ]
    return {
        "name": name,
        "capital": capital,
        "continent": "" if name in ON_TWO else continent,
        "languages": languages,
        "currency": {"the United States": "US dollar", "Ecuador": "US dollar", "China": "yuan"}.get(
            name, currency
        ),
        "neighbours": [
            ALSO.get(one, RENAMED.get(one, one)) for one in map(plain, neighbours) if one
        ],
    }


def derive(factbook: Path) -> list[dict[str, object]]:
    """All countries, by name. Raises DatasetError when the file cannot be read."""
    found: list[dict[str, object]] = []
    for _, row in read_rows(factbook):
        listed = row["fields"]
        assert isinstance(listed, list)  # noqa: S101  # of a file that is known
        fields = {str(one["field"]).strip(): str(one["text"]) for one in listed}
        name = str(row["name"])
        independent = "Government > Independence" in fields
        if name in LEFT_OUT or not independent or "Government > Dependency status" in fields:
            continue
        if fields["Government > Independence"].startswith("none ("):
            continue
        found.append(country(RENAMED.get(name, plain(name)), fields))
    names = {one["name"] for one in found}
    for one in found:
        neighbours = one["neighbours"]
        assert isinstance(neighbours, list)  # noqa: S101  # as `country` makes it
        if not set(neighbours) <= names or one["name"] in NO_NEIGHBOURS:
            one["neighbours"] = []
    return sorted(found, key=lambda one: str(one["name"]).removeprefix("the "))


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("factbook", type=Path, help="one record a country: name, fields")
    options = parser.parse_args(arguments)
    try:
        countries = derive(options.factbook)
    except MiniClaudeError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in countries)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(countries)} countries written to {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
