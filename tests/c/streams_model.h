// Drives the table of streams from a string of bytes and holds it against the latch rules of
// streams.h, written down a second time and simply. Used with random bytes and by the fuzzer.

#ifndef TESTS_STREAMS_MODEL_H
#define TESTS_STREAMS_MODEL_H

#include <stddef.h>
#include <stdint.h>

// Aborts when the table does anything that the rules do not allow.
void run_model(const uint8_t *data, size_t size);

#endif
