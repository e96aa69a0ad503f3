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
MBEDTLS_CONFIG_FILE = \"tls_config.h\"
# What TLS 1.3 needs beside the parts that extmod.mk lists.
SRC_THIRDPARTY_C += $(addprefix lib/mbedtls/library/,\
	psa_crypto.c \
	psa_crypto_aead.c \
	psa_crypto_cipher.c \
	psa_crypto_client.c \
	psa_crypto_driver_wrappers_no_static.c \
	psa_crypto_ecp.c \
	psa_crypto_ffdh.c \
	psa_crypto_hash.c \
	psa_crypto_mac.c \
	psa_crypto_random.c \
	psa_crypto_rsa.c \
	psa_crypto_slot_management.c \
	psa_util.c \
	ssl_tls13_client.c \
	ssl_tls13_generic.c \
	ssl_tls13_keys.c \
	ssl_tls13_server.c \
	)
MICROPY_VFS_FAT = 0
MICROPY_VFS_LFS1 = 0
MICROPY_VFS_LFS2 = 0
