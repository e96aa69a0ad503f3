"""The build cache: nothing half-built is trusted, and content alone decides."""

import pytest

from scripts.lib import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WAFERPBX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "timings", {})


def test_a_step_is_built_once_for_a_key():
    calls = []

    def build(folder):
        calls.append(folder)
        (folder / "product").write_text("x")

    first = cache.built("a step", "k1", build)
    assert cache.built("a step", "k1", build) == first
    assert (first / "product").read_text() == "x"
    assert len(calls) == 1


def test_another_key_is_another_folder():
    assert cache.built("step", "k1", lambda f: None) != cache.built("step", "k2", lambda f: None)


def test_a_step_that_fails_leaves_nothing_to_trust():
    def fails(folder):
        (folder / "product").write_text("half")
        raise RuntimeError("the compiler has gone away")

    with pytest.raises(RuntimeError):
        cache.built("step", "k1", fails)
    built = cache.built("step", "k1", lambda folder: (folder / "product").write_text("whole"))
    assert (built / "product").read_text() == "whole"


def test_the_digest_goes_by_names_contents_and_modes(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    file = tree / "a"
    file.write_text("1")
    seen = {cache.digest(tree)}
    file.write_text("2")
    seen.add(cache.digest(tree))
    file.chmod(0o755)
    seen.add(cache.digest(tree))
    file.rename(tree / "b")
    seen.add(cache.digest(tree))
    assert len(seen) == 4


def test_the_digest_does_not_go_by_the_place(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("same")
    assert cache.digest(tmp_path / "one") == cache.digest(tmp_path / "two")


def test_parts_do_not_run_into_each_other():
    assert cache.digest("ab", "c") != cache.digest("a", "bc")
