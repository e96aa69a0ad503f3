"""Kconfig fragments: an option that got lost fails the build, by its name."""

import pytest

from scripts.lib import fragments

ASKED = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"text\"\n# a comment\n"


@pytest.fixture
def fragment(tmp_path):
    path = tmp_path / "fragment"
    path.write_text(ASKED)
    return path


def test_settings_are_read(fragment):
    assert fragments.settings(fragment) == {
        "CONFIG_A": "y",
        "CONFIG_B": None,
        "CONFIG_C": '"text"',
    }


def test_what_survived_passes(fragment, tmp_path):
    config = tmp_path / "config"
    config.write_text('CONFIG_A=y\nCONFIG_C="text"\nCONFIG_OTHER=m\n')
    fragments.check_survived(fragment, config)


@pytest.mark.parametrize(
    ("config", "lost"),
    [
        ('CONFIG_C="text"\n', "CONFIG_A: asked y, got n"),
        ('CONFIG_A=m\nCONFIG_C="text"\n', "CONFIG_A: asked y, got m"),
        ('CONFIG_A=y\nCONFIG_B=y\nCONFIG_C="text"\n', "CONFIG_B: asked n, got y"),
    ],
)
def test_what_got_lost_is_named(fragment, tmp_path, capsys, config, lost):
    final = tmp_path / "config"
    final.write_text(config)
    with pytest.raises(SystemExit):
        fragments.check_survived(fragment, final)
    assert lost in capsys.readouterr().err


BUILT_IN = "kernel/drivers/net/ethernet/via/via-rhine.ko\nkernel/drivers/ata/pata_cs5536.ko\n"


def test_drivers_that_are_built_in_pass(tmp_path):
    built_in = tmp_path / "modules.builtin"
    built_in.write_text(BUILT_IN)
    fragments.check_drivers("drivers", ("via-rhine", "pata_cs5536", "via_rhine"), built_in)


def test_a_driver_that_is_not_built_in_is_named(tmp_path, capsys):
    built_in = tmp_path / "modules.builtin"
    built_in.write_text(BUILT_IN)
    with pytest.raises(SystemExit):
        fragments.check_drivers("board/x/drivers", ("via-rhine", "r6040"), built_in)
    assert "board/x/drivers: not in the kernel: r6040" in capsys.readouterr().err
