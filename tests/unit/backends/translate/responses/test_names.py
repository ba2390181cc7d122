"""Names of tools: there and back."""

from backends.translate.responses.names import MOST_CHARACTERS, Target, ToolNames, flatten


def test_a_name_that_chat_allows_stays():
    names = ToolNames([Target(name="a"), Target(name="a", namespace="n")])
    assert names.flat("a") == "a"
    assert names.flat("a", "n") == "n__a"
    assert names.target("n__a") == Target(name="a", namespace="n")


def test_a_plain_name_comes_before_a_group_of_the_same_flat_name():
    names = ToolNames([Target(name="a", namespace="n"), Target(name="n__a"), Target(name="n__a")])
    assert names.target("n__a") == Target(name="n__a")
    assert names.target(names.flat("a", "n")) == Target(name="a", namespace="n")
    assert names.flat("a", "n") == "n__a_2"


def test_foreign_letters_and_long_names_get_a_mark():
    long = [Target(name="x" * 70 + end) for end in "ab"] + [Target(name="ä"), Target(name="ö"), Target(name="a b")]
    names = ToolNames(long)
    flats = [names.flat(target.name) for target in long]
    assert len(set(flats)) == len(long)
    assert all(len(flat) <= MOST_CHARACTERS and flat.isascii() for flat in flats)
    assert [names.target(flat) for flat in flats] == long


def test_a_model_that_leaves_the_group_out_is_understood_where_one_tool_can_be_meant():
    names = ToolNames(
        [Target(name="a", namespace="n"), Target(name="b", namespace="n"), Target(name="b", namespace="o")]
    )
    assert names.target("a") == Target(name="a", namespace="n")
    assert names.target("b") == Target(name="b")
    assert (names.find("a"), names.find("b"), names.find("c")) == ("n__a", None, None)


def test_tools_no_longer_offered_keep_their_names():
    target = Target(name="a", namespace="n")
    assert ToolNames([]).flat("a", "n") == flatten(target) == ToolNames([target]).flat("a", "n")
    assert not ToolNames([]).offers("n__a")
