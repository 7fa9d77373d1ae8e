"""Settings are read once and checked together: every fault at once, each in a sentence that says what to do."""

from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.rates import Rate
from broker.errors import Unsafe
from broker.settings import (
    Settings,
    database_addresses,
    keys_directory,
    policies_directory,
    read_settings,
    safe_address,
)

GOOD = {"BROKER_OUTBOX": "file:var/outbox", "BROKER_LOG_GUARD": "guard/checkpoint"}
NAMES = [
    "BROKER_MODE", "BROKER_DATABASE_URL", "BROKER_OWNER_DATABASE_URL", "BROKER_KEYS", "BROKER_POLICIES",
    "BROKER_PUBLIC_URL", "BROKER_OUTBOX", "BROKER_LOG_GUARD", "BROKER_CLOCK_OFFSET", "BROKER_HOST", "BROKER_PORT",
]  # fmt: skip


def faults(**settings: str) -> str:
    with pytest.raises(Unsafe) as refused:
        read_settings(GOOD | {f"BROKER_{name}": value for name, value in settings.items()})
    return refused.value.words.en


def test_what_is_not_set_has_a_plain_default_and_no_secret():
    settings = read_settings(GOOD)
    assert (settings.mode, settings.host, settings.port) == ("production", "127.0.0.1", 8080)
    assert settings.database_url == "sqlite:///var/broker.db"
    assert settings.public_url == "http://localhost:8080"
    assert (settings.keys, settings.policies) == (Path("keys"), Path("policies"))
    assert settings.clock_offset == timedelta()
    assert settings.local
    assert not settings.secure
    assert settings.log_address == "http://localhost:8080/v1/log"


def test_a_demonstration_needs_nothing_and_stays_on_this_machine():
    demo = read_settings({"BROKER_MODE": "demo"})
    assert (demo.outbox, demo.log_guard) == ("file:var/outbox", Path("var/log-guard"))
    elsewhere = read_settings({"BROKER_MODE": "demo", "BROKER_DATABASE_URL": "sqlite:////srv/x/broker.db"})
    assert elsewhere.log_guard == Path("/srv/x/log-guard")
    for settings in (
        {"BROKER_HOST": "0.0.0.0"},
        {"BROKER_PUBLIC_URL": "https://broker.example"},
        {"BROKER_HOST": "192.168.1.4", "BROKER_PUBLIC_URL": "http://localhost:1"},
    ):
        with pytest.raises(Unsafe, match="A demo only runs on localhost"):
            read_settings({"BROKER_MODE": "demo", **settings})


def test_every_fault_is_told_at_once_each_in_a_sentence():
    said = faults(MODE="test", PUBLIC_URL="http://broker.example", OUTBOX="console:", CLOCK_OFFSET="tomorrow", PORT="0")
    for name in (
        "BROKER_MODE",
        "BROKER_PUBLIC_URL",
        "BROKER_OUTBOX",
        "BROKER_CLOCK_OFFSET",
        "BROKER_PORT",
    ):
        assert name in said
    assert said.count(". ") == 4
    assert said.endswith(".")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"MODE": "Demo"}, "production or demo"),
        ({"MODE": ""}, "production or demo"),
        ({"OUTBOX": ""}, "Set BROKER_OUTBOX"),
        ({"OUTBOX": "console:"}, "demonstrations only"),
        ({"CLOCK_OFFSET": "P1M"}, "demonstrations only"),
        ({"CLOCK_OFFSET": "6 months"}, "a period such as"),
        ({"PORT": "65536"}, "below 65536"),
        ({"PORT": "-1"}, "below 65536"),
        ({"DRAIN": "61"}, "at most 60"),
        ({"DRAIN": "-1"}, "at most 60"),
        ({"DRAIN": "5s"}, "at most 60"),
        ({"PORT": "80 "}, "below 65536"),
        ({"PORT": "８０"}, "below 65536"),
        ({"PORT": "9" * 5000}, "below 65536"),
        ({"PUBLIC_URL": "http://broker.example"}, "must begin with https://"),
        ({"PUBLIC_URL": "broker.example"}, "without a path"),
        ({"PUBLIC_URL": ""}, "without a path"),
        ({"PUBLIC_URL": "https://"}, "without a path"),
        ({"PUBLIC_URL": "https://broker.example/app"}, "without a path"),
        ({"PUBLIC_URL": "https://broker.example?x"}, "without a path"),
        ({"PUBLIC_URL": "https://broker.example#x"}, "without a path"),
        ({"PUBLIC_URL": "https://broker.example:port"}, "without a path"),
        ({"PUBLIC_URL": "https://user@broker.example"}, "without a path"),
        ({"PUBLIC_URL": "https://[broker"}, "without a path"),
        ({"PUBLIC_URL": "ftp://broker.example"}, "without a path"),
        ({"PUBLIC_URL": "javascript:alert(1)"}, "without a path"),
        ({"PUBLIC_URL": "http://localhost.evil.example"}, "must begin with https://"),
    ],
)
def test_each_unsafe_setting_is_refused(settings, sentence):
    assert sentence in faults(**settings)


