#include "protocol/sample.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "protocol/limits.h"

static const char *const tokens[] = {
#define X(id, token) [SAMPLE_##id] = (token),
    SAMPLE_TYPES(X)
#undef X
};
static_assert(ARRAY_LEN(tokens) == SAMPLE_TYPE_COUNT, "every type needs its token");

static_assert(offsetof(struct sample, more_at) <= 64, "a known series needs one cache line");

enum { SCRATCH_COMMON = 16384 }; /* rewritten lines of an ordinary batch */

const char *sample_type_token(enum sample_type t)
{
    assert(t < SAMPLE_TYPE_COUNT);
    return tokens[t];
}

int batch_init(struct batch *b, uint32_t full, uint32_t max_line)
{
    assert(full > 0 && max_line > 0);
    struct batch made = { .full = full, .max_line = max_line };
    made.cap = full + limits_samples(max_line);
    made.cap_values = full + limits_values(max_line);
    made.scratch_cap = SCRATCH_COMMON + limits_scratch(max_line);
    made.samples = mem_try_apart(made.cap * sizeof *made.samples);
    made.values = mem_try_apart(made.cap_values * sizeof *made.values);
    made.scratch = mem_try_apart(made.scratch_cap);
    if (made.samples == NULL || made.values == NULL || made.scratch == NULL) {
        batch_release(&made);
        return -ENOMEM;
    }
    batch_check(&made);
    *b = made;
    return 0;
}

void batch_release(struct batch *b)
{
    free(b->samples);
    free(b->values);
    free(b->scratch);
    *b = (struct batch){ 0 };
}
