#include "base/duration.h"

#include <string.h>

#include "base/number.h"

/* From the longest to the shortest; the last one divides everything. */
static const struct unit {
    const char *name;
    uint64_t ms;
} units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

const char *duration_parse(struct slice s, uint64_t *ret_ms)
{
    size_t digits = 0;
    int64_t n;
    while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
        digits++;
    struct slice unit = slice_of(s.ptr + digits, s.len - digits);
    if (slice_eq(s, SLICE_LIT("0"))) {
        *ret_ms = 0;
        return NULL;
    }
    if (!number_parse_int(slice_of(s.ptr, digits), &n))
        return "is not a duration";
    if (unit.len == 0)
        return "has no unit";
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!slice_eq(unit, slice_str(units[i].name)))
            continue;
        if ((uint64_t)n > UINT64_MAX / units[i].ms)
            return "is too large";
        *ret_ms = (uint64_t)n * units[i].ms;
        return NULL;
    }
    return "is not a duration";
}

size_t duration_print(char *out, uint64_t ms)
{
    const struct unit *u = units;
    if (ms == 0) {
        out[0] = '0';
        return 1;
    }
    while (ms % u->ms != 0)
        u++;
    size_t n = number_print_u64(out, ms / u->ms);
    memcpy(out + n, u->name, strlen(u->name));
    return n + strlen(u->name);
}
