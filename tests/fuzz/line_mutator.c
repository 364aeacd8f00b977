#include "fuzz/line_mutator.h"

#include <stdint.h>
#include <string.h>

#include "support/line_maker.h"

enum { CHANGES_MAX = 4 };

/* libFuzzer's own, and what it calls; the types are its own. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t out_max, unsigned seed);

static struct slice lines_of(const uint8_t *data, size_t size)
{
    size_t head = size < line_mutator_head ? size : line_mutator_head;
    return slice_of((const char *)data + head, size - head);
}

/* What is too long is cut.   returns  the size of the whole */
static size_t put(const struct buf *lines, uint8_t *data, size_t max_size)
{
    size_t n = max_size - line_mutator_head;
    n = lines->len < n ? lines->len : n;
    if (n > 0)
        memcpy(data + line_mutator_head, lines->ptr, n);
    return line_mutator_head + n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct line_maker m = { .state = seed };
    static struct buf now, next;
    if (line_below(&m, 2) == 0 || size < line_mutator_head || max_size <= line_mutator_head)
        return LLVMFuzzerMutate(data, size, max_size);
    buf_clear(&now);
    buf_append_slice(&now, lines_of(data, size));
    for (unsigned n = 1 + line_below(&m, CHANGES_MAX); n > 0; n--) {
        buf_clear(&next);
        line_change(&m, buf_slice(&now), &next);
        struct buf swap = now;
        now = next;
        next = swap;
    }
    if (line_mutator_head > 0 && line_below(&m, 8) == 0)
        data[line_below(&m, (unsigned)line_mutator_head)] = (uint8_t)line_below(&m, 256);
    return put(&now, data, max_size);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t out_max, unsigned seed)
{
    struct line_maker m = { .state = seed };
    static struct buf both;
    if (a_size < line_mutator_head || out_max <= line_mutator_head)
        return 0;
    memcpy(out, a, line_mutator_head);
    buf_clear(&both);
    line_cross(&m, lines_of(a, a_size), lines_of(b, b_size), &both);
    return put(&both, out, out_max);
}
