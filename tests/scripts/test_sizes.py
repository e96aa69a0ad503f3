"""The size tables against a small program whose every byte is known."""

import json
import shutil
import subprocess

import pytest

from scripts.lib import sizes

# What mpy-tool.py writes for two modules, beside C functions of known sizes.
FROZEN = r"""
const char mp_frozen_names[] = "\0app/sip/message.py\0app/sip/__init__.py\0asyncio/core.py\0";
static const char fun_data_app_sip_message_parse[100] = {1};
static const char proto_fun_app_sip_message__lt_module_gt_[20] = {1};
static const char const_obj_table_data_app_sip_message[12] = {1};
static const char frozen_module_app_sip___init__[16] = {1};
static const char fun_data_asyncio_core_run[40] = {1};
static const char fun_data_of_no_module[8] = {1};
const char mp_qstr_frozen_const_pool[64] = {1};
char ram[4096];
const void *const kept[] = {fun_data_app_sip_message_parse, ram,
    proto_fun_app_sip_message__lt_module_gt_, const_obj_table_data_app_sip_message,
    frozen_module_app_sip___init__, fun_data_asyncio_core_run, fun_data_of_no_module};
"""
FILES = {
    "frozen_content.c": FROZEN,
    "py/vm.c": "__attribute__((noinline)) int mp_vm(int a) { return a * 3; }",
    "extmod/modre.c": "int re_match(int a) { return a * 5; }",
    "lib/mbedtls/sha1.c": "const int K[50] = {1}; int sha(int a) { return K[a]; }",
    "modules/media/relay.c": "int relay(int a) { return a * 7; }",
    "src/musl/stdio.c": "int puts_(int a) { return a * 9; }",
    "main.c": "int mp_vm(int); void _start(void) { for (;;) mp_vm(1); }",
}

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")


@pytest.fixture(scope="module", params=["-g", "-g0"])
def program(request, tmp_path_factory):
    """The unstripped program, with DWARF and without."""
    folder = tmp_path_factory.mktemp("sizes")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    objects = [name.replace("/", "_")[:-2] + ".o" for name in FILES]
    for name, made in zip(FILES, objects, strict=True):
        subprocess.run(["gcc", "-c", "-Os", "-ffreestanding", request.param, name, "-o", made],
                       check=True, cwd=folder)
    subprocess.run(["gcc", "-nostdlib", "-static", *objects, "-o", "program"], check=True,
                   cwd=folder)
    return folder / "program", request.param == "-g"


def test_groups_add_up_to_what_is_loaded(program):
    found = sizes.program_sizes(program[0])
    assert sum(found["groups"].values()) == found["total"] > 0
    assert found["ram"] >= 4096
    assert min(found["groups"].values()) >= 0


def test_frozen_modules_by_their_paths(program):
    found = sizes.program_sizes(program[0])["frozen_modules"]
    assert found == {"app/sip/message.py": 132, "asyncio/core.py": 40, "app/sip/__init__.py": 16}


def test_parts_by_source_file(program):
    path, has_dwarf = program
    groups = sizes.program_sizes(path)["groups"]
    assert groups[sizes.LIBRARY] == 40
    assert groups[sizes.APPLICATION] >= 132 + 16 + 64
    assert groups[sizes.INTERPRETER] > 0
    if has_dwarf:
        for group in (sizes.EXTENSIONS, sizes.TLS, sizes.OURS, sizes.LIBC, sizes.PORT):
            assert groups[group] > 0, group


def test_symbols_name_their_source(program):
    path, has_dwarf = program
    symbols = sizes.program_sizes(path)["symbols"]
    assert symbols["mp_vm [py/vm.c]" if has_dwarf else "mp_vm [?]"] > 0


@pytest.fixture
def root(tmp_path):
    """A root with a kernel of random bytes and a file that packs well, and the slot's file."""
    folder = tmp_path / "root"
    (folder / "boot").mkdir(parents=True)
    (folder / "boot" / "bzImage").write_bytes(bytes(range(256)) * 4)
    (folder / "zeros").write_bytes(bytes(100_000))
    (folder / "link").hardlink_to(folder / "zeros")
    (folder / "pointer").symlink_to("zeros")
    (tmp_path / "slot").write_bytes(bytes(3000))
    return folder


def test_slot_is_taken_apart(root):
    found = sizes.slot_sizes(root, root.parent / "slot")
    assert (found["slot"], found["kernel"], found["root"]) == (3000, 1024, 1976)
    assert [entry["path"] for entry in found["files"]] == ["boot/bzImage", "link"]
    zeros = found["files"][1]
    assert zeros["size"] == 100_000 and zeros["compressed"] < 1000
    assert sizes.over_budget(found) == []


def test_slot_over_its_limit_is_told_with_the_numbers(root):
    slot = root.parent / "slot"
    with slot.open("r+b") as stream:
        stream.truncate(sizes.SLOT_LIMIT + 1)
    problem, = sizes.over_budget(sizes.slot_sizes(root, slot))
    assert "5 767 169 bytes, 1 bytes more than its limit of 5 767 168 bytes" in problem
    assert "kernel 1 024 bytes" in problem


def test_image_over_the_flash_is_told(root):
    image = root.parent / "image"
    with image.open("wb") as stream:
        stream.truncate(sizes.FLASH_LIMIT + 512)
    found = sizes.slot_sizes(root, root.parent / "slot", image=image)
    problem, = sizes.over_budget(found)
    assert "512 bytes more than the flash of 16 000 000 bytes" in problem


def test_report_is_written_as_text_and_json(program, root, tmp_path):
    found = sizes.program_sizes(program[0])
    sizes.write(tmp_path, found, sizes.slot_sizes(root, root.parent / "slot"), top=2)
    assert json.loads((tmp_path / "sizes.json").read_text())["program"] == found
    text = (tmp_path / "sizes.txt").read_text()
    assert "       132  app/sip/message.py\n" in text
    assert "        16  (1 more)\n" in text
    assert "     3,000  of 5,767,168\n" in text
