/*
 * A field that a stranger wrote into a hash of the ledger: its name, a NUL, its value.  What is
 * read as a value is one that the rest may rely on.
 */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/redis_field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_sketch(const struct sketch *part)
{
    struct sketch whole;
    sketch_init(&whole, SKETCH_SCHEMA_DEFAULT);
    (void)sketch_merge(&whole, part);
    (void)sketch_merge(&whole, part);
    double q = sketch_quantile(&whole, 0.5);
    assert(whole.count == 0 || (q >= whole.min && q <= whole.max));
    sketch_release(&whole);
}

static void check(const struct redis_field *f)
{
    if (f->kind == REDIS_FIELD_OTHER)
        return;
    bool is_instance = f->kind == REDIS_FIELD_INSTANCE;
    assert(isfinite(f->number) && f->last_s >= REDIS_FIELD_NEVER && f->alive_ms >= 0);
    assert((f->series.len > 0) == !is_instance);
    assert((f->kind == REDIS_FIELD_INSTANCE_GAUGE || is_instance) == (f->instance.len > 0));
    struct slice name = redis_series_name(f->series), tags = redis_series_tags(f->series);
    assert(name.len + tags.len <= f->series.len);
    struct buf instance = { 0 };
    redis_field_instance(f->instance, &instance);
    assert(instance.len <= f->instance.len);
    buf_release(&instance);
    check_sketch(&f->part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *nul = n > 0 ? memchr(data, '\0', n) : NULL;
    if (nul == NULL)
        return 0;
    sketch_setup();
    size_t name = (size_t)(nul - data), value = n - name - 1;
    char *exact = malloc(value > 0 ? value : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, nul + 1, value);
    struct redis_field f;
    if (redis_field_read(slice_of((const char *)data, name), slice_of(exact, value), &f) ==
        REDIS_FIELD_OK)
        check(&f);
    redis_field_release(&f);
    free(exact);
    return 0;
}
