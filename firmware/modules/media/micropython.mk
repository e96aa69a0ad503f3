# Links the media engine into MicroPython: make USER_C_MODULES=<the folder above this one>.

MEDIAENGINE_DIR := $(USERMOD_DIR)

SRC_USERMOD_C += $(MEDIAENGINE_DIR)/modmediaengine.c
SRC_USERMOD_LIB_C += $(addprefix $(MEDIAENGINE_DIR)/,address.c quality.c ring.c streams.c \
	ports.c thread.c control.c engine.c)

CFLAGS_USERMOD += -I$(MEDIAENGINE_DIR)
LDFLAGS_USERMOD += -pthread
