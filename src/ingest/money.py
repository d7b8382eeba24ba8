"""Currencies: which codes exist, and how many digits their minor unit has (ISO 4217)."""

from __future__ import annotations

from typing import Final

_ALL: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN "
    "BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY "
    "KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR "
    "RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER "
    "ZAR "  # codespell:ignore zar
    "ZMW ZWG"
)
_NO_MINOR: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS: Final = "BHD IQD JOD KWD LYD OMR TND"

CURRENCIES: Final = frozenset(_ALL.split())
_DIGITS: Final = {**dict.fromkeys(_NO_MINOR.split(), 0), **dict.fromkeys(_THREE_DIGITS.split(), 3)}


def minor_digits(currency: str) -> int:
    """Return how many digits the minor unit of a currency has: 2 for most, 0 for the yen."""
    return _DIGITS.get(currency, 2)


def minor_units_sql(column: str) -> str:
    """Return SQL for how many minor units one unit has: 100 for most, 1 for the yen."""
    none, three = (
        ", ".join(f"'{code}'" for code in codes.split()) for codes in (_NO_MINOR, _THREE_DIGITS)
    )
    return (
        f"CASE WHEN {column} IN ({none}) THEN 1 WHEN {column} IN ({three}) THEN 1000 ELSE 100 END"
    )