@pytest.mark.parametrize("url", ["https://broker.example", "https://broker.example:8443", "http://127.0.0.1:80"])
def test_a_plain_address_is_taken_and_a_slash_at_its_end_forgiven(url):
    for written in (url, url + "/"):
        assert read_settings({**GOOD, "BROKER_PUBLIC_URL": written}).public_url == url


def test_a_file_stands_below_the_environment(tmp_path):
    path = tmp_path / "settings.env"
    path.write_text(
        "# a comment=with a sign\n\n  BROKER_PORT = 9000 \nBROKER_HOST=::1\nnonsense\n"
        "BROKER_OUTBOX=smtp://h/?from=a@b&smsDomain=c\n"
    )
    guard = {"BROKER_LOG_GUARD": "guard/checkpoint"}
    settings = read_settings({"BROKER_SETTINGS": str(path), "BROKER_HOST": "127.0.0.1", **guard})
    assert (settings.port, settings.host) == (9000, "127.0.0.1")
    assert settings.outbox == "smtp://h/?from=a@b&smsDomain=c"


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "binary"):
        with pytest.raises(Unsafe, match="BROKER_SETTINGS names cannot be read"):
            read_settings({"BROKER_SETTINGS": str(path)})


def test_commands_that_need_one_setting_read_it_the_same_way(tmp_path, monkeypatch):
    for name in [*NAMES, "BROKER_SETTINGS"]:
        monkeypatch.delenv(name, raising=False)
    assert (keys_directory(), policies_directory()) == (Path("keys"), Path("policies"))
    assert database_addresses() == ("sqlite:///var/broker.db", "")
    path = tmp_path / "settings.env"
    path.write_text("BROKER_KEYS=/k\nBROKER_POLICIES=/p\nBROKER_DATABASE_URL=postgresql://app@h/d\n")
    monkeypatch.setenv("BROKER_SETTINGS", str(path))
    assert (keys_directory(), policies_directory()) == (Path("/k"), Path("/p"))
    assert database_addresses() == ("postgresql://app@h/d", "")
    monkeypatch.setenv("BROKER_OWNER_DATABASE_URL", "postgresql://owner@h/d")
    assert database_addresses() == ("postgresql://owner@h/d", "postgresql://app@h/d")


def test_settings_are_fixed_and_secrets_in_them_do_not_print():
    settings = read_settings(
        {
            "BROKER_DATABASE_URL": "postgresql://app:hidden1@h/d",
            "BROKER_OWNER_DATABASE_URL": "postgresql://owner:hidden2@h/d",
            "BROKER_OUTBOX": "smtp://u:hidden3@h/?from=a@b&smsDomain=c",
            "BROKER_LOG_GUARD": "guard/checkpoint",
        }
    )
    assert "hidden" not in repr(settings)
    with pytest.raises(FrozenInstanceError):
        settings.mode = "demo"


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30) | st.sampled_from(["http://[", "::1", "P1M"])))
def test_whatever_is_set_is_settings_or_sentences(environment):
    try:
        settings = read_settings(environment)
    except Unsafe as refused:
        said = refused.words
    else:
        said = None
    if said is not None:
        assert said.en.endswith(".")
        assert said.nl.endswith(".")
        return
    assert settings.mode == "demo" or settings.outbox not in ("", "console:")
    assert settings.mode == "demo" or environment["BROKER_LOG_GUARD"]
    assert settings.secure or settings.local
    assert 0 < settings.port < 65536


