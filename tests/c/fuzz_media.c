// libFuzzer on the packet path: make -C firmware/modules/media fuzz
#include "streams_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    run_model(data, size);
    return 0;
}
