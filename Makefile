# WaferPBX. `make help` says what there is; every target installs what it needs.

BOARD ?= qemu-i586
PYTHON ?= python3
ARGS ?=
SECONDS ?= 600
COUNT ?= 10000000
CALLS ?= 100000
export PYTHONDONTWRITEBYTECODE = 1

.PHONY: run test image host lint unit interop device boards fuzz soak mutants bench-boot bench-relay bench-overload reproduce help clean

run:  ## build the image, boot it in QEMU, ready for a phone
	@$(PYTHON) scripts/run.py $(BOARD) $(ARGS)

test:  ## lint, unit tests on both interpreters, C tests, interop, device tests
	@$(PYTHON) scripts/test.py all $(ARGS)

image:  ## build the disk image of BOARD (default qemu-i586) into build/BOARD
	@$(PYTHON) scripts/build.py image $(BOARD)

host:  ## build the same firmware for this machine into build/host
	@$(PYTHON) scripts/build.py host

lint:  ## ruff, C and shell linters, the import rule, the house rules
	@$(PYTHON) scripts/test.py lint

unit:  ## unit tests alone: CPython, the shipped interpreter, C under sanitizers
	@$(PYTHON) scripts/test.py unit $(ARGS)

interop:  ## calls with sipp, baresip and Kamailio on the host build
	@$(PYTHON) scripts/test.py interop $(ARGS)

device:  ## boot the image in QEMU and use it
	@$(PYTHON) scripts/test.py device $(ARGS)

boards:  ## build the image of every board and boot each in QEMU, by BIOS and UEFI
	@$(PYTHON) scripts/test.py boards $(ARGS)

fuzz:  ## fuzz SIP (COUNT datagrams, default 10 million: an hour), the C engine (SECONDS)
	@$(PYTHON) scripts/test.py fuzz $(COUNT) $(SECONDS)

soak:  ## 100,000 calls over a bad line (CALLS), then a flood of REGISTERs (SECONDS): two hours
	@$(PYTHON) scripts/test.py soak $(CALLS) $(SECONDS)

mutants:  ## take the defences of signalling out one by one, and see their tests fail
	@$(PYTHON) scripts/test.py mutants

bench-boot:  ## measure the image: boot time, memory, sizes
	@$(PYTHON) tests/bench/boot.py $(ARGS)

bench-relay:  ## measure the relay beside rtpengine: processor time a packet, delay, loss
	@$(PYTHON) tests/bench/relay/run.py $(ARGS)

bench-overload:  ## measure calls per second, and what is left of them at three times as many
	@$(PYTHON) tests/bench/overload.py $(ARGS)

reproduce:  ## build the image again in another folder and compare every byte
	@$(PYTHON) scripts/reproduce.py $(BOARD) $(ARGS)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):  ## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

clean:  ## remove build/ (the cache outside the tree stays)
	rm -rf build
