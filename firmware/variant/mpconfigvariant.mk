# WaferPBX's variant of the unix port. scripts/lib/firmware.py drives it.
PROG ?= waferpbx
FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py

MICROPY_PY_BTREE = 0
MICROPY_PY_FFI = 0
MICROPY_PY_JNI = 0
MICROPY_PY_THREAD = 0
MICROPY_PY_TERMIOS = 1
MICROPY_PY_SOCKET = 1
# mbedTLS: md5 for digest authentication, TLS for SIP.
MICROPY_PY_SSL = 1
MICROPY_SSL_AXTLS = 0
MICROPY_SSL_MBEDTLS = 1
MICROPY_VFS_FAT = 0
MICROPY_VFS_LFS1 = 0
MICROPY_VFS_LFS2 = 0
