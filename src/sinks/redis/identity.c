#include "sinks/redis/identity.h"

#include <stdint.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/now.h"

/* splitmix64: each bit of the answer depends on every bit of x. */
static uint64_t scatter(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t draw(void)
{
    uint64_t bits = 0;
    /* Early in a boot there may be none yet, and we do not wait: the clocks must do. */
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = 0;
    uint64_t place = scatter((uint64_t)now_wall_ms() ^ scatter((uint64_t)getpid()));
    return bits ^ scatter(now_mono_ns() ^ place);
}

void redis_identity_draw(char *out, size_t digits)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < digits; i++, bits >>= 4) {
        if (i % 16 == 0)
            bits = draw();
        out[i] = "0123456789abcdef"[bits & 15];
    }
    out[digits] = '\0';
}
