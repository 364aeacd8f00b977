#include "sinks/redis/keys.h"

/* Four bits at a time: a table that one reads at a glance, and names are short. */
uint16_t redis_keys_crc16(struct slice s)
{
    static const uint16_t table[16] = {
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
        0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
    };
    uint32_t crc = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint32_t byte = (unsigned char)s.ptr[i];
        crc = ((crc << 4) ^ table[((crc >> 12) ^ (byte >> 4)) & 15]) & 0xffff;
        crc = ((crc << 4) ^ table[((crc >> 12) ^ byte) & 15]) & 0xffff;
    }
    return (uint16_t)crc;
}
