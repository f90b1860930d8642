from engine.values.order import dependency_order


def test_names_follow_what_they_need_and_keep_their_order_otherwise() -> None:
    assert dependency_order({"c": ["b"], "x": [], "b": ["a", "elsewhere"], "a": [], "y": []}) == (["x", "a", "y", "b", "c"], [])
    assert dependency_order({}) == ([], [])


def test_what_lies_in_a_circle_or_needs_one_is_told() -> None:
    assert dependency_order({"d": ["c"], "b": ["a"], "a": ["b"], "c": ["c"], "e": []}) == (["e"], ["a", "b", "c", "d"])
