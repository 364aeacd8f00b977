#include "sinks/redis/keys.h"

#include <string.h>

#include "sinks/redis/crc16_table.h"

enum { WORD = 8, NOTES_BITS = 8 };

_Static_assert(REDIS_KEYS_NOTES == 1 << NOTES_BITS, "a hash of so many bits is a place");

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

static inline uint64_t word_at(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Of n bytes, WORD at least: the last word may overlap the one before. */
static inline uint32_t place_of(const char *p, size_t n)
{
    const uint64_t odd = 0x9e3779b97f4a7c15; /* 2^64 divided by the golden ratio */
    uint64_t h = n;
    for (size_t i = 0; i + WORD < n; i += WORD)
        h = (h ^ word_at(p + i)) * odd;
    return (uint32_t)(((h ^ word_at(p + n - WORD)) * odd) >> (64 - NOTES_BITS));
}

static inline bool are_same(const char *a, const char *b, size_t n)
{
    uint64_t differ = word_at(a + n - WORD) ^ word_at(b + n - WORD);
    for (size_t i = 0; i + WORD < n; i += WORD)
        differ |= word_at(a + i) ^ word_at(b + i);
    return differ == 0;
}

uint32_t redis_keys_shard_of(struct redis_keys_memo *m, struct slice name)
{
    if (name.len < WORD || name.len > REDIS_KEYS_NOTE_NAME)
        return redis_keys_shard(name);
    struct redis_keys_note *note = &m->at[place_of(name.ptr, name.len)];
    if (note->len != name.len || !are_same(note->name, name.ptr, name.len)) {
        note->len = (uint8_t)name.len;
        note->shard = (uint8_t)redis_keys_shard(name);
        memcpy(note->name, name.ptr, name.len);
    }
    return note->shard;
}
