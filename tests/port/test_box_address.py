"""The C address functions of the module `box`, compiled alone under ASan and UBSan."""

import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "firmware" / "modules" / "box"
FLAGS = "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wconversion -Werror -g".split()
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all".split()
PROGRAM = r"""
#include <stdio.h>
#include "address.h"
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct sockaddr_storage address;
        char text[ADDRESS_TEXT];
        if (address_parse(argv[i], 5060, &address) == 0) {
            puts("-");
        } else {
            int port = address_format((struct sockaddr *)&address, text);
            printf("%s %d\n", text, port);
        }
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("box")
    (folder / "main.c").write_text(PROGRAM)
    sources = [folder / "main.c", MODULE / "address.c"]
    command = [compiler, *FLAGS, *SANITIZE, f"-I{MODULE}", *sources, "-o", folder / "main"]
    subprocess.run(command, check=True)
    return folder / "main"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("192.0.2.1", "192.0.2.1 5060"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1 5060"),
        ("fe80::1%lo", "fe80::1%lo 5060"),
        ("fe80::1", "fe80::1 5060"),
        ("fe80::1%" + "x" * 100, "-"),
        ("1:2:3:4:5:6:7:8" + "9" * 100, "-"),
        ("", "-"),
        ("example.org", "-"),
        ("192.0.2.1.5", "-"),
        ("%lo:", "-"),
    ],
)
def test_addresses_are_read_and_printed(program, text, read):
    done = subprocess.run([program, text], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, read, "")
