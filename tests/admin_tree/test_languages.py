"""All texts of the pages exist in Chinese, and people who want English get it."""

from __future__ import annotations

import gettext
import re

import pytest
from django.utils import translation
from django.utils.translation import gettext as _

from deploy.translations import CATALOGUE, messages
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import UserDomain
from tests.admin_tree.conftest import page, text
from tests.web_clients import Browser

_PLACES = re.compile(r"%(?:\(\w+\))?[-0-9.]*[sdf]|\{\w+\}")


@pytest.fixture(scope="module")
def chinese() -> gettext.GNUTranslations:
    """Return the compiled catalogue, without fuzzy and empty entries."""
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_nothing_is_left_untranslated(chinese: gettext.GNUTranslations) -> None:
    """Run `make translations`, say it in locale/zh_Hans, and run it again."""
    catalogue: dict[object, str] = chinese._catalog  # type: ignore[attr-defined]
    wanted = {(text, 0) if plural else text for text, plural in messages()}
    assert sorted(str(text) for text in wanted if not catalogue.get(text)) == []


def test_every_value_of_a_sentence_is_in_its_translation(
    chinese: gettext.GNUTranslations,
) -> None:
    untranslated = [
        text
        for text, plural in messages()
        if not plural
        and sorted(_PLACES.findall(text)) != sorted(_PLACES.findall(chinese.gettext(text)))
    ]
    assert untranslated == []


def test_nothing_is_fuzzy() -> None:
    assert "#, fuzzy" not in CATALOGUE.read_text()


@pytest.mark.parametrize(
    "name", ["domain_tree", "servicedomain_changelist", "userdomain_add", "userdomain_import"]
)
def test_a_page_speaks_chinese_to_who_wants_it(operator: Browser, name: str) -> None:
    page_text = text(operator.get(page(name), HTTP_ACCEPT_LANGUAGE="zh-CN"))
    assert "审计日志" in page_text
    assert "Audit trail" not in page_text
    assert "Audit trail" in text(operator.get(page(name)))


def test_names_of_fields_and_refusals_are_translated(operator: Browser) -> None:
    fields = {"name": "x", "parent": DEMO_TENANT}
    address = page("userdomain_change", DEMO_TENANT)
    page_text = text(operator.post(address, fields, HTTP_ACCEPT_LANGUAGE="zh-CN"))
    assert "用户域不能挂在用户域" in page_text
    assert "绑定到" in text(operator.get(page("userdomain_changelist"), HTTP_ACCEPT_LANGUAGE="zh"))


def test_the_language_is_switched_in_the_header(operator: Browser) -> None:
    assert 'value="zh-hans"' in text(operator.get(page("domain_tree")))
    operator.post("/i18n/setlang/", {"language": "zh-hans", "next": "/admin/"})
    assert "域树" in text(operator.get(page("domain_tree")))


def test_migrations_keep_the_english_names() -> None:
    with translation.override("zh-hans"):
        field = UserDomain._meta.get_field("small_limit")
        assert field.verbose_name == _("small conferences at once") == "小型会议并发数"
        assert field.deconstruct()[3]["verbose_name"] == "small conferences at once"
