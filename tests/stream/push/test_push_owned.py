from stream.push.board import Board, Entry, View
from stream.push.memory import of_models

CLICK, RANK = (Entry((model, "1", "", "DataDrift", "critical"), 1_000) for model in ("click", "rank"))


def test_what_another_host_tells_now_is_neither_told_nor_ended_here() -> None:
    """A board remembers of a former layout only the models that are judged here."""
    remembered = View(7, (CLICK, RANK), (), {"click": {"predictions": 5}, "rank": {"predictions": 6}})
    found = of_models(remembered, lambda model: model == "click")
    board = Board(found, {"click", "rank"}, lambda _: None, 60_000)
    view = board.wait(-1, 0.0)
    assert (view.firing, view.ended) == ((CLICK,), ())
    assert found.clocks == {"click": {"predictions": 5}}
