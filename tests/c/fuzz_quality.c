// libFuzzer on the meter: RTP and RTCP as a stranger may write them, both ways of one stream.
#include <string.h>

#include "check.h"
#include "quality.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The input is packets: who sends it, 16 bits of length, and that many octets.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct me_meter meters[2] = {{.clock_khz = 8}, {.clock_khz = 48}};
    uint64_t now_us = 1000000;
    while (size >= 3) {
        int side = data[0] & 1;
        size_t length = ((size_t)data[1] << 8 | data[2]) % 1500;
        now_us += (uint64_t)data[0] * 1000;
        data += 3;
        size -= 3;
        length = length < size ? length : size;
        uint8_t *packet = malloc(length ? length : 1);      // so that a read beyond it is seen
        memcpy(packet, data, length);
        me_meter_packet(&meters[side], &meters[1 - side], packet, length, now_us);
        free(packet);
        const struct me_quality *total = &meters[side].total;
        CHECK(total->jitter_us <= total->jitter_max_us);
        CHECK(total->repeated + total->late <= total->received);
        CHECK(total->sources <= total->received);
        data += length;
        size -= length;
    }
    return 0;
}