def test_every_setting_that_is_read_is_in_the_example():
    example = (Path(__file__).parents[2] / "deploy" / "settings.env.example").read_text()
    assert not [name for name in NAMES if name not in example]


def test_witnesses_are_named_by_a_file_or_not_at_all():
    assert read_settings(GOOD).witnesses is None
    assert read_settings(GOOD | {"BROKER_WITNESSES": ""}).witnesses is None
    assert str(read_settings(GOOD | {"BROKER_WITNESSES": "/etc/w"}).witnesses) == "/etc/w"
    good = ("https://w.example", "https://w.example:8443/a/b", "http://localhost:8081", "http://127.0.0.1:1")
    bad = (
        "",
        "w.example",
        "http://w.example",
        "ftp://w.example",
        "https://u@w.example",
        "https://w.example/?q",
        "https://[",
    )
    assert [safe_address(address) for address in (*good, *bad)] == [True] * len(good) + [False] * len(bad)


def test_the_way_out_leads_to_somebody_else_over_https_and_fits_in_a_header():
    assert read_settings(GOOD).exit_address == "https://www.knmi.nl/"
    for address in ("https://www.buienradar.nl", "https://weer.example:8443/vandaag/nu-1_2~.html"):
        assert read_settings({**GOOD, "BROKER_EXIT_ADDRESS": address}).exit_address == address
    for address in (
        "", "http://www.knmi.nl/", "https://", "https://a b.nl/", "https://a.nl/?from=rondom", "https://a.nl/#x", "/exit",
        "https://user@a.nl/", "https://a.nl:0/", "https://a.nl/\r\nSet-Cookie: x=1", 'https://a.nl/"', "javascript:alert(1)",
    ):  # fmt: skip
        assert "BROKER_EXIT_ADDRESS" in faults(EXIT_ADDRESS=address), address


def test_private_networks_are_read_strictly() -> None:
    base = {"BROKER_MODE": "demo", "BROKER_PRIVATE_NETWORKS": "10.20.0.0/16, fd00::/8"}
    assert [str(network) for network in read_settings(base).private_networks] == ["10.20.0.0/16", "fd00::/8"]
    for wrong in ("10.20.0.1/16", "intranet", "10.20.0.0/16;10.0.0.0/8"):
        with pytest.raises(Unsafe, match="BROKER_PRIVATE_NETWORKS"):
            read_settings({**base, "BROKER_PRIVATE_NETWORKS": wrong})


CERTIFICATES = {
    "CLIENT_CERTIFICATE_HEADER": "Client-Cert",
    "CLIENT_CERTIFICATE_PROXIES": "10.1.2.3 192.168.7.0/24, fd00::/64 198.51.100.7",
}


