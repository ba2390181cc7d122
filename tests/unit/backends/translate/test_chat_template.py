"""Templates as model makers write them, and templates that attack."""

from datetime import UTC, datetime

import pytest

from backends.errors import BackendError, Cause
from backends.translate.chat_template import CHATML, MAX_SOURCE, ChatTemplate

SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "Hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": [1, "é"]}'}}
CALLING = [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool", "content": "42"}]


def template(source):
    return ChatTemplate(source, "<s>", "</s>", lambda: datetime(2026, 11, 23, 10, 30, tzinfo=UTC))


def render(source, messages=(USER,), tools=None):
    return template(source).render(list(messages), tools)


def test_chatml():
    assert render(CHATML, [SYSTEM, USER]) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert template(CHATML).render([USER], None, add_generation_prompt=False).endswith("Hi<|im_end|>\n")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ bos_token }}{{ eos_token }}", "<s></s>"),
        ("{% if true %}\n  a\n    {% endif %}\nb", "  a\nb"),
        ("{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"),
        ("{{ {'a': [1, 'é<'], 'b': none} | tojson }}", '{"a": [1, "é<"], "b": null}'),
        ("{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}", '{"a": 2, "b": 1}'),
        ("{{ {'a': 1} | tojson(indent=2) }}", '{\n  "a": 1\n}'),
        ("{{ strftime_now('%d %b %Y') }}", "23 Nov 2026"),
        ("{% generation %}x{% endgeneration %}y", "xy"),
        ("{% if tools is defined and tools %}T{% else %}-{% endif %}", "-"),
        ("{% set ns = namespace(n=0) %}{% set ns.n = 2 %}{{ ns.n }}", "2"),
        ("{{ messages[0].content | trim | upper }}", "HI"),
        ("{{ 'ab' * 3 }}{{ 2 ** 3 }}", "ababab8"),
    ],
)
def test_what_templates_use(source, text):
    assert render(source) == text


def test_tools_are_given_as_they_came():
    tool = {"type": "function", "function": {"name": "f"}}
    assert render("{{ tools | tojson }}", tools=[tool]) == '[{"type": "function", "function": {"name": "f"}}]'


def test_past_arguments_are_objects_where_the_template_writes_json():
    source = (
        "{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}"
    )
    assert render(source, CALLING) == '{"a": [1, "é"]}'


def test_past_arguments_are_text_where_the_template_pastes_them():
    source = "{% for m in messages %}{% for c in m.tool_calls %}{{ '' + c.function.arguments }}{% endfor %}{% endfor %}"
    assert render(source, CALLING) == '{"a": [1, "é"]}'


def test_broken_past_arguments_stay_text():
    call = CALL | {"function": {"name": "f", "arguments": "{broken"}}
    source = (
        "{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}"
    )
    assert render(source, [USER, {"role": "assistant", "content": "", "tool_calls": [call]}]) == '"{broken"'


REFUSES_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
)
DROPS_SYSTEM = "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}"


@pytest.mark.parametrize("source", [REFUSES_SYSTEM, DROPS_SYSTEM])
def test_without_a_system_role_its_words_go_to_the_user(source):
    assert render(source, [SYSTEM, USER]) == "[user]Be brief.\n\nHi"
    assert render(source, [SYSTEM]) == "[user]Be brief."
    assert render(source, [USER]) == "[user]Hi"


def test_what_the_template_refuses_is_the_clients_error():
    source = "{% if messages[0].role != 'user' %}{{ raise_exception('Roles must alternate') }}{% endif %}"
    with pytest.raises(BackendError) as caught:
        render(source, [{"role": "assistant", "content": "x"}])
    assert (caught.value.cause, caught.value.param) == (Cause.INVALID_REQUEST, "messages")
    assert "Roles must alternate" in caught.value.detail


@pytest.mark.parametrize(
    "source",
    ["{{ ''|attr('__class__') }}", "{{ '{0.__class__}'.format(messages) }}", "{{ raise_exception.__globals__ }}"],
)
def test_what_is_private_is_not_there(source):
    assert render(source) == ""


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('id') }}",
        "{{ messages.append({'role': 'x'}) }}",
        "{{ 'a' * 100000000 }}",
        "{{ 10 ** 100000000 }}",
        "{{ [0] * 100000000 }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% for i in range(90000) %}{{ 'x' * 999 }}{% endfor %}",
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
        "{% set x = 'a' * 90000 %}{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}",
        "{% set x = 'a' * 90000 %}{% for a in x %}{% for b in x|map('upper') %}{% endfor %}{% endfor %}",
        "{% for a in [x, x] recursive %}{{ loop([1, 2]) }}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% set ns = namespace(x='aa') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x='aa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[0]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{{ undefined_thing.attribute }}",
        "{{ messages[0].content + 1 }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
    ],
)
def test_an_attack_gets_an_error_and_nothing_else(source):
    with pytest.raises(BackendError) as caught:
        render(source)
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert "/" not in caught.value.detail


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{ 'open", "{% endfor %}", "{{ 'a' | no_such_filter }}", "x" * (MAX_SOURCE + 1)]
)
def test_a_broken_template_fails_the_load(source):
    with pytest.raises(BackendError) as caught:
        template(source)
    assert caught.value.cause is Cause.LOAD_FAILED


def test_what_is_counted_is_one_rendering():
    one = template("{% for i in range(99999) %}{% endfor %}ok")
    for _ in range(12):
        assert one.render([USER], None) == "ok"


def test_loops_know_their_length():
    source = "{% for m in messages %}{{ loop.index }}/{{ loop.length }}{{ loop.last }} {% else %}none{% endfor %}"
    assert render(source, [USER, USER]) == "1/2False 2/2True "
    assert render("{% for i in [1, 2, 3] if i > 1 %}{{ loop.index }}{{ i }} {% endfor %}") == "12 23 "
    assert render("{% for i in messages|selectattr('role', 'eq', 'x') %}{{ i }}{% else %}none{% endfor %}") == "none"
    assert render("{% for i in missing %}x{% else %}none{% endfor %}") == "none"
    assert render("{% for k, v in {'a': 1}.items() %}{{ k ~ v }}{% endfor %}") == "a1"
