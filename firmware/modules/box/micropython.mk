# The module `box`: what MicroPython's unix port lacks for a server (app/port uses it).
BOX_MOD_DIR := $(USERMOD_DIR)
SRC_USERMOD_C += $(addprefix $(BOX_MOD_DIR)/,modbox.c stream.c poller.c budget.c)
SRC_USERMOD_LIB_C += $(BOX_MOD_DIR)/address.c
CFLAGS_USERMOD += -I$(BOX_MOD_DIR)
