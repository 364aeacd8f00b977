#include "aggregate/marks.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/number.h"

enum { DIGITS = 16 };

void marks_init(struct marks *m, uint64_t own)
{
    m->own = own;
    atomic_init(&m->others, 0);
    atomic_init(&m->loops, 0);
    atomic_init(&m->own_run, 0);
}

void marks_name(const struct marks *m, uint32_t run, char ret[MARKS_TEXT])
{
    snprintf(ret, MARKS_TEXT, MARKS_NAME "%016" PRIx64 ".%" PRIu32, m->own, run);
}

/* The run that a mark of this process names; 0: it is of another one. */
static uint32_t own_run(const struct marks *m, struct slice name)
{
    char own[MARKS_TEXT];
    int64_t run;
    marks_name(m, 0, own);
    const struct slice front = slice_of(own, sizeof MARKS_NAME - 1 + DIGITS + 1);
    if (!slice_starts(name, front))
        return 0;
    const struct slice rest = slice_of(name.ptr + front.len, name.len - front.len);
    return number_parse_int(rest, &run) && run > 0 && run <= UINT32_MAX ? (uint32_t)run : 0;
}

bool marks_note(struct marks *m, struct slice name)
{
    if (!slice_starts(name, SLICE_LIT(MARKS_NAME)))
        return false;
    const uint32_t run = own_run(m, name);
    /* relaxed, all of them: counters and a number, which guard nothing else */
    if (run == 0) {
        atomic_fetch_add_explicit(&m->others, 1, memory_order_relaxed);
        return true;
    }
    atomic_fetch_add_explicit(&m->loops, 1, memory_order_relaxed);
    atomic_store_explicit(&m->own_run, run, memory_order_relaxed);
    return true;
}
