#include "protocol/variant.h"

#include <string.h>

#include "base/hash_pair.h"
#include "protocol/scan.h"

static size_t chosen; /* index among scan_variants */

bool variant_choose(const char *name)
{
    const struct scan_variant *v;
    size_t n = scan_variants(&v);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, name) != 0)
            continue;
        chosen = i;
        /* A CPU with no more than SSE2 has no AES instructions either. */
        hash_pair_choose(strcmp(name, "sse2") != 0 && strcmp(name, "portable") != 0);
        return true;
    }
    return false;
}

const struct scan_variant *variant_in_use(void)
{
    const struct scan_variant *v;
    (void)scan_variants(&v);
    return &v[chosen];
}

const char *variant_name(void)
{
    return variant_in_use()->name;
}
