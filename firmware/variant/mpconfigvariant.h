// WaferPBX's MicroPython: everything the application uses, nothing it does not.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

#include "variants/mpconfigvariant_common.h"

// The processor's registers reach the collector through setjmp: portable, and
// the assembler twin does not compile with clang for i586.
#define MICROPY_GCREGS_SETJMP (1)

// The box has a real file system from Linux: no file system of MicroPython's own.
#undef MICROPY_VFS_FAT
#define MICROPY_VFS_FAT (0)
#undef MICROPY_VFS_LFS1
#define MICROPY_VFS_LFS1 (0)
#undef MICROPY_VFS_LFS2
#define MICROPY_VFS_LFS2 (0)

// mbedTLS's ciphers are for TLS, not for Python.
#undef MICROPY_PY_CRYPTOLIB
#define MICROPY_PY_CRYPTOLIB (0)

// No display.
#define MICROPY_PY_FRAMEBUF (0)