def test_a_client_certificate_is_taken_from_named_proxies_only() -> None:
    settings = read_settings(GOOD | {f"BROKER_{name}": value for name, value in CERTIFICATES.items()})
    assert settings.client_certificate_header == "Client-Cert"
    assert len(settings.client_certificate_proxies) == 4
    assert read_settings(GOOD).client_certificate_header == ""
    assert read_settings(GOOD).forwarded_allow_ips == "127.0.0.1"
    assert read_settings({**GOOD, "FORWARDED_ALLOW_IPS": "10.1.2.3"}).forwarded_allow_ips == "10.1.2.3"
    for alone, value in CERTIFICATES.items():
        assert "both, or none" in faults(**{alone: value})
    for header in ("Client Cert", "Client_Cert", "X:", "Ünd", "x" * 65, "Authorization", "dpop", "X-Forwarded-For"):
        assert "a header of its own" in faults(**{**CERTIFICATES, "CLIENT_CERTIFICATE_HEADER": header})
    for wide in ("0.0.0.0/0", "::/0", "10.0.0.0/7", "128.0.0.0/1", "203.0.113.0/24", "10.1.2.3 2001:db8::/32"):
        assert "only your own proxies" in faults(**{**CERTIFICATES, "CLIENT_CERTIFICATE_PROXIES": wide})
    for wrong in ("proxy.example", "10.1.2.3/24", "*", "10.1.2"):
        assert "BROKER_CLIENT_CERTIFICATE_PROXIES is a list of networks" in faults(
            **{**CERTIFICATES, "CLIENT_CERTIFICATE_PROXIES": wrong}
        )


def test_rates_are_read_strictly() -> None:
    base = {"BROKER_MODE": "demo"}
    assert (read_settings(base).rate_organisation, read_settings(base).rate_one) == (Rate(3000, 60), Rate(120, 3600))
    for name in ("BROKER_RATE_ORGANISATION", "BROKER_RATE_ONE"):
        for right, rate in (("10/second", Rate(10, 1)), ("5 per 2 minutes", Rate(5, 120)), ("1/day", Rate(1, 86_400))):
            assert rate in rates_of(read_settings({**base, name: right}))
        for wrong in (
            "0/minute",
            "-1/minute",
            "many",
            "5",
            "5/fortnight",
            "5/minute;6/hour",
            "5/2 days",
            "5/month",
            "9999999999/hour",
        ):
            with pytest.raises(Unsafe, match=name):
                read_settings({**base, name: wrong})


def rates_of(settings: Settings) -> tuple[Rate, Rate]:
    return settings.rate_organisation, settings.rate_one


@pytest.mark.parametrize("wrong", ["", "0", "-1", "65", "2.0", "two", " 2", "²", "0x2", "100"])
def test_a_number_of_workers_is_read_strictly(wrong: str) -> None:
    given = {"BROKER_MODE": "demo", "BROKER_DATABASE_URL": "postgresql://db.example/rondom"}
    with pytest.raises(Unsafe, match="BROKER_WORKERS"):
        read_settings({**given, "BROKER_WORKERS": wrong})


def test_an_embedded_database_is_for_one_process() -> None:
    for address in ("sqlite:///var/broker.db", "sqlite+aiosqlite:///var/broker.db"):
        given = {"BROKER_MODE": "demo", "BROKER_DATABASE_URL": address}
        assert read_settings({**given, "BROKER_WORKERS": "1"}).workers == 1
        with pytest.raises(Unsafe, match="SQLite is for one process"):
            read_settings({**given, "BROKER_WORKERS": "2"})
    with pytest.raises(Unsafe, match="SQLite is for one process"):
        read_settings({"BROKER_MODE": "demo", "BROKER_WORKERS": "2"})


def test_what_works_in_the_background_does_so_inside_or_apart_and_nowhere_else() -> None:
    given = {"BROKER_MODE": "demo", "BROKER_DATABASE_URL": "postgresql://x/y", "BROKER_LOG_GUARD": "var/guard"}
    inside, apart = (read_settings({**given, "BROKER_BACKGROUND": said}) for said in ("inside", "apart"))
    assert (read_settings(given).background, inside.background, apart.background) == ("inside", "inside", "apart")
    assert (inside.processes, apart.processes) == (1, 2)
    assert read_settings({**given, "BROKER_BACKGROUND": "apart", "BROKER_WORKERS": "4"}).processes == 5
    for wrong in ("", "Apart", "yes", " apart"):
        with pytest.raises(Unsafe, match="BROKER_BACKGROUND"):
            read_settings({**given, "BROKER_BACKGROUND": wrong})
    with pytest.raises(Unsafe, match="SQLite is for one process"):
        read_settings({"BROKER_MODE": "demo", "BROKER_BACKGROUND": "apart"})
