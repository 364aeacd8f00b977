#include "protocol/reason.h"

#include <assert.h>

#include "base/slice.h"

/* clang-format off */
static const struct {
    const char *name, *help;
} reasons[] = {
#define X(id, name, help) [REASON_##id] = { name, help },
    REASONS(X)
#undef X
    [REASON_NONE] = { "none", "nothing is wrong" },
};
/* clang-format on */
static_assert(ARRAY_LEN(reasons) == REASON_COUNT + 1, "every reason needs its row");

const char *reason_name(enum reason r)
{
    assert(r <= REASON_NONE);
    return reasons[r].name;
}

const char *reason_help(enum reason r)
{
    assert(r <= REASON_NONE);
    return reasons[r].help;
}
