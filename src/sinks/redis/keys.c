#include "sinks/redis/keys.h"

#include "sinks/redis/crc16_table.h"

uint16_t redis_keys_crc16(struct slice s)
{
    uint32_t crc = 0;
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t left = s.len;
    for (; left >= CRC16_AT_ONCE; left -= CRC16_AT_ONCE, p += CRC16_AT_ONCE)
        crc = crc16_table[3][(crc >> 8) ^ p[0]] ^ crc16_table[2][(crc & 255) ^ p[1]] ^
              crc16_table[1][p[2]] ^ crc16_table[0][p[3]];
    for (; left > 0; left--, p++)
        crc = ((crc << 8) ^ crc16_table[0][(crc >> 8) ^ *p]) & 0xffff;
    return (uint16_t)crc;
}
